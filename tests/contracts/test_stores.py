"""What every store promises, whatever database stands behind it."""

import json
import threading
from contextlib import closing
from dataclasses import replace

import polars as pl
import pytest

from bowerbird.data.facts import LATER, SCHEMAS, Merge
from bowerbird.errors import DataError, StoreDown
from bowerbird.store import schema
from bowerbird.store.as_of import AsOf, hashed, remembered
from bowerbird.store.database import insert
from bowerbird.store.fact_rows import SERVED, served_row
from bowerbird.store.opened import open_store
from bowerbird.store.sqlite import SqliteDatabase
from bowerbird.store.store import Change, Key, Past, Store
from live_facts import SLOTS, done, emptied, seen, served

OLD = tuple(name for name in SERVED if name not in LATER)
OLD_ROW = tuple(v for n, v in zip(SERVED, served_row(served("r1")), strict=True) if n in OLD)


def embedded(request):
    return open_store(request.getfixturevalue("tmp_path") / "store")


def postgres(request):
    return open_store(emptied(request.getfixturevalue("database").url))


@pytest.fixture(params=[embedded, postgres])
def store(request):
    made = request.param(request)
    yield made
    made.close()


def test_it_is_a_store(store):
    assert isinstance(store, Store)
    store.ping()


def test_a_list_comes_back_as_it_went_out(store):
    plain = served("r1")
    rich = served(
        "r2",
        user=None,
        session="s",
        index="x",
        reason="slow",
        policy="top-k",
        seed=2**62,
        segment="de",
        arms={"b": "two", "a": "ü"},
        latency_us=1234,
        asked='{"k":3,"text":"ü"}',
        change=7,
        counted=2**52,
        past=2**48 - 1,
    )
    empty = served("r3", slots=())
    store.facts.serve([plain, rich, empty])
    assert store.facts.served("r1") == plain
    assert store.facts.served("r2") == rich
    assert store.facts.served("r3") == empty
    assert store.facts.served("r4") is None


def test_a_list_that_is_there_already_stays_as_it_is(store):
    store.facts.serve([served("r1", rung="personal")])
    store.facts.serve([served("r1", rung="popular"), served("r2"), served("r2", rung="popular")])
    assert store.facts.served("r1").rung == "personal"
    assert store.facts.served("r2").rung == "personal"
    assert store.facts.counts()["served"] == 2


def test_an_event_counts_once_and_the_first_payload_stays(store):
    first = done("e1", value=100)
    assert store.facts.record([first]) == ["accepted"]
    assert store.facts.record([first, done("e1", value=200), done("e2")]) == [
        "duplicate",
        "conflict",
        "accepted",
    ]
    assert [event for _, event in store.facts.newest(10)] == [done("e2"), first]


def test_how_an_event_came_is_no_part_of_what_it_says(store):
    store.facts.record([done("e1", arrived=20), seen("s1", share=1.0)])
    again = [
        done("e1", arrived=99, time=7, trust="public"),  # its client told no time
        seen("s1", arrived=99, time=7, share=1),
    ]
    assert store.facts.record(again) == ["duplicate", "duplicate"]
    assert store.facts.newest(1)[0][1].arrived == 20


def test_repeats_within_one_batch_are_told_apart(store):
    batch = [done("e1"), done("e1"), done("e1", item="i9"), seen("e1"), seen("e1", item="i9")]
    wanted = ["accepted", "duplicate", "conflict", "accepted", "conflict"]
    assert store.facts.record(batch) == wanted
    assert store.facts.counts() == {"served": 0, "seen": 1, "done": 1, "merges": 0}


def test_every_part_of_the_payload_makes_a_conflict(store):
    whole = done(
        "e1",
        rec_id="r",
        session="s",
        value=1,
        currency="EUR",
        quantity=2,
        refers="e0",
        context={"device": "phone"},
    )
    store.facts.record([whole])
    other = {"user": "x", "item": "x", "type": "x", "rec_id": None, "session": None}
    other |= {"value": None, "currency": None, "quantity": None, "refers": None, "context": {}}
    changed = [replace(whole, **{name: value}) for name, value in other.items()]
    assert store.facts.record(changed) == ["conflict"] * len(other)
    shown = seen("s1", session="s", position=1, visible_ms=1000, share=0.5)
    store.facts.record([shown])
    other = {"rec_id": "x", "item": "x", "position": None, "user": None}
    other |= {"session": None, "visible_ms": None, "share": None}
    changed = [replace(shown, **{name: value}) for name, value in other.items()]
    assert store.facts.record(changed) == ["conflict"] * len(other)


