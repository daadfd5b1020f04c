"""The service beside a plain model of it: a story of what a shop and its people do.

`tests/serving/test_stories.py` tells short ones, `benchmarks/stories.py` many.
"""

import atexit
import random
import secrets
import shutil
import tempfile
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bowerbird.data.dataset import Catalog
from bowerbird.store.opened import open_store
from servers import START, Clock, serving, world, write

RUNS = ("one", "two")
ALL = 100
"""More than there are items."""
RECIPE = """
[events]
path = "events.parquet"
[scenarios.cheap]
surface = "for-you"
filter = "price < 6"
[scenarios.drawn]
surface = "for-you"
explore = { epsilon = 0.5 }
"""
PRICES = {f"i{row}": row for row in range(12)}
ITEMS = [*PRICES, "n0", "n1"]
"""Those that the runs have learned, and two that may come."""
PUT = st.sampled_from(["i3", "i8", "n0", "n1"])
"""So few that what is deleted is put again soon."""
USERS = ["u0", "u1", "a", "b"]
"""Two whom the runs know, two strangers."""
WHO = [*(("user", name) for name in USERS), ("visitor", "v"), ("visitor", "u0")]
ROWS = st.tuples(
    st.sampled_from([f"e{n}" for n in range(30)]),
    st.sampled_from(WHO),
    st.sampled_from(ITEMS),
    st.sampled_from(["view", "purchase"]),
    st.integers(0, 2),  # minutes ago
)
WISHES = st.fixed_dictionaries(
    {"scenario": st.sampled_from(["for-you", "cheap", "drawn"])},
    optional={
        "filter": st.sampled_from(["price >= 4", "price < 3", "price != 7"]),
        "k": st.sampled_from([1, 3, ALL]),
        "never": st.lists(st.sampled_from(ITEMS), max_size=3),
        "only": st.lists(st.sampled_from(ITEMS), max_size=8),
    },
)
PASSES = {
    "price >= 4": lambda price: price >= 4,
    "price < 3": lambda price: price < 3,
    "price != 7": lambda price: price != 7,
    None: lambda price: True,
}


@cache
def runs():
    """A folder of two runs over one world, and whom they know: of items only the price is told."""
    folder, data = Path(tempfile.mkdtemp(prefix="story")), world()
    atexit.register(shutil.rmtree, folder)
    price = {"price": data.catalog.fields["price"]}
    data = replace(data, catalog=Catalog(data.catalog.items, price))
    for seed, name in enumerate(RUNS):
        write(folder / name, recipe=RECIPE, data=data, seed=seed)
    walked = data.queries()
    return folder, {f"u{u}": {f"i{row}" for row in walked.history(u)} for u in range(2)}


