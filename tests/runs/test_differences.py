"""Bounds of differences: known answers, and that bounds which hold together are wider."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.runs.differences import differences


def test_nothing_is_different_from_itself():
    (same,) = differences({"all": (np.zeros(50), np.full(50, 0.2))})
    assert same.other == pytest.approx(0.2)
    assert (same.people, same.gain, same.low, same.high) == (50, 0, 0, 0)
    assert same.relative == 0


def test_of_one_difference_the_bounds_are_those_of_the_normal_law():
    gained = np.random.default_rng(1).normal(0.01, 0.1, 4000)
    (one,) = differences({"all": (gained, np.ones(4000))}, draws=4000)
    half = 1.96 * gained.std() / np.sqrt(4000)
    assert one.low == pytest.approx(gained.mean() - half, abs=half / 10)
    assert one.high == pytest.approx(gained.mean() + half, abs=half / 10)


def test_of_m_strangers_the_bounds_are_those_that_all_keep_together():
    # 20 groups of other people: z of 1 - (1 - .025)^(1/20) is 3.02 standard errors, not 1.96
    random, groups, each = np.random.default_rng(2), 20, 400
    pairs = {}
    for group in range(groups):
        gained = np.full(groups * each, np.nan)
        gained[group * each : (group + 1) * each] = random.normal(0, 1, each)
        pairs[str(group)] = (gained, np.ones(groups * each))
    found = differences(pairs, draws=4000)
    halves = [(one.high - one.low) / 2 * np.sqrt(each) for one in found]
    assert np.mean(halves) == pytest.approx(3.02, abs=0.15)


def test_a_group_of_too_few_has_bounds_and_says_nothing():
    gained = np.array([0.1, 0.2, np.nan, np.nan])
    few, whole, nobody = differences(
        {
            "few": (gained, np.ones(4)),
            "all": (np.ones(4), np.ones(4)),
            "nobody": (np.full(4, np.nan), np.full(4, np.nan)),
        },
        least=3,
    )
    assert (few.people, few.told, whole.told) == (2, False, True)
    assert 0.1 - 1e-9 <= few.low <= few.gain <= few.high <= 0.2 + 1e-9
    assert nobody.people == 0
    assert np.isnan(nobody.low)
    assert nobody.to_json()["low"] is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_people_does_not_change_a_bit(seed):
    random = np.random.default_rng(seed)
    gained, other = random.normal(size=(60, 3)).round(1), random.random((60, 3))
    gained[random.random((60, 3)) < 0.2] = np.nan
    by = random.permutation(60)

    def told(order):
        return differences(
            {str(c): (gained[order, c], other[order, c]) for c in range(3)}, draws=200
        )

    assert told(np.arange(60)) == told(by)
