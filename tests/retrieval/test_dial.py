"""The dial: nothing at 0, lifts by hand, the most expected hits for what it gives up."""

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pytest

from bowerbird.data.queries import Queries
from bowerbird.encoders.als import Als
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits, Ragged
from bowerbird.retrieval.dial import Dial, Scale
from bowerbird.retrieval.discounted import log_popularity
from bowerbird.retrieval.ease import Ease
from bowerbird.retrieval.models import as_retriever
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from worlds import cycles, dataset


@dataclass(frozen=True)
class Given:
    """An encoder of given vectors; every query is the same one."""

    items: np.ndarray
    query: np.ndarray

    def encode_items(self, catalog):
        return self.items

    def encode_queries(self, queries):
        said = queries.lengths() > 0
        return np.where(said[:, None], self.query, 0).astype(np.float32)

    def save(self, folder):
        (folder / "saved").write_text("given")


def popular(n_items=8):
    """Item 0 is met by all, the last by one."""
    return dataset([[row for row in range(n_items) if row <= u] for u in range(n_items)])


def at(scores, alpha=0.0, data=None):
    """A dial at a model that gives these scores to everybody, whoever else is shown what."""
    items = np.asarray(scores, dtype=np.float32)[:, None]
    data = data or popular(len(items))
    encoder = Given(items, np.ones(1, np.float32))
    dial = Dial.over(VectorRetriever.over(encoder, data.catalog), data, alpha)
    return replace(dial, exposure=None)


@pytest.mark.parametrize("estimator", [Als(dim=8), Ease()])
def test_at_0_the_answer_is_that_of_the_model(estimator):
    data = cycles(n_users=80)
    main = as_retriever(estimator.fit(data), data.catalog)
    queries = data.queries()
    seen = Ragged(queries.items, queries.offsets)
    wanted = main.retrieve(queries, 4, None, seen)
    came = Dial.over(main, data).retrieve(queries, 4, None, seen)
    np.testing.assert_array_equal(came.rows, wanted.rows)
    np.testing.assert_array_equal(came.scores, wanted.scores)


@pytest.mark.parametrize("estimator", [Als(dim=8), Ease()])
def test_turning_it_shows_less_popular_items_and_builds_nothing(estimator):
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, 41)
    picks = [random.choice(40, 8, replace=False, p=share / share.sum()) for _ in range(200)]
    data = dataset([list(map(int, row)) for row in picks], 40)
    counts, queries = data.item_counts(), data.queries()
    dial = Dial.over(as_retriever(estimator.fit(data), data.catalog), data)
    shown = []
    for alpha in (-5.0, 0.0, 1.0, 5.0, 50.0):
        turned = dial.with_alpha(alpha)
        assert turned.main is dial.main
        rows = turned.retrieve(queries, 5, None, Ragged(queries.items, queries.offsets)).rows
        shown.append(counts[rows].mean())
    assert shown == sorted(shown, reverse=True)
    assert shown[-1] < 0.7 * shown[1]


def test_lifts_of_normal_scores_are_how_much_likelier_an_item_is_than_the_average_one():
    random = np.random.default_rng(1)
    scores = 0.7 * random.standard_normal(20_000) + 3
    dial = at(scores, data=dataset([[0], [1]], 20_000))
    assert dial.scale.typical == pytest.approx(scores.std(), rel=1e-5)
    candidates = dial.candidates(Queries.of([[0]]), 10)
    likely = np.exp(scores / scores.std())
    wanted = -np.sort(-likely / likely.mean())[:100]
    np.testing.assert_allclose(candidates.scores[0], wanted, rtol=0.05)


def test_lifts_without_vectors_are_over_the_items_that_came():
    scale = Scale(typical=2.0)
    scores = np.array([[4, 2, -np.inf], [-np.inf] * 3], np.float32)
    lifts = scale.lifts(scores, None)
    e = np.e
    np.testing.assert_allclose(lifts[0], [2 * e / (e + 1), 2 / (e + 1), 0], rtol=1e-6)
    assert (lifts[1] == 0).all()


