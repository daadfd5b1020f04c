"""Models that grow old at a known rate, and the interval that follows."""

import json

import numpy as np
import pytest

from bowerbird.errors import DataError
from bowerbird.evaluation.staleness import staleness

AGES = np.array([1.0, 3.0, 7.0, 14.0, 28.0])


def quality(lost, n=4000, noise=0.02, seed=0):
    """People of unlike quality, each losing the same share with age, and some noise."""
    random = np.random.default_rng(seed)
    person = random.beta(2, 3, n)[:, None]
    return person * (1 - np.asarray(lost)) + noise * random.normal(size=(n, len(lost)))


def test_a_loss_known_exactly_is_said_exactly():
    told = staleness(AGES, quality([0, 0.002, 0.005, 0.03, 0.1], noise=0))
    assert [point.lost for point in told.curve] == pytest.approx([0, 0.002, 0.005, 0.03, 0.1])
    for point in told.curve:
        assert point.low == pytest.approx(point.lost)
        assert point.high == pytest.approx(point.lost)
    assert told.interval == 7
    assert told.sentence().startswith("retrain every 7 days: up to there surely less than 1 %")


@pytest.mark.parametrize(("cost", "interval"), [(0.001, 1), (0.004, 3), (0.05, 14), (0.5, 28)])
def test_who_may_lose_more_retrains_less_often(cost, interval):
    told = staleness(AGES, quality([0, 0.002, 0.005, 0.03, 0.1], noise=0), cost=cost)
    assert told.interval == interval


def test_what_is_not_sure_does_not_count():
    few = quality([0, 0.002, 0.005, 0.03, 0.1], n=30, noise=0.2)
    many = quality([0, 0.002, 0.005, 0.03, 0.1], n=30_000, noise=0.02)
    assert staleness(AGES, few).interval == 1
    assert staleness(AGES, many).interval == 7


def test_a_lucky_old_model_does_not_speak_for_those_between():
    assert staleness(AGES, quality([0, 0.03, 0.0, 0.0, 0.0], noise=0)).interval == 1


def test_pairing_is_what_makes_small_losses_visible():
    values = quality([0, 0.03], n=500, noise=0.005)
    (_, old) = staleness(np.array([1.0, 7.0]), values).curve
    spread = 1.96 * values[:, 0].std() / np.sqrt(len(values)) / values[:, 0].mean()
    assert 0.02 < old.low < old.high < 0.04
    assert old.high - old.low < spread / 3  # unpaired, it would be wider than √2 · 2 · spread


def test_the_interval_holds_the_truth_nineteen_times_in_twenty():
    held = 0
    for seed in range(200):
        values = quality([0, 0.02], n=300, noise=0.1, seed=seed)
        (_, old) = staleness(np.array([1.0, 7.0]), values, seed=seed, draws=300).curve
        held += old.low <= 0.02 <= old.high
    assert held >= 182  # P(≤ 181 | .95, 200) is .4 %


def test_the_order_in_which_models_come_does_not_matter():
    values, mixed = quality([0, 0.002, 0.005, 0.03, 0.1]), [3, 0, 4, 1, 2]
    assert staleness(AGES[mixed], values[:, mixed]) == staleness(AGES, values)


def test_people_who_are_not_judged_by_all_are_left_out_where_they_are_not():
    values = quality([0, 0.01], noise=0)
    values[::2, 1] = np.nan
    told = staleness(np.array([1.0, 7.0]), values)
    json.dumps(told.to_json(), allow_nan=False)
    assert told.curve[1].lost == pytest.approx(0.01, abs=0.02)


def test_advice_at_the_ends_says_so():
    fresh = staleness(AGES, quality([0, 0.05, 0.1, 0.2, 0.3], noise=0))
    assert fresh.sentence().startswith("retrain more often than every 3 days: such a model may")
    still = staleness(AGES, quality([0, 0, 0, 0, 0], noise=0))
    assert still.sentence().startswith("retrain every 28 days or less often: even a model 28 days")


def test_what_cannot_be_a_curve_is_an_error():
    values = quality([0, 0.1])
    with pytest.raises(DataError, match="two or more ages in days expected, each once, 1, 1 came"):
        staleness(np.array([1.0, 1.0]), values)
    with pytest.raises(DataError, match=r"one column an age expected \(5\), 2 came"):
        staleness(AGES, values)
    with pytest.raises(DataError, match=r"a freshest model \(age 1\) of some quality expected, 0"):
        staleness(np.array([1.0, 7.0]), np.zeros((5, 2)))
