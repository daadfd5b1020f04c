import threading

import numpy as np
import pytest

from bowerbird.errors import ArtifactError, ConfigError, DataError
from bowerbird.index import postgres
from bowerbird.index.chosen import recall_of
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Ragged
from bowerbird.index.live import LiveIndex
from bowerbird.index.postgres import PostgresIndex
from databases import Server
from vector_sets import N, asked, clustered, some_rows

psycopg = pytest.importorskip("psycopg", reason="no psycopg here")


@pytest.fixture(scope="module")
def vectors():
    return clustered()


@pytest.fixture(scope="module")
def whole(database, vectors):
    """Asked, never changed."""
    return PostgresIndex.over(database.url, "whole", vectors)


def small(database, table="small", n=6):
    """Item i points along axis i, longer the higher i is."""
    made = np.eye(n, 6, dtype=np.float32) * np.arange(1, n + 1, dtype=np.float32)[:, None]
    return PostgresIndex.over(database.url, table, made), np.ones((1, 6), np.float32)


def sql(database, told, *given):
    with psycopg.connect(database.url) as connection:
        done = connection.execute(told, given or None)
        return done.fetchall() if done.description else None


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01, 0.001, 0.0001])
def test_the_graph_under_a_filter_gives_full_lists_of_the_best(whole, vectors, monkeypatch, share):
    monkeypatch.setattr(postgres, "FEW", 50)
    allow = some_rows(share)
    truth = ExactIndex(vectors).search(asked(), 20, allow)
    hits = whole.search(asked(), 20, allow)
    assert np.array_equal(hits.rows >= 0, truth.rows >= 0)
    assert allow is None or allow[hits.rows[hits.rows >= 0]].all()
    assert recall_of(hits, truth) >= 0.95


def test_more_candidates_find_more(whole, database, vectors):
    truth = ExactIndex(vectors).search(asked(), 5)
    few = PostgresIndex.open(database.url, "whole", reach=1).search(asked(), 5)
    assert recall_of(few, truth) < recall_of(whole.search(asked(), 5), truth)


def test_a_filter_of_what_nobody_would_be_shown_still_fills_the_list(whole, vectors, monkeypatch):
    monkeypatch.setattr(postgres, "FEW", 50)
    scores = ExactIndex(vectors).search(asked(1), N)
    allow = np.zeros(N, bool)
    allow[scores.rows[0][scores.rows[0] >= 0][-300:]] = True  # the graph begins far from them
    hits = whole.search(asked(1), 20, allow)
    assert np.array_equal(hits.rows, ExactIndex(vectors).search(asked(1), 20, allow).rows)


def test_ties_go_to_the_lower_row(database):
    index = PostgresIndex.over(database.url, "ties", np.ones((30, 4), np.float32))
    allow = np.arange(30) % 3 == 0
    assert index.search(np.ones((1, 4), np.float32), 4, allow).rows.tolist() == [[0, 3, 6, 9]]


def test_many_queries_are_answered_as_each_alone(whole):
    many = asked(600)
    lists = [[row] for row in range(600)]
    exclude = Ragged(np.concatenate(lists).astype(np.int32), np.arange(601, dtype=np.int64))
    hits = whole.search(many, 5, None, exclude)
    for q in (0, 255, 256, 599):
        alone = whole.search(many[q : q + 1], 5, None, exclude.block(q, q + 1))
        assert alone.rows.tolist() == [hits.rows[q].tolist()]


def test_a_change_is_seen_by_the_next_search_of_everybody(database):
    index, query = small(database)
    other = PostgresIndex.open(database.url, "small")
    assert other.search(query, 3).rows.tolist() == [[5, 4, 3]]
    index.put(np.array([6, 0], np.int32), np.full((2, 6), [[9], [8]], np.float32))
    assert other.search(query, 3).rows.tolist() == [[6, 0, 5]]
    assert len(index) == 7
    index.remove(np.array([6, 5], np.int32))
    assert other.search(query, 3).rows.tolist() == [[0, 4, 3]]
    assert np.isnan(index.take(np.array([6, 99], np.int32))).all()
    assert len(PostgresIndex.open(database.url, "small")) == 7
    shorter = np.ones(5, bool)  # a filter made before row 6 was put in
    index.put(np.array([6], np.int32), np.full((1, 6), 9, np.float32))
    assert index.search(query, 9, shorter).rows.max() == 4


def test_a_vector_longer_than_all_before_is_found(database):
    vectors = clustered()
    index = PostgresIndex.over(database.url, "longer", vectors)
    far = 3 * np.nanmax(np.abs(vectors)) * np.ones((1, vectors.shape[1]), np.float32)
    index.put(np.array([N], np.int32), far)
    grown = np.vstack([vectors, far])
    hits, truth = index.search(asked(), 20), ExactIndex(grown).search(asked(), 20)
    assert recall_of(hits, truth) >= 0.95
    assert index.search(far, 1).rows.tolist() == [[N]]
    np.testing.assert_array_equal(index.take(np.arange(N, dtype=np.int32)), vectors)


def test_it_may_stand_under_a_live_index_and_be_rebuilt(database):
    index, query = small(database)
    live = LiveIndex(index, 6)
    live.put(np.array([6], np.int32), np.full((1, 6), 9, np.float32))
    live.remove(np.array([5], np.int32))
    live.rebuild(lambda vectors: PostgresIndex.over(database.url, "small", vectors))
    assert live.fresh == 0 and live.search(query, 2).rows.tolist() == [[6, 4]]


