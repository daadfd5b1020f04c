from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.columns import Column
from bowerbird.data.queries import Queries
from bowerbird.encoders.popularity import Popularity
from bowerbird.index.index import NONE, Hits, Ragged
from bowerbird.retrieval import backfill
from bowerbird.retrieval.backfill import Backfill, Segments
from bowerbird.retrieval.cooccurrence import CoOccurrence
from worlds import cycles, dataset


class Fixed:
    """A retriever that answers from a table, leaving out what is not eligible."""

    def __init__(self, lists):
        self.lists = lists

    def retrieve(self, queries, k, allow=None, exclude=None):
        rows = np.full((len(queries), k), -1, np.int32)
        scores = np.full((len(queries), k), NONE, np.float32)
        for q, some in enumerate(self.lists):
            out = set() if exclude is None else set(exclude.block(q, q + 1).rows.tolist())
            good = [r for r in some if r not in out and (allow is None or allow[r])][:k]
            rows[q, : len(good)] = good
            scores[q, : len(good)] = -np.arange(len(good), dtype=np.float32)
        return Hits(rows, scores)

    def similar(self, rows, k, allow=None):
        raise NotImplementedError

    def save(self, folder):
        raise NotImplementedError


N = 9
some_rows = st.lists(st.integers(0, N - 1), unique=True, max_size=N)


@given(
    st.lists(st.tuples(some_rows, some_rows), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=N, max_size=N),
    st.integers(1, 12),
)
def test_everyone_gets_k_wherever_k_are_eligible(cases, allowed, k):
    popularity = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5], np.float32)
    allow = np.array(allowed)
    rows = np.array([r for _, out in cases for r in out], dtype=np.int32)
    exclude = Ragged(rows, np.cumsum([0, *(len(out) for _, out in cases)], dtype=np.int64))
    engine = Backfill(Fixed([found for found, _ in cases]), popularity)
    hits = engine.retrieve(Queries.of([[]] * len(cases)), k, allow, exclude)
    for q, (found, out) in enumerate(cases):
        eligible = [r for r in range(N) if allowed[r] and r not in out]
        own = [r for r in found if r in eligible][:k]
        rest = sorted(set(eligible) - set(own), key=lambda r: (-popularity[r], r))
        expected = (own + rest)[:k]
        assert hits.rows[q].tolist() == expected + [-1] * (k - len(expected))
        falling = hits.scores[q][: len(expected)]
        assert (np.diff(falling) <= 0).all()


def test_a_stranger_gets_what_is_popular_with_its_own_score():
    engine = Backfill(Fixed([[]]), np.array([1, 3, 2], np.float32))
    hits = engine.retrieve(Queries.of([[]]), 2)
    assert hits.rows.tolist() == [[1, 2]]
    assert hits.scores.tolist() == [[3, 2]]


def test_blocks_answer_as_one(monkeypatch):
    data = cycles(n_users=40)
    popularity = np.log1p(data.item_counts()).astype(np.float32)
    engine = Backfill(CoOccurrence(window=1, backward=0.0).fit(data), popularity)
    whole = engine.retrieve(data.queries(), 12)
    monkeypatch.setattr(backfill, "BLOCK", 3)
    assert np.array_equal(engine.retrieve(data.queries(), 12).rows, whole.rows)
    assert (np.sort(whole.rows, axis=1) == np.arange(12)).all()


@pytest.mark.parametrize("cells", [1, 40, 200])
def test_one_who_has_seen_much_changes_nothing_for_the_others(cells, monkeypatch):
    popularity = np.arange(50, dtype=np.float32)
    seen = [np.arange(40, dtype=np.int32) + 10 if q == 7 else np.array([49 - q]) for q in range(9)]
    exclude = Ragged(
        np.concatenate(seen).astype(np.int32), np.cumsum([0, *map(len, seen)], dtype=np.int64)
    )
    engine, queries = Backfill(Fixed([[]] * 9), popularity), Queries.of([[]] * 9)
    expected = engine.retrieve(queries, 4, None, exclude)
    monkeypatch.setattr(backfill, "CELLS", cells)
    hits = engine.retrieve(queries, 4, None, exclude)
    assert np.array_equal(hits.rows, expected.rows)
    assert np.array_equal(hits.scores, expected.scores)
    assert hits.rows[7].tolist() == [9, 8, 7, 6]


def test_blocks_hold_every_query_once_and_no_more_places_than_allowed(monkeypatch):
    monkeypatch.setattr(backfill, "CELLS", 100)
    queries, reach = np.array([1, 3, 4, 6]), np.array([0, 9, 0, 999, 24, 0, 9])
    blocks = [block.tolist() for block in backfill._blocks(queries, reach)]
    assert blocks == [[3], [4, 1, 6]]


def test_people_of_a_known_kind_get_what_their_kind_likes():
    data = dataset([[0], [0], [0], [1], [1], [2]], n_items=4)
    land = Column.category(["no", "no", "no", "se", "se", "se"])
    data = replace(data, traits={"land": land})
    popular = Popularity(segment="land", shrinkage=0.1).fit(data)
    levels = np.nan_to_num(popular.encode_items(data.catalog), nan=-1)
    engine = Backfill(Fixed([[], [], [], [3]]), levels[:, 0], Segments(popular, levels))
    asked = Column.category(["se", None, "no", "se"])
    queries = replace(Queries.of([[]] * 4), context={"land": asked})
    hits = engine.retrieve(queries, 4)
    # to the first of the hits belongs what the main retriever has found
    assert hits.rows.tolist() == [[1, 2, 0, 3], [0, 1, 2, 3], [0, 1, 2, 3], [3, 1, 2, 0]]
    assert (np.diff(hits.scores) <= 0).all()
    some = engine.retrieve(queries, 2, allow=np.array([True, True, False, True]))
    assert some.rows.tolist() == [[1, 0], [0, 1], [0, 1], [3, 1]]
    with_history = Ragged(np.array([1], np.int32), np.array([0, 1, 1, 1, 1]))
    assert engine.retrieve(queries, 2, exclude=with_history).rows[0].tolist() == [2, 0]
