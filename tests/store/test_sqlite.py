"""The store in one file: several processes, full disks, damaged files."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from bowerbird.data.facts import SCHEMAS
from bowerbird.errors import ArtifactError, StoreDown
from bowerbird.store import schema, sqlite
from bowerbird.store.fact_frames import TABLES, columns_of
from bowerbird.store.opened import open_store
from live_facts import done

SRC = Path(sqlite.__file__).parents[2]
WRITE = """
import json, sys
from bowerbird.data.facts import Done
from bowerbird.store.opened import open_store
store = open_store(sys.argv[1])
became = []
for start in range(0, 200, 20):
    some = [Done(f"e{n}", "ann", sys.argv[2], "click", n, n) for n in range(start, start + 20)]
    became += store.facts.record(some)
print(json.dumps(became))
"""
FILL = """
import resource, sys
from bowerbird.data.facts import Done
from bowerbird.errors import ArtifactError
from bowerbird.store.opened import open_store
store = open_store(sys.argv[1])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
accepted = 0
try:
    while True:
        some = [Done(f"e{accepted + n}", "ann", "i", "click", n, n) for n in range(100)]
        accepted += len(store.facts.record(some))
except ArtifactError as error:
    print(accepted, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert store.facts.counts()["done"] == accepted
assert store.facts.record(some) == ["accepted"] * 100
"""


def child(code, *words):
    env = {**os.environ, "PYTHONPATH": str(SRC)}
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_send_the_same_events_have_each_accepted_once(tmp_path):
    both = [child(WRITE, tmp_path, item) for item in ("a", "b")]
    became = [json.loads(one.communicate(timeout=60)[0]) for one in both]
    for pair in zip(*became, strict=True):
        assert sorted(pair) == ["accepted", "conflict"]
    with closing(open_store(tmp_path)) as store:
        rows = store.facts.frames().done.rows(named=True)
        assert len(rows) == 200
        for row in rows:
            winner = became["ab".index(row["item"])]
            assert winner[int(row["event_id"][1:])] == "accepted"


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files expected")
def test_a_full_disk_is_told_and_what_was_accepted_stays(tmp_path):
    one = child(FILL, tmp_path)
    told, _ = one.communicate(timeout=60)
    assert one.returncode == 0
    accepted, _, message = told.partition(" ")
    assert int(accepted) >= 100
    assert "store.sqlite" in message and "room" in message


def test_no_room_for_another_page_is_a_full_disk(tmp_path):
    with closing(open_store(tmp_path)) as store:
        store.facts.record([done("e0")])
        store.database.write(lambda cursor: cursor.rows("PRAGMA max_page_count = 1"))
        with pytest.raises(ArtifactError, match="make room and write again"):
            store.facts.record([done(f"e{n}", item="i" * 100) for n in range(2000)])
        assert store.facts.counts()["done"] == 1


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtifactError, match="name another folder"):
        open_store(tmp_path / "file")
    (tmp_path / "odd" / "store.sqlite").mkdir(parents=True)
    with pytest.raises(ArtifactError, match="name another folder"):
        open_store(tmp_path / "odd")


def test_a_file_that_becomes_read_only_is_told(tmp_path):
    with closing(open_store(tmp_path)) as store:
        store.database.write(lambda cursor: cursor.rows("PRAGMA query_only = 1"))
        with pytest.raises(ArtifactError, match="can be written to expected"):
            store.facts.record([done("e1")])


@pytest.mark.parametrize("spoil", ["another file", "zeros"])
def test_a_damaged_file_is_told(tmp_path, spoil):
    with closing(open_store(tmp_path)) as store:
        store.facts.record([done(f"e{n}") for n in range(2000)])
    file = tmp_path / "store.sqlite"
    body = file.read_bytes()
    bad = b"not a database" * 1000 if spoil == "another file" else body[:4096] + bytes(len(body))
    file.write_bytes(bad)
    with (
        pytest.raises(ArtifactError, match=r"store\.sqlite.*restore another backup"),
        closing(open_store(tmp_path)) as store,
    ):
        store.facts.frames()


def test_tables_of_a_newer_version_are_refused(tmp_path):
    open_store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as file, file:
        file.execute("INSERT INTO steps VALUES (99)")
    with pytest.raises(
        ArtifactError, match=rf"version {len(schema.STEPS)} or older expected, 99 came.*newer"
    ):
        open_store(tmp_path)


def test_a_step_that_is_missing_is_applied_once(tmp_path, monkeypatch):
    with closing(open_store(tmp_path)) as store:
        store.facts.record([done("e1")])
    more = (*schema.STEPS, ("CREATE TABLE notes (id {text} PRIMARY KEY)",))
    monkeypatch.setattr(schema, "STEPS", more)
    for _ in range(2):
        with closing(open_store(tmp_path)) as store:
            assert store.database.read("SELECT count(*) FROM notes") == [(0,)]
            assert store.facts.counts()["done"] == 1
            numbers = store.database.read("SELECT number FROM steps ORDER BY number")
            assert numbers == [(number,) for number in range(1, len(more) + 1)]


def test_a_step_that_fails_leaves_nothing(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", (("CREATE TABLE a (x {whole})", "CREATE nonsense"),))
        with pytest.raises(sqlite3.OperationalError):
            open_store(tmp_path)
    with closing(open_store(tmp_path)) as store:
        assert store.database.read("SELECT name FROM sqlite_master WHERE name = 'a'") == []
        store.ping()


def test_the_columns_in_the_database_are_those_of_the_schemas(tmp_path):
    with closing(open_store(tmp_path)) as store:
        for table in TABLES:
            info = store.database.read(f"PRAGMA table_info({table})")
            there = {name for _, name, *_ in info} - {"n", "digest", "root"}
            assert there == set(columns_of(table)) == set(SCHEMAS[table]) | there & {"slots"}


def test_many_may_open_a_new_store_at_once(tmp_path):
    opened, failed = [], []

    def work():
        try:
            opened.append(open_store(tmp_path))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in opened:
        store.close()
    assert not failed and len(opened) == 8


def test_waiting_for_others_who_write_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "WAIT_S", 0.2)
    with (
        closing(open_store(tmp_path)) as store,
        closing(sqlite3.connect(tmp_path / "store.sqlite")) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with pytest.raises(StoreDown, match="ask again"):
            store.facts.record([done("e1")])
        assert time.monotonic() - start < 5
        assert store.facts.histories(["ann"], 5) == [[]]  # who reads never waits
        other.execute("ROLLBACK")
        assert store.facts.record([done("e1")]) == ["accepted"]


def test_a_slow_writer_in_this_process_is_not_waited_for_forever(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "WAIT_S", 0.2)
    began, end = threading.Event(), threading.Event()
    with closing(open_store(tmp_path)) as store:
        slow = threading.Thread(
            target=lambda: store.database.write(lambda _: (began.set(), end.wait(10)))
        )
        slow.start()
        began.wait(10)
        with pytest.raises(StoreDown, match="ask again"):
            store.facts.record([done("e1")])
        end.set()
        slow.join()


def test_an_old_sqlite_is_refused(tmp_path, monkeypatch):
    from bowerbird.errors import ConfigError

    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(ConfigError, match=r"3\.35"):
        open_store(tmp_path)
