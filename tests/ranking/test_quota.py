"""Quotas, against trying every list."""

from itertools import combinations

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.quota import Quota

ASK = Queries.of([[0]])
KIND = Column.category(["film", "film", "film", "film", "book", "book", "song", None])


def hits_of(rows, scores=None):
    scores = -np.arange(len(rows)) if scores is None else scores
    return Hits(np.array([rows], np.int32), np.array([scores], np.float32))


def test_at_most_two_films_and_at_least_one_song():
    step = Quota.by(KIND, most={"film": 2}, least={"song": 1}, k=4)
    found = step(ASK, hits_of(range(8)))
    assert found.rows.tolist() == [[0, 1, 4, 6, 2, 3, 5, 7]]
    assert found.scores.tolist() == [[-0.0, -1, -4, -6, -2, -3, -5, -7]]


def test_a_list_is_never_made_shorter():
    step = Quota.by(KIND, each=1, k=4)
    found = step(ASK, hits_of([0, 1, 2, 4]))
    assert found.rows.tolist() == [[0, 4, 1, 2]]  # one of each, then what there is


def test_what_must_be_there_is_asked_for():
    wants = Quota.by(KIND, least={"song": 2}, k=4).wants()
    assert [(np.flatnonzero(want.rows).tolist(), want.least) for want in wants] == [([6], 2)]


@pytest.mark.parametrize("seed", range(20))
def test_no_list_within_the_quotas_has_a_larger_sum(seed):
    rng = np.random.default_rng(seed)
    n, k = 9, 4
    column = Column.category([["a", "b", "c"][c] for c in rng.integers(0, 3, n)])
    scores = -np.sort(-rng.normal(size=n))
    most, least = {"a": 2, "b": 3}, {"c": 1}
    if any(label not in column.labels for label in ("a", "b", "c")):
        pytest.skip("a category is missing in this draw")
    step = Quota.by(column, most=most, least=least, k=k)
    rows = step(ASK, hits_of(range(n), scores)).rows[0, :k]

    def kept(rows):
        counts = {label: 0 for label in column.labels}
        for row in rows:
            counts[column.labels[column.values[row]]] += 1
        return counts["a"] <= 2 and counts["b"] <= 3 and counts["c"] >= 1

    lists = [rows for rows in combinations(range(n), k) if kept(rows)]
    if not lists:
        pytest.skip("no list keeps the quotas in this draw")
    assert kept(rows)
    assert scores[rows].sum() == pytest.approx(max(scores[list(rows)].sum() for rows in lists))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"most": {"opera": 1}}, "categories among book, film, song expected, 'opera' came"),
        ({"least": {"film": 5}}, r"at least 4 \(k\) in all or fewer expected, 5 came"),
        ({"most": {"film": 1}, "least": {"film": 2}}, "least ≤ most expected for 'film'"),
        ({"each": -1}, "numbers ≥ 0"),
    ],
)
def test_quotas_that_cannot_be_kept_are_refused(wrong, words):
    with pytest.raises(ConfigError, match=words):
        Quota.by(KIND, k=4, **wrong)


def test_only_categories_have_quotas():
    with pytest.raises(ConfigError, match="a category column expected, text came"):
        Quota.by(Column.text(["a"]))
