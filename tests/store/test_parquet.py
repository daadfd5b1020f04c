"""Facts in files: each once, whatever interrupts the writing; who is deleted is in none."""

import json
import os
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from bowerbird.data.facts import LATER, SCHEMAS, Merge, Slot
from bowerbird.errors import ArtifactError, StoreDown
from bowerbird.store import fact_frames, parquet, written
from bowerbird.store.copies import export, import_
from bowerbird.store.fact_frames import apart, frame, together
from bowerbird.store.fact_rows import served_row
from bowerbird.store.opened import open_store
from bowerbird.store.parquet import compact, forget, read_parquet
from live_facts import done, emptied, seen, served

KEYS = {"slots": ["rec_id", "position"], "served": ["rec_id"], "merges": ["user"]}


@pytest.fixture(params=["embedded", "postgres"])
def store(request, tmp_path):
    where = tmp_path / "store"
    if request.param == "postgres":
        where = emptied(request.getfixturevalue("database").url)
    with closing(open_store(where)) as made:
        yield made


@pytest.fixture(autouse=True)
def small_portions(monkeypatch):
    monkeypatch.setattr(fact_frames, "PORTION", 7)


def fill(store, start=0, n=20):
    some = range(start, start + n)
    store.facts.serve([served(f"r{at}", user=f"u{at % 3}") for at in some])
    store.facts.record([done(f"e{at}", user=f"u{at % 4}", time=at) for at in some])
    store.facts.record([seen(f"s{at}", user=None, rec_id=f"r{at}") for at in some])
    store.people.merge([Merge(f"m{start}", "u1", 1)])


def same(one, other):
    for table in SCHEMAS:
        by = KEYS.get(table, ["event_id"])
        assert_frame_equal(getattr(one, table).sort(by), getattr(other, table).sort(by))


def test_files_hold_what_the_store_holds_and_only_what_is_new_is_written(store, tmp_path):
    folder = tmp_path / "facts"
    assert set(compact(store.database, folder).values()) == {0}
    same(read_parquet(folder), store.facts.frames())
    fill(store)
    assert compact(store.database, folder) == {"served": 20, "seen": 20, "done": 20, "merges": 1}
    same(read_parquet(folder), store.facts.frames())
    there = {file: file.stat().st_mtime_ns for file in folder.rglob("*.parquet")}
    assert len(there) > 8
    fill(store, start=20, n=3)
    assert compact(store.database, folder) == {"served": 3, "seen": 3, "done": 3, "merges": 1}
    same(read_parquet(folder), store.facts.frames())
    assert set(compact(store.database, folder).values()) == {0}
    assert all(file.stat().st_mtime_ns == when for file, when in there.items())


def test_files_of_a_former_version_are_read_on_and_go_back_into_a_store(store, tmp_path):
    fill(store, n=5)
    folder = tmp_path / "all"
    export(store.database, folder)
    for file in (folder / "served").iterdir():
        pl.read_parquet(file).drop(LATER).write_parquet(file)
    same(read_parquet(folder), store.facts.frames())
    with closing(open_store(tmp_path / "other")) as other:
        import_(other.database, folder)
        assert other.facts.served("r1") == store.facts.served("r1")


def test_an_interruption_at_any_file_is_made_good_the_next_time(tmp_path, monkeypatch):
    with closing(open_store(tmp_path / "store")) as store:
        fill(store)
        whole, at = store.facts.frames(), 0
        write = parquet._write
        for at in range(100):
            folder, left = tmp_path / f"facts{at}", [at]

            def stop(file, rows, left=left):
                if not left[0]:
                    (file.parent).mkdir(parents=True, exist_ok=True)
                    (file.parent / f".{file.name}.0123abcd.partial").write_bytes(b"half")
                    raise KeyboardInterrupt
                left[0] -= 1
                write(file, rows)

            with monkeypatch.context() as patch:
                patch.setattr(parquet, "_write", stop)
                with suppress(KeyboardInterrupt):
                    compact(store.database, folder)
            if left[0]:
                break
            halfway = read_parquet(folder)
            assert set(halfway.slots["rec_id"]) <= set(halfway.served["rec_id"])
            compact(store.database, folder)
            same(read_parquet(folder), whole)
            assert not list(folder.rglob("*.partial"))
        assert at > 8


KILLED = """
import sys
from bowerbird.store import fact_frames
from bowerbird.store.opened import open_store
from bowerbird.store.parquet import compact
fact_frames.PORTION = 7
store = open_store(sys.argv[1])
print("ready", flush=True)
compact(store.database, __import__("pathlib").Path(sys.argv[2]))
"""


