"""Every figure has one definition, and every definition a figure."""

import pytest

from bowerbird.online.definitions import DEFINITIONS, INTERVAL_OF, INTERVALS, LEVELS, definitions
from bowerbird.online.metrics import levels_of, metrics_of
from bowerbird.online.report import report
from bowerbird.online.rules import Rules
from live_logs import DAY, START, simulated

RULES = Rules(as_of=START + 60 * DAY, view_through_s=3_600)
METRICS = metrics_of(RULES, ["EUR"])


def test_each_figure_of_a_report_is_defined_once_and_every_definition_has_one():
    figures = report(simulated(seed=1), RULES, (), 40)["groups"][0]["figures"]
    assert {"coverage", "revenue:EUR:none"} <= {*figures}
    assert [sum(one.fits(name) for one in DEFINITIONS) for name in figures] == [1] * len(figures)
    assert all(any(one.fits(name) for name in figures) for one in DEFINITIONS)


@pytest.mark.parametrize("name", METRICS)
def test_what_is_divided_says_by_what_and_the_rest_does_not(name):
    (one,) = [some for some in DEFINITIONS if some.fits(name)]
    assert one.kind == METRICS[name].kind
    divided = one.kind in ("share", "users", "ratio")
    assert (one.numerator is not None) == divided
    assert (one.denominator is not None) == (divided or one.kind == "median")


def test_levels_and_intervals_are_those_there_are():
    assert {*LEVELS} == {*levels_of(RULES)}
    assert {*INTERVAL_OF.values()} == {*INTERVALS}
    told = definitions()
    assert [one["name"] for one in told["metrics"]] == [one.name for one in DEFINITIONS]
