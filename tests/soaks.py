"""A server under mixed load for a long time: what it answers, and what it holds meanwhile."""

import time
from dataclasses import dataclass, field

import numpy as np
import psutil

from callers import Asker, Caller, Ledger, Sender

PROBE = 500
"""Places of the list whose scores say which run made it."""
CLOSE = 1e-4


class Shop(Caller):
    """Puts items, changes their price, deletes them, and puts them again, all of a few."""

    def __init__(self, url, known, pause_s):
        super().__init__(url, pause_s)
        self.ids, self.turn = [*known, *(f"new{n}" for n in range(20))], 0

    def step(self, client):
        turn, self.turn = self.turn, self.turn + 1
        path = f"/v1/items/{self.ids[turn % len(self.ids)]}"
        if turn % 3 == 2:
            self.asked(client, "DELETE", path)
        else:
            body = {"fields": {"price": turn % 50, "title": f"thing of turn {turn}"}}
            self.asked(client, "PUT", path, body)


class Switch(Caller):
    """Lets another run answer, every so often."""

    def __init__(self, url, runs, pause_s):
        super().__init__(url, pause_s)
        self.runs, self.turn = runs, 0

    def step(self, client):
        self.turn += 1
        name = self.runs[self.turn % len(self.runs)]
        self.asked(client, "PUT", "/v1/models/current", {"model": name})


@dataclass
class Sample:
    """What the process holds at one moment, and how long answers took since the last."""

    at_s: float
    rss_mb: float
    files: int
    threads: int
    lists: list = field(default_factory=list)  # seconds
    events: list = field(default_factory=list)


class Soak:
    """Load on a running server, and its samples."""

    def __init__(self, server, runs, users, items, seed=0):
        self.server, self.runs = server, runs
        self.users, self.items = users, items
        self.process = psutil.Process(server.process.pid)
        self.samples, self.faults = [], []
        self.requests = {}
        self.epochs = {run: self.epoch(run) for run in runs}
        self.ledger = Ledger()

    def epoch(self, run):
        """The index of a run, and its scores of a list that depends on nothing else."""
        self.server.ask("PUT", "/v1/models/current", json={"model": run})
        told = self.server.ask("POST", "/v1/recommend", json=self.probe(PROBE)).json()
        assert told["model"] == run and told["rung"] == "session", told
        return told["index"], {one["item"]: one["score"] for one in told["items"]}

    def probe(self, k):
        return {"items": self.items[:3], "k": k}

    def callers(self, swap_s, pause_s):
        """Who loads it: the first two ask for lists, the third sends events."""
        url, many = self.server.url, self.users
        people = [{"user": user, "k": 10} for user in many[: len(many) // 2]]
        others = [{"user": user, "filter": "price < 25"} for user in many[len(many) // 2 :]]
        mixed = [body for other in others for body in (self.probe(20), other)]
        return [
            Asker(url, *people, pause_s=pause_s),
            Asker(url, *mixed, pause_s=pause_s),
            Sender(url, self.ledger, "s", many, self.items, pause_s),
            Shop(url, self.items[-20:], 10 * pause_s),
            Switch(url, self.runs, swap_s),
        ]

    def run(self, seconds, every_s, swap_s, pause_s=0.02):
        """Load it for so long; a sample every so often."""
        callers = self.callers(swap_s, pause_s)
        for caller in callers:
            caller.start()
        began = time.monotonic()
        while (at := time.monotonic() - began) < seconds:
            self.samples.append(self.sample(at, callers))
            time.sleep(every_s)
        for caller in callers:
            caller.stop()
        self.samples.append(self.sample(time.monotonic() - began, callers))
        self.faults += [fault for caller in callers for fault in caller.faults]

    def sample(self, at, callers):
        with self.process.oneshot():
            memory = self.process.memory_info().rss / 1e6
            found = Sample(at, memory, self.process.num_fds(), self.process.num_threads())
        for caller in callers:
            name = type(caller).__name__
            while caller.told:
                told = caller.told.popleft()
                self.requests[name] = self.requests.get(name, 0) + 1
                self.checked(name, told)
                if name in ("Asker", "Sender"):
                    taken = found.lists if name == "Asker" else found.events
                    taken.append(told.ended - told.began)
        return found

    def checked(self, name, told):
        allowed = (200, 204, 404) if name == "Shop" else (200,)  # it deletes what is not there
        if told.status not in allowed:
            self.faults.append(f"{name}: {told.status} {told.body}")
        elif name == "Asker":
            self.of_one_epoch(told.body)

    def of_one_epoch(self, told):
        """Model, index and scores of a list belong together."""
        index, scores = self.epochs[told["model"]]
        items = [one["item"] for one in told["items"]]
        if told["index"] != index or len(set(items)) < len(items):
            self.faults.append(f"a list that should not be: {told}")
        for one in told["items"] if told["rung"] == "session" else ():
            known = scores.get(one["item"], one["score"])
            apart = abs(one["score"] - known) > CLOSE * max(1.0, abs(known))
            if one["source"] == "session" and apart:
                self.faults.append(f"a score of another run: {one} in {told['rec_id']}")


def slope(samples):
    """MB an hour: a line through the least of every minute."""
    minutes = {}
    for sample in samples:
        minute = int(sample.at_s // 60)
        minutes[minute] = min(minutes.get(minute, np.inf), sample.rss_mb)
    return 60 * float(np.polyfit(list(minutes), list(minutes.values()), 1)[0])
