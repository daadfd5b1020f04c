"""How figures differ between two spans or two arms, and whether that is more than chance.

Who is in both is one draw: what a person did before says something of what they do now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Difference:
    """Now less before, with the ends of its 95 % interval; NaN: nothing can be said."""

    value: float
    low: float
    high: float
    users: int  # fewer of the two

    @property
    def verdict(self) -> str:
        """In a word: more, less, within chance, too few to say."""
        if self.users < FEW or not np.isfinite(self.low):
            return TOO_FEW
        if self.low > 0 or self.high < 0:
            return MORE if self.value > 0 else LESS
        return CHANCE

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        ends = {name: getattr(self, name) for name in ("value", "low", "high")}
        plain = {name: float(end) if np.isfinite(end) else None for name, end in ends.items()}
        return {**plain, "users": self.users, "verdict": self.verdict}


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
        "change": {name: None if one is None else one.to_json() for name, one in told.items()},
    }


def difference(now: Groups, before: Groups, metric: Metric) -> Difference | None:
    """Of one metric over all; None where there is no way to say how sure it is (median, distinct).

    With φ_u = (y_u - R·x_u) / Σx, the influence of user u on R = Σy / Σx,
    Var(R₁ - R₂) = n/(n - 1) · Σ_u (φ₁_u - φ₂_u)² over all n users of either; of totals it is
    n · s² of the differences of each. Of somebody who is in one alone the other part is 0.

    Source: Deng et al. 2018, section 3, with both metrics of one user together.
    """
    if metric.kind in RATIOS:
        parts = [_influences(metric.rows(some)) for some in (now, before)]
    elif metric.kind in WHOLE and metric.kind != "distinct":
        parts = [_values(some, metric) for some in (now, before)]
    else:
        return None
    (first, one, n_one), (second, other, n_other) = parts
    both = one.join(other, on="unit", how="full", suffix="_before", coalesce=True).fill_null(0.0)
    steps = (both["part"] - both["part_before"]).to_numpy()
    value, n = first - second, len(steps)
    centred = steps if metric.kind in RATIOS else steps - steps.mean() if n else steps
    half = Z * float(np.sqrt(_over(n * float((centred**2).sum()), float(n - 1))))
    half = half if half > 0 else np.nan
    return Difference(value, value - half, value + half, min(n_one, n_other))


def _influences(rows: pl.DataFrame) -> tuple[float, pl.DataFrame, int]:
    """The ratio, each user's influence on it, and how many they are."""
    units = rows.group_by("unit").agg(pl.col("numerator", "denominator").sum()).sort("unit")
    top, bottom = (units[name].cast(pl.Float64).to_numpy() for name in _PARTS)
    ratio = _over(float(top.sum()), float(bottom.sum()))
    return ratio, _parted(units, (top - ratio * bottom) / max(bottom.sum(), 1)), len(units)


_PARTS = ("numerator", "denominator")


def _values(groups: Groups, metric: Metric) -> tuple[float, pl.DataFrame, int]:
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