def test_large_batches_are_taken_whole(store):
    events = [done(f"e{n}", user=f"u{n % 7}", time=n) for n in range(1201)]
    assert store.facts.record(events) == ["accepted"] * 1201
    assert store.facts.record(events) == ["duplicate"] * 1201
    assert store.facts.record([]) == []
    assert [past.time for past in store.facts.histories(["u0"], 3)[0]] == [1183, 1190, 1197]


@pytest.mark.parametrize("bad", [{"item": "a\0b"}, {"item": "\ud800"}, {"value": 2**70}])
def test_what_no_database_can_hold_is_refused_and_nothing_of_its_batch_stays(store, bad):
    with pytest.raises(DataError):
        store.facts.record([done("e1"), seen("s1"), done("e2", **bad)])
    assert store.facts.counts() == {"served": 0, "seen": 0, "done": 0, "merges": 0}
    assert store.facts.record([done("e1")]) == ["accepted"]


def test_histories_are_the_newest_of_done_and_seen_oldest_first(store):
    events = [done("e1", item="a", time=1), done("e3", item="c", time=3), done("e2", time=2)]
    store.facts.record([*events, seen("s1", item="b", time=3), seen("s2", user=None, time=9)])
    past = [Past("i1", "click", 2), Past("b", "seen", 3), Past("c", "click", 3)]
    assert store.facts.histories(["ann", "nobody", "ann"], 3) == [past, [], past]
    assert store.facts.histories(["ann"], 10)[0][0] == Past("a", "click", 1)
    assert store.facts.histories(["ann"], 0) == [[]]
    assert store.facts.histories([], 5) == []


def test_histories_of_many_people_are_each_their_own(store):
    users = [f"u{n}" for n in range(230)]
    store.facts.record([done(f"e{n}", user, f"i{n}", time=n) for n, user in enumerate(users)])
    found = store.facts.histories(users, 5)
    assert found == [[Past(f"i{n}", "click", n)] for n in range(230)]


def test_a_history_holds_what_was_done_under_merged_names(store):
    store.facts.record([done("e1", "anon", time=1), done("e2", "bo", time=2), done("e3", "c")])
    assert store.people.merge([Merge("anon", "bo", 5), Merge("bo", "ann", 6)]) == [True, True]
    of_ann = [Past("i1", "click", 1), Past("i1", "click", 2)]
    assert store.facts.histories(["ann", "anon", "bo"], 10) == [of_ann] * 3
    assert store.facts.histories(["ann"], 1) == [of_ann[1:]]
    assert store.people.names("bo") == ["ann", "anon", "bo"]
    assert store.people.names("c") == ["c"]


def test_a_circle_of_merges_is_refused_and_a_name_stays_with_its_first(store):
    assert store.people.merge([Merge("a", "b", 1)]) == [True]
    assert store.people.merge([Merge("a", "b", 2), Merge("a", "z", 2)]) == [False, False]
    store.people.merge([Merge("b", "c", 3)])
    for circle in (Merge("c", "a", 4), Merge("c", "c", 4)):
        with pytest.raises(DataError, match="one person already"):
            store.people.merge([Merge("q", "r", 4), circle])
    assert store.people.merged() == [Merge("a", "b", 1), Merge("b", "c", 3)]
    assert store.people.names("z") == ["z"]


def test_two_persons_with_names_of_their_own_become_one(store):
    store.people.merge([Merge("a1", "a", 1), Merge("b1", "b", 1), Merge("a", "b1", 2)])
    assert store.people.names("a1") == ["b", "a", "a1", "b1"]


