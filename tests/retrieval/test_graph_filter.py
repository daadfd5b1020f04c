import numpy as np
import pytest

from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError, DataError
from bowerbird.retrieval.graph_filter import GraphFilter


def dataset(dense: np.ndarray) -> Dataset:
    users, items = np.nonzero(dense)
    people = Vocabulary(tuple(map(str, range(dense.shape[0]))))
    catalog = Catalog(Vocabulary(tuple(map(str, range(dense.shape[1])))))
    zero = np.zeros(len(users), np.int64)
    weights = dense[users, items].astype(np.float32)
    log = Interactions(users.astype(np.int32), items.astype(np.int32), zero, weights)
    return Dataset(people, catalog, log)


def noise(users=120, items=40) -> np.ndarray:
    return (np.random.default_rng(2).random((users, items)) < 0.2).astype(float)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_scores_are_those_of_the_paper(alpha):
    dense = noise()
    du, di = dense.sum(axis=1), dense.sum(axis=0)
    smooth = dense / np.sqrt(du[:, None]) / np.sqrt(di)
    v = np.linalg.svd(smooth)[2][:5].T
    low = np.diag(di**-0.5) @ v @ v.T @ np.diag(di**0.5)
    expected = dense[:3] @ (smooth.T @ smooth + alpha * low)
    data = dataset(dense)
    fitted = GraphFilter(alpha=alpha, rank=5).fit(data)
    hits = fitted.retrieve(data.queries().take(np.arange(3)), 40)
    found = np.zeros((3, 40))
    np.put_along_axis(found, hits.rows.astype(int), hits.scores, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_rank_is_at_most_what_the_data_have():
    assert GraphFilter(rank=256).fit(dataset(noise(30, 8))).low.shape == (8, 8)


def test_weights_do_not_count_only_who_met_what():
    heavy, light = (GraphFilter(rank=4).fit(dataset(noise() * w)) for w in (3, 1))
    np.testing.assert_array_equal(heavy.low, light.low)


def test_a_history_of_items_that_nobody_met_says_nothing():
    dense = np.zeros((120, 50))
    dense[:, :40] = noise()
    hits = GraphFilter(rank=4).fit(dataset(dense)).retrieve(Queries.of([[45], [45, 1]]), 50)
    assert (hits.rows[0] == -1).all()
    assert set(hits.rows[1].tolist()) == {-1, *range(40)}


def test_similar_is_by_shared_people_not_by_fame():
    # item 2 is met by everybody; items 0 and 1 only by the same two
    dense = np.zeros((8, 3))
    dense[:, 2] = 1
    dense[:2, :2] = 1
    hits = GraphFilter(rank=2).fit(dataset(dense)).similar(np.array([0], np.int32), 2)
    np.testing.assert_array_equal(hits.rows, [[1, 2]])


def test_nothing_to_learn_from_is_said():
    with pytest.raises(DataError, match="weight above 0 expected, none came"):
        GraphFilter().fit(dataset(np.zeros((2, 2))))


@pytest.mark.parametrize("wrong", [{"alpha": -1.0}, {"rank": 0}])
def test_meaningless_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="alpha ≥ 0 and rank ≥ 1 expected"):
        GraphFilter(**wrong)
