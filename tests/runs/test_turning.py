"""Each position of the dial judged on validation, and a recommender that is turned."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.split import LeaveOneOut
from bowerbird.data.synthetic import World
from bowerbird.encoders.popularity import Popularity
from bowerbird.evaluation.background import Background
from bowerbird.evaluation.health import Limits
from bowerbird.evaluation.offline import evaluate
from bowerbird.retrieval.models import seeded
from bowerbird.runs.compare import Plan, compare
from bowerbird.runs.tune import Half
from bowerbird.runs.turning import measured, new_items
from bowerbird.surfaces.assemble import recommender_of, turned
from worlds import cycles, dataset


@pytest.fixture(scope="module")
def data():
    return World(n_users=250, n_items=120, n_events=6000, seed=2).make().dataset


@pytest.fixture(scope="module", params=["als", "cooccurrence"])
def half(data, request):
    train, holdout = LeaveOneOut().split(data)
    return Half(seeded(request.param, 0).fit(train), train, holdout)


def test_every_position_is_what_a_turned_recommender_would_have_reached(half):
    positions = (0.0, 1.0, 4.0)
    found = measured(half, Popularity(), 5, positions=positions)
    assert [point.alpha for point in found.points] == list(positions)
    background = Background.of(half.train)
    engine = recommender_of(half.fitted, half.train, Popularity(), half.holdout.repeats)
    for point in found.points:
        asked = turned(engine, half.train, point.alpha)
        report = evaluate(asked.recommend, half.holdout, background, (5,))
        # people with nothing to find are not asked by `measured`: nor judged by `evaluate`
        assert point.accuracy == pytest.approx(report.mean("ndcg@5"), abs=1e-6)
        assert point.arp == pytest.approx(report.mean("arp@5"), rel=1e-6)
        assert point.coverage == pytest.approx(report.mean("coverage@5"))
    assert found.points[-1].arp < found.points[0].arp


def test_new_items_are_those_of_the_newest_tenth_of_the_events():
    data = dataset([list(range(10))] * 3, n_items=11)
    assert np.flatnonzero(new_items(data)).tolist() == [9, 10]
    assert new_items(replace(data, dated=False)) is None


@pytest.mark.parametrize("refit", [True, False])
def test_a_comparison_measures_the_dial_without_reading_the_test(data, refit):
    split = LeaveOneOut().split(data)
    plan = Plan(("popularity", "als"), LeaveOneOut(), (5,), tune=False, refit=refit, dial=True)
    result = compare(split, plan)
    assert list(result.frontiers) == ["als"]  # popularity has nothing to hold back but itself
    told = json.loads(json.dumps(result.to_json(), allow_nan=False))["dial"]["als"]
    inner = LeaveOneOut().split(split.train)
    half = Half(seeded("als", 0).fit(inner.train), inner.train, inner.holdout)
    assert told == json.loads(json.dumps(measured(half, Popularity(), 5).to_json()))
    assert compare(split, replace(plan, dial=False)).frontiers == {}


def test_a_choice_keeps_what_it_fitted_without_the_validation_events(data):
    split = LeaveOneOut().split(data)
    settings = {"auto": {"models": "als, cooccurrence"}}
    plan = Plan(("auto",), LeaveOneOut(), (5,), settings=settings, dial=True, budget_s=60.0)
    result = compare(split, plan)
    half = result.choices["auto"].half
    assert len(half.train.log) < len(split.train.log)
    assert result.frontiers["auto"].points[0].accuracy == pytest.approx(
        max(score for _, score in result.choices["auto"].scores), abs=0.02
    )
    assert compare(split, replace(plan, dial=False)).choices["auto"].half is None


def test_health_is_told_and_judged_by_the_limits_of_the_plan():
    split = LeaveOneOut().split(cycles(n_users=200, n_items=40))
    plan = Plan(("als",), LeaveOneOut(), (5,), tune=False)
    loose = compare(split, replace(plan, limits=Limits(0.0, 1.0, 1.0, 1.0, 1.0, 1.0)))
    assert loose.alarms() == ()
    assert loose.health["als"].verdict() == "healthy"
    strict = compare(split, replace(plan, limits=Limits(effective_rank=1.0)))
    assert any(alarm.startswith("als: Effective dimensions: at least") for alarm in strict.alarms())
