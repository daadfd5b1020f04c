from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from bowerbird.data.queries import Queries
from bowerbird.data.split import Holdout
from bowerbird.index.index import NONE, Hits, Ragged, best
from bowerbird.retrieval import fuse
from bowerbird.retrieval.fuse import Fused, pooled, union
from bowerbird.retrieval.models import as_retriever, estimator_of
from bowerbird.retrieval.weighing import Evidence, rank_fused
from worlds import cycles, dataset


class Oracle:
    """A scorer by a table: the history's first item is the row of the table."""

    def __init__(self, table):
        self.table = np.array(table, np.float32)

    def retrieve(self, queries, k, allow=None, exclude=None):
        return best(self.all(queries), k, allow, exclude)

    def scores(self, queries, rows):
        taken = np.take_along_axis(self.all(queries), np.maximum(rows, 0), axis=1)
        return np.where(rows >= 0, taken, NONE)

    def similar(self, rows, k, allow=None):
        return Hits(np.full((len(rows), k), 7, np.int32), np.ones((len(rows), k), np.float32))

    def save(self, folder):
        raise NotImplementedError

    def all(self, queries):
        return self.table[[queries.history(q)[0] for q in range(len(queries))]]


def test_a_sum_worked_by_hand():
    one, two = Oracle([[4, 1, 0, 0]]), Oracle([[0, 0, 2, -5]])
    level = np.array([0, 3, 0, 0], np.float32)
    made = Fused(None, None, (one, two), np.array([2, 1], np.float32), level, slope=0.5)
    hits = made.retrieve(Queries.of([[0]]), 4)
    # 2·√(4/4), 2·√(1/4) + .5·3, √(2/2), 0
    assert hits.rows.tolist() == [[1, 0, 2, 3]]
    assert hits.scores[0] == pytest.approx([2.5, 2, 1, 0])


def test_exclusions_and_what_is_best_among_the_rest():
    one = Oracle([[4, 1, 0]])
    made = Fused(None, None, (one,), np.ones(1, np.float32), np.zeros(3, np.float32))
    out = Ragged(np.array([0], np.int32), np.array([0, 1], np.int64))
    hits = made.retrieve(Queries.of([[0]]), 2, None, out)
    assert hits.rows.tolist() == [[1, 2]]
    assert hits.scores.tolist() == [[1, 0]]  # the best that is eligible counts 1


def test_blocks_answer_as_one_and_nobody_gets_nobody_s(monkeypatch):
    data = cycles(n_users=50)
    made = estimator_of("blend", parts="cooccurrence, als(dim=4)", weights="1,1").fit(data)
    whole = made.retrieve(data.queries(), 6)
    monkeypatch.setattr(fuse, "BLOCK", 7)
    again = made.retrieve(data.queries(), 6)
    assert np.array_equal(whole.rows, again.rows)
    np.testing.assert_allclose(whole.scores, again.scores, rtol=1e-5)
    assert made.retrieve(Queries.of([]), 6).rows.shape == (0, 6)


def test_a_union_is_sorted_and_has_each_once():
    lists = [np.array([[3, 1], [5, -1]], np.int32), np.array([[1, 2], [-1, -1]], np.int32)]
    assert union(lists).tolist() == [[1, 2, 3], [5, -1, -1]]


def test_what_a_part_knows_nothing_of_is_no_evidence():
    data = dataset([[0, 1], [2, 3]])
    parts = [estimator_of("cooccurrence").fit(data), estimator_of("ease").fit(data)]
    pool = pooled(parts, Queries.of([[0], []]), 9)
    assert np.isfinite(pool.evidence).all()
    assert (pool.rows[1] == -1).all() and not pool.evidence[1].any()
    assert pool.evidence[0, list(pool.rows[0]).index(1), 0] == 1


@pytest.mark.parametrize("name", ["cooccurrence", "ease", "graph-filter", "als", "popularity"])
def test_scores_are_what_retrieving_says(name):
    data = cycles()
    model = as_retriever(estimator_of(name).fit(data), data.catalog)
    asked = Queries.of([[3, 4], [9], [0, 1, 2]])
    hits = model.retrieve(asked, 12)
    rows = np.concatenate([hits.rows, np.full((3, 1), -1, np.int32)], axis=1)
    scores = model.scores(asked, rows)
    np.testing.assert_allclose(scores[:, :12], hits.scores, rtol=1e-5)
    assert np.isneginf(scores[:, 12]).all()
    beyond = model.scores(asked, np.full((3, 1), 500, np.int32))
    assert np.isneginf(beyond).all()


