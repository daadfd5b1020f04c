"""Clients of a server, each a thread of its own: what they send, and what they are told."""

import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import cycle
from typing import NamedTuple

import httpx2

AGAIN = 0.2
"""Share of batches that are sent once more, though they were acknowledged."""
MOST = 20
"""Events of a batch."""
KEPT = 10_000
"""Batches that may be sent once more."""


class Told(NamedTuple):
    """An answer, and between which moments of the monotonic clock it came."""

    began: float
    ended: float
    status: int
    body: dict


class Caller(threading.Thread):
    """Does its step again and again, until it is told to stop or the door is closed."""

    def __init__(self, url, pause_s=0.0):
        super().__init__(daemon=True)
        self.url, self.pause_s = url, pause_s
        self.going, self.told, self.faults = True, deque(), []

    def step(self, client):
        raise NotImplementedError

    def run(self):
        with httpx2.Client(base_url=self.url, timeout=30) as client:
            while self.going:
                try:
                    self.step(client)
                except httpx2.ConnectError:
                    return
                except Exception as error:  # whatever it is, it is what is looked for
                    self.faults.append(error)
                time.sleep(self.pause_s)

    def asked(self, client, method, path, body=None):
        """What came, which is noted."""
        began = time.monotonic()
        reply = client.request(method, path, json=body)
        body = reply.json() if reply.content else {}
        told = Told(began, time.monotonic(), reply.status_code, body)
        self.told.append(told)
        return told

    def wait(self, count):
        until = time.monotonic() + 60
        while len(self.told) < count:
            assert self.is_alive() and time.monotonic() < until, (self.faults, len(self.told))
            time.sleep(0.01)

    def stop(self):
        self.going = False
        self.join(60)


class Asker(Caller):
    """Asks for lists, for one after another of these."""

    def __init__(self, url, *bodies, pause_s=0.0):
        super().__init__(url, pause_s)
        self.bodies = cycle(bodies or [{"user": "u1", "k": 3}])

    def step(self, client):
        self.asked(client, "POST", "/v1/recommend", next(self.bodies))


@dataclass
class Ledger:
    """What one sender was told; those after it in its place go on with it."""

    heard: dict = field(default_factory=dict)  # event_id → item, of what was acknowledged
    sent: set = field(default_factory=set)
    batches: list = field(default_factory=list)  # acknowledged
    unheard: list | None = None  # a batch that was sent, and no word of what became of it
    again: int = 0  # batches sent once more
    problems: list = field(default_factory=list)


class Sender(Caller):
    """Sends batches of events: new ones, acknowledged ones, and those that nobody has answered."""

    def __init__(self, url, ledger, name, users=("u1",), items=("i1",), pause_s=0.0):
        super().__init__(url, pause_s)
        self.ledger, self.batch, self.users, self.items = ledger, name, users, items
        self.rng, self.number = random.Random(name), 0

    def step(self, client):
        ledger = self.ledger
        if ledger.unheard is not None:
            before, batch = "unheard", ledger.unheard
        elif ledger.batches and self.rng.random() < AGAIN:
            before, batch = "heard", self.rng.choice(ledger.batches)
        else:
            before, batch = "new", self.made()
        ledger.unheard = batch
        told = self.asked(client, "POST", "/v1/events", {"events": batch})
        if told.status == 503:
            return
        ledger.unheard = None
        ledger.again += before != "new"
        if not fits(told, before, len(batch)):
            ledger.problems.append(f"a batch that was {before} was told {told.status} {told.body}")
            return
        ledger.heard |= {event["event_id"]: event["item"] for event in batch}
        if before != "heard" and len(ledger.batches) < KEPT:
            ledger.batches.append(batch)

    def made(self):
        """A batch that nobody has seen."""
        now, batch = int(1000 * time.time()), []  # noqa: TID251  an event says when it was
        for _ in range(self.rng.randint(1, MOST)):
            self.number += 1
            told = {"event_id": f"{self.batch}-{self.number}", "time": now, "type": "view"}
            told |= {"user": self.rng.choice(self.users), "item": self.rng.choice(self.items)}
            batch.append(told)
        self.ledger.sent |= {event["event_id"] for event in batch}
        return batch


def fits(told, before, count):
    """May a batch be told this that is new, that was acknowledged, that nobody has answered?"""
    if told.status != 200:
        return False
    came = (told.body["accepted"], told.body["duplicate"])
    new, old = came == (count, 0), came == (0, count)
    return {"new": new, "heard": old, "unheard": new or old}[before]


def faults_of(ledgers, done):
    """What is wrong with the events in the store (a frame), after all that their senders know."""
    ids = done["event_id"].to_list()
    there = dict(zip(ids, done["item"], strict=True))
    faults = [fault for ledger in ledgers for fault in ledger.problems]
    if len(there) < len(ids):
        faults.append(f"{len(ids) - len(there)} events are there twice")
    if strange := there.keys() - set().union(*(ledger.sent for ledger in ledgers)):
        faults.append(f"{len(strange)} events are there that nobody has sent")
    heard = {id: item for ledger in ledgers for id, item in ledger.heard.items()}
    if lost := [id for id, item in heard.items() if there.get(id) != item]:
        faults.append(f"{len(lost)} acknowledged events are not there, as {lost[0]}")
    return faults