class Story(RuleBasedStateMachine):
    """Dicts and sets say what the service must say."""

    stories = requests = 0  # of all of them

    def __init__(self):
        super().__init__()
        Story.stories += 1
        self.runs, self.met_before = runs()
        self.folder, self.clock = Path(tempfile.mkdtemp()), Clock()
        self.drawing = mock.patch.object(secrets, "randbits", random.Random(0).getrandbits)
        self.drawing.start()  # what is drawn for a list follows from its name, and that from here
        self.model, self.indexes = RUNS[0], {}
        (self.runs / "current").write_text(f"{self.model}\n")
        self.events, self.last = {}, []  # event_id → who, item, type, time
        self.into, self.forgotten = {}, set()
        self.items = dict(PRICES)  # as they were put
        self.lists = {}  # rec_id → who asked (None: somebody who is gone), the list
        self.open()

    def open(self):
        self.opened = ExitStack()
        self.client = self.opened.enter_context(serving(self.runs, self.folder, clock=self.clock))
        self.shown = dict(self.items)  # as lists have them

    def close(self):
        """Then all lists are written."""
        self.opened.close()
        with closing(open_store(self.folder / "data")) as store:
            for id, (who, told) in self.lists.items():
                kept = store.facts.served(id)
                assert (kept is None) == (who is None), (id, who)
                if kept is not None:
                    slots = [(slot.item, slot.propensity) for slot in kept.slots]
                    assert slots == [(one["item"], one["propensity"]) for one in told["items"]]
                    assert (kept.model, kept.rung) == (told["model"], told["rung"])

    def teardown(self):
        self.close()
        self.drawing.stop()
        shutil.rmtree(self.folder)

    def ask(self, method, path, status=200, **told):
        """A moment later."""
        Story.requests += 1
        self.clock.now += 0.01
        reply = self.client.request(method, path, **told)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    def root(self, who):
        while who in self.into:
            who = self.into[who]
        return who

    def names(self, who):
        """Of the same person."""
        return {name for name in WHO if self.root(name) == self.root(who)}

    def known(self, who):
        """What the runs know of somebody: items that they have met."""
        kind, name = who
        told = kind == "user" and who not in self.forgotten
        return self.met_before.get(name, set()) if told else set()

    def live(self, who):
        return {item for by, item, *_ in self.events.values() if by in self.names(who)}

    # -- what people do

    @rule(rows=st.lists(ROWS, max_size=5))
    def send(self, rows):
        self.last = [(id, (*event, (START - 60 * ago) * 1000)) for id, *event, ago in rows]
        self.send_again()

    @rule()
    def send_again(self):
        wanted = []
        for id, event in self.last:
            there = self.events.setdefault(id, event) if id in self.events else None
            self.events.setdefault(id, event)
            same = "duplicate" if there == event else "conflict"
            wanted.append("accepted" if there is None else same)
        rows = [
            {kind: name, "item": item, "type": type, "time": time, "event_id": id}
            for id, ((kind, name), item, type, time) in self.last
        ]
        told = self.ask("POST", "/v1/events", json={"events": rows})
        for outcome in ("accepted", "duplicate", "conflict"):
            assert told[outcome] == wanted.count(outcome), told
        rest = [(row, outcome) for row, outcome in enumerate(wanted) if outcome != "accepted"]
        assert [(row["row"], row["outcome"]) for row in told["rows"]] == rest

    @rule(who=st.sampled_from(WHO), wish=WISHES)
    def recommend(self, who, wish):
        told = self.ask("POST", "/v1/recommend", json={who[0]: who[1], **wish})
        met = self.known(who) | self.live(who)
        items = self.fine(told, wish)
        assert not items & met
        learned = {item for item in met if item in PRICES}
        left = {item for item in self.shown if item in PRICES} - met
        if not learned:
            assert told["rung"] in ("popular", "none"), told
        elif left and wish == {"scenario": "for-you", "k": ALL}:
            assert told["rung"] == "personal", told
        self.lists[told["rec_id"]] = (who, told)

    @rule(session=st.lists(st.sampled_from(list(PRICES)), min_size=1, max_size=2), wish=WISHES)
    def recommend_to_nobody(self, session, wish):
        told = self.ask("POST", "/v1/recommend", json={"items": session, **wish})
        assert not self.fine(told, wish) & set(session)
        assert told["rung"] in ("session", "popular", "none")
        self.lists[told["rec_id"]] = ("nobody", told)

    def fine(self, told, wish):
        """The items of a list that has to be as it was wished."""
        items = [one["item"] for one in told["items"]]
        assert len(items) == len(set(items)) <= wish.get("k", ALL)
        assert [one["rank"] for one in told["items"]] == list(range(1, len(items) + 1))
        assert all(0 < one["propensity"] <= 1 for one in told["items"])
        assert told["model"] == self.model
        assert self.indexes.setdefault(self.model, told["index"]) == told["index"]
        assert len(set(self.indexes.values())) == len(self.indexes)
        assert told["rec_id"] not in self.lists
        passes, cheap = PASSES[wish.get("filter")], wish["scenario"] == "cheap"
        for item in items:
            price = self.shown[item]  # what is deleted is not there
            assert passes(price) and not (cheap and price >= 6)
        assert not set(items) & set(wish.get("never", ()))
        assert set(items) <= set(wish.get("only", ITEMS))
        return set(items)

    @rule(user=st.sampled_from(USERS), into=st.sampled_from(WHO))
    def merge(self, user, into):
        """`into` turns out to be the user."""
        old, new = into, ("user", user)
        known = old in self.into
        circle = not known and self.root(new) == old
        path = f"/v1/users/{user}/merge"
        told = self.ask("POST", path, 422 if circle else 200, json={old[0]: old[1]})
        if not circle:
            assert told["merged"] != known
            self.into.setdefault(old, new)

    @rule(user=st.sampled_from(USERS))
    def delete_user(self, user):
        names = self.names(("user", user))
        told = self.ask("DELETE", f"/v1/users/{user}")
        theirs = [id for id, (who, *_) in self.events.items() if who in names]
        assert told["rows"]["done"] == len(theirs)
        for id in theirs:
            del self.events[id]
        self.forgotten |= names
        self.into = {name: into for name, into in self.into.items() if name not in names}
        for id, (who, list) in self.lists.items():
            self.lists[id] = (None if who in names else who, list)
        held = self.ask("GET", f"/v1/users/{user}/export")
        assert not held["done"] and not held["served"] and not held["merges"]
        for who in names:
            self.recommend(who, {"scenario": "for-you", "k": ALL})
            new = min(set(PRICES) - self.met_before.get(who[1], set()))
            people = self.ask("GET", f"/v1/items/{new}/audience?k={ALL}")["people"]
            assert who not in {("user", one["user"]) for one in people}

    # -- what the shop does

    @rule(item=PUT, price=st.integers(0, 11))
    def put_item(self, item, price):
        self.ask("PUT", f"/v1/items/{item}", json={"fields": {"price": price}})
        self.items[item] = price

    @rule(item=PUT)
    def delete_item(self, item):
        self.ask("DELETE", f"/v1/items/{item}", 204 if item in self.items else 404)
        self.items.pop(item, None)
        self.shown.pop(item, None)

    @rule()
    def refresh(self):
        self.client.service.current.refresh()
        self.shown = dict(self.items)

    @rule(run=st.sampled_from(RUNS))
    def swap(self, run):
        self.ask("PUT", "/v1/models/current", json={"model": run})
        self.model, self.shown = run, dict(self.items)

    @rule(run=st.sampled_from(RUNS))
    def swap_by_the_file(self, run):
        (self.runs / "current").write_text(f"{run}\n")
        self.refresh()
        self.model = run

    @rule()
    def restart(self):
        self.close()
        self.open()

    @rule(hours=st.sampled_from([0.01, 1, 100]))
    def time_passes(self, hours):
        """A server looks again and again meanwhile."""
        self.refresh()
        self.clock.now += 3600 * hours
        self.refresh()

    # -- what is always so

    @invariant()
    def every_event_is_there_once(self):
        assert self.client.service.store.facts.counts()["done"] == len(self.events)

    @invariant()
    def nothing_is_known_of_who_was_deleted(self):
        for kind, name in self.forgotten:
            if name in self.met_before and not self.live((kind, name)):
                told = self.ask("POST", "/v1/recommend", json={kind: name})
                assert told["rung"] == "popular"

    @invariant()
    def a_stranger_gets_all_that_is_shown(self):
        told = self.ask("GET", f"/v1/popular?k={ALL}")
        assert {one["item"] for one in told["items"]} == set(self.shown)
