"""What was done since the run was trained counts in what is popular; what is made up does not."""

import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from bowerbird.data.dataset import Catalog, Interactions
from bowerbird.data.defence import Defence
from bowerbird.data.facts import SCHEMAS, Done
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.serving.service import Settings
from bowerbird.store.identity import Identity
from bowerbird.store.opened import open_store
from bowerbird.store.store import Change
from bowerbird.surfaces.live_log import LiveLog
from bowerbird.surfaces.run_folder import load_run
from servers import DAY, START, Clock, ids, serving

ONE = (*(np.zeros(1, kind) for kind in (np.int32, np.int32, np.int64)), np.ones(1, np.float32))
UNGUARDED = Defence(
    public=1.0, influence=1e9, new=1.0, z=1e9, alike_users=10**6, a_day=10**6, again=10**6
)


@pytest.fixture
def shop(run, tmp_path):
    """A client six days after the run's last event; two items came since."""
    with opened(run, tmp_path) as client:
        yield client


def opened(run, folder, defence=None):
    settings = Settings(10_000, 1e6, defence=defence or Defence())
    clock = Clock()
    clock.now += 6 * DAY
    return WithItems(serving(run, folder, settings, clock=clock))


class WithItems:
    def __init__(self, made):
        self.made = made

    def __enter__(self):
        client = self.made.__enter__()
        client.service.store.items.put([Change(item, {"price": 1}) for item in ("hit", "fake")])
        client.service.current.refresh()
        return client

    def __exit__(self, *told):
        return self.made.__exit__(*told)


def record(client, users, item, trust="secret", type="view"):
    """Each of them does something with the item, a second after another."""
    now = int(client.service.clock() * 1000)
    client.service.store.facts.record(
        [
            Done(f"{item}-{type}-{user}", user, item, type, now - 1000 * n, now, trust=trust)
            for n, user in enumerate(users)
        ]
    )


def shoppers(client, n):
    """Keys of people whom the run knows."""
    return [client.service.identity.user(f"u{u}") for u in range(n)]


def refresh(client):
    client.service.clock.now += 301
    client.service.current.refresh()
    return client.service.current.snapshot


def listed(client, surface, k=14):
    return ids(client.get(f"/v1/{surface}?k={k}"))


def test_a_new_item_that_people_meet_is_trending_within_a_refresh_and_a_fake_burst_is_not(shop):
    assert listed(shop, "trending", 1) != ["hit"]
    record(shop, shoppers(shop, 100), "hit")
    record(shop, [f"visitor{n}" for n in range(80)], "fake", "public")
    refresh(shop)
    for surface in ("trending", "popular"):
        told = listed(shop, surface)
        assert told[0] == "hit" and told[-1] == "fake", surface
    told = shop.get("/v1/quarantine").json()
    assert told["quarantined"] == {"burst": 80, "alike": 0} and told["events"] == 180
    assert told["items"] == [{"reason": "burst", "item": "fake", "events": 80, "users": 80}]
    assert told["as_of"] == int(shop.service.clock() * 1000)
    metrics = shop.get("/metrics").text
    assert 'bowerbird_quarantined{reason="burst"} 80.0' in metrics


def test_without_the_defence_the_same_burst_is_on_top(run, tmp_path):
    with opened(run, tmp_path, UNGUARDED) as shop:
        record(shop, shoppers(shop, 40), "hit")
        record(shop, [f"visitor{n}" for n in range(80)], "fake", "public")
        refresh(shop)
        assert listed(shop, "trending", 2) == ["fake", "hit"]


def test_strangers_lists_and_lists_from_memory_are_of_now(shop):
    record(shop, shoppers(shop, 60), "i5", type="purchase")
    made = refresh(shop)
    reply = shop.post("/v1/recommend", json={"user": "nobody", "k": 1})
    assert ids(reply) == ["i5"] and reply.json()["rung"] == "popular"
    assert made.catalog.items.ids[made.baked[0]] == "i5"


