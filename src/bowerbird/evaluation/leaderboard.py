"""Several models on one holdout: means, how sure they are, and what each gains over a baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.bootstrap import intervals, mean
from bowerbird.evaluation.report import Report, plain

HEADLINE = ("ndcg", "recall", "hit", "mrr")
BESIDE = ("coverage", "gini", "arp", "aplt", "popreo", "calibration", "diversity")


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one model. What cannot be said (a total has no interval) is None."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    gain: float | None = None  # over the baseline, user by user
    gain_low: float | None = None
    gain_high: float | None = None

    @property
    def sure(self) -> bool | None:
        """Does the interval of the gain leave out 0? None where there is no such interval."""
        if self.gain_low is None or self.gain_high is None:
            return None
        return self.gain_low > 0 or self.gain_high < 0


@dataclass(frozen=True, slots=True)
class Row:
    """One model."""

    model: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Models by their first metric, best first. Intervals are 95 % each, bootstrap over users."""

    rows: tuple[Row, ...]
    metrics: tuple[str, ...]
    baseline: str
    seed: int
    draws: int

    def row(self, model: str) -> Row:
        """The row of this model.

        Raises:
            ConfigError: there is no such model.
        """
        for row in self.rows:
            if row.model == model:
                return row
        valid = ", ".join(row.model for row in self.rows)
        raise ConfigError(f"model: one of {valid} expected, {model!r} came")

    def to_json(self) -> dict[str, object]:
        """Plain data: lists, dicts, numbers, None."""
        rows = [
            {
                "model": row.model,
                "cells": {m: {**asdict(c), "sure": c.sure} for m, c in row.cells.items()},
            }
            for row in self.rows
        ]
        return {**asdict(self), "metrics": list(self.metrics), "rows": rows}


def leaderboard(
    reports: Mapping[str, Report],
    baseline: str,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    draws: int = 2000,
) -> Leaderboard:
    """Every model beside the baseline, on the same draws of users.

    Args:
        reports: by the name of the model, all of one holdout.
        baseline: the model that gains are over.
        metrics: the columns, the first decides the order; None is the usual ones at the longest k
            below 50 that all have, or the shortest k.
        seed: of the draws of users.
        draws: how many.

    Raises:
        ConfigError: the baseline or a metric is not there.
        DataError: the reports are about different users.
    """
    if baseline not in reports:
        raise ConfigError(f"baseline: one of {', '.join(reports)} expected, {baseline!r} came")
    known = _shared(reports)
    chosen = tuple(_usual(known) if metrics is None else metrics)
    for metric in chosen:
        if metric not in known:
            raise ConfigError(f"metric: one of {', '.join(known)} expected, {metric!r} came")
    if not chosen:
        raise ConfigError("metrics: at least one expected, none came")
    rows = [
        Row(model, _cells(report, reports[baseline], model != baseline, chosen, (seed, draws)))
        for model, report in reports.items()
    ]
    rows.sort(key=lambda row: -np.inf if (m := row.cells[chosen[0]].mean) is None else m)
    return Leaderboard(tuple(rows[::-1]), chosen, baseline, seed, draws)


def _cells(
    report: Report, over: Report, gains: bool, metrics: tuple[str, ...], drawn: tuple[int, int]
) -> dict[str, Cell]:
    own = [m for m in metrics if m in report.values]
    cells = {m: Cell(plain(report.mean(m))) for m in metrics}
    if not own:
        return cells
    # one matrix, own values left and differences right, so that the users are drawn only once
    columns = [report.values[m] for m in own]
    differences = [report.differences(over, m) for m in own]
    ends = intervals(np.stack(columns + differences, axis=1), *drawn)
    for place, metric in enumerate(own):
        low, high = map(plain, ends[:, place])
        gain = map(plain, (mean(differences[place]), *ends[:, len(own) + place]))
        cells[metric] = Cell(cells[metric].mean, low, high, *(gain if gains else ()))
    return cells


def _shared(reports: Mapping[str, Report]) -> list[str]:
    first, *others = reports.values()
    for name, report in reports.items():
        if not np.array_equal(first.users, report.users):
            raise DataError(
                f"reports on the same users expected, {name!r} is on others:"
                " evaluate all models on one holdout"
            )
    return [m for m in first.metrics() if all(m in other.metrics() for other in others)]


def _usual(known: Sequence[str]) -> list[str]:
    ks = sorted({int(m.rpartition("@")[2]) for m in known if m.startswith("ndcg@")})
    if not ks:
        return list(known)
    k = max([k for k in ks if k < 50] or ks[:1])
    return [name for m in HEADLINE + BESIDE if (name := f"{m}@{k}") in known]