def fill(store):
    store.facts.serve([served("r1"), served("r2", user="bo"), served("r3", user=None)])
    events = [done("e1"), done("e2", "anon"), done("e3", "bo"), seen("s1"), seen("s2", "bo")]
    events += [seen("s3", user=None, rec_id="r1"), seen("s4", user=None, rec_id="r3")]
    store.facts.record(events)
    store.people.merge([Merge("anon", "ann", 5), Merge("other", "bo", 5)])
    store.users.put([Change("ann", {"age": 30}), Change("bo", {"age": 40})])


def test_a_deleted_person_leaves_nothing_but_the_note_of_it(store):
    fill(store)
    gone = store.people.delete("anon", time=100)
    assert gone == {"served": 1, "seen": 2, "done": 2, "merges": 1, "users": 1}
    assert store.facts.counts() == {"served": 2, "seen": 2, "done": 1, "merges": 1}
    assert store.facts.histories(["ann", "anon"], 9) == [[], []]
    assert store.facts.served("r1") is None
    assert store.users.get(["ann", "bo"])[0] is None
    assert store.users.since(2, 9) == [Change("ann", None, 3, 100)]
    left = store.people.export("ann")
    assert not any(left[name] for name in ("served", "seen", "done", "merges", "users"))
    assert store.people.deleted() == [("ann", 100), ("anon", 100)]
    assert store.people.deleted(since=101) == []


def test_deleting_twice_is_nothing_and_who_comes_back_is_somebody_new(store):
    fill(store)
    store.people.delete("ann", time=100)
    assert set(store.people.delete("ann", time=200).values()) == {0}
    assert store.people.deleted(since=101) == [("ann", 200)]
    assert store.facts.record([done("e1")]) == ["accepted"]
    assert store.facts.histories(["ann"], 9) == [[Past("i1", "click", 20)]]
    assert store.people.delete("ann", time=300)["done"] == 1
    assert store.people.deleted(since=201) == [("ann", 300)]


def test_a_list_that_was_on_its_way_when_its_person_was_deleted_is_not_kept(store):
    lists = [served(f"r{time}", time=time) for time in (199, 200, 201)]
    store.people.delete("ann", time=100)
    store.people.delete("ann", time=200)
    store.facts.serve([*lists, served("other", user="bo"), served("nobody", user=None)])
    kept = [id for id in ("r199", "r200", "r201", "other", "nobody") if store.facts.served(id)]
    assert kept == ["r201", "other", "nobody"]


def test_an_export_of_a_person_is_all_that_is_held_and_plain_json(store):
    fill(store)
    store.facts.serve([served("r9", asked='{"items":["i7"]}')])
    told = store.people.export("anon")
    assert json.loads(json.dumps(told)) == told
    assert told["user"] == "ann" and told["names"] == ["ann", "anon"]
    assert [one["rec_id"] for one in told["served"]] == ["r1", "r9"]
    assert [one["asked"] for one in told["served"]] == [None, {"items": ["i7"]}]
    assert told["served"][0]["slots"]["item"] == ["i1", "i2"]
    assert {one["event_id"] for one in told["seen"]} == {"s1", "s3"}
    assert {one["event_id"] for one in told["done"]} == {"e1", "e2"}
    assert told["merges"] == [{"user": "anon", "into": "ann", "time": 5}]
    assert told["users"] == {"ann": {"age": 30}}


def test_what_was_asked_goes_with_its_person(store):
    asked = '{"items":["what somebody looked at"]}'
    store.facts.serve([served("r1", asked=asked), served("r2", user="bo", asked='{"k":3}')])
    store.people.delete("ann", time=100)
    assert store.facts.frames().served["asked"].to_list() == ['{"k":3}']