def test_a_table_is_replaced_while_it_answers(database):
    index, query = small(database)
    wrong, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            rows = index.search(query, 1).rows.tolist()
            if rows not in ([[5]], [[0]]):
                wrong.append(rows)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(3):
        PostgresIndex.over(database.url, "small", 9 * np.eye(1, 6, dtype=np.float32))
        small(database)
    stop.set()
    thread.join()
    assert not wrong


def test_a_killed_server_is_told_and_when_it_is_back_it_answers_again():
    server = Server()
    try:
        index, query = small(server)
        index.put(np.array([6], np.int32), np.full((1, 6), 9, np.float32))
        server.kill()
        for ask in (
            lambda: index.search(query, 1),
            lambda: PostgresIndex.open(server.url, "small"),
        ):
            with pytest.raises(ArtifactError, match="a PostgreSQL server expected, none answers"):
                ask()
        server.start()
        assert index.search(query, 1).rows.tolist() == [[6]]
        index.remove(np.array([6], np.int32))
        assert index.search(query, 1).rows.tolist() == [[5]]
    finally:
        server.remove()


def test_a_failed_hand_over_leaves_the_old_table(database, monkeypatch):
    index, query = small(database)
    monkeypatch.setattr("bowerbird.index.postgres_table.GRAPH", "no such method")
    with pytest.raises(ArtifactError, match="it refuses"):
        small(database)
    assert index.search(query, 1).rows.tolist() == [[5]]


def test_what_is_not_ours_is_neither_read_nor_replaced(database):
    sql(database, "CREATE TABLE orders (id integer); INSERT INTO orders VALUES (7)")
    for ask in (
        lambda: PostgresIndex.open(database.url, "orders"),
        lambda: small(database, "orders"),
    ):
        with pytest.raises(DataError, match="table orders: one that .* made expected"):
            ask()
    assert sql(database, "SELECT id FROM orders") == [(7,)]
    sql(database, "COMMENT ON TABLE orders IS '{\"n\": 1}'")
    with pytest.raises(DataError, match="take another name"):
        PostgresIndex.open(database.url, "orders")


def test_a_table_that_is_not_there_or_has_gone_is_told(database):
    with pytest.raises(ArtifactError, match="table nowhere: expected, it is not there"):
        PostgresIndex.open(database.url, "nowhere")
    index, query = small(database, "gone")
    sql(database, "DROP TABLE gone")
    with pytest.raises(ArtifactError, match='it refuses .relation "gone" does not exist'):
        index.search(query, 1)
    with pytest.raises(ArtifactError, match="table gone: expected, it is not there"):
        index.put(np.array([1], np.int32), query)


def test_names_are_never_read_as_sql(database):
    sql(database, "CREATE SCHEMA shop")
    for name in ('x"; DROP TABLE whole; --', "shop.items", "select"):
        index, query = small(database, name)
        assert index.search(query, 1).rows.tolist() == [[5]]
        assert PostgresIndex.open(database.url, name).search(query, 1).rows.tolist() == [[5]]


def test_what_cannot_be_put_in_is_refused(database):
    index, query = small(database)
    with pytest.raises(DataError, match="dim 6 expected"):
        index.put(np.array([1], np.int32), np.ones((1, 5), np.float32))
    with pytest.raises(DataError, match="finite"):
        index.put(np.array([1], np.int32), np.full((1, 6), np.nan, np.float32))
    with pytest.raises(DataError, match="none twice"):
        index.put(np.array([1, 1], np.int32), np.ones((2, 6), np.float32))
    with pytest.raises(DataError, match="dim up to 1,999 expected"):
        PostgresIndex.over(database.url, "wide", np.ones((1, 2_000), np.float32))
    assert index.search(query, 1).rows.tolist() == [[5]]


def test_no_rows_are_a_table_too(database):
    index = PostgresIndex.over(database.url, "none", np.full((3, 4), np.nan, np.float32))
    assert len(index) == 3
    assert index.search(np.ones((2, 4), np.float32), 2).rows.tolist() == [[-1, -1]] * 2
    index.put(np.array([2], np.int32), np.ones((1, 4), np.float32))
    assert index.search(np.ones((1, 4), np.float32), 2).rows.tolist() == [[2, -1]]


def test_a_server_that_cannot_do_it_is_told(database, monkeypatch):
    monkeypatch.setattr("bowerbird.index.postgres_table.NEEDED", (9, 0))
    with pytest.raises(ArtifactError, match="pgvector from version 9.0 on expected, 0.8.6 came"):
        small(database, "modern")
    sql(database, "CREATE ROLE guest LOGIN")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare")
    url = database.url.replace("postgres@/postgres", "guest@/bare")
    with pytest.raises(ArtifactError, match="it cannot be put in .*CREATE EXTENSION vector"):
        PostgresIndex.over(url, "small", np.ones((1, 4), np.float32))


def test_a_url_that_leads_nowhere_is_told_without_the_password(tmp_path):
    nobody = f"postgresql://shop:secret@/shop?host={tmp_path}"
    with pytest.raises(ArtifactError, match="shop on .*none answers") as told:
        PostgresIndex.open(nobody, "items")
    assert "secret" not in str(told.value)
    with pytest.raises(ConfigError, match="postgresql://USER@HOST/DATABASE expected") as told:
        PostgresIndex.open("postgresql://shop:secret@[/", "items")
    assert "secret" not in str(told.value)


def test_without_psycopg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ConfigError, match="pip install 'bowerbird\\[pg\\]'"):
        PostgresIndex.open("postgresql://localhost/shop", "items")
