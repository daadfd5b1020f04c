"""What the popularity dial buys: each of its positions judged, and the one to take.

Judged on validation: whoever chooses on the test set reports a figure nobody will meet again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.report import Report, plain

POSITIONS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""Values of α worth judging. Below 0 a holdout rewards what is popular and the catalog pays: add
such values only for a model that knows nothing of popularity, such as one of texts."""


@dataclass(frozen=True, slots=True)
class Point:
    """One position of the dial. NaN is a figure that cannot be had."""

    alpha: float
    accuracy: float  # mean of the frontier's metric
    coverage: float
    gini: float
    arp: float  # mean training interactions of what is shown
    tail: float  # share of places outside the most popular fifth
    new: float  # share of places that hold a new item


@dataclass(frozen=True, slots=True)
class Frontier:
    """The positions by alpha; the chosen one is the last that surely costs next to no accuracy."""

    metric: str
    tolerance: float  # accuracy that may be lost against the best position, relative
    points: tuple[Point, ...]
    chosen: int  # its place in points
    hoped: int  # the place that the means alone would choose
    people: int  # who judged
    change: tuple[float, float, float]  # accuracy against α = 0, user by user: mean, low, high

    @property
    def start(self) -> int:
        """The place of α = 0 in points."""
        return next(place for place, point in enumerate(self.points) if point.alpha == 0)

    @property
    def pick(self) -> Point:
        """The chosen position."""
        return self.points[self.chosen]

    def gained(self, figure: str) -> float:
        """How much larger a figure of the chosen position is than at α = 0, relative.

        Args:
            figure: accuracy, coverage, gini, arp, tail or new.
        """
        start, end = (
            float(getattr(point, figure)) for point in (self.points[self.start], self.pick)
        )
        return end / start - 1 if start else float("nan")

    def sentence(self) -> str:
        """What the chosen position buys and costs."""
        costs = f"{100 * self.tolerance:g} % of {self.metric}"
        doubt = ""
        if self.hoped > self.chosen:
            far = f"Up to α = {self.points[self.hoped].alpha:g} the mean loses less than {costs}"
            doubt = f" {far}, but {self.people:,} people are too few to be sure."
        if self.chosen == self.start:
            return f"α = 0.{doubt}" if doubt else f"α = 0: a discount costs more than {costs}."
        told = {"coverage": "coverage", "popularity": "arp", self.metric: "accuracy"}
        gains = ", ".join(f"{name} {100 * self.gained(of):+.1f} %" for name, of in told.items())
        return f"α = {self.pick.alpha:g}: {gains}.{doubt}"

    def to_json(self) -> dict[str, object]:
        """Plain data: points, choice, gains. What cannot be said is None."""
        points = [{name: plain(v) for name, v in asdict(p).items()} for p in self.points]
        gains = {name: plain(self.gained(name)) for name in ("accuracy", "coverage", "arp")}
        change = dict(zip(("mean", "low", "high"), map(plain, self.change), strict=True))
        return {
            "metric": self.metric,
            "tolerance": self.tolerance,
            "points": points,
            "alpha": self.pick.alpha,
            "hoped": self.points[self.hoped].alpha,
            "gained": gains,
            "change": change,
            "sentence": self.sentence(),
        }


def frontier(
    reports: Mapping[float, Report],
    metric: str = "ndcg@10",
    tolerance: float = 0.01,
    new: Bool[ndarray, "n"] | None = None,
    seed: int = 0,
) -> Frontier:
    """The dial's positions side by side; chosen is the largest α that surely costs next to nothing.

    Its mean is within the tolerance of the best position, and the lower end of the 95 % interval of
    what it loses against α = 0, person by person, is within the tolerance, too. The means alone
    would follow luck: many positions are compared, and the last that just holds is taken.

    Args:
        reports: by α, all of one model on one holdout; 0 must be among them.
        metric: the accuracy that must not be lost, at the k at which the rest is read, too.
        tolerance: of accuracy, relative to the best position and to α = 0.
        new: items whose share of the places is told, such as those of the last month; None: NaN.
        seed: of the bootstrap over users.

    Raises:
        ConfigError: no report at α = 0, a tolerance outside [0, 1), or a metric that is not there.
        DataError: the reports are on different users, or nobody was judged.
    """
    if 0 not in reports:
        came = ", ".join(f"{alpha:g}" for alpha in reports) or "none"
        raise ConfigError(f"a report at alpha 0 expected (what gains are over), {came} came")
    if not 0 <= tolerance < 1:
        raise ConfigError(f"tolerance in [0, 1) expected, {tolerance} came")
    k = _length(metric)
    ordered = dict(sorted(reports.items()))
    for report in ordered.values():
        report.differences(reports[0], metric)  # refuses other users
    points = tuple(_point(a, report, metric, k, new) for a, report in ordered.items())
    best = max(point.accuracy for point in points)
    if best != best:
        raise DataError(f"judged users expected in the reports, no one has a value of {metric}")
    near = [p for p, point in enumerate(points) if point.accuracy >= (1 - tolerance) * best]
    least = -tolerance * reports[0].mean(metric)
    chosen, change = next(p for p, point in enumerate(points) if point.alpha == 0), (0.0, 0.0, 0.0)
    for place in reversed(near):
        lost = ordered[points[place].alpha].gain(reports[0], metric, seed)
        if lost[1] >= least:
            chosen, change = place, lost
            break
    people = int(np.isfinite(reports[0].values[metric]).sum())
    return Frontier(metric, tolerance, points, chosen, max(near), people, change)


def _length(metric: str) -> int:
    k = metric.rpartition("@")[2]
    if "@" not in metric or not k.isdecimal():
        raise ConfigError(f"metric: metric@k expected, {metric!r} came: write ndcg@10")
    return int(k)


def _point(
    alpha: float, report: Report, metric: str, k: int, new: Bool[ndarray, "n"] | None
) -> Point:
    coverage, gini, arp, tail = (f"{name}@{k}" for name in ("coverage", "gini", "arp", "aplt"))
    share = float("nan")
    if new is not None:
        judged = np.isfinite(report.values[metric])
        shown = report.rows[judged, :k]
        there = shown >= 0
        share = float(new[shown[there]].mean()) if there.any() else share
    return Point(
        alpha=alpha,
        accuracy=report.mean(metric),
        coverage=report.mean(coverage),
        gini=report.mean(gini),
        arp=report.mean(arp),
        tail=report.mean(tail),
        new=share,
    )
