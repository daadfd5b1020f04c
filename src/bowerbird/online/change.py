"""How figures differ between two spans or two arms, and whether that is more than chance.

Who is in both is one draw: what a person did before says something of what they do now.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from bowerbird.data.facts import Frames
from bowerbird.errors import ConfigError
from bowerbird.online.attribution import attributed
from bowerbird.online.definitions import FEW
from bowerbird.online.groups import Groups, grouped
from bowerbird.online.intervals import Z
from bowerbird.online.metrics import Metric, metrics_of
from bowerbird.online.report import WHOLE, currencies_of, told_of
from bowerbird.online.rules import Rules

RATIOS = ("share", "users", "ratio")
MORE, LESS, CHANCE, TOO_FEW = "more", "less", "within chance", "too few to say"
"""What can be said of a difference."""
Part = tuple[float, pl.DataFrame, int]
"""A value, what each user adds to it, and how many they are."""
Found = tuple[float, float, float, int]
"""A difference, low, high, and how many users the smaller side has."""


def change(
    frames: Frames,
    rules: Rules,
    where: Mapping[str, str | None] | None = None,
    n_items: int | None = None,
) -> dict[str, Any]:
    """Every figure of the span, of the span before it, and the difference.

    The span before is as long, and is seen at the same age: what was done later than as long after
    its end as `as_of` is after the end of this one is left out. Else the purchases that are yet to
    come would make every last week look poor.

    Raises:
        ConfigError: the span has no beginning, or a name that nothing can be grouped by.
    """
    until = rules.as_of + 1 if rules.until is None else rules.until
    length = until - rules.since
    if rules.since <= 0 or length <= 0 or rules.since < length:
        raise ConfigError(f"a span that another comes before expected, since {rules.since} came")
    before = replace(rules, since=rules.since - length, until=rules.since)
    spans = (frames, rules), (_until(frames, rules.as_of - length), before)
    found = [attributed(*span) for span in spans]
    currencies = sorted({name for one in found for name in currencies_of(one, rules)})
    metrics = metrics_of(rules, currencies)
    groups = [grouped(one, (), where) for one in found]
    now, then = (
        told_of(some, metrics, span, (), n_items)[0]["figures"]
        for some, (_, span) in zip(groups, spans, strict=True)
    )
    told = {name: difference(groups[0], groups[1], metric) for name, metric in metrics.items()}
    return {
        "as_of": rules.as_of,
        "where": dict(where or {}),
        "now": {"since": rules.since, "until": until, "figures": now},
        "before": {"since": before.since, "until": rules.since, "figures": then},
        "change": told,
    }


def difference(now: Groups, before: Groups, metric: Metric) -> dict[str, Any] | None:
    """Of one metric over all: its value, the ends of its 95 % interval, and what can be said of it.

    None where there is no way to say how sure it is (median, distinct).
    """
    if metric.kind in RATIOS:
        found = apart(metric.rows(now), metric.rows(before))
    elif metric.kind in WHOLE and metric.kind != "distinct":
        found = _stepped(_values(now, metric), _values(before, metric), ratio=False)
    else:
        return None
    value, low, high, users = found
    plain = [end if np.isfinite(end) else None for end in (value, low, high)]
    told = dict(zip(("value", "low", "high"), plain, strict=True))
    return {**told, "users": users, "verdict": verdict(value, low, high, users, FEW)}


def verdict(value: float, low: float, high: float, users: int, few: int) -> str:
    """In a word: more, less, within chance, too few to say.

    >>> verdict(0.1, 0.02, 0.18, 80, few=30)
    'more'
    """
    if users < few or not np.isfinite(low):
        return TOO_FEW
    if low > 0 or high < 0:
        return MORE if value > 0 else LESS
    return CHANCE


def apart(one: pl.DataFrame, other: pl.DataFrame) -> Found:
    """The ratio of these rows less that of the others, low, high, and of how few users it is.

    With φ_u = (y_u - R·x_u) / Σx, the influence of user u on R = Σy / Σx,
    Var(R₁ - R₂) = n/(n - 1) · Σ_u (φ₁_u - φ₂_u)² over all n users of either. Of somebody who is in
    one alone the other part is 0.

    Source: Deng et al. 2018, section 3, with both ratios of one user together.
    """
    return _stepped(_influences(one), _influences(other), ratio=True)


def _stepped(one: Part, other: Part, ratio: bool) -> Found:
    """The difference of two values, from what each user adds to either; of totals n·s²."""
    (first, mine, n_one), (second, theirs, n_other) = one, other
    both = mine.join(theirs, on="unit", how="full", suffix="_before", coalesce=True).fill_null(0.0)
    steps = (both["part"] - both["part_before"]).to_numpy()
    value, n = first - second, len(steps)
    around = steps if ratio or not n else steps - steps.mean()
    half = Z * float(np.sqrt(_over(n * float((around**2).sum()), float(n - 1))))
    half = half if half > 0 else np.nan
    return value, value - half, value + half, min(n_one, n_other)


def _influences(rows: pl.DataFrame) -> Part:
    """The ratio, each user's influence on it, and how many they are."""
    units = rows.group_by("unit").agg(pl.col("numerator", "denominator").sum()).sort("unit")
    top, bottom = (units[name].cast(pl.Float64).to_numpy() for name in _PARTS)
    ratio = _over(float(top.sum()), float(bottom.sum()))
    return ratio, _parted(units, (top - ratio * bottom) / max(bottom.sum(), 1)), len(units)


_PARTS = ("numerator", "denominator")


def _values(groups: Groups, metric: Metric) -> Part:
    """The sum, what each user adds to it, and how many they are; with those who add nothing."""
    everybody = pl.concat([some.select("unit") for some in (groups.lists, groups.conversions)])
    sums = metric.rows(groups).group_by("unit").agg(pl.col("numerator").sum())
    units = everybody.unique().join(sums, on="unit", how="left").sort("unit").fill_null(0)
    values = units["numerator"].cast(pl.Float64).to_numpy()
    return float(values.sum()), _parted(units, values), len(units)


def _parted(units: pl.DataFrame, part: ndarray) -> pl.DataFrame:
    return units.select("unit", part=pl.Series(part, dtype=pl.Float64))


def _until(frames: Frames, moment: int) -> Frames:
    """What had been done by then."""
    done = pl.col("time") <= moment
    return replace(frames, seen=frames.seen.filter(done), done=frames.done.filter(done))


def _over(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else float("nan")
