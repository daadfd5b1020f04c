"""Least exposure: who gets a place, whose place it is, and how many are given away."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.encoders.als import Als
from bowerbird.index.index import Hits, Ragged
from bowerbird.retrieval.dial import Dial
from bowerbird.retrieval.least_exposure import PLACES, LeastExposure, cheapest
from bowerbird.retrieval.models import as_retriever
from worlds import dataset

FLAT = np.zeros(6, np.float32)


def lists(scores):
    """Each row's items by score."""
    scores = np.asarray(scores, np.float32)
    rows = np.argsort(-scores, axis=1, kind="stable").astype(np.int32)
    return Hits(rows, np.take_along_axis(scores, rows, 1))


def shown(candidates, prices, k, alpha=1.0, level=None):
    held = prices if level is None else prices - alpha * level
    value = candidates.scores + held[candidates.rows]
    best = np.argsort(-value, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(candidates.rows, best, 1)


def crowd(n=200, items=60, seed=0):
    """Everybody likes the first ones most: the last ones would be shown to nobody."""
    random = np.random.default_rng(seed)
    return lists(random.standard_normal((n, items)) + np.linspace(4, 0, items))


def test_who_wants_it_most_is_shown_what_nobody_would_be_shown():
    """Items 0 and 1 are everybody's; 2 lacks 3 for the first person and 1 for the second."""
    candidates = lists([[9, 8, 5], [7, 6, 5]])
    prices = LeastExposure(candidates, 2).prices(1.0, 2, FLAT[:3])
    assert not prices.any()  # 5 % of four places is none
    prices = cheapest(candidates.rows.ravel(), np.array([-1, 0, 3, -1, 0, 1.0]), 3, 1, 1.0)
    assert prices[:2].tolist() == [0, 0] and prices[2] == pytest.approx(1, abs=1e-3)
    assert shown(candidates, prices, 2).tolist() == [[0, 1], [0, 2]]


def test_everything_that_somebody_might_like_is_shown():
    candidates = crowd()
    exposure = LeastExposure(candidates, 200)
    prices = exposure.prices(1.0, 5, np.zeros(60, np.float32))
    before = np.bincount(shown(candidates, np.zeros(60), 5).ravel(), minlength=60)
    after = np.bincount(shown(candidates, prices, 5).ravel(), minlength=60)
    assert (before == 0).sum() > 8
    assert (after > 0).sum() >= (before > 0).sum() + 6
    assert (prices[before >= 3] == 0).all()  # who is shown enough pays nothing


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0, 4.0])
def test_no_more_places_are_given_away_than_there_are_to_give(alpha):
    candidates = crowd()
    level = np.linspace(0.5, -0.5, 60).astype(np.float32)
    prices = LeastExposure(candidates, 200).prices(alpha, 5, level)
    without = shown(candidates, np.zeros(60, np.float32), 5, alpha, level)
    taken = shown(candidates, prices, 5, alpha, level)
    new = sum(len(set(a) - set(b)) for a, b in zip(taken.tolist(), without.tolist(), strict=True))
    assert new <= PLACES * min(alpha, 1) * taken.size
    assert new > 0 or alpha in (0.0, 4.0)  # at 4 nobody was left out


def test_below_0_nobody_gets_anything():
    assert not LeastExposure(crowd(), 200).prices(-1.0, 5, np.zeros(60, np.float32)).any()


def test_few_histories_stand_for_many_people():
    """One of 200 that stand for 20,000 is enough: a hundred people are like this one."""
    level = np.zeros(60, np.float32)
    few, many = (LeastExposure(crowd(), people).prices(1.0, 5, level) for people in (200, 20_000))
    given = few > 0
    assert (many[given] <= few[given] + 1e-6).all() and (many > 0).sum() > 0


def test_lists_shorter_than_asked_for_have_a_place_for_all():
    candidates = lists([[3, 2], [2, 3]])
    assert not LeastExposure(candidates, 2).prices(1.0, 10, FLAT[:2]).any()
    none = Hits(np.full((2, 3), -1, np.int32), np.full((2, 3), -np.inf, np.float32))
    assert not LeastExposure(none, 2).prices(1.0, 2, FLAT[:2]).any()


def test_a_dial_shows_more_of_the_catalog_with_it():
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, 121)
    picks = [random.choice(120, 8, replace=False, p=share / share.sum()) for _ in range(400)]
    data = dataset([list(map(int, row)) for row in picks], 120)
    queries = data.queries()
    seen = Ragged(queries.items, queries.offsets)
    dial = Dial.over(as_retriever(Als(dim=8).fit(data), data.catalog), data, 0.5)
    assert dial.exposure is not None and dial.exposure.people == 400
    with_, without = (
        len(np.unique(each.retrieve(queries, 5, None, seen).rows))
        for each in (dial, replace(dial, exposure=None))
    )
    assert with_ > 1.05 * without
