import numpy as np
import pytest

from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError, DataError
from bowerbird.retrieval import ease
from bowerbird.retrieval.ease import Ease


def dataset(dense: np.ndarray) -> Dataset:
    users, items = np.nonzero(dense)
    people = Vocabulary(tuple(map(str, range(dense.shape[0]))))
    catalog = Catalog(Vocabulary(tuple(map(str, range(dense.shape[1])))))
    zero = np.zeros(len(users), np.int64)
    log = Interactions(
        users.astype(np.int32), items.astype(np.int32), zero, dense[users, items].astype(np.float32)
    )
    return Dataset(people, catalog, log)


def noise(users=400, items=60) -> np.ndarray:
    return (np.random.default_rng(2).random((users, items)) < 0.15).astype(float)


def test_two_items_worked_by_hand():
    # G = [[2, 1], [1, 1]] + λ = 1 -> [[3, 1], [1, 2]]; P = [[2, -1], [-1, 3]] / 5
    # B[i, j] = -P[i, j] / P[j, j]
    fitted = Ease(regularization=1.0).fit(dataset(np.array([[1, 1], [1, 0]])))
    np.testing.assert_allclose(fitted.weights, [[0, 1 / 3], [1 / 2, 0]], rtol=1e-6)
    hits = fitted.retrieve(Queries.of([[0], [1]]), 2)
    np.testing.assert_array_equal(hits.rows, [[1, 0], [0, 1]])
    np.testing.assert_allclose(hits.scores, [[1 / 3, 0], [1 / 2, 0]], rtol=1e-6)


@pytest.mark.parametrize("rows", [7, 256])
def test_blocks_give_the_closed_form_of_the_paper(rows, monkeypatch):
    monkeypatch.setattr(ease, "ROWS", rows)
    dense = noise()
    inverse = np.linalg.inv(dense.T @ dense + 20 * np.eye(60))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    fitted = Ease(regularization=20.0).fit(dataset(dense))
    np.testing.assert_allclose(fitted.weights, expected, atol=1e-5)
    scores = fitted.retrieve(Queries.of([[3, 5, 3]]), 60)
    np.testing.assert_allclose(
        scores.scores[0], np.sort(expected[3] + expected[5])[::-1], atol=1e-5
    )


def test_weights_do_not_count_only_who_met_what():
    dense = noise()
    heavy = Ease().fit(dataset(dense * 7)).weights
    np.testing.assert_array_equal(heavy, Ease().fit(dataset(dense)).weights)


def test_items_that_nobody_met_take_no_memory_and_are_never_hits():
    dense = noise()
    wide = np.zeros((400, 90))
    wide[:, 20:80] = dense
    fitted, narrow = (Ease().fit(dataset(some)) for some in (wide, dense))
    np.testing.assert_array_equal(fitted.weights, narrow.weights)
    hits = fitted.retrieve(Queries.of([[20, 25], [0, 89]]), 90)
    np.testing.assert_array_equal(np.sort(hits.rows[0][hits.rows[0] >= 0]), np.arange(20, 80))
    assert (hits.rows[1] == -1).all()


def test_more_memory_than_there_is_is_refused_before_it_is_taken(monkeypatch):
    monkeypatch.setattr(ease, "free_memory", lambda: 10_000)
    with pytest.raises(
        DataError, match=r"0\.0 GB of free memory expected .* 60 items.*graph-filter"
    ):
        Ease().fit(dataset(noise()))


def test_free_memory_is_known_where_the_system_does_not_say(monkeypatch):
    assert ease.free_memory() > 1 << 20

    def missing(*_):
        raise OSError

    monkeypatch.setattr(ease.Path, "read_text", missing)
    assert ease.free_memory() > 1 << 20


def test_a_large_catalog_gets_a_shorter_ladder(monkeypatch):
    data = dataset(noise())
    many = Ease().variants(data)
    monkeypatch.setattr(ease, "LARGE", 10)
    assert 1 < len(Ease().variants(data)) < len(many)


def test_nothing_to_learn_from_is_said():
    with pytest.raises(DataError, match="weight above 0 expected, none came"):
        Ease().fit(dataset(np.zeros((2, 2))))


def test_no_regularization_is_refused():
    with pytest.raises(ConfigError, match="regularization > 0 expected"):
        Ease(regularization=0.0)


def test_too_little_regularization_is_said():
    with pytest.raises(DataError, match="cannot be inverted with so little"):
        Ease(regularization=1e-30).fit(dataset(np.ones((3, 3))))


def test_settings_are_tried_one_by_one_where_memory_is_short(monkeypatch):
    data, tried = dataset(noise()), (Ease(50.0), Ease(100.0))
    expected = [variant.fit(data).weights for variant in tried]
    monkeypatch.setattr(ease, "free_memory", lambda: ease.needed(60, 2))
    for weights, fitted in zip(expected, Ease().fit_each(data, tried), strict=True):
        np.testing.assert_array_equal(fitted.weights, weights)


@pytest.mark.parametrize(("limit", "free"), [("max", 8_192_000), ("5000000", 2_300_000), ("9", 0)])
def test_a_container_has_no_more_memory_than_its_limit_leaves(tmp_path, monkeypatch, limit, free):
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:   8000 kB\n")
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text("3000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 300000\n")
    monkeypatch.setattr(ease, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(ease, "CGROUP", tmp_path)
    assert ease.free_memory() == free
