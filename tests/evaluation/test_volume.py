"""Days that lack events or have too many, against a shop whose days are known."""

import numpy as np
import pytest

from bowerbird.evaluation.volume import days_of

LENGTH = 7


def shop(past=70, rate=1000, seed=0):
    """Poisson days with thin weekends, the first one at -(past + LENGTH)."""
    day = np.arange(-past - LENGTH, 0)
    mean = np.where(day % 7 >= 5, 0.3, 1.0) * rate
    return day, np.random.default_rng(seed).poisson(mean)


def judged(day, counts):
    past = day < -LENGTH
    return days_of(np.repeat(day[past], counts[past]), np.repeat(day[~past], counts[~past]), LENGTH)


@pytest.mark.parametrize("seed", range(10))
def test_weekends_are_as_weekends_were(seed):
    days = judged(*shop(seed=seed))
    assert [day.day for day in days] == list(range(-7, 0))
    assert {day.level for day in days} == {"usual"}
    for day in days:
        assert day.factor == pytest.approx(1, abs=0.25)
        assert abs(day.z) < 4


@pytest.mark.parametrize("by", [1.03 ** np.arange(77), 1.0 + 2 * (np.arange(77) >= 60)])
def test_growth_and_a_fuller_season_lift_all_days_and_are_nothing(by):
    day, counts = shop(rate=400)
    days = judged(day, (counts * by).astype(np.int64))
    assert {each.level for each in days} == {"usual"}


@pytest.mark.parametrize(
    ("factor", "level"),
    [(0, "gap"), (0.05, "gap"), (0.5, "gap"), (0.7, "gap"), (0.85, "usual"), (2, "usual"),
     (10, "rise")],
)  # fmt: skip
@pytest.mark.parametrize("row", [-1, -4, -7])
def test_one_day_s_change_is_told_by_its_size(factor, level, row):
    day, counts = shop(rate=3000)
    counts[row] = int(counts[row] * factor)
    told = judged(day, counts)
    assert told[row].level == level
    assert {each.level for each in told} == {level, "usual"}
    assert told[row].factor == pytest.approx(factor, abs=0.15 * max(factor, 1))


def test_a_shop_that_never_opens_on_sundays_misses_nothing_on_one():
    day, counts = shop()
    counts[day % 7 == 6] = 0
    assert {each.level for each in judged(day, counts)} == {"usual"}


def test_of_a_short_past_only_an_empty_day_is_seen():
    day, counts = shop(past=10)
    half, empty = counts.copy(), counts.copy()
    half[-3] //= 2
    empty[-3] = 0
    assert {each.level for each in judged(day, half)} == {"usual"}
    assert judged(day, empty)[-3].level == "gap"
    for few in (0, 1, 3):
        assert len(judged(*shop(past=few))) == LENGTH


@pytest.mark.parametrize("past", range(12))
@pytest.mark.parametrize("length", [1, 3])
def test_any_number_of_days_can_be_judged_by_any_before(past, length):
    every = np.repeat(np.arange(-past - length, 0), 50)
    before = every < -length
    days = days_of(every[before], every[~before], length)
    assert [day.day for day in days] == list(range(-length, 0))
    assert {day.level for day in days} == {"usual"}