def test_a_history_is_told_as_a_list_knew_it_by_its_hash(store):
    for n in range(5):  # while the list is on its way
        arrived = {"arrived": 18 + n}
        events = [done(f"e{n}", item=f"i{n}", time=9 - n, **arrived)]
        store.facts.record([*events, seen(f"s{n}", item=f"i{n}", time=4 + n, **arrived)])
        (past,) = store.facts.histories(["ann"], 3)
        store.facts.serve([served(f"r{n}", time=20, past=hashed(past))])
    store.people.merge([Merge("anon", "ann", 30)])
    store.facts.record([done("later", "anon", time=1, arrived=40)])
    for n in range(5):
        found = remembered(store.database, store.facts.served(f"r{n}"), 3)
        assert found.exact and hashed(found.past) == store.facts.served(f"r{n}").past
    last = store.facts.histories(["ann"], 3)[0]
    assert found.past == last and len(last) == 3
    lost = remembered(store.database, served("x", time=22, past=1), 3)
    assert not lost.exact and lost.past == last
    assert remembered(store.database, served("x", past=None), 3).past is None
    assert remembered(store.database, served("x", user=None), 3).past == []


def test_a_store_as_of_a_list_leaves_out_what_was_said_later(store):
    first = store.items.put([Change("a", {"n": 1}, time=1), Change("b", {}, time=1)])
    store.people.merge([Merge("x", "y", 5)])
    store.people.delete("bo", time=6)
    store.items.put([Change("a", {"n": 2}, time=30), Change("c", {}, time=30)])
    store.items.put([Change("early", None, time=9), Change("late", None, time=31)])
    store.items.put([Change("i1", None, time=9)])
    store.people.merge([Merge("z", "y", 50)])
    store.people.delete("q", time=60)
    one = served(time=10, change=first)  # of i1 and i2
    then = AsOf(store.database, one, [Past("i1", "click", 2)])
    assert [change.id for change in then.items.since(0, 1)] == ["b"]
    assert [change.id for change in then.items.since(0, 99)] == ["b", "early"]
    assert then.items.since(first, 1) == [Change("early", None, 5, 9)]
    assert then.items.since(5, 1) == []
    new = AsOf(store.database, one, None, ["c"])
    assert [change.id for change in new.items.since(0, 99)] == ["b", "c", "early"]
    assert then.people.merged() == [Merge("x", "y", 5)]
    assert then.people.deleted() == [("bo", 6)]
    assert then.facts.histories(["ann"], 9) == [[Past("i1", "click", 2)]]
    with pytest.raises(StoreDown):
        new.facts.histories(["ann"], 9)


