"""The way of a list: what each step left, moved and added."""

import numpy as np
import pytest

from bowerbird.data.queries import Queries
from bowerbird.index.index import Hits
from bowerbird.ranking.diversify import Mmr
from bowerbird.ranking.recommender import Lists, Recommender
from bowerbird.ranking.rules import Boost
from bowerbird.ranking.traced import traced
from bowerbird.retrieval.backfill import Backfill, Nothing

VECTORS = np.array([[1, 0], [1, 0], [0, 1], [-1, 0]], np.float32)


def hits(*rows):
    scores = np.linspace(4, 1, len(rows)).astype(np.float32)[None]
    return Hits(np.array([rows], np.int32), scores)


@pytest.fixture
def engine():
    odd = np.array([False, True, False, True])
    steps = {"odd": Boost(odd, 0.5), "spread": Mmr(VECTORS, 0.4, 3)}
    popular = Backfill(Nothing(), np.arange(4, dtype=np.float32))
    return Recommender(popular, steps=steps)


def test_it_tells_what_each_step_moved_and_where_items_stood(engine):
    stages = {"candidates": hits(0, 1, 2, 3), "odd": hits(1, 3, 0, 2), "spread": hits(1, 2, 3, 0)}
    own = np.array([[0, 1, -1, -1]], np.int32)
    lists = Lists(stages["spread"].top(3), np.ones((1, 3)), stages, None, own)
    way = traced(engine, Queries.of([[0]]), lists)
    assert way.own == 2
    told = [(one.name, one.hits, one.moved) for one in way.stages]
    assert told == [("candidates", 4, 0), ("odd", 4, 3), ("spread", 4, 2)]
    assert way.places == [
        {"candidates": 2, "odd": 1, "spread": 1},
        {"candidates": 3, "odd": 4, "spread": 2},
        {"candidates": 4, "odd": 2, "spread": 3},
    ]
    parts = [{part.name: part.value for part in some} for some in way.parts]
    assert parts[0] == {"odd": 0.5}  # the first is like nothing above it
    assert parts[1] == {}
    assert parts[2] == {"odd": 0.5}  # its cosines are 0 and -1: the largest takes nothing


def test_what_is_alike_above_costs_as_much_as_the_step_says(engine):
    stages = {"candidates": hits(0, 1), "odd": hits(1, 0), "spread": hits(1, 0)}
    own = np.array([[0, 1]], np.int32)
    lists = Lists(stages["spread"], np.ones((1, 2)), stages, None, own)
    way = traced(engine, Queries.of([[2]]), lists)
    (alike,) = way.parts[1]
    assert (alike.name, alike.scale) == ("spread", "relevance")
    assert alike.value == pytest.approx(-0.6)