TRAIN = dataset([list(range(20))])  # everything is equally popular


def halves(n_users=400, n=20, seed=0):
    """One part knows what even people want, the other what odd ones do; each else says noise."""
    rng = np.random.default_rng(seed)
    wanted = rng.integers(0, n, n_users)
    noise = rng.random((2, n_users, n)).astype(np.float32)
    for user in range(n_users):
        noise[user % 2, user, wanted[user]] = 4
    relevant = csr_array((np.ones(n_users), (np.arange(n_users), wanted)), shape=(n_users, n))
    queries = Queries.of([[user] for user in range(n_users)])
    holdout = Holdout(np.arange(n_users, dtype=np.int32), queries, relevant, repeats=True)
    return [Oracle(noise[0]), Oracle(noise[1])], holdout, wanted


def test_two_who_know_half_each_know_more_together_and_weigh_the_same():
    parts, holdout, wanted = halves()
    parts.append(Oracle(np.random.default_rng(1).random((400, 20))))  # knows nothing
    evidence = Evidence.of(parts, holdout, TRAIN, fetch=20)
    everybody = np.ones(400, dtype=bool)
    weights = evidence.weights(range(3), everybody)
    assert weights[0] == pytest.approx(weights[1], rel=0.25) and weights[0] > 1
    assert weights[2] < 0.1 * weights[0]
    right = [
        (evidence.lists(w, 1).rows[:, 0] == wanted).mean()
        for w in (weights, np.array([1, 0, 0, 0.0]), np.array([0, 1, 0, 0.0]))
    ]
    assert right[0] > 0.8 > 0.6 > max(right[1:])
    by_rank = (rank_fused(evidence, (0, 1), 1).rows[:, 0] == wanted).mean()
    assert 1 / 20 < by_rank < right[0]  # ranks do not say how sure a part is


def test_the_weights_make_what_was_chosen_likeliest():
    parts, holdout, _ = halves(100)
    evidence = Evidence.of(parts, holdout, dataset([[0, 1, 2], [1, 2], [2]], 20), fetch=20)
    people = np.arange(100) < 60
    best_ = evidence.weights((0, 1), people)

    def likelihood(weights):
        scores = evidence.said @ weights
        total = 0.0
        for q in range(60):
            mine = evidence.query == q
            total += scores[mine & evidence.chosen].sum() - np.log(np.exp(scores[mine]).sum())
        return total / 60 - 1e-4 * weights @ weights

    for place in range(3):
        for step in (-0.05, 0.05):
            other = best_.copy()
            other[place] += step
            assert likelihood(other) < likelihood(best_) + 1e-6


def test_nothing_chosen_is_nothing_learned():
    parts, holdout, _ = halves(40)
    evidence = Evidence.of(parts, holdout, TRAIN, fetch=20)
    assert not evidence.weights((0, 1), np.zeros(40, dtype=bool)).any()
    none = replace(holdout, relevant=csr_array((40, 20)))
    silent = Evidence.of(parts, none, TRAIN, fetch=20)
    assert not silent.weights((0, 1), np.ones(40, dtype=bool)).any()


def test_what_is_new_is_given_what_items_like_it_get():
    # both parts say the same of what was met; of what was not, one says nothing
    rng = np.random.default_rng(3)
    said = rng.random((50, 20)).astype(np.float32)
    other = said.copy()
    other[:, 15:] = 0
    _, holdout, _ = halves(50)
    train = dataset([list(range(15))], n_items=20)
    evidence = Evidence.of([Oracle(said), Oracle(other)], holdout, train, fetch=20)
    weights = np.array([1.0, 1.0, 0.0])
    assert evidence.unmet(weights, [0]) == pytest.approx(2.0, rel=0.05)
    assert evidence.unmet(weights, []) == evidence.unmet(weights * [0, 1, 0], [0]) == 1
    stretched = evidence.lists(weights, 20, 2.0)
    plain = evidence.lists(weights, 20)
    new = [(lists.rows[:, :5] >= 15).mean() for lists in (stretched, plain)]
    assert new[0] == pytest.approx(0.25, abs=0.06) and new[1] < 0.1
