"""Facts against a plain model of them: whatever is sent, sent again, merged and deleted."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bowerbird.data.facts import Merge
from bowerbird.errors import DataError
from bowerbird.store.opened import open_store
from bowerbird.store.store import Past
from live_facts import done, seen

USERS = st.sampled_from(["a", "b", "c", "d"])
EVENTS = st.builds(
    lambda kind, id, user, item, time, arrived: kind(id, user, item, time, arrived=arrived),
    st.sampled_from([done, seen]),
    st.sampled_from([f"e{n}" for n in range(12)]),
    USERS,
    st.sampled_from(["x", "y"]),
    st.integers(0, 5),
    st.integers(0, 3),
)


class Model(RuleBasedStateMachine):
    """Two dicts and a map of names say what the store must say."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(self.folder)
        self.held = {"done": {}, "seen": {}}  # event_id → event, in the order they came
        self.into = {}
        self.last = []
        self.time = 0

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.folder)

    def root(self, user):
        while user in self.into:
            user = self.into[user]
        return user

    def expected(self, event):
        table = self.held["done" if hasattr(event, "type") else "seen"]
        if event.event_id not in table:
            table[event.event_id] = event
            return "accepted"
        there = table[event.event_id]
        said = [(e.user, e.item, e.rec_id) for e in (there, event)]
        return "duplicate" if said[0] == said[1] else "conflict"

    @rule(events=st.lists(EVENTS, max_size=6))
    def record(self, events):
        self.last = [type(event)(**vars_of(event)) for event in events]
        assert self.store.facts.record(events) == [self.expected(event) for event in events]

    @rule()
    def send_the_last_again(self):
        assert self.store.facts.record(self.last) == [self.expected(event) for event in self.last]

    @rule()
    def close_and_open(self):
        self.store.close()
        self.store = open_store(self.folder)

    @rule(user=USERS, into=USERS)
    def merge(self, user, into):
        known = user in self.into
        if not known and self.root(into) == user:
            try:
                self.store.people.merge([Merge(user, into, 1)])
                raise AssertionError("a circle was taken")
            except DataError:
                return
        assert self.store.people.merge([Merge(user, into, 1)]) == [not known]
        self.into.setdefault(user, into)

    @rule(user=USERS)
    def delete(self, user):
        self.time += 1
        gone = self.store.people.delete(user, self.time)
        names = {name for name in "abcd" if self.root(name) == self.root(user)}
        for kind, table in self.held.items():
            theirs = [id for id, event in table.items() if event.user in names]
            assert gone[kind] == len(theirs)
            for id in theirs:
                del table[id]
        self.into = {name: into for name, into in self.into.items() if name not in names}

    @invariant()
    def counts_are_those_of_the_model(self):
        counts = self.store.facts.counts()
        assert counts["done"] == len(self.held["done"]), counts
        assert counts["seen"] == len(self.held["seen"]), counts

    @invariant()
    def payloads_are_the_first(self):
        newest = [event for _, event in self.store.facts.newest(99)]
        assert newest == list(self.held["done"].values())[::-1]

    @invariant()
    def histories_are_those_of_the_model(self):
        found = self.store.facts.histories(list("abcd"), 4)
        for user, past in zip("abcd", found, strict=True):
            events = [
                (event.time, place, at, event)
                for place, kind in enumerate(("seen", "done"))
                for at, event in enumerate(self.held[kind].values())
                if self.root(event.user) == self.root(user)
            ]
            newest = sorted(events, key=lambda event: event[:3])[-4:]
            wanted = [Past(e.item, getattr(e, "type", "seen"), e.time) for *_, e in newest]
            assert past == wanted


def vars_of(event):
    return {name: getattr(event, name) for name in type(event).__slots__}


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, derandomize=True
)
