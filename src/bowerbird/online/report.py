"""Figures of the live, by group, as plain JSON values: what, out of what, and how sure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from bowerbird.data.facts import Frames
from bowerbird.errors import ConfigError
from bowerbird.online import intervals
from bowerbird.online.attribution import Attributed, attributed
from bowerbird.online.groups import Groups, grouped
from bowerbird.online.intervals import Estimate
from bowerbird.online.metrics import Metric, metrics_of
from bowerbird.online.rules import ATTRIBUTION, DAY_MS, Rules

WHOLE = ("count", "money", "distinct")
"""Kinds whose value is a whole number."""


@dataclass(frozen=True, slots=True)
class _Figures:
    """One metric in all groups."""

    estimate: Estimate
    numerator: ndarray
    denominator: ndarray
    users: ndarray


def report(
    frames: Frames,
    rules: Rules,
    by: Sequence[str] = ("surface",),
    n_items: int | None = None,
    where: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """Every metric, over all and by group. The same facts and rules give the same bytes.

    Money is in minor units of its currency, time in milliseconds. What has nothing to be divided
    by is None. Coverage is told where `n_items`, the size of the catalog, is given. `where` leaves
    only the facts of one group, as `{"surface": "home"}`; None is null.

    Raises:
        ConfigError: a name that nothing can be grouped by, or no item in the catalog.
        DataError: merges go round in a circle.
    """
    if n_items is not None and n_items < 1:
        raise ConfigError(f"a catalog of at least 1 item expected, {n_items} came")
    found = attributed(frames, rules)
    metrics = metrics_of(rules, currencies_of(found, rules))
    groups = told_of(grouped(found, (), where), metrics, rules, (), n_items)
    if by:
        groups += told_of(grouped(found, by, where), metrics, rules, by, n_items)
    return {
        "attribution": ATTRIBUTION,
        "as_of": rules.as_of,
        "served_as_seen": rules.served_as_seen,
        "rules": rules.to_json(),
        "by": list(by),
        "where": dict(where or {}),
        "refused": found.refused,
        "late": found.late,
        "groups": groups,
    }


def currencies_of(found: Attributed, rules: Rules) -> list[str]:
    """Currencies in which something was sold or given back."""
    money = found.conversions.filter(
        pl.col("type").is_in([*rules.sales, *rules.refunds]), pl.col("value").is_not_null()
    )
    return money["currency"].unique().sort().to_list()


def told_of(
    groups: Groups,
    metrics: Mapping[str, Metric],
    rules: Rules,
    by: Sequence[str],
    n_items: int | None,
) -> list[dict[str, Any]]:
    """Every metric of every group."""
    sizes = _units(groups)
    closed = _closed(groups, rules)
    names = groups.keys.select(by).to_dicts() if by else [{}]
    told = [
        {"group": name, "users": int(size), "final": final, "figures": {}}
        for name, size, final in zip(names, sizes, closed, strict=True)
    ]
    for name, metric in metrics.items():
        figures = _figures(groups, metric, sizes)
        _lay(told, name, metric, figures, rules.as_of)
        if name == "items_seen" and n_items is not None:
            _lay(
                told,
                "coverage",
                replace(metric, kind="share"),
                _part(figures, n_items),
                rules.as_of,
            )
    return told


def _lay(told: list[dict[str, Any]], name: str, metric: Metric, of: _Figures, as_of: int) -> None:
    """Add the figure to each group."""
    kind = metric.kind
    for g, group in enumerate(told):
        value, low, high = (float(part[g]) for part in of.estimate)
        group["figures"][name] = {
            "value": int(value) if kind in WHOLE else _plain(value),
            "low": _plain(low),
            "high": _plain(high),
            "numerator": None if kind == "median" else int(of.numerator[g]),
            "denominator": None if kind in WHOLE else int(of.denominator[g]),
            "users": int(of.users[g]),
            "as_of": as_of,
            "final": group["final"],
        }


def _figures(groups: Groups, metric: Metric, sizes: ndarray) -> _Figures:
    n = groups.keys.height
    rows = metric.rows(groups)
    if metric.kind == "distinct":
        return _distinct(rows, sizes)
    if metric.kind == "median":
        g = _numbers(rows, "g")
        estimate = intervals.median(g, _numbers(rows, "numerator").astype(np.float64), n)
        users = np.bincount(_numbers(rows.select("g", "unit").unique(), "g"), minlength=n)
        return _Figures(estimate, np.zeros(n), np.bincount(g, minlength=n), users)
    units = rows.group_by("g", "unit").agg(pl.col("numerator", "denominator").sum())
    units = units.sort("g", "numerator", "denominator")  # one order, whoever the users are
    g, top, bottom = (_numbers(units, name) for name in ("g", "numerator", "denominator"))
    tops, bottoms = (_sums(g, part, n) for part in (top, bottom))
    users = np.bincount(g, minlength=n)
    real = top.astype(np.float64)
    if metric.kind == "users":
        estimate = intervals.wilson(tops.astype(np.float64), bottoms.astype(np.float64))
    elif metric.kind in WHOLE:
        estimate, users = intervals.total(g, real, sizes.astype(np.float64)), sizes
        if metric.kind == "count":
            estimate = estimate._replace(low=np.maximum(estimate.low, 0))
        estimate = estimate._replace(value=tops.astype(np.float64))
    else:
        share = metric.kind == "share"
        estimate = intervals.ratio(g, real, bottom.astype(np.float64), n, share)
    return _Figures(estimate, tops, bottoms, users)


def _distinct(rows: pl.DataFrame, sizes: ndarray) -> _Figures:
    g, n = _numbers(rows, "g"), len(sizes)
    estimate = intervals.distinct(g, _numbers(rows, "times").astype(np.float64), n)
    return _Figures(estimate, estimate.value, np.zeros(n), sizes)


def _part(figures: _Figures, n_items: int) -> _Figures:
    """Distinct items as a share of the catalog."""
    value, low, high = (np.minimum(part / n_items, 1) for part in figures.estimate)
    bottom = np.full(len(value), n_items)
    return replace(figures, estimate=Estimate(value, low, high), denominator=bottom)


def _units(groups: Groups) -> ndarray:
    """Users of each group: those with a list, and those with a conversion."""
    frames = [frame.select("g", "unit") for frame in (groups.lists, groups.conversions)]
    units = pl.concat(frames).unique()
    return np.bincount(_numbers(units, "g"), minlength=groups.keys.height)


def _closed(groups: Groups, rules: Rules) -> list[bool]:
    """Whether the windows of the last day of each group have closed, and the grace is over."""
    frames = (
        groups.lists.select("g", moment="time"),
        groups.conversions.select("g", "moment"),
    )
    last = pl.concat(frames).group_by("g").agg(pl.col("moment").max())
    known = groups.keys.select("g").join(last, on="g", how="left", maintain_order="left")
    ends = (pl.col("moment") // DAY_MS + 1) * DAY_MS + rules.closing_ms
    return known.select((ends <= rules.as_of).fill_null(value=False))["moment"].to_list()


def _sums(group: ndarray, values: ndarray, n: int) -> ndarray:
    """Whole numbers are summed as such."""
    sums = np.zeros(n, np.int64)
    np.add.at(sums, group, values)
    return sums


def _numbers(frame: pl.DataFrame, name: str) -> ndarray:
    return frame[name].cast(pl.Int64).to_numpy()


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
