"""A server that is killed while it takes events and answers, again and again, over one folder."""

import random
import time
from contextlib import closing
from pathlib import Path

import httpx2

from bowerbird.store.opened import open_store
from bowerbird.store.sqlite import FILE, sound
from callers import Asker, Ledger, Sender, faults_of
from processes import Process

LONGEST_S = 0.6
"""From the first answers to the kill, at most."""
SENDERS = 2
LISTS = ({"user": "u1"}, {"user": "u2", "k": 3}, {"items": ["i1", "i2"]}, {"user": "nobody"})


class Kills:
    """What was told in all rounds, against what is there."""

    def __init__(self, run, folder, seed=0):
        self.run, self.folder, self.rng = run, Path(folder), random.Random(seed)
        self.ledgers = [Ledger() for _ in range(SENDERS)]
        self.faults, self.starts_s = [], []
        self.lists, self.unkept_s = {}, []  # rec_id → how long before the kill it was answered
        self.kills = 0

    def round(self):
        """Start, look at what the round before has left, load, kill at a random moment."""
        began = time.monotonic()
        with Process(self.run, self.folder, "--no-log") as server:
            self.starts_s.append(time.monotonic() - began)
            self.look()
            senders = [
                Sender(server.url, ledger, f"{place}-{self.kills}")
                for place, ledger in enumerate(self.ledgers)
            ]
            asker = Asker(server.url, *LISTS)
            callers = (*senders, asker)
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.wait(1)
            time.sleep(LONGEST_S * self.rng.random())
            killed = time.monotonic()
            server.kill()
            self.kills += 1
            for caller in callers:
                caller.stop()
        self.note(asker.told, killed)
        broken = [fault for caller in callers for fault in caller.faults]
        self.faults += [fault for fault in broken if not isinstance(fault, httpx2.HTTPError)]

    def note(self, answers, killed):
        """Lists that were answered: all of them well, none of a name that was there before."""
        for told in answers:
            body = told.body
            if told.status != 200:
                self.faults.append(f"a list was told {told.status} {body}")
                continue
            items = [one["item"] for one in body["items"]]
            if body["rec_id"] in self.lists or len(set(items)) < len(items) or not items:
                self.faults.append(f"a list that should not be: {body}")
            self.lists[body["rec_id"]] = killed - told.ended

    def look(self):
        """Is everything there, once?"""
        with closing(open_store(self.folder)) as store:
            frames = store.facts.frames()
        there = frames.served["rec_id"].to_list()
        if len(set(there)) < len(there):
            self.faults.append("a list is there twice")
        lost = self.lists.keys() - set(there)
        self.unkept_s = [self.lists[id] for id in lost]
        found = faults_of(self.ledgers, frames.done)
        self.faults += [f"after {self.kills} kills: {fault}" for fault in found]
        for ledger in self.ledgers:
            ledger.problems.clear()

    def end(self):
        """Look for the last time, at the file itself as well."""
        self.look()
        sound(self.folder / FILE).close()

    @property
    def heard(self):
        """Events that were acknowledged."""
        return sum(len(ledger.heard) for ledger in self.ledgers)

    @property
    def again(self):
        """Batches that were sent once more."""
        return sum(ledger.again for ledger in self.ledgers)