def test_model_and_index_are_not_made_anew(shop):
    before = shop.service.current.snapshot
    record(shop, shoppers(shop, 5), "hit")
    after = refresh(shop)
    assert after is not before and after.live is not None
    assert after.plain.retriever.main is before.plain.retriever.main
    assert after.run.data.log is before.run.data.log


def test_it_is_counted_every_recount_s_and_not_at_each_look(shop):
    refresh(shop)
    record(shop, shoppers(shop, 40), "hit")
    shop.service.clock.now += 299
    shop.service.current.refresh()
    assert listed(shop, "trending", 1) != ["hit"]
    shop.service.clock.now += 1
    shop.service.current.refresh()
    assert listed(shop, "trending", 1) == ["hit"]


def test_what_is_hidden_or_unknown_to_the_catalog_does_not_count_as_liked(shop):
    record(shop, shoppers(shop, 60), "hit", type="hide")
    record(shop, shoppers(shop, 60), "nowhere")
    made = refresh(shop)
    assert listed(shop, "popular")[0] not in ("hit", "nowhere")
    assert "nowhere" not in made.live.data.catalog.items
    assert made.live.data.item_counts()[made.catalog.items.rows(["hit"])[0]] == 0


def test_types_keep_the_run_s_names_and_words_that_people_make_up_are_one(shop):
    (key,) = shoppers(shop, 1)
    for type in ("odd", "odder", "EVENT", "Purchase"):
        record(shop, [key], "hit", type=type)
    snapshot, log = (
        shop.service.current.snapshot,
        Interactions(*ONE, np.zeros(1, np.int16), ("Event",)),
    )
    data = replace(snapshot.run.data, log=log)
    follows = LiveLog(shop.service.store, shop.service.identity, Defence(again=9))
    now = int(shop.service.clock() * 1000)
    told = follows.behind(replace(snapshot.run, data=data), {"purchase": 5.0}, (), now).data.log
    names = [told.type_names[code] for code in told.types]
    assert sorted(names) == ["Event", "Event", "other", "other", "purchase"]


def test_who_is_deleted_counts_no_more(shop):
    before = shop.service.current.snapshot.run.data.log
    record(shop, shoppers(shop, 30), "hit")
    record(shop, ["only-live"], "hit")
    assert len(refresh(shop).live.data.log) == len(before) + 31
    assert shop.delete("/v1/users/u3").status_code == 200
    shop.service.store.people.delete("only-live", int(shop.service.clock() * 1000))
    data = refresh(shop).live.data
    own = int((before.users == 3).sum())
    assert len(data.log) == len(before) + 29 - own
    assert "only-live" not in data.users and 3 not in data.log.users


def test_an_audience_holds_those_who_came_since_and_nobody_who_was_deleted(shop):
    key = shop.service.identity.visitor("anon")
    record(shop, [key], "i4")
    record(shop, [key], "i5")
    refresh(shop)

    def audience():
        people = shop.get("/v1/items/i6/audience?k=200").json()["people"]
        return [person["user"] for person in people]

    assert {key, "u1"} <= set(audience())
    assert shop.delete("/v1/users/u1").status_code == 200
    assert "u1" not in audience()  # at once
    refresh(shop)
    shop.patch("/v1/items/i11", json={"fields": {"price": 1}})
    refresh(shop)
    assert "u1" not in audience() and key in audience()


def test_a_change_of_the_catalog_leaves_what_was_counted(shop):
    record(shop, shoppers(shop, 40), "hit")
    refresh(shop)
    shop.put("/v1/items/newest", json={"fields": {"price": 3}})
    shop.service.current.refresh()
    assert listed(shop, "trending", 1) == ["hit"]
    assert len(shop.service.current.snapshot.live.data.catalog) == 15


def test_two_names_of_one_person_count_as_the_one_that_the_run_knows(shop):
    anon = shop.service.identity.visitor("anon")
    record(shop, [anon], "hit")
    told = {"visitor": "anon"}
    assert shop.post("/v1/users/u7/merge", json=told).status_code == 200
    data = refresh(shop).live.data
    hit = data.catalog.items.rows(["hit"])[0]
    assert data.log.users[data.log.items == hit].tolist() == [7]
    assert len(data.users) == len(shop.service.current.snapshot.run.data.users)


