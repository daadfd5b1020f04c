"""The store on a server: restarts, refusals, others who write at the same time."""

import threading
import time
from contextlib import closing

import pytest

from bowerbird.data.facts import SCHEMAS
from bowerbird.errors import ArtifactError, ConfigError, DataError, StoreDown
from bowerbird.store import postgres
from bowerbird.store.database import insert
from bowerbird.store.fact_frames import TABLES, columns_of
from bowerbird.store.fact_rows import DONE, event_row
from bowerbird.store.opened import open_store
from bowerbird.store.postgres import PostgresDatabase
from databases import Server
from live_facts import done, emptied, seen, served

psycopg = pytest.importorskip("psycopg", reason="no psycopg here")


@pytest.fixture
def url(database):
    return emptied(database.url)


@pytest.fixture
def store(url):
    with closing(open_store(url)) as made:
        yield made


def test_a_server_that_is_killed_under_writes_loses_nothing_that_was_accepted():
    server = Server()
    accepted, times, stop = [], [], threading.Event()

    def write(number, store):
        for start in range(0, 10**6, 10):
            some = [done(f"{number}-{n}", user=f"u{number}") for n in range(start, start + 10)]
            while not stop.is_set():
                began = time.monotonic()
                try:
                    became = store.facts.record(some)
                    accepted.extend(event.event_id for event in some)
                    assert set(became) <= {"accepted", "duplicate"}
                    break
                except StoreDown:
                    times.append(time.monotonic() - began)
                    time.sleep(0.02)
            if stop.is_set():
                return

    try:
        with closing(open_store(server.url)) as store:
            writers = [threading.Thread(target=write, args=(n, store)) for n in range(3)]
            for writer in writers:
                writer.start()
            for _ in range(2):
                time.sleep(0.4)
                server.kill()
                time.sleep(0.3)
                before = len(accepted)
                server.start()
            time.sleep(0.4)
            stop.set()
            for writer in writers:
                writer.join()
            assert len(accepted) > before > 0 and times
            assert max(times) < postgres.ANSWER_S
            there = store.facts.frames().done["event_id"].to_list()
            assert len(there) == len(set(there))
            assert set(accepted) <= set(there)
    finally:
        server.remove()


def test_while_no_server_answers_each_call_says_so_quickly_and_goes_on_afterwards():
    server = Server()
    try:
        with closing(open_store(server.url)) as store:
            store.facts.record([done("e1")])
            server.kill()
            began = time.monotonic()
            for call in (store.ping, store.facts.counts, lambda: store.facts.record([done("e2")])):
                with pytest.raises(StoreDown, match="start it, or correct the URL"):
                    call()
            assert time.monotonic() - began < 2
            with pytest.raises(StoreDown):
                open_store(server.url)
            server.start()
            store.ping()
            assert store.facts.record([done("e1"), done("e2")]) == ["duplicate", "accepted"]
    finally:
        server.remove()


def test_a_password_is_never_told():
    url = "postgresql://shop:hunter2@localhost:1/shop"
    with pytest.raises(StoreDown) as told:
        open_store(url)
    assert "hunter2" not in str(told.value) and "shop on localhost:1" in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:hun@ter2@localhost/shop",
        "postgresql://shop:hun/ter2@localhost/shop",
        "postgresql://shop:hun#ter2@localhost/shop",
        "postgresql://shop:12?ter2@localhost/shop",
        "postgresql://shop:hun%zzter2@localhost/shop",
        "postgresql://shop:localhost/shop",
    ],
)
def test_a_url_whose_password_could_be_taken_for_something_else_is_refused(url):
    with pytest.raises(ConfigError, match="%40") as told:
        open_store(url)
    assert "ter2" not in str(told.value) and "hun" not in str(told.value)


def test_tables_of_a_newer_version_are_refused(store, url):
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO bowerbird.steps VALUES (99)")
    with pytest.raises(ArtifactError, match=r"version 2 or older expected, 99 came"):
        open_store(url)


def test_many_may_open_a_new_store_at_once(url):
    opened, failed = [], []

    def work():
        try:
            opened.append(open_store(url))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in opened:
        store.close()
    assert not failed and len(opened) == 6


def test_the_columns_in_the_database_are_those_of_the_schemas(store):
    for table in TABLES:
        asked = "SELECT column_name FROM information_schema.columns WHERE table_schema = ?"
        there = store.database.read(f"{asked} AND table_name = ?", ["bowerbird", table])
        names = {name for (name,) in there} - {"n", "digest", "root"}
        assert names == set(columns_of(table)) == set(SCHEMAS[table]) | names & {"slots"}