def test_a_kill_at_any_moment_is_made_good_the_next_time(tmp_path):
    with closing(open_store(tmp_path / "store")) as store:
        for start in range(0, 200, 20):
            fill(store, start)
        folder, src = tmp_path / "facts", Path(parquet.__file__).parents[2]
        for after in (0.01, 0.05):
            child = subprocess.Popen(
                [sys.executable, "-c", KILLED, str(tmp_path / "store"), str(folder)],
                env={**os.environ, "PYTHONPATH": str(src)},
                stdout=subprocess.PIPE,
            )
            child.stdout.readline()
            with suppress(subprocess.TimeoutExpired):
                child.wait(after)
            child.kill()
            child.communicate()
        compact(store.database, folder)
        same(read_parquet(folder), store.facts.frames())


def test_who_is_forgotten_is_in_no_file_and_all_others_are(store, tmp_path):
    folder = tmp_path / "facts"
    fill(store)
    compact(store.database, folder)
    names = store.people.names("u1")
    assert names == ["u1", "m0"]
    gone = store.people.delete("u1", 50)
    lost = forget(folder, names)
    assert lost == sum(gone.values()) + 2 * gone["served"]  # two slots a list
    same(read_parquet(folder), store.facts.frames())
    for file in folder.rglob("*.parquet"):
        assert b"u1" not in file.read_bytes() or "u1" not in str(pl.read_parquet(file).rows())
    assert forget(folder, names) == 0 and forget(folder, []) == 0
    assert set(compact(store.database, folder).values()) == {0}


def test_a_file_of_forgotten_people_alone_still_says_how_far_the_folder_is(store, tmp_path):
    folder = tmp_path / "facts"
    store.facts.record([done("e1", "ann")])
    compact(store.database, folder)
    forget(folder, ["ann"])
    assert read_parquet(folder).done.height == 0
    assert compact(store.database, folder)["done"] == 0


def test_forgetting_that_is_cut_short_is_finished_the_next_time(tmp_path, monkeypatch):
    with closing(open_store(tmp_path / "store")) as store:
        fill(store)
        folder, write, cuts = tmp_path / "facts", parquet._write, 0
        compact(store.database, folder)
        store.people.delete("u1", 50)
        while True:
            left = [1]

            def stop(file, rows, left=left):
                if not left[0]:
                    raise KeyboardInterrupt
                left[0] -= 1
                write(file, rows)

            with monkeypatch.context() as patch:
                patch.setattr(parquet, "_write", stop)
                try:
                    forget(folder, ["u1", "m0"])
                    break
                except KeyboardInterrupt:
                    cuts += 1
        assert cuts > 3
        same(read_parquet(folder), store.facts.frames())


def test_who_is_deleted_while_files_are_written_is_not_in_them(store, tmp_path, monkeypatch):
    folder, write = tmp_path / "facts", parquet._write
    fill(store)

    def delete(file, rows):
        write(file, rows)
        if file.parent.name == "done":
            store.people.delete("u1", 50)

    monkeypatch.setattr(parquet, "_write", delete)
    compact(store.database, folder)
    same(read_parquet(folder), store.facts.frames())


def test_one_process_at_a_time_works_in_a_folder(store, tmp_path, monkeypatch):
    monkeypatch.setattr(written, "WAIT_S", 0.1)
    with written.alone(tmp_path / "facts"):
        with pytest.raises(StoreDown, match="another process works here"):
            compact(store.database, tmp_path / "facts")
        with pytest.raises(StoreDown, match="another process works here"):
            forget(tmp_path / "facts", ["u1"])


def test_a_damaged_file_and_a_missing_folder_are_told(tmp_path):
    with pytest.raises(ArtifactError, match="compact first"):
        read_parquet(tmp_path / "facts")
    with closing(open_store(tmp_path / "store")) as store:
        fill(store)
        compact(store.database, tmp_path / "facts")
    file = next((tmp_path / "facts" / "done").glob("*.parquet"))
    file.write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(ArtifactError, match=file.name):
        read_parquet(tmp_path / "facts")
    pl.DataFrame({"x": [1]}).write_parquet(file)
    with pytest.raises(ArtifactError, match="Parquet file of done"):
        read_parquet(tmp_path / "facts")


def test_a_folder_that_cannot_be_made_is_told(store, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtifactError, match="name another"):
        compact(store.database, tmp_path / "file")


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
lists = st.lists(st.builds(Slot, texts, numbers, numbers, texts), max_size=5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(lists, max_size=4))
def test_lists_taken_apart_and_put_together_are_the_same_to_the_last_bit(many):
    rows = [served_row(served(f"r{at}", slots=tuple(slots))) for at, slots in enumerate(many)]
    lists, slots = apart(frame("served", rows))
    assert together(lists, slots) == rows
    assert slots.height == sum(map(len, many))
    assert json.loads(json.dumps(slots.rows())) == [list(row) for row in slots.rows()]