def test_a_store_of_a_former_version_is_opened_and_its_lists_are_there(request, store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", schema.STEPS[:1])
        old = request.getfixturevalue("tmp_path") / "old"
        where = (
            old
            if isinstance(store.database, SqliteDatabase)
            else emptied(request.getfixturevalue("database").url)
        )
        with closing(open_store(where)) as before:
            before.database.write(lambda cursor: insert(cursor, "served", OLD, [OLD_ROW]))
    for _ in range(2):
        with closing(open_store(where)) as now:
            assert now.facts.served("r1") == served("r1")
            now.facts.serve([served("r2", asked="{}", change=3)])
            assert now.facts.frames().served["asked"].to_list() == [None, "{}"]


def test_frames_hold_all_facts_in_columns(store):
    fill(store)
    frames = store.facts.frames()
    for name, kinds in SCHEMAS.items():
        assert dict(getattr(frames, name).schema) == dict(kinds), name
    slots = frames.slots.filter(pl.col("rec_id") == "r2")
    assert slots.rows() == [("r2", at, *vars_of(slot)) for at, slot in enumerate(SLOTS, 1)]
    assert frames.served.height == 3 and frames.done.height == 3 and frames.seen.height == 4
    assert frames.merges.rows() == [("anon", "ann", 5), ("other", "bo", 5)]


def vars_of(slot):
    return slot.item, slot.score, slot.propensity, slot.source


def test_frames_of_an_empty_store_have_their_columns(store):
    frames = store.facts.frames()
    for name, kinds in SCHEMAS.items():
        assert dict(getattr(frames, name).schema) == dict(kinds), name
        assert getattr(frames, name).height == 0
    store.facts.serve([served("r0", slots=())])
    assert store.facts.frames().slots.height == 0


def test_frames_of_a_window_go_by_arrival(store):
    store.facts.serve([served("r1", time=10), served("r2", time=20)])
    store.facts.record([done("e1", time=1, arrived=15), done("e2", time=2, arrived=20)])
    store.facts.record([seen("s1", time=1, arrived=9), seen("s2", time=1, arrived=10)])
    window = store.facts.frames(10, 20)
    assert window.served["rec_id"].to_list() == ["r1"]
    assert window.slots["rec_id"].unique().to_list() == ["r1"]
    assert window.done["event_id"].to_list() == ["e1"]
    assert window.seen["event_id"].to_list() == ["s2"]


def test_events_are_read_on_from_the_number_they_were_read_to(store):
    assert store.facts.done()[0] == 0 and store.facts.done()[1].is_empty()
    store.facts.record([done(f"e{n}", arrived=10 * n) for n in range(4)])
    number, some = store.facts.done(since=10)
    assert some["event_id"].to_list() == ["e1", "e2", "e3"]
    assert dict(some.schema) == dict(SCHEMAS["done"])
    store.facts.record([done("e4", arrived=40), done("late", arrived=5)])
    after, more = store.facts.done(number, since=10)
    assert more["event_id"].to_list() == ["e4"] and after > number
    assert store.facts.done(after)[1].is_empty()


def test_what_came_last_can_be_paged_through(store):
    store.facts.record([done(f"e{n}", time=100 - n) for n in range(5)])
    page = store.facts.newest(2)
    assert [event.event_id for _, event in page] == ["e4", "e3"]
    page = store.facts.newest(2, before=page[-1][0])
    assert [event.event_id for _, event in page] == ["e2", "e1"]
    assert len(store.facts.newest(9, before=page[-1][0])) == 1


def test_items_are_as_they_were_put_last(store):
    first = store.items.put([Change("a", {"title": "A", "price": 1.5}, time=1), Change("b", {})])
    second = store.items.put([Change("b", {"tags": ["x", "ü"]}, time=2), Change("c", {"t": "\0"})])
    assert second > first
    a, b, gone = store.items.get(["a", "b", "zz"])
    assert a.fields == {"title": "A", "price": 1.5} and a.time == 1
    assert b.fields == {"tags": ["x", "ü"]} and gone is None
    assert store.items.get(["c"])[0].fields == {"t": "\0"}
    store.items.put([Change("a", None, time=3)])
    assert store.items.get(["a"]) == [None]
    assert store.users.get(["b"]) == [None]


def test_of_one_id_twice_in_a_batch_the_last_stays(store):
    number = store.items.put([Change("a", {"n": 1}), Change("b", {}), Change("a", {"n": 2})])
    assert store.items.get(["a"]) == [Change("a", {"n": 2}, number)]
    assert store.items.put([]) == number


def test_a_patch_lays_fields_over_and_takes_those_away_that_are_none(store):
    store.items.put([Change("a", {"x": 1, "y": 2}), Change("b", {"x": 1}), Change("b", None)])
    patches = [Change("a", {"x": None, "z": 3}, time=8), Change("b", {"x": 2}), Change("c", {})]
    assert store.items.patch([*patches, Change("a", {"w": 4}, time=9)]) == [
        True,
        False,
        False,
        True,
    ]
    (now,) = store.items.get(["a"])
    assert now.fields == {"y": 2, "z": 3, "w": 4} and now.time == 9
    assert store.items.get(["b", "c"]) == [None, None]
    with pytest.raises(DataError, match="delete it with put"):
        store.items.patch([Change("a", None)])


def test_fields_that_json_cannot_hold_are_refused(store):
    for bad in (float("nan"), {1, 2}, b"x"):
        with pytest.raises(DataError, match="plain JSON"):
            store.items.put([Change("a", {"x": bad})])


def test_pages_go_by_id_and_leave_out_what_is_deleted(store):
    ids = ["b", "B", "ä", "a", "_", "10", "9"]
    store.items.put([Change(id, {}) for id in [*ids, "gone"]])
    store.items.put([Change("gone", None)])
    found, after = [], ""
    while page := store.items.page(after, 2):
        found += [change.id for change in page]
        after = found[-1]
    assert found == sorted(ids)


def test_changes_can_be_followed_by_their_numbers(store):
    start = store.items.put([Change("a", {}), Change("b", {})])
    assert store.items.since(start, 9) == []
    store.items.put([Change("b", {"x": 1}), Change("a", None, time=7)])
    store.items.patch([Change("b", {"x": 2})])
    new = store.items.since(start, 9)
    assert [(change.id, change.fields) for change in new] == [("a", None), ("b", {"x": 2})]
    assert [change.number for change in new] == sorted({change.number for change in new})
    assert store.items.since(start, 1) == new[:1]


def key(id="sk_1", **other):
    facts = {"digest": f"d-{id}", "kind": "secret", "scopes": ("admin", "events:write")}
    return Key(id, **facts | {"name": "shop", "made": 5} | other)


def test_keys_are_found_by_their_hash_and_revoked_once(store):
    store.keys.add(key())
    store.keys.add(key("pk_1", kind="public", scopes=(), expires=9, made=4))
    assert store.keys.find("d-sk_1") == key()
    assert store.keys.find("d") is None
    assert [one.id for one in store.keys.all()] == ["pk_1", "sk_1"]
    assert store.keys.revoke("sk_1", 50) and not store.keys.revoke("sk_1", 60)
    assert not store.keys.revoke("sk_9", 50)
    assert store.keys.find("d-sk_1").revoked == 50


def test_a_key_that_is_there_is_not_added_again(store):
    store.keys.add(key())
    for other in (key(digest="x"), key("sk_2", digest="d-sk_1")):
        with pytest.raises(DataError, match="there already"):
            store.keys.add(other)
    assert store.keys.all() == [key()]


def test_the_use_of_a_key_is_kept_to_the_minute(store):
    store.keys.add(key())
    for time, used in ((61_000, 60_000), (119_999, 60_000), (120_000, 120_000), (90_000, 120_000)):
        store.keys.touch("sk_1", time)
        assert store.keys.find("d-sk_1").used == used


def test_papers_are_kept_by_name(store):
    for name, document in {"b/2": [1, None], "b/1": {"x": "ü"}, "a": 0, "b%": False}.items():
        store.papers.put(name, document)
    assert store.papers.names() == ["a", "b%", "b/1", "b/2"]
    assert store.papers.names("b/") == ["b/1", "b/2"]
    assert store.papers.get("b/1") == {"x": "ü"} and store.papers.get("a") == 0
    store.papers.put("b/1", 7)
    store.papers.put("a", None)
    assert store.papers.get("b/1") == 7 and store.papers.get("a") is None
    assert store.papers.names() == ["b%", "b/1", "b/2"]


def test_many_threads_may_write_and_read_at_once(store):
    failed, batch = [], 20

    def work(number):
        try:
            for start in range(0, 60, batch):
                names = range(start, start + batch)
                store.facts.record(
                    [done(f"{number % 3}-{n}", user=f"u{number % 3}") for n in names]
                )
                store.items.put([Change(f"{number}-{start}", {"n": number})])
                store.facts.histories([f"u{number % 3}"], 10)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert store.facts.counts()["done"] == 180
    numbers = [change.number for change in store.items.since(0, 99)]
    assert numbers == list(range(1, 19))


def test_numbers_of_changes_appear_in_their_order_to_who_follows(store):
    stop, seen_numbers, missed = threading.Event(), [], []

    def follow():
        last = 0
        while not stop.is_set():
            for change in store.items.since(last, 1000):
                last = change.number
                seen_numbers.append(last)

    def write(number):
        for n in range(40):
            store.items.put([Change(f"{number}-{n}-{part}", {}) for part in range(3)])

    follower = threading.Thread(target=follow)
    follower.start()
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    follower.join()
    missed = set(range(1, seen_numbers[-1] + 1)) - set(seen_numbers)
    assert not missed


def test_a_document_that_many_change_at_once_has_all_their_changes(store):
    def more(number):
        for n in range(10):
            store.papers.change("list", lambda told, n=n: [*(told or []), [number, n]])

    threads = [threading.Thread(target=more, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = store.papers.get("list")
    assert sorted(told) == [[number, n] for number in range(4) for n in range(10)]
    assert [n for number, n in told if number == 2] == list(range(10))
    store.papers.change("list", lambda told: None)
    assert store.papers.get("list") is None
