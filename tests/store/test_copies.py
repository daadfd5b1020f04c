"""Everything of a store elsewhere: backups while others write, moves to another database."""

import shutil
import sqlite3
import threading
from contextlib import closing

import pytest
from polars.testing import assert_frame_equal

from bowerbird.data.facts import SCHEMAS, Merge
from bowerbird.errors import ArtifactError
from bowerbird.store.copies import export, import_
from bowerbird.store.opened import open_store, restore
from bowerbird.store.parquet import read_parquet
from bowerbird.store.store import Change, Key
from live_facts import done, emptied, seen, served

KEYS = {"slots": ["rec_id", "position"], "served": ["rec_id"], "merges": ["user"]}


def fill(store):
    rich = {"session": "s", "rec_id": "r1", "value": -5, "currency": "EUR", "quantity": 2}
    store.facts.serve(
        [served(f"r{n}", user=f"u{n}", arms={"b": "ü", "a": "1"}, past=n) for n in range(9)]
    )
    store.facts.serve([served("none", user=None, slots=())])
    store.facts.record([done(f"e{n}", f"u{n}", context={"x": "y"}, **rich) for n in range(9)])
    store.facts.record([seen(f"s{n}", share=1.0, position=n) for n in range(9)])
    store.people.merge([Merge("a", "b", 1), Merge("b", "u1", 2), Merge("c", "u8", 3)])
    store.people.delete("u8", 77)
    store.items.put([Change(f"i{n}", {"title": f"T{n}", "n": n}, time=n) for n in range(9)])
    store.items.put([Change("i0", None, time=10), Change("i1", {"new": True}, time=11)])
    store.users.put([Change("u1", {"age": 30}), Change("u2", {"age": 40})])
    store.keys.add(Key("sk_1", "d1", "secret", ("admin", "x"), "shop", 5, expires=9, used=60_000))
    store.keys.add(Key("pk_1", "d2", "public", (), "page", 6, revoked=7))
    for name, document in {"surfaces": {"home": [1, 2.5, None]}, "mark": 7}.items():
        store.papers.put(name, document)


def all_of(store):
    return {
        "counts": store.facts.counts(),
        "items": store.items.since(0, 99),
        "users": store.users.since(0, 99),
        "merges": store.people.merged(),
        "names": [store.people.names(user) for user in ("a", "u1", "c")],
        "deleted": store.people.deleted(),
        "keys": store.keys.all(),
        "papers": {name: store.papers.get(name) for name in store.papers.names()},
        "histories": store.facts.histories(["u1", "u2", "ann"], 50),
        "export": store.people.export("a"),
        "list": store.facts.served("r1"),
        "newest": [event for _, event in store.facts.newest(99)],
    }


def same_frames(one, other):
    for table in SCHEMAS:
        by = KEYS.get(table, ["event_id"])
        assert_frame_equal(getattr(one, table).sort(by), getattr(other, table).sort(by))


@pytest.fixture
def places(tmp_path, database):
    """Where stores of both kinds are, empty."""
    return {"embedded": tmp_path / "store", "postgres": emptied(database.url)}


MOVES = [("embedded", "postgres"), ("postgres", "embedded"), ("embedded", "elsewhere")]


@pytest.mark.parametrize(("source", "target"), MOVES)
def test_a_store_moved_to_another_database_lacks_nothing(places, tmp_path, source, target):
    where = places.get(target, tmp_path / "elsewhere")
    with closing(open_store(places[source])) as old, closing(open_store(where)) as new:
        fill(old)
        export(old.database, tmp_path / "all")
        same_frames(read_parquet(tmp_path / "all"), old.facts.frames())
        for _ in range(2):  # done again it changes nothing
            import_(new.database, tmp_path / "all")
            same_frames(new.facts.frames(), old.facts.frames())
            assert all_of(new) == all_of(old)
        again = [event for _, event in old.facts.newest(99)]
        assert set(new.facts.record(again)) == {"duplicate"}
        assert set(new.facts.record([seen("s1", share=1.0, position=1)])) == {"duplicate"}
        assert new.items.put([Change("z", {})]) == old.items.put([Change("z", {})])


def test_an_import_that_was_cut_short_is_finished_by_another(places, tmp_path):
    with closing(open_store(places["embedded"])) as old, closing(open_store(tmp_path / "b")) as new:
        fill(old)
        export(old.database, tmp_path / "all")
        shutil.copytree(tmp_path / "all", tmp_path / "half")
        (tmp_path / "half" / "users.parquet").unlink()
        with pytest.raises(ArtifactError, match=r"users\.parquet"):
            import_(new.database, tmp_path / "half")
        import_(new.database, tmp_path / "all")
        assert all_of(new) == all_of(old)


def test_other_things_under_the_same_numbers_are_followed_on_from_there(places, tmp_path):
    with closing(open_store(places["embedded"])) as old, closing(open_store(tmp_path / "b")) as new:
        fill(old)
        export(old.database, tmp_path / "all")
        last = new.items.put([Change(f"other{n}", {}) for n in range(20)])
        import_(new.database, tmp_path / "all")
        assert [change.id for change in new.items.since(last, 99)] == [
            change.id for change in old.items.since(0, 99)
        ]
        assert len(new.items.since(0, 99)) == 20 + 9


