from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.blend import BlendEncoder, Norm, Terms, best_projection, log_popularity
from bowerbird.retrieval.blend import Blend, as_scorer
from bowerbird.retrieval.models import as_retriever, estimator_of, load_fitted
from worlds import cycles, dataset


@dataclass(frozen=True)
class Table:
    """An encoder by two tables: a history's vector is that of its newest item."""

    items: np.ndarray
    asked: np.ndarray

    def encode_items(self, catalog: Catalog):
        rows = [int(id[1:]) for id in catalog.items.ids]
        return np.array(
            [self.items[r] if r < len(self.items) else self.items[0] * np.nan for r in rows],
            dtype=np.float32,
        )

    def encode_queries(self, queries: Queries):
        out = np.zeros((len(queries), self.asked.shape[1]), np.float32)
        for q in range(len(queries)):
            if len(queries.history(q)):
                out[q] = self.asked[queries.history(q)[-1]]
        return out

    def save(self, folder: Path):
        raise NotImplementedError


def table(n, dim, seed, scale=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    items = (scale * rng.standard_normal((n, dim)) + shift).astype(np.float32)
    return Table(items, rng.standard_normal((n, dim)).astype(np.float32))


def z_scores(part, catalog, queries):
    """By the definition: all scores of a query, less their mean, over their standard deviation."""
    scores = part.encode_queries(queries).astype(np.float64) @ part.encode_items(catalog).T
    return (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)


DATA = cycles(n_users=40, n_items=12)
ASK = Queries.of([[3], [1, 7], [11]])


@given(st.integers(0, 99), st.floats(0.01, 100), st.floats(-3, 3), st.floats(0, 5))
def test_one_inner_product_is_the_weighted_sum_of_the_z_scores(seed, scale, shift, weight):
    parts = [table(12, 3, seed), table(12, 5, seed + 100, scale, shift)]
    blend = BlendEncoder.of(None, parts, [1.0, weight], DATA)
    got = blend.encode_queries(ASK) @ blend.encode_items(DATA.catalog).T
    one, two = (z_scores(part, DATA.catalog, ASK) for part in parts)
    np.testing.assert_allclose(got, one + weight * two, atol=2e-5 * (1 + weight))


def test_popularity_is_one_more_dimension_and_says_nothing_by_itself():
    data = dataset([[0, 1], [0, 2], [0]], n_items=4)
    blend = BlendEncoder.of(None, [table(4, 2, 0)], [1.0], data, Terms(slope=-2.0))
    plain = BlendEncoder.of(None, [table(4, 2, 0)], [1.0], data)
    asked = Queries.of([[1], []])
    scores, without = (
        e.encode_queries(asked) @ e.encode_items(data.catalog).T for e in (blend, plain)
    )
    level = np.log([4, 2, 2])
    expected = [*(-2 * (level - level.mean())), 0]  # nobody has met item 3: it counts as average
    np.testing.assert_allclose(scores[0] - without[0], expected, atol=1e-5)
    assert not scores[1].any()


def test_an_item_that_one_part_cannot_place_scores_that_part_s_mean():
    known = table(12, 3, 1)
    gap = table(12, 2, 2)
    gap.items[5] = np.nan
    both = BlendEncoder.of(None, [known, gap], [1.0, 1.0], DATA)
    alone = BlendEncoder.of(None, [known], [1.0], DATA)
    scores, only = (e.encode_queries(ASK) @ e.encode_items(DATA.catalog).T for e in (both, alone))
    np.testing.assert_allclose(scores[:, 5], only[:, 5], atol=1e-5)
    stranger = Catalog(Vocabulary(("i77",)))
    assert np.isnan(both.encode_items(stranger)).all()


def test_what_nobody_has_met_counts_as_often_as_asked():
    data = dataset([[0, 1], [2, 0]], n_items=4)
    one, more = (
        BlendEncoder.of(None, [table(4, 3, 5)], [1.0], data, Terms(unmet=unmet)).encode_items(
            data.catalog
        )
        for unmet in (1.0, 3.0)
    )
    np.testing.assert_allclose(more[:3], one[:3])
    np.testing.assert_allclose(more[3], 3 * one[3], rtol=1e-6)


def test_a_new_item_is_placed_by_what_is_written_on_it():
    words = Column.text(["red apple" if row % 2 else "blue train" for row in range(12)])
    data = cycles(n_users=40, n_items=12)
    data = type(data)(data.users, Catalog(data.catalog.items, {"title": words}), data.log)
    made = Blend('als(dim=4), content(text="tfidf", dim=4)', "1, 1", 0.0).fit(data)
    assert isinstance(made, BlendEncoder)
    fields = {"title": Column.text(["red apple", "blue train"])}
    vectors = made.encode_items(Catalog(Vocabulary(("new", "newer")), fields))
    eater = made.encode_queries(Queries.of([[1, 3, 5]]))[0]
    assert vectors[0] @ eater > vectors[1] @ eater


def test_a_projection_of_all_dimensions_changes_no_score_and_a_small_one_few():
    parts = [table(12, 3, 3), table(12, 4, 4)]
    whole = BlendEncoder.of(None, parts, [1.0, 0.5], DATA)
    scores = whole.encode_queries(ASK) @ whole.encode_items(DATA.catalog).T
    rotated = best_projection(whole.encode_items(DATA.catalog), whole.encode_queries(ASK), 8)
    turned = (whole.encode_queries(ASK) @ rotated[1]) @ (
        whole.encode_items(DATA.catalog) @ rotated[0]
    ).T
    np.testing.assert_allclose(turned, scores, atol=1e-3)
    less = BlendEncoder.of(None, parts, [1.0, 0.5], DATA, Terms(dim=6))
    assert less.encode_items(DATA.catalog).shape == (12, 7)  # and popularity
    near = less.encode_queries(ASK) @ less.encode_items(DATA.catalog).T
    assert np.corrcoef(near.ravel(), scores.ravel())[0, 1] > 0.9


def test_a_projection_keeps_what_is_asked_for():
    # items differ in all three directions, queries ask about the last one only
    items = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    asked = np.zeros((20, 3), np.float32)
    asked[:, 2] = np.linspace(-1, 1, 20)
    one = best_projection(items * np.float32([9, 9, 1]), asked, 1)
    got = (asked @ one[1]) @ (items * np.float32([9, 9, 1]) @ one[0]).T
    np.testing.assert_allclose(got, asked @ items.T, atol=0.02)


def test_items_that_are_all_alike_say_nothing():
    same = Table(np.ones((12, 3), np.float32), np.ones((12, 3), np.float32))
    blend = BlendEncoder.of(None, [same], [1.0], DATA)
    assert not blend.encode_queries(ASK).any()
    nobody = Norm.of(np.full((2, 3), np.nan, np.float32))
    assert not nobody.items(np.ones((1, 3), np.float32)).any()


def test_log_popularity_is_centred_over_what_was_met():
    level = log_popularity(dataset([[0, 1], [0]], n_items=3))
    assert level == pytest.approx([np.log(3 / 2) / 2, -np.log(3 / 2) / 2, 0])


def test_it_is_kept_with_its_projection(tmp_path):
    made = Blend("als(dim=8), popularity", "1, 0.2", 0.1, unmet=2.0, dim=4).fit(DATA)
    made.save(tmp_path / "m")
    again = load_fitted(tmp_path / "m")
    assert again.estimator == made.estimator and isinstance(again, BlendEncoder)
    one, two = (as_retriever(m, DATA.catalog).retrieve(ASK, 5) for m in (made, again))
    assert np.array_equal(one.rows, two.rows) and np.array_equal(one.scores, two.scores)


def test_a_part_by_itself_scores_in_standard_deviations():
    als = estimator_of("als", dim=4).fit(DATA)
    rows = np.tile(np.arange(12, dtype=np.int32), (3, 1))
    scores = as_scorer(als, DATA).scores(ASK, rows)
    np.testing.assert_allclose(scores.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(scores.std(axis=1), 1, atol=1e-4)
