import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from jaxtyping import TypeCheckError

from bowerbird.errors import DataError
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import NONE, Ragged, best, pack

# a few values only, so that ties are common
scores = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 70)),
    elements=st.sampled_from(np.array([-np.inf, -2, -0.0, 0.0, 0.5, 1, 3], np.float32)),
)


def plainly(row, k):
    """The definition: by falling score, ties to the lower row, nothing below the lowest number."""
    order = sorted((r for r in range(len(row)) if row[r] > NONE), key=lambda r: (-row[r], r))
    return (order + [-1] * k)[:k]


@given(scores, st.integers(1, 80))
def test_best_is_a_stable_sort(values, k):
    hits = best(values.copy(), k)
    assert hits.rows.tolist() == [plainly(row, k) for row in values]
    there = hits.rows >= 0
    queries = np.nonzero(there)[0]
    assert np.array_equal(hits.scores[there], values[queries, hits.rows[there]])
    assert (hits.scores[~there] == NONE).all()


@given(scores, st.integers(1, 10), st.data())
def test_what_is_not_eligible_is_never_a_hit(values, k, data):
    b, n = values.shape
    allow = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    lists = data.draw(st.lists(st.lists(st.integers(0, n - 1), max_size=5), min_size=b, max_size=b))
    rows = np.array([r for some in lists for r in some], dtype=np.int32)
    exclude = Ragged(rows, np.cumsum([0, *map(len, lists)], dtype=np.int64))
    hits = best(values.copy(), k, allow, exclude)
    for q in range(b):
        kept = values[q].copy()
        kept[~allow] = NONE
        kept[lists[q]] = NONE
        assert hits.rows[q].tolist() == plainly(kept, k)


def test_a_floor_keeps_what_is_below_it_out():
    assert best(np.array([[0, 2, 1]], np.float32), 3, floor=1.0).rows.tolist() == [[1, 2, -1]]


def test_packing_keeps_the_scores_exactly():
    values = np.array([1e-30, -1e30, 0.1, -0.0], np.float32)
    hits = pack(np.zeros(4, np.int64), np.arange(4), values, 1, 4)
    assert hits.rows.tolist() == [[2, 0, 3, 1]]
    assert hits.scores.tolist() == [[np.float32(0.1), np.float32(1e-30), 0, np.float32(-1e30)]]


def test_many_blocks_answer_as_one(monkeypatch):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 8)).astype(np.float32)
    queries = rng.normal(size=(50, 8)).astype(np.float32)
    exclude = Ragged(np.arange(50, dtype=np.int32), np.arange(51, dtype=np.int64))
    whole = ExactIndex(vectors).search(queries, 5, exclude=exclude)
    monkeypatch.setattr("bowerbird.index.exact.BLOCK_BYTES", 4 * 300 * 7)
    parts = ExactIndex(vectors).search(queries, 5, exclude=exclude)
    assert np.array_equal(whole.rows, parts.rows)
    plain = queries @ vectors.T
    plain[np.arange(50), np.arange(50)] = -np.inf
    assert np.array_equal(whole.rows, np.argsort(-plain, axis=1, kind="stable")[:, :5])


def test_an_item_that_cannot_be_placed_is_never_a_hit():
    vectors = np.array([[np.nan, 0], [1, 0], [0, 1]], np.float32)
    hits = ExactIndex(vectors).search(np.ones((1, 2), np.float32), 3)
    assert hits.rows.tolist() == [[1, 2, -1]]


def test_fewer_than_k_is_padded():
    hits = ExactIndex(np.eye(2, dtype=np.float32)).search(np.ones((1, 2), np.float32), 4)
    assert hits.rows.tolist() == [[0, 1, -1, -1]]


def test_another_dim_is_refused_with_the_remedy():
    with pytest.raises(DataError, match="dim 2 expected.*3 came.*same run"):
        ExactIndex(np.eye(2, dtype=np.float32)).search(np.ones((1, 3), np.float32), 1)


def test_a_query_that_is_not_finite_is_refused():
    with pytest.raises(DataError, match="finite query vectors"):
        ExactIndex(np.eye(2, dtype=np.float32)).search(np.full((1, 2), np.nan, np.float32), 1)


def test_a_wrong_shape_is_caught():
    with pytest.raises(TypeCheckError):
        ExactIndex(np.zeros((3, 2), np.float32)).search(np.zeros(2, np.float32), 1)