@pytest.mark.parametrize("target", ["embedded", "postgres"])
def test_a_second_copy_brings_what_has_changed_since_the_first(places, tmp_path, target):
    where = tmp_path / "new" if target == "embedded" else places["postgres"]
    with closing(open_store(places["embedded"])) as old, closing(open_store(where)) as new:
        fill(old)
        export(old.database, tmp_path / "first")
        import_(new.database, tmp_path / "first")
        old.facts.record([done("late", "u3", arrived=5_000)])
        old.items.put([Change("i2", {"n": -2}, time=20), Change("i3", None, time=21)])
        old.users.patch([Change("u1", {"age": 31}, time=22)])
        old.keys.revoke("sk_1", 23)
        old.people.delete("u2", 10_000_000)
        old.people.delete("a", 10_000_000)  # with their names b and u1
        old.facts.record([done("back", "u2", arrived=10_000_001)])
        old.people.merge([Merge("a", "u5", 10_000_001)])
        export(old.database, tmp_path / "second")
        import_(new.database, tmp_path / "second")
        assert all_of(new) == all_of(old)
        same_frames(new.facts.frames(), old.facts.frames())


def test_a_copy_from_before_brings_back_nobody_who_was_deleted_since(places, tmp_path):
    with closing(open_store(places["embedded"])) as old, closing(open_store(tmp_path / "b")) as new:
        fill(old)
        old.facts.record([seen("nameless", user=None)])  # of a list that was u1's
        export(old.database, tmp_path / "all")
        import_(new.database, tmp_path / "all")
        new.keys.revoke("sk_1", 70)
        new.items.put([Change("i5", {"n": -5}, time=71)])
        for user in ("a", "u2"):
            new.people.delete(user, 10_000_000)
        then = all_of(new)
        import_(new.database, tmp_path / "all")
        assert all_of(new) == then
        told = new.people.export("u1")
        assert not any(told[table] for table in ("served", "seen", "done", "merges", "users"))
        assert "nameless" not in new.facts.frames().seen["event_id"]


@pytest.mark.parametrize("source", ["embedded", "postgres"])
@pytest.mark.parametrize("target", ["embedded", "postgres"])
def test_a_backup_can_be_restored_to_either_database(places, tmp_path, source, target):
    with closing(open_store(places[source])) as store:
        fill(store)
        store.backup(tmp_path / "copy")
        whole, frames = all_of(store), store.facts.frames()
        with pytest.raises(ArtifactError, match="name another"):
            store.backup(tmp_path / "copy")
    where = tmp_path / "new" if target == "embedded" else emptied(places["postgres"])
    restore(tmp_path / "copy", where)
    with closing(open_store(where)) as store:
        assert all_of(store) == whole
        same_frames(store.facts.frames(), frames)
    with pytest.raises(ArtifactError, match=r"empty store expected, served, .* hold something"):
        restore(tmp_path / "copy", where)


@pytest.mark.parametrize("kind", ["embedded", "postgres"])
def test_a_backup_under_writes_is_of_one_moment(places, tmp_path, kind):
    stop, failed = threading.Event(), []

    def write():
        n = 0
        while not stop.is_set():
            try:  # one transaction each: whole in the copy, or not there
                store.facts.record([done(f"e{n}"), done(f"f{n}"), seen(f"s{n}")])
                n += 1
            except Exception as error:
                failed.append(error)
                return

    with closing(open_store(places[kind])) as store:
        store.facts.record([done(f"x{n}") for n in range(3000)])
        writer = threading.Thread(target=write)
        writer.start()
        for copy in range(3):
            store.backup(tmp_path / f"copy{copy}")
        stop.set()
        writer.join()
        assert not failed
    for copy in range(3):
        restore(tmp_path / f"copy{copy}", tmp_path / f"back{copy}")
        with closing(open_store(tmp_path / f"back{copy}")) as store:
            counts = store.facts.counts()
            assert counts["done"] == 3000 + 2 * counts["seen"]
            events = set(store.facts.frames().done["event_id"])
            count = counts["seen"]
            assert {f"{letter}{n}" for letter in "ef" for n in range(count)} <= events
    assert not list(tmp_path.glob(".*")), "nothing is left beside"


def test_a_copy_that_is_damaged_missing_or_of_another_kind_is_refused(places, tmp_path):
    with closing(open_store(places["embedded"])) as store:
        store.facts.record([done(f"e{n}") for n in range(3000)])
        store.backup(tmp_path / "copy")
    body = bytearray((tmp_path / "copy").read_bytes())
    body[40_000:60_000] = bytes(20_000)
    (tmp_path / "damaged").write_bytes(body)
    with closing(sqlite3.connect(tmp_path / "strange")) as file, file:
        file.execute("CREATE TABLE t (x)")
    (tmp_path / "folder").mkdir()
    for name in ("damaged", "strange", "missing", "folder"):
        with pytest.raises(ArtifactError, match=name):
            restore(tmp_path / name, tmp_path / "new")
        with closing(open_store(tmp_path / "new")) as store:
            assert set(store.facts.counts().values()) == {0}


def test_a_backup_that_cannot_be_written_is_told_and_leaves_nothing(places, tmp_path):
    (tmp_path / "file").write_text("x")
    for where in places.values():
        with closing(open_store(where)) as store, pytest.raises(ArtifactError, match="file"):
            store.backup(tmp_path / "file" / "copy")


def test_a_copy_of_a_newer_version_is_refused_before_anything_is_changed(places, tmp_path):
    with closing(open_store(places["embedded"])) as store:
        store.backup(tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy")) as file, file:
        file.execute("INSERT INTO steps VALUES (99)")
    with pytest.raises(ArtifactError, match="99 came"):
        restore(tmp_path / "copy", tmp_path / "new")
    open_store(tmp_path / "new").close()