def test_no_history_is_told_twice(shop):
    record(shop, shoppers(shop, 1), "hit")
    record(shop, ["only-live"], "hit")
    refresh(shop)
    snapshot, store = shop.service.current.snapshot, shop.service.store
    for names, own in (("u0", *shoppers(shop, 1)), 6), (("only-live",), 0):
        (past,) = store.facts.histories([names[-1]], 10)
        query = snapshot.histories.query(names, past, int(shop.service.clock()))
        assert len(query.items) == own + 1


def test_an_event_that_the_run_was_trained_on_counts_once(shop):
    data = shop.service.current.snapshot.run.data
    last = int(np.flatnonzero(data.log.users == 0)[-1])
    item, time = data.catalog.items.ids[data.log.items[last]], int(data.log.times[last]) * 1000
    now = int(shop.service.clock() * 1000)
    (key,) = shoppers(shop, 1)
    twice = Done("twice", key, item, "view", time + 900, now)
    later = Done("later", key, item, "view", time + 1000, now)
    shop.service.store.facts.record([twice, later])
    live = refresh(shop).live
    assert len(live.data.log) == len(data.log) + 1
    assert live.data.log.times[live.data.log.users == 0].max() == time // 1000 + 1


def test_a_store_that_is_down_leaves_what_was_counted(shop, monkeypatch, caplog):
    from bowerbird.errors import StoreDown

    record(shop, shoppers(shop, 40), "hit")
    refresh(shop)
    facts = type(shop.service.store.facts)
    with monkeypatch.context() as patched:
        patched.setattr(facts, "done", lambda *told, **more: (_ for _ in ()).throw(StoreDown("no")))
        shop.service.store.items.put([Change("meanwhile", {"price": 1})])
        with pytest.raises(StoreDown):
            refresh(shop)
    assert "meanwhile" in listed(shop, "new", 15)
    assert listed(shop, "trending", 1) == ["hit"]


def events(n, people=5_000, items=12, start=START + DAY, seed=0):
    draw = np.random.default_rng(seed)
    times = (start + np.sort(draw.integers(0, DAY, n))) * 1000
    return pl.DataFrame(
        {
            "event_id": pl.int_range(n, eager=True).cast(pl.String),
            "user": pl.Series(draw.zipf(1.3, n) % people).cast(pl.String),
            "item": [f"i{row}" for row in draw.zipf(1.3, n) % items],
            "type": "view",
            "time": times,
            "arrived": times,
            "trust": "secret",
        }
    ).select(
        pl.col(name) if name in ("event_id", "user", "item", "type", "time", "arrived", "trust")
        else pl.lit(None, kind).alias(name)
        for name, kind in SCHEMAS["done"].items()
    )  # fmt: skip


def test_many_events_are_laid_behind_and_what_was_read_is_not_read_again(
    run, tmp_path, monkeypatch
):
    made = load_run(run)
    wide = Vocabulary(tuple(f"i{row}" for row in range(5_000)))
    made = replace(made, data=replace(made.data, catalog=Catalog(wide)))
    store, rows, asked = open_store(tmp_path), events(200_000, items=5_000), []

    def done(after=0, since=0):
        asked.append((after, since))
        return rows.height, rows.slice(after)

    monkeypatch.setattr(store.facts, "done", done)
    follows = LiveLog(store, Identity(bytes(32)), Defence())
    now, began = (START + 3 * DAY) * 1000, time.process_time()
    live = follows.behind(made, {}, (), now)
    assert live.events == 200_000 and len(live.data.log) == len(made.data.log) + 200_000
    again = follows.behind(made, {}, (), now)
    assert time.process_time() - began < 20  # some 2
    np.testing.assert_array_equal(again.data.log.weights, live.data.log.weights)
    since = made.data.newest() * 1000
    assert asked == [(0, since), (190_000, since)]
