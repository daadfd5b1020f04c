"""A database that dies under load and comes back, and what a server answers meanwhile."""

import time
from collections import Counter, defaultdict
from contextlib import closing

from bowerbird.store.opened import open_store
from callers import Asker, Ledger, Sender, faults_of
from processes import Process

WAIT_S = 60
LISTS = ({"user": "u1", "k": 3}, {"user": "u2", "k": 5, "filter": "price < 9"})


class Outages:
    """Lists and events by the phase they were asked in: up, down, or between the two."""

    def __init__(self, run, folder, database):
        self.run, self.folder, self.database = run, folder, database
        self.ledger = Ledger()
        self.phases = [(0.0, "up")]  # from this moment of the monotonic clock on
        self.back_s = defaultdict(list)  # from the start of the database on
        self.lists, self.events, self.faults = [], [], []

    def whole(self, up_s, downs_s):
        """Let it die for so long each time."""
        with Process(self.run, self.folder, "--store", self.database.url, "--no-log") as server:
            askers = [Asker(server.url, *LISTS, pause_s=0.01) for _ in range(2)]
            sender = Sender(server.url, self.ledger, "s", ("u1", "u3"), ("i1", "i2"), pause_s=0.02)
            callers = [*askers, sender]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.wait(20)
            for down_s in downs_s:
                self.outage(up_s, down_s, askers[0], sender)
            time.sleep(up_s)
            for caller in callers:
                caller.stop()
                self.faults += caller.faults
            server.stop()
        self.lists = [told for asker in askers for told in asker.told]
        self.events = list(sender.told)
        self.look()

    def outage(self, up_s, down_s, asker, sender):
        time.sleep(up_s)
        self.now("between")
        self.database.kill()
        self.now("down")
        time.sleep(down_s)
        self.now("between")
        began = time.monotonic()
        self.database.start()
        started = time.monotonic()
        self.back_s["start of the database"].append(started - began)
        for what, caller, well in (
            ("personal list", asker, lambda told: told.body.get("rung") == "personal"),
            ("acknowledged event", sender, lambda told: told.status == 200),
        ):
            ended = self.first(caller, began, well)
            self.back_s[what].append(max(ended - started, 0.0))
        self.now("up")

    def first(self, caller, since, well):
        """When the first was answered well that was asked since this moment."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            for told in list(caller.told)[-50:]:
                if told.began > since and well(told):
                    return told.ended
            time.sleep(0.02)
        raise AssertionError(f"nothing went well for {WAIT_S} s: {caller.told[-1]}")

    def now(self, phase):
        self.phases.append((time.monotonic(), phase))

    def phase(self, told):
        """In which it was asked and answered; else it was between two."""
        began, ended = (
            max(place for place, (start, _) in enumerate(self.phases) if start <= moment)
            for moment in (told.began, told.ended)
        )
        return self.phases[began][1] if began == ended else "between"

    def look(self):
        """All that was acknowledged is there, once, and every list is in the log."""
        with closing(open_store(self.database.url)) as store:
            frames = store.facts.frames()
        self.faults += faults_of([self.ledger], frames.done)
        answered = {told.body["rec_id"] for told in self.lists if told.status == 200}
        if lost := answered - set(frames.served["rec_id"]):
            self.faults.append(f"{len(lost)} lists are in no log")

    def counted(self):
        """Answers by phase: lists by status and rung, events by status."""
        lists, events = defaultdict(Counter), defaultdict(Counter)
        for told in self.lists:
            name = f"{told.status} {told.body.get('rung', '')}".strip()
            lists[self.phase(told)][name] += 1
        for told in self.events:
            events[self.phase(told)][str(told.status)] += 1
        return {
            what: {phase: dict(counts[phase]) for phase in ("up", "down", "between")}
            for what, counts in (("lists", lists), ("batches of events", events))
        }