def test_what_is_surely_wanted_stays_first_and_the_rare_win_among_equals():
    scores = np.array([8, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.01])
    queries = Queries.of([[0]])
    dial = at(scores, 1.0)
    # item 0 is the most popular of all, and by far the likeliest; of the equal ones 6 is the rarest
    assert dial.retrieve(queries, 3).rows[0].tolist() == [0, 7, 6]
    assert dial.retrieve(queries, 4).rows[0].tolist() == [0, 7, 5, 6]  # in the model's order
    assert dial.with_alpha(0.0).retrieve(queries, 3).rows[0].tolist() == [0, 7, 1]


def test_no_list_that_is_as_popular_has_more_expected_hits():
    random = np.random.default_rng(2)
    scores = random.standard_normal(12)
    data = popular(12)
    dial = at(scores, 0.8, data)
    queries = Queries.of([[0]])
    mine = dial.retrieve(queries, 4).rows[0]
    lifts = np.zeros(12)
    candidates = dial.candidates(queries, 4)
    lifts[candidates.rows[0, :12]] = candidates.scores[0, :12]
    level = log_popularity(data.item_counts())
    most = max(
        lifts[list(some)].sum()
        for some in combinations(range(12), 4)
        if level[list(some)].sum() <= level[mine].sum() + 1e-6
    )
    assert lifts[mine].sum() == pytest.approx(most, rel=1e-6)


def test_the_size_of_scores_does_not_matter():
    scores = np.random.default_rng(3).standard_normal(30)
    queries = Queries.of([[0], [1]])
    wanted = at(scores, 0.7).retrieve(queries, 6).rows
    for factor in (0.01, 100.0):
        np.testing.assert_array_equal(at(factor * scores, 0.7).retrieve(queries, 6).rows, wanted)


def test_allow_and_exclude_hold_and_who_says_nothing_gets_nothing():
    scores = np.random.default_rng(4).standard_normal(30)
    allow = np.arange(30) % 2 == 0
    exclude = Ragged(np.array([0, 2], np.int32), np.array([0, 2, 2]))
    hits = at(scores, 1.0).retrieve(Queries.of([[0], []]), 20, allow, exclude)
    found = hits.rows[0][hits.rows[0] >= 0]
    assert sorted(found) == [row for row in range(4, 30, 2)]
    assert (hits.rows[1] == -1).all()


def test_equal_scores_or_equal_popularity_leave_nothing_to_turn():
    same = at(np.ones(6), 5.0)
    assert same.scale.typical == 0
    assert same.retrieve(Queries.of([[0]]), 6).rows[0].tolist() == [0, 1, 2, 3, 4, 5]
    even = dataset([[row] for row in range(6)])
    scores = np.array([1, 2, 3, 4, 5, 6.0])
    flat = at(scores, 5.0, even).retrieve(Queries.of([[0]]), 6)
    assert flat.rows[0].tolist() == [5, 4, 3, 2, 1, 0]


def test_similar_items_and_saving_are_the_model_s(tmp_path):
    dial = at(np.array([3.0, 2, -1, 1]), 2.0)
    assert isinstance(dial, Retriever)
    rows = np.array([0], np.int32)
    np.testing.assert_array_equal(dial.similar(rows, 2).rows, dial.main.similar(rows, 2).rows)
    dial.save(tmp_path)
    assert (tmp_path / "saved").read_text() == "given"


def test_a_discount_that_is_no_number_is_an_error():
    for alpha in (float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="a finite discount expected"):
            at(np.arange(3.0), alpha)


def test_a_score_that_runs_away_is_only_sure():
    scale = replace(at(np.array([0.0, 1.0])).scale, typical=1e-3)
    lifts = scale.lifts(np.array([[9.0, 1.0]], np.float32), np.ones((1, 1), np.float32))
    assert np.isfinite(lifts).all()
    hits = Hits(np.array([[0, 1]], np.int32), lifts)
    assert hits.scores[0, 0] >= hits.scores[0, 1]
