"""The dial: exact against brute force, nothing at 0, and all preference for the popular at 1."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.als import Als
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import ConfigError, DataError
from bowerbird.index.index import Hits, Ragged
from bowerbird.retrieval.discounted import Discounted, discounted_hits, log_popularity
from bowerbird.retrieval.retriever import Retriever, Scorer, VectorRetriever
from worlds import cycles, dataset


@dataclass(frozen=True)
class Given:
    """An encoder of given vectors; query q is the vector of its moment."""

    items: np.ndarray
    queries: np.ndarray

    def encode_items(self, catalog):
        return self.items

    def encode_queries(self, queries):
        return self.queries[queries.now]

    def save(self, folder):
        (folder / "saved").write_text("given")


CATALOG = Catalog(Vocabulary(tuple(f"i{row}" for row in range(40))))


def asked(b):
    return Queries.of([list(range(q)) for q in range(b)])  # history q has q events: now is q


def made(seed, n=40, b=6, dim=5, whole=False):
    random = np.random.default_rng(seed)
    draw = (lambda size: random.integers(-4, 5, size)) if whole else random.standard_normal
    items, queries = (draw((rows, dim)).astype(np.float32) for rows in (n, b))
    items[random.random(n) < 0.1] = np.nan
    counts = random.zipf(1.5, n).clip(max=9999) * (random.random(n) < 0.8)
    return Given(items, queries), log_popularity(counts.astype(np.int64))


@given(st.integers(0, 2**32 - 1), st.integers(1, 45))
@settings(max_examples=50, deadline=None)
def test_at_0_the_answer_is_that_of_the_vectors_alone(seed, k):
    encoder, levels = made(seed, whole=True)  # whole numbers: sums are exact in any order
    allow = np.random.default_rng(seed).random(40) < 0.7
    exclude = Ragged(np.arange(6, dtype=np.int32), np.arange(7, dtype=np.int64))
    plain = VectorRetriever.over(encoder, CATALOG)
    dial = Discounted.over(encoder, CATALOG, levels)
    for limits in ((None, None), (allow, exclude)):
        wanted = plain.retrieve(asked(6), k, *limits)
        came = dial.retrieve(asked(6), k, *limits)
        np.testing.assert_array_equal(came.rows, wanted.rows)
        np.testing.assert_array_equal(came.scores, wanted.scores)


@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.integers(1, 45))
@settings(max_examples=50, deadline=None)
def test_scores_are_those_of_brute_force(seed, alpha, k):
    encoder, levels = made(seed)
    hits = Discounted.over(encoder, CATALOG, levels, alpha).retrieve(asked(6), k)
    placed = np.isfinite(encoder.items).all(axis=1)
    scores = encoder.queries.astype(np.float64) @ encoder.items.T
    sigma = scores[:, placed].std(axis=1) / levels[placed].std()
    scores -= alpha * sigma[:, None] * levels
    scores[:, ~placed] = -np.inf
    best = -np.sort(-scores, axis=1)[:, :k]
    count = min(k, int(placed.sum()))
    np.testing.assert_allclose(hits.scores[:, :count], best[:, :count], rtol=1e-4, atol=1e-4)
    assert (hits.rows[:, count:] == -1).all()
    came = np.take_along_axis(scores, hits.rows[:, :count].astype(np.int64), axis=1)
    np.testing.assert_allclose(came, hits.scores[:, :count], rtol=1e-4, atol=1e-4)


def test_popularity_alone_has_no_preference_left_at_1():
    data = dataset([[0, 1, 2, 3], [0, 1, 2], [0, 1], [0], [5]], n_items=7)
    encoder = Popularity().fit(data)
    levels = log_popularity(data.item_counts())
    dial = Discounted.over(encoder, data.catalog, levels, alpha=1.0)
    hits = dial.retrieve(data.queries(), 5)
    np.testing.assert_allclose(hits.scores, 0, atol=1e-6)
    assert dial.correlation(data.queries()) == pytest.approx(1)
    assert dial.with_alpha(0.0).retrieve(data.queries(), 1).rows[0, 0] == 0
    beyond = dial.with_alpha(1.5).retrieve(data.queries(), 1).rows[:, 0]
    assert np.isin(beyond, np.flatnonzero(data.item_counts() == 1)).all()


def test_alpha_of_the_correlation_leaves_no_slope():
    encoder, levels = made(3, b=1)
    placed = np.isfinite(encoder.items).all(axis=1)
    items = encoder.items + np.float32(0.5) * levels[:, None]  # the popular score higher
    queries = np.abs(encoder.queries)
    dial = Discounted.over(Given(items, queries), CATALOG, levels)
    r = dial.correlation(asked(1))
    scores = (queries @ items.T)[0, placed]
    assert r == pytest.approx(np.corrcoef(scores, levels[placed])[0, 1], abs=1e-5)
    hits = dial.with_alpha(r).retrieve(asked(1), int(placed.sum()))
    slope = np.polyfit(levels[hits.rows[0]], hits.scores[0], 1)[0]
    assert slope == pytest.approx(0, abs=1e-4)


def test_turning_the_dial_shows_less_popular_items_and_builds_nothing():
    data = cycles(n_users=200, n_items=30, length=5)
    counts = data.item_counts()
    dial = Discounted.over(Als(dim=8).fit(data), data.catalog, log_popularity(counts))
    queries = data.queries()
    shown = []
    for alpha in (-3.0, 0.0, 1.0, 3.0, 9.0):
        turned = dial.with_alpha(alpha)
        assert turned.index is dial.index
        assert turned.vectors is dial.vectors
        shown.append(counts[turned.retrieve(queries, 5).rows].mean())
    assert shown == sorted(shown, reverse=True)
    assert shown[-1] < shown[0]


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_size_of_scores_and_queries_does_not_matter(factor):
    encoder, levels = made(5)
    larger = Given(encoder.items * np.float32(factor), encoder.queries)
    longer = Given(encoder.items, encoder.queries * np.float32(factor))
    wanted = Discounted.over(encoder, CATALOG, levels, 0.7).retrieve(asked(6), 8)
    for other in (larger, longer):
        came = Discounted.over(other, CATALOG, levels, 0.7).retrieve(asked(6), 8)
        np.testing.assert_array_equal(came.rows, wanted.rows)


def test_who_has_nothing_to_say_gets_nothing_and_cold_items_no_discount():
    encoder, _ = made(1)
    encoder.queries[2] = 0
    levels = np.zeros(40, np.float32)
    dial = Discounted.over(encoder, CATALOG, levels, 2.0)  # nobody is popular: nothing to hold back
    plain = VectorRetriever.over(encoder, CATALOG).retrieve(asked(6), 5)
    came = dial.retrieve(asked(6), 5)
    np.testing.assert_array_equal(came.rows, plain.rows)
    assert (came.rows[2] == -1).all()
    assert np.isnan(dial.correlation(asked(6)))
    assert log_popularity(np.array([0, 1, 2])).tolist() == pytest.approx([0, np.log(2), np.log(3)])


def test_scores_of_given_rows_are_those_that_retrieve_gives():
    encoder, levels = made(9)
    encoder.queries[4] = 0
    dial = Discounted.over(encoder, CATALOG, levels, 0.8)
    hits = dial.retrieve(asked(6), 40)
    np.testing.assert_allclose(dial.scores(asked(6), hits.rows), hits.scores, rtol=1e-5, atol=1e-5)
    beyond = np.full((6, 1), 40, np.int32)
    assert (dial.scores(asked(6), beyond) == -np.inf).all()
    unplaced = np.flatnonzero(np.isnan(encoder.items[:, 0]))[:1].astype(np.int32)
    assert (dial.scores(asked(6), np.repeat(unplaced[None], 6, axis=0)) == -np.inf).all()
    assert isinstance(dial, Scorer)


def test_similar_items_and_saving_are_the_encoder_s(tmp_path):
    encoder, levels = made(2)
    dial = Discounted.over(encoder, CATALOG, levels, 1.0)
    assert isinstance(dial, Retriever)
    rows = np.arange(6, dtype=np.int32)
    wanted = VectorRetriever.over(encoder, CATALOG).similar(rows, 4)
    came = dial.similar(rows, 4)
    np.testing.assert_array_equal(came.rows, wanted.rows)
    np.testing.assert_allclose(came.scores, wanted.scores, rtol=1e-6)
    dial.save(tmp_path)
    assert (tmp_path / "saved").read_text() == "given"


def test_a_catalog_without_any_vector_has_no_hits():
    encoder, levels = made(0)
    nothing = Given(np.full_like(encoder.items, np.nan), encoder.queries)
    dial = Discounted.over(nothing, CATALOG, levels, 1.0)
    assert (dial.retrieve(asked(6), 3).rows == -1).all()
    assert np.isnan(dial.correlation(asked(6)))


def test_the_spread_of_many_items_is_read_in_blocks(monkeypatch):
    encoder, levels = made(4)
    whole = Discounted.over(encoder, CATALOG, levels).spread
    monkeypatch.setattr("bowerbird.retrieval.discounted.ROWS_AT_ONCE", 7)
    parts = Discounted.over(encoder, CATALOG, levels).spread
    np.testing.assert_allclose(parts @ parts.T, whole @ whole.T, atol=1e-9)


def test_bad_settings_are_errors():
    encoder, levels = made(0)
    for alpha in (float("-inf"), float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="a finite alpha expected"):
            Discounted.over(encoder, CATALOG, levels, alpha)
    with pytest.raises(DataError, match="of 40 items expected .* 3 came"):
        Discounted.over(encoder, CATALOG, levels[:3])
    with pytest.raises(DataError, match="finite log popularity expected"):
        Discounted.over(encoder, CATALOG, np.full(40, np.nan, np.float32))
    hits = Hits(np.zeros((1, 1), np.int32), np.ones((1, 1), np.float32))
    with pytest.raises(DataError, match="a finite discount expected"):
        discounted_hits(hits, levels, float("nan"))


def test_lists_are_reordered_and_open_places_stay_last():
    hits = Hits(
        np.array([[4, 2, 0, -1], [1, 3, 0, 2]], np.int32),
        np.array([[3, 2, 2, -np.inf], [4, 3, 2, 1]], np.float32),
    )
    levels = np.array([0, 0, 0, 1, 2], np.float32)
    each = np.array([1, 5], np.float32)
    came = discounted_hits(hits, levels, each)
    # query 0: 3 - 2, 2, 2: a tie goes to the lower row; query 1: item 3 loses 5
    assert came.rows.tolist() == [[0, 2, 4, -1], [1, 0, 2, 3]]
    assert came.scores.tolist() == [[2, 2, 1, -np.inf], [4, 2, 1, -2]]
    same = discounted_hits(hits, levels, 0.0)
    assert same.rows.tolist() == [[4, 0, 2, -1], [1, 3, 0, 2]]


def test_reordering_everything_is_the_extra_dimension():
    encoder, levels = made(7)
    dial = Discounted.over(encoder, CATALOG, levels, 0.6)
    everything = VectorRetriever.over(encoder, CATALOG).retrieve(asked(6), 40)
    discount = np.float32(0.6) * dial.scales(encoder.queries)
    came = discounted_hits(everything, levels, discount).top(10)
    wanted = dial.retrieve(asked(6), 10)
    np.testing.assert_array_equal(came.rows, wanted.rows)
    np.testing.assert_allclose(came.scores, wanted.scores, rtol=1e-4, atol=1e-5)