def test_a_number_is_settled_when_nothing_lower_can_appear(store, url):
    store.facts.record([done("e1")])
    found, began, end = [], threading.Event(), threading.Event()

    def write_slowly(cursor):
        row = (*event_row(done("late")), b"")
        insert(cursor, "done", (*DONE, "digest"), [row])
        began.set()
        end.wait(10)

    slow = threading.Thread(target=lambda: store.database.write(write_slowly))
    slow.start()
    began.wait(10)
    asker = threading.Thread(target=lambda: found.append(store.database.settled("done")))
    asker.start()
    asker.join(0.3)
    assert not found
    end.set()
    slow.join()
    asker.join()
    assert found == [store.facts.newest(1)[0][0]]
    assert store.facts.newest(1)[0][1].event_id == "late"


def test_two_who_lock_each_other_out_both_get_through(store):
    barrier, outcomes = threading.Barrier(2), []

    def write(first, second):
        tries = []

        def work(cursor):
            cursor.alone(first)
            if not tries:
                tries.append(1)
                barrier.wait(10)
            cursor.alone(second)
            cursor.change("INSERT INTO papers VALUES (?, '1')", [first])

        store.database.write(work)
        outcomes.append(first)

    threads = [threading.Thread(target=write, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == store.papers.names() == ["a", "b"]


def test_those_who_find_all_connections_in_use_are_told(store, monkeypatch):
    monkeypatch.setattr(postgres, "PATIENCE_S", 0.2)
    began, end = threading.Barrier(postgres.AT_ONCE + 1), threading.Event()

    def hold():
        with store.database.snapshot():
            began.wait(10)
            end.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(postgres.AT_ONCE)]
    for thread in threads:
        thread.start()
    began.wait(10)
    with pytest.raises(StoreDown, match="in use: ask again"):
        store.ping()
    end.set()
    for thread in threads:
        thread.join()
    store.ping()


def test_an_answer_that_takes_too_long_is_given_up(url, monkeypatch):
    monkeypatch.setattr(postgres, "OPTIONS", "-c statement_timeout=100")
    with closing(PostgresDatabase(url)) as slow:
        with pytest.raises(StoreDown, match="ask again"):
            slow.read("SELECT pg_sleep(5)")
        assert slow.read("SELECT 1") == [(1,)]


def test_who_may_not_make_tables_is_told_and_who_finds_them_made_needs_no_such_right(url):
    with psycopg.connect(url, autocommit=True) as boss:
        boss.execute("DROP ROLE IF EXISTS clerk")
        boss.execute("CREATE ROLE clerk LOGIN")
    clerk = url.replace("postgres@", "clerk@", 1)
    with pytest.raises(ArtifactError, match=r"right to make .* expected.*GRANT"):
        open_store(clerk)
    with psycopg.connect(url, autocommit=True) as boss:
        boss.execute("CREATE SCHEMA bowerbird AUTHORIZATION clerk")
    with closing(open_store(clerk)) as store:
        assert store.facts.record([done("e1")]) == ["accepted"]
    with psycopg.connect(url, autocommit=True) as boss:
        boss.execute("DROP SCHEMA bowerbird CASCADE")
        boss.execute("DROP ROLE clerk")


def test_a_server_that_only_reads_is_told_as_one_to_ask_later(store, url):
    waiting = f"{url}&options=-c%20default_transaction_read_only%3Don"
    with closing(PostgresDatabase(waiting)) as other:
        with pytest.raises(StoreDown, match="read-only"):
            other.write(lambda cursor: cursor.change("DELETE FROM done"))
        assert other.read("SELECT count(*) FROM done") == [(0,)]


def test_tables_that_somebody_took_away_are_told(store, url):
    emptied(url)
    with pytest.raises(ArtifactError, match="see to the server"):
        store.facts.counts()


def test_an_error_in_a_transaction_leaves_the_connection_as_good_as_new(store):
    def work(cursor):
        cursor.change("INSERT INTO papers VALUES ('a', '1')")
        raise DataError("no")

    for _ in range(postgres.AT_ONCE + 1):
        with pytest.raises(DataError):
            store.database.write(work)
    assert store.papers.names() == []


def test_what_is_accepted_is_on_disk_whatever_the_server_is_set_to(store):
    assert store.database.read("SHOW synchronous_commit") == [("on",)]


def test_a_deletion_during_which_others_write_leaves_nothing(store):
    store.facts.serve([served("r1")])
    store.facts.record([done("e1"), seen("s1")])
    stop, failed = threading.Event(), []

    def write():
        n = 0
        while not stop.is_set():
            try:
                store.facts.record([done(f"x{n}", user="bo"), seen(f"y{n}", user="bo")])
                n += 1
            except Exception as error:
                failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    assert store.people.delete("ann", 50)["done"] == 1
    stop.set()
    writer.join()
    assert not failed
    assert store.facts.histories(["ann"], 5) == [[]]
