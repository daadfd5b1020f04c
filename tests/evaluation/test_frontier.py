"""The dial's positions by hand: what is chosen, what it buys, what it costs."""

import json

import numpy as np
import pytest

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.frontier import frontier
from bowerbird.evaluation.offline import Background, evaluate
from bowerbird.evaluation.report import Report

NAN = float("nan")


def report(ndcg, coverage=0.2, arp=100.0, users=4, rows=None):
    each = np.full(users, arp)
    values = {
        "ndcg@10": np.asarray(ndcg, dtype=np.float64),
        "arp@10": each,
        "aplt@10": each / 1000,
    }
    totals = {"coverage@10": coverage, "gini@10": 0.9}
    rows = np.zeros((users, 10), np.int32) if rows is None else rows
    return Report(values, totals, (), {}, np.arange(users, dtype=np.int32), rows, {})


def dial():
    return {
        1.0: report([0.2, 0.4, 0.6, 0.4], 0.30, 60.0),  # mean .4
        0.0: report([0.5, 0.5, 0.5, 0.5], 0.20, 100.0),
        0.25: report([0.5, 0.508, 0.5, 0.5], 0.22, 95.0),  # mean .502: the best
        0.5: report([0.4975] * 4, 0.25, 80.0),  # .9 % below the best, for everybody .5 % below 0
    }


def test_chosen_is_the_largest_alpha_that_surely_is_within_the_tolerance():
    found = frontier(dial())
    assert [point.alpha for point in found.points] == [0, 0.25, 0.5, 1]
    assert found.pick.alpha == 0.5
    assert found.gained("coverage") == pytest.approx(0.25)
    assert found.gained("arp") == pytest.approx(-0.2)
    assert found.gained("accuracy") == pytest.approx(-0.005)
    assert found.change[0] == pytest.approx(-0.0025)
    assert found.change[1] <= found.change[0] <= found.change[2] <= 0
    assert found.sentence() == "α = 0.5: coverage +25.0 %, popularity -20.0 %, ndcg@10 -0.5 %."


def test_what_is_within_the_tolerance_by_luck_is_not_chosen_and_said():
    lucky = report([0.6, 0.4, 0.5, 0.489])  # mean .497, but it might as well be .45
    found = frontier({**dial(), 0.75: lucky})
    assert found.pick.alpha == 0.5 and found.points[found.hoped].alpha == 0.75
    told = "Up to α = 0.75 the mean loses less than 1 % of ndcg@10, but 4 people are too few"
    assert told in found.sentence() and found.to_json()["hoped"] == 0.75
    alone = frontier({0.0: dial()[0.0], 0.75: lucky})
    assert alone.chosen == alone.start and alone.change == (0, 0, 0)
    assert alone.sentence().startswith("α = 0. Up to α = 0.75 the mean loses less")
    many = report([0.6, 0.4, 0.5, 0.489] * 30_000, users=120_000)
    assert frontier({0.0: report([0.5] * 120_000, users=120_000), 0.75: many}).pick.alpha == 0.75


@pytest.mark.parametrize(
    ("tolerance", "alpha"), [(0.0, 0.25), (0.008, 0.25), (0.01, 0.5), (0.5, 1.0)]
)
def test_more_tolerance_turns_the_dial_further(tolerance, alpha):
    assert frontier(dial(), tolerance=tolerance).pick.alpha == alpha


def test_where_every_discount_costs_too_much_nothing_is_chosen():
    reports = dial()
    found = frontier({0.0: reports[0.0], 1.0: reports[1.0]})
    assert found.chosen == 0
    assert found.change == (0, 0, 0)
    assert found.sentence() == "α = 0: a discount costs more than 1 % of ndcg@10."


def test_a_dial_turned_to_the_popular_is_still_measured_from_the_middle():
    reports = {-1.0: report([0.6] * 4, 0.1, 150.0), **dial()}
    found = frontier(reports)
    assert (found.start, found.chosen) == (1, 0)
    assert found.sentence() == "α = -1: coverage -50.0 %, popularity +50.0 %, ndcg@10 +20.0 %."
    assert found.change == pytest.approx((0.1, 0.1, 0.1))


def test_a_dip_on_the_way_does_not_end_the_search():
    reports = {0.0: report([0.5] * 4), 0.5: report([0.4] * 4), 1.0: report([0.5] * 4)}
    assert frontier(reports).pick.alpha == 1


def test_new_items_are_a_share_of_the_places_of_those_who_are_judged():
    rows = np.full((3, 10), -1, np.int32)
    rows[0, :3] = [0, 1, 2]
    rows[1, :1] = [2]
    rows[2, :2] = [2, 2]  # nobody judges them
    reports = {0.0: report([0.5, 0.5, NAN], users=3, rows=rows)}
    new = np.array([False, False, True])
    assert frontier(reports, new=new).points[0].new == pytest.approx(2 / 4)
    assert np.isnan(frontier(reports).points[0].new)


def test_real_reports_make_a_frontier_that_is_plain_data(world):
    judged = evaluate(world.recommend, world.holdout, Background.of(world.train), (5, 10))
    found = frontier({0.0: judged, 0.5: judged}, metric="recall@5")
    assert found.pick.alpha == 0.5
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["points"][0]["coverage"] == judged.mean("coverage@5")
    assert data["points"][0]["tail"] == judged.mean("aplt@5")
    assert data["points"][0]["new"] is None
    assert data["gained"] == {"accuracy": 0, "coverage": 0, "arp": 0}
    assert data["alpha"] == 0.5


def test_what_is_missing_is_an_error():
    reports = dial()
    with pytest.raises(ConfigError, match=r"alpha 0 expected .* 0.5 came"):
        frontier({0.5: reports[0.5]})
    with pytest.raises(ConfigError, match="none came"):
        frontier({})
    with pytest.raises(ConfigError, match=r"tolerance in \[0, 1\) expected, 1.0 came"):
        frontier(reports, tolerance=1.0)
    with pytest.raises(ConfigError, match="'recall@10' came"):
        frontier(reports, metric="recall@10")
    with pytest.raises(DataError, match="same users expected"):
        frontier({0.0: reports[0.0], 0.5: report([0.5] * 5, users=5)})
    with pytest.raises(DataError, match="judged users expected"):
        frontier({0.0: report([NAN] * 4)})
    with pytest.raises(ConfigError, match=r"metric@k expected, 'ndcg' came"):
        frontier(reports, metric="ndcg")
