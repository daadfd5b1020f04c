"""Some people drawn at random get what is popular: what the lists of all others are worth.

The only figures here that say what lists caused. Whom chance has drawn is an arm of the experiment
«holdout», kept with each list; all that people spend counts, credited to a list or not.
"""

import hashlib
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Any

import numpy as np
import polars as pl

from bowerbird.data.facts import Frames
from bowerbird.online import intervals
from bowerbird.online.attribution import attributed
from bowerbird.online.change import apart, verdict
from bowerbird.online.clean import cleaned
from bowerbird.online.definitions import FEW
from bowerbird.online.groups import ARM, grouped
from bowerbird.online.metrics import Kind
from bowerbird.online.rules import Rules

EXPERIMENT, HELD, SHOWN = "holdout", "held", "shown"
"""The experiment, and its arms: who gets what is popular · who gets the lists there are."""
SUSPICIOUS = 0.001
"""Of shares as odd as this, or odder, chance is no explanation."""


@dataclass(frozen=True, slots=True)
class Share:
    """What share of people is held out; None: not the same everywhere, or not known."""

    held: float | None
    why: str = ""  # there is none


def arm_of(user: str, share: float) -> str:
    """Whose arm chance has said: the same for a person whenever and wherever they ask.

    Who is held out at one share is so at every larger one.

    >>> [arm_of(f"u{n}", 0.5) for n in range(4)]
    ['shown', 'held', 'shown', 'shown']
    """
    told = hashlib.sha256(f"{EXPERIMENT}\x1f{user}".encode()).digest()
    return HELD if int.from_bytes(told[:8], "big") < share * 2**64 else SHOWN


def held_out(frames: Frames, rules: Rules, share: Share) -> dict[str, Any]:
    """What people of both arms clicked, bought and spent, and the difference.

    A person is of the arm of their first list in the span, whatever came later. What they bought
    counts from then on.
    """
    lists = grouped(attributed(frames, rules), [ARM + EXPERIMENT]).lists
    drawn = lists.filter(pl.col("person").is_not_null()).select(
        "person", "time", "seen", "clicked", arm=ARM + EXPERIMENT
    )
    drawn = drawn.filter(pl.col("arm").is_in([HELD, SHOWN])).sort("time", maintain_order=True)
    people = drawn.group_by("person", maintain_order=True).agg(
        pl.col("arm").first(), pl.col("time").first().alias("since"), mixed=pl.col("arm").n_unique()
    )
    rows = {"ctr_list": _clicked(drawn, people), **_bought(frames, rules, people)}
    told = {name: _compared(some, kind) for name, (some, kind) in rows.items()}
    arms = {arm: people.filter(pl.col("arm") == arm).height for arm in (SHOWN, HELD)}
    return {
        "as_of": rules.as_of,
        "since": rules.since,
        "people": arms,
        "both": people.filter(pl.col("mixed") > 1).height,
        "shares": _ratio(arms[HELD], arms[SHOWN], share),
        "figures": told,
    }


def chance_of(held: int, shown: int, share: float) -> float:
    """How likely shares as odd as these are, if people were drawn so: χ² with one degree.

    Source: Fabijan et al. 2019, sample ratio mismatch; the figures are of Kohavi et al. 2020.

    >>> f"{chance_of(821_588, 815_482, 0.5):.2e}"
    '1.82e-06'
    """
    n = held + shown
    expected = (n * share, n * (1 - share))
    odd = sum((some - e) ** 2 / e for some, e in zip((held, shown), expected, strict=True))
    return erfc(sqrt(odd / 2))


def _ratio(held: int, shown: int, share: Share) -> dict[str, Any]:
    told: dict[str, Any] = {"expected": share.held, "found": None, "p": None, "well": None}
    told["why"] = share.why
    if held + shown:
        told["found"] = held / (held + shown)
    if share.held is not None and min(share.held, 1 - share.held) * (held + shown) >= 5:
        told["p"] = chance_of(held, shown, share.held)
        told["well"] = told["p"] >= SUSPICIOUS
    elif not share.why:
        told["why"] = "too few people to tell"
    return told


def _clicked(drawn: pl.DataFrame, people: pl.DataFrame) -> tuple[pl.DataFrame, Kind]:
    seen = drawn.filter("seen").drop("arm").join(people.select("person", "arm"), on="person")
    return _rows(seen, pl.col("clicked"), pl.lit(1)), "share"


def _bought(
    frames: Frames, rules: Rules, people: pl.DataFrame
) -> dict[str, tuple[pl.DataFrame, Kind]]:
    """Who bought, and what each spent in each currency; with those who did not."""
    done = cleaned(frames, rules).done.filter(
        pl.col("type").is_in([*rules.sales, *rules.refunds]),
        pl.lit(value=True) if rules.until is None else pl.col("time") < rules.until,
    )
    after = done.join(people.select("person", "arm", "since"), on="person")
    after = after.filter(pl.col("time") >= pl.col("since"))
    buyers = after.filter(pl.col("type").is_in(rules.sales)).select("person").unique()
    did = people.join(buyers.with_columns(did=True), on="person", how="left", maintain_order="left")
    told: dict[str, tuple[pl.DataFrame, Kind]] = {
        "buyers": (_rows(did, pl.col("did").fill_null(value=False), pl.lit(1)), "users")
    }
    for currency in after["currency"].drop_nulls().unique().sort().to_list():
        spent = after.filter(pl.col("currency") == currency).group_by("person")
        sums = people.join(spent.agg(pl.col("value").sum()), on="person", how="left")
        value = pl.col("value").fill_null(0)
        told[f"revenue_per_person:{currency}"] = (_rows(sums, value, pl.lit(1)), "ratio")
    return told


def _rows(frame: pl.DataFrame, top: pl.Expr, bottom: pl.Expr) -> pl.DataFrame:
    return frame.select(
        "arm",
        unit="person",
        numerator=top.cast(pl.Int64),
        denominator=bottom.cast(pl.Int64),
    )


def _compared(rows: pl.DataFrame, kind: Kind) -> dict[str, Any]:
    """The figure of each arm with its interval, and shown less held."""
    sides = [rows.filter(pl.col("arm") == arm) for arm in (SHOWN, HELD)]
    value, low, high, users = apart(*sides)
    told = {arm: _figure(some, kind) for arm, some in zip((SHOWN, HELD), sides, strict=True)}
    told["difference"] = {
        "value": _plain(value),
        "low": _plain(low),
        "high": _plain(high),
        "users": users,
        "verdict": verdict(value, low, high, users, FEW),
    }
    return told


def _figure(rows: pl.DataFrame, kind: Kind) -> dict[str, Any]:
    units = rows.group_by("unit").agg(pl.col("numerator", "denominator").sum()).sort("unit")
    top, bottom = (units[n].cast(pl.Float64).to_numpy() for n in ("numerator", "denominator"))
    if kind == "users":
        found = intervals.wilson(np.array([top.sum()]), np.array([bottom.sum()]))
    else:
        found = intervals.ratio(np.zeros(len(top), np.int64), top, bottom, 1, kind == "share")
    value, low, high = (_plain(float(part[0])) for part in found)
    sums = {"numerator": int(top.sum()), "denominator": int(bottom.sum())}
    return {"value": value, "low": low, "high": high, **sums, "users": len(units)}


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
