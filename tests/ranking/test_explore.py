"""What is drawn is drawn with the probability that is told."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.explore import Explore

WAYS = {
    "one slot": Explore(epsilon=0.3, slots=(2,)),
    "all slots": Explore(epsilon=0.5),
    "plackett-luce": Explore(way="plackett-luce", temperature=0.5),
}


def hits_of(rows, b=1):
    scores = -np.arange(len(rows), dtype=np.float32)
    return Hits(np.tile(np.array(rows, np.int32), (b, 1)), np.tile(scores, (b, 1)))


@pytest.mark.parametrize("name", WAYS)
def test_each_list_comes_as_often_as_its_places_say(name):
    b, k = 20_000, 3
    drawn, propensity = WAYS[name].draw(hits_of([7, 5, 3, 1], b), k, np.arange(b))
    told = {}
    for rows, chances in zip(drawn.rows.tolist(), propensity, strict=True):
        told.setdefault(tuple(rows), []).append(float(np.prod(chances)))
    chance = {rows: values[0] for rows, values in told.items()}
    assert all(np.allclose(values, values[0]) for values in told.values())
    assert sum(chance.values()) == pytest.approx(1, abs=1e-9)  # no list is impossible to be told
    counts = np.array([len(told[rows]) for rows in chance])
    assert chisquare(counts, b * np.array(list(chance.values()))).pvalue > 0.001
    assert set(told) <= set(permutations([7, 5, 3, 1], k))


def test_plackett_luce_is_the_softmax_of_relevance():
    step = Explore(way="plackett-luce", temperature=0.5)
    drawn, propensity = step.draw(hits_of([7, 5, 3], 50), 2, np.arange(50))
    weight = {7: np.exp(2.0), 5: np.exp(1.0), 3: np.exp(0.0)}
    for (first, second), (one, two) in zip(drawn.rows.tolist(), propensity, strict=True):
        all_ = sum(weight.values())
        assert one == pytest.approx(weight[first] / all_)
        assert two == pytest.approx(weight[second] / (all_ - weight[first]))


def test_nothing_is_drawn_at_no_chance():
    drawn, propensity = Explore(epsilon=0.0).draw(hits_of([7, 5, 3]), 2, np.array([4]))
    assert drawn.rows.tolist() == [[7, 5]]
    assert propensity.tolist() == [[1, 1]]


@pytest.mark.parametrize("name", WAYS)
def test_a_seed_gives_the_same_list_in_whatever_batch(name):
    step, seeds = WAYS[name], np.array([11, 12, 13])
    together, told = step.draw(hits_of(range(9), 3), 4, seeds)
    alone, also = step.draw(hits_of(range(9)), 4, seeds[1:2])
    assert together.rows[1].tolist() == alone.rows[0].tolist()
    assert told[1].tolist() == also[0].tolist()


@pytest.mark.parametrize("name", WAYS)
def test_fewer_hits_than_places_are_all_shown(name):
    hits = Hits(np.array([[4, 2, -1]], np.int32), np.array([[2, 1, -np.inf]], np.float32))
    drawn, propensity = WAYS[name].draw(hits, 5, np.array([0]))
    assert sorted(drawn.rows[0, :2].tolist()) == [2, 4]
    assert drawn.rows.shape[1] == 5
    assert drawn.rows[0, 2:].tolist() == [-1, -1, -1]
    assert propensity[0, 2:].tolist() == [1, 1, 1]


@pytest.mark.parametrize("wrong", [{"epsilon": 2.0}, {"temperature": 0.0}, {"slots": (0,)}])
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ConfigError, match="explore: "):
        Explore(**wrong)
