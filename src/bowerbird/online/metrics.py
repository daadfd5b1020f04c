"""What every online metric is made of: rows whose numerators and denominators add up to it.

A report sums them, an export shows them; so a figure cannot differ from the rows behind it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import polars as pl

from bowerbird.online.attribution import UNATTRIBUTED
from bowerbird.online.groups import Groups
from bowerbird.online.rules import Rules

ATTRIBUTED, TOTAL = "attributed", "total"
"""Credited to some list, at whatever level · all there are."""
Kind = Literal["count", "money", "share", "users", "ratio", "median", "distinct"]
"""How its interval is found."""
Rows = Callable[[Groups], pl.DataFrame]

_SLOT = ("g", "unit", "rec_id", "time", "position", "item")
_CONVERSION = (
    *("g", "unit", "event_id", "type", "item", "time", "value", "currency"),
    *("level", "credited", "position"),
)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of every group: of which kind, and its rows.

    Rows have a group `g`, a `unit`, a `numerator` and a `denominator`, and what they are known by.
    """

    kind: Kind
    rows: Rows


def metrics_of(rules: Rules, currencies: Sequence[str]) -> Mapping[str, Metric]:
    """Every metric by name, in the order of a report."""
    seen, all_lists = pl.col("seen"), pl.lit(value=True)
    one = pl.lit(1)
    metrics = {
        "lists_served": Metric("count", partial(_of_lists, which=all_lists, top=one)),
        "lists_seen": Metric("count", partial(_of_lists, which=seen, top=one)),
        "ctr_list": Metric("share", partial(_of_lists, which=seen, top=pl.col("clicked"))),
        "ctr_slot": Metric("share", partial(_of_slots, which=seen, top=pl.col("clicked"))),
        "median_ms_to_click": Metric("median", _to_click),
        "hide_rate": Metric("share", partial(_of_slots, which=seen, top=pl.col("hidden"))),
        "repeat_rate": Metric(
            "share",
            partial(_of_slots, which=pl.col("repeated").is_not_null(), top=pl.col("repeated")),
        ),
        "fallback_share": Metric(
            "share",
            partial(_of_lists, which=all_lists, top=pl.col("rung").is_in(rules.fallback)),
        ),
        "unreported_share": Metric(
            "share", partial(_of_lists, which=all_lists, top=~pl.col("reported"))
        ),
        "items_served": Metric("distinct", partial(_items, which=all_lists)),
        "items_seen": Metric("distinct", partial(_items, which=seen)),
    }
    for type in rules.conversions:
        metrics |= _of_type(type, rules)
    for currency in currencies:
        metrics |= _of_currency(currency, rules)
    return metrics


def levels_of(rules: Rules) -> dict[str, tuple[str, ...]]:
    """Levels by name, the sums too."""
    each = {level: (level,) for level in (*rules.levels, UNATTRIBUTED)}
    return each | {ATTRIBUTED: rules.levels, TOTAL: (*rules.levels, UNATTRIBUTED)}


def _of_type(type: str, rules: Rules) -> dict[str, Metric]:
    which = pl.col("type") == type
    counts = {
        f"conversions:{type}:{name}": Metric(
            "count", partial(_of_conversions, which=which & _at(levels), top=pl.lit(1))
        )
        for name, levels in levels_of(rules).items()
    }
    rates = {
        f"conversion_rate:{type}:{name}": Metric("users", partial(_users, which=which & _at(some)))
        for name, some in levels_of(rules).items()
        if name not in (UNATTRIBUTED, TOTAL)
    }
    return rates | counts


def _of_currency(currency: str, rules: Rules) -> dict[str, Metric]:
    money = pl.col("type").is_in([*rules.sales, *rules.refunds])
    money &= pl.col("currency") == currency
    value = pl.col("value").fill_null(0)
    earned = partial(_of_conversions, which=money & _at(rules.levels), top=value)
    sums = {
        f"revenue:{currency}:{name}": Metric(
            "money", partial(_of_conversions, which=money & _at(levels), top=value)
        )
        for name, levels in levels_of(rules).items()
    }
    return sums | {
        f"revenue_per_list:{currency}": Metric(
            "ratio", partial(_beside, of=_seen_lists, to=earned)
        ),
        f"revenue_per_session:{currency}": Metric(
            "ratio", partial(_beside, of=_sessions, to=earned)
        ),
    }


def _at(levels: Sequence[str]) -> pl.Expr:
    return pl.col("level").is_in(levels)


def _parts(top: pl.Expr, bottom: int = 1) -> list[pl.Expr]:
    return [
        top.cast(pl.Int64).alias("numerator"),
        pl.lit(bottom, pl.Int64).alias("denominator"),
    ]


def _of_lists(groups: Groups, which: pl.Expr, top: pl.Expr) -> pl.DataFrame:
    columns = _SLOT if "position" in groups.lists.columns else _SLOT[:4]
    return groups.lists.filter(which).select(*columns, "rung", *_parts(top))


def _of_slots(groups: Groups, which: pl.Expr, top: pl.Expr) -> pl.DataFrame:
    return groups.slots.filter(which).select(*_SLOT, *_parts(top))


def _of_conversions(groups: Groups, which: pl.Expr, top: pl.Expr) -> pl.DataFrame:
    return groups.conversions.filter(which).select(*_CONVERSION, *_parts(top))


def _to_click(groups: Groups) -> pl.DataFrame:
    """Lists that were clicked; the numerator is not to be summed but to be stood in the middle."""
    return _of_lists(groups, which=pl.col("clicked"), top=pl.col("to_click_ms"))


def _items(groups: Groups, which: pl.Expr) -> pl.DataFrame:
    """Items, and at how many places each was; units are counted, as an item has many."""
    found = groups.slots.filter(which).group_by("g", "item").len("times").sort("g", "item")
    return found.select("g", "item", pl.col("times").cast(pl.Int64), *_parts(pl.lit(1)))


def _users(groups: Groups, which: pl.Expr) -> pl.DataFrame:
    """Who saw a list, and whether a conversion of theirs is credited to one."""
    did = groups.conversions.filter(which).select("g", "unit").unique()
    who = groups.lists.filter("seen").select("g", "unit").unique().sort("g", "unit")
    who = who.join(did.with_columns(did=True), on=["g", "unit"], how="left", maintain_order="left")
    return who.select("g", "unit", *_parts(pl.col("did").fill_null(value=False)))


def _seen_lists(groups: Groups) -> pl.DataFrame:
    return _of_lists(groups, which=pl.col("seen"), top=pl.lit(0))


def _sessions(groups: Groups) -> pl.DataFrame:
    """Sessions in which a list was seen; one list is one session where nobody is known."""
    seen = groups.lists.filter("seen").sort("g", "list")
    first = seen.unique(["g", "unit", "session"], keep="first", maintain_order=True)
    return first.select("g", "unit", "session", "time", *_parts(pl.lit(0)))


def _beside(groups: Groups, of: Rows, to: Rows) -> pl.DataFrame:
    """Rows of a denominator, then those of a numerator."""
    top = to(groups).with_columns(denominator=pl.lit(0, pl.Int64))
    return pl.concat([of(groups), top], how="diagonal")
