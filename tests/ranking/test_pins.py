"""Items at a place that somebody has said."""

import numpy as np
import pytest

from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.pins import Pins

HITS = Hits(
    np.array([[4, 5, 6, 7], [4, 6, 7, -1]], np.int32),
    np.array([[4, 3, 2, 1], [4, 2, 1, -np.inf]], np.float32),
)


def put(pins, hits=HITS):
    held = pins.held(hits)
    chances = np.full((2, 3), 0.5)
    return held, *pins.put(hits, held, chances)


def test_a_pinned_item_is_at_its_place_where_it_is_eligible():
    held, found, chances = put(Pins({1: 7, 0: 5}, 9))
    assert held.rows.tolist() == [[4, 6, -1, -1], [4, 6, -1, -1]]
    assert found.rows.tolist() == [[5, 7, 4, 6], [4, 7, 6, -1]]  # 5 is not there for the second
    assert found.scores[0].tolist() == [3, 1, 4, 2]
    assert chances.tolist() == [[1, 1, 0.5], [0.5, 1, 0.5]]


def test_a_place_behind_the_end_is_the_end():
    _, found, _ = put(Pins({9: 4}, 9))
    assert found.rows.tolist() == [[5, 6, 7, 4], [6, 7, 4, -1]]


def test_what_is_pinned_is_asked_for():
    (want,) = Pins({0: 3, 4: 1}, 5).wants()
    assert np.flatnonzero(want.rows).tolist() == [1, 3] and want.least == 2


@pytest.mark.parametrize("at", [{-1: 3}, {0: 3, 1: 3}])
def test_places_that_mean_nothing_are_refused(at):
    with pytest.raises(ConfigError, match="pin: "):
        Pins(at, 9)
