import numpy as np
import pytest
from scipy.sparse import csr_array

from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.als import Als
from bowerbird.errors import ConfigError, DataError


def noise(weight: float = 1.0, users: int = 300, items: int = 60) -> Dataset:
    seen = csr_array(np.random.default_rng(1).random((users, items)) < 0.1).tocoo()
    u, i = seen.coords
    people = Vocabulary(tuple(map(str, range(users))))
    catalog = Catalog(Vocabulary(tuple(map(str, range(items)))))
    weights = np.full(len(u), weight, np.float32)
    log = Interactions(u.astype(np.int32), i.astype(np.int32), np.zeros(len(u), np.int64), weights)
    return Dataset(people, catalog, log)


def test_a_history_is_folded_in_by_the_ridge_solution_of_the_paper():
    model = Als(dim=6, alpha=3.0, regularization=0.7, iterations=3)
    data = noise()
    fitted = model.fit(data)
    queries = Queries.of([[4, 9, 9], [], [1]])
    queries.weights[0] = 2.0
    found = fitted.encode_queries(queries)
    y = fitted.encode_items(data.catalog).astype(np.float64)
    seen = queries.counts(60).toarray()
    for history, vector in zip(seen, found, strict=True):
        c, p = 1 + 3.0 * history, (history > 0).astype(float)
        expected = np.linalg.solve((y.T * c) @ y + 0.7 * np.eye(6), (y.T * c) @ p)
        np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_confidence_is_one_plus_alpha_times_weight():
    doubled = Als(dim=4, alpha=1.0).fit(noise(weight=2.0)).table.vectors
    np.testing.assert_array_equal(doubled, Als(dim=4, alpha=2.0).fit(noise()).table.vectors)


def test_fitting_prints_nothing(capfd):
    Als(dim=4, iterations=2).fit(noise())
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_answers_do_not_depend_on_who_else_asks():
    fitted = Als(dim=4, iterations=2).fit(noise())
    together = fitted.encode_queries(Queries.of([[1, 2], [3]]))
    alone = fitted.encode_queries(Queries.of([[3]]))
    np.testing.assert_array_equal(together[1:], alone)


def test_variants_are_few_and_differ():
    assert 1 < len(Als().variants(noise())) <= 6


def test_nothing_to_learn_from_is_said():
    with pytest.raises(DataError, match="weight above 0 expected, none came"):
        Als().fit(noise(weight=0.0))


@pytest.mark.parametrize("wrong", [{"dim": 0}, {"iterations": 0}, {"alpha": 0.0}])
def test_meaningless_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        Als(**wrong)
