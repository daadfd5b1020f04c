"""How much each live event counts, as a function of the facts: what is made up moves little.

Nothing is deleted and nothing remembered: the same facts give the same answer, in whatever order
they come, and other rules give another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy import ndarray

from bowerbird.data.bursts import Usual, bursts
from bowerbird.data.defence import DAY_S, Defence
from bowerbird.data.lookalikes import lookalikes
from bowerbird.data.schema import TYPE_WEIGHTS

REASONS = BURST, ALIKE = "burst", "alike"
"""Why an event is in quarantine: new people rush to its item · its person is one of many alike."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was known before the facts."""

    first: Mapping[str, int] = field(default_factory=dict)  # user → ms of their first event
    usual: Usual = field(default_factory=Usual)


NOTHING = Before()


@dataclass(frozen=True, slots=True)
class Trusted:
    """The events that had arrived, by time, with what each counts."""

    events: pl.DataFrame  # event_id, user, item, type, time, factor, reason

    def kept(self) -> pl.DataFrame:
        """Those that are not in quarantine."""
        return self.events.filter(pl.col("reason").is_null())

    def quarantined(self) -> pl.DataFrame:
        """Events in quarantine by reason and item, the most first: reason, item, events, users."""
        return (
            self.events.filter(pl.col("reason").is_not_null())
            .group_by("reason", "item")
            .agg(events=pl.len().cast(pl.Int64), users=pl.col("user").n_unique().cast(pl.Int64))
            .sort("events", "item", "reason", descending=[True, False, False])
        )


def trusted(done: pl.DataFrame, now_ms: int, rules: Defence, before: Before = NOTHING) -> Trusted:
    """Each event with a factor in 0 … 1, and the reason if it is in quarantine (factor 0).

    factor = source · [among the first of its day] · min(1, c/√n) · (`new` if somebody new did it),
    n the events of this person that count within the span. An event of the public happened when
    it arrived: what a browser says of its age is not believed.

    Args:
        done: events as the store has them; users are persons, after all merges.
        now_ms: what arrives later does not exist.
        rules: how far whom.
        before: who was there, and what was usual.
    """
    facts = _facts(done.filter(pl.col("arrived") <= now_ms), rules, before)
    facts = _counting(facts, rules)
    share = pl.min_horizontal(1.0, rules.influence / pl.col("n").sqrt())
    factor = pl.col("source") * pl.when("live").then(share * pl.col("counts")).otherwise(1.0)
    factor *= pl.when("new").then(rules.new).otherwise(1.0)
    held = _held(facts, rules, before)
    told = facts.join(held["bursts"], on=["item", "window"], how="left", maintain_order="left")
    told = told.join(held["alike"], on="user", how="left", maintain_order="left")
    reason = pl.when("new").then(pl.coalesce("burst", "alike"))
    told = told.with_columns(reason=reason)
    factor = pl.when(pl.col("reason").is_null()).then(factor).otherwise(0.0)
    names = ("event_id", "user", "item", "type", "time")
    return Trusted(told.select(*names, factor=factor, reason="reason"))


def _facts(done: pl.DataFrame, rules: Defence, before: Before) -> pl.DataFrame:
    """By time: when an event happened, how its source is believed, and whether its user was new."""
    trust, kind = pl.col("trust"), pl.col("type").str.to_lowercase()
    source = (
        pl.when(trust == "secret")
        .then(rules.secret)
        .when(trust == "import")
        .then(rules.imported)
        .otherwise(rules.public)
    )
    facts = done.select(
        *("event_id", "user", "item", "type", "time"),
        kind=pl.when(kind.is_in(list(TYPE_WEIGHTS))).then(kind).otherwise(pl.lit("other")),
        moment=pl.when(trust.is_in(["secret", "import"])).then("time").otherwise("arrived"),
        live=trust != "import",
        sure=(trust == "secret") & kind.is_in(rules.sales),
        source=source,
    ).sort("moment", "event_id")
    users = list(before.first)
    first = pl.DataFrame(
        {"user": users, "before": list(before.first.values())},
        schema={"user": pl.String, "before": pl.Int64},
    )
    facts = facts.join(first, on="user", how="left", maintain_order="left")
    came = pl.min_horizontal(pl.col("moment").min().over("user"), "before")
    young = pl.col("moment") - pl.col("first") < 1_000 * rules.new_s
    return (
        facts.with_columns(first=came)
        .with_columns(new=pl.col("live") & young & ~pl.col("sure"))
        .with_columns(window=pl.col("moment") // (1_000 * rules.window_s))
    )


def _counting(facts: pl.DataFrame, rules: Defence) -> pl.DataFrame:
    """Which events are among the first of a day, and how many such their user has in the span."""
    user, item, kind = (_codes(facts[name]) for name in ("user", "item", "kind"))
    day = facts["moment"].to_numpy() // (1_000 * DAY_S)
    counts = _nth(user, item, kind, day) < rules.again
    counts &= _nth(user, day, counts) < rules.a_day
    facts = facts.with_columns(counts=counts, code=user, span=day // rules.span_days)
    return facts.with_columns(n=pl.col("counts").sum().over("code", "span"))


def _codes(names: pl.Series) -> ndarray:
    codes: ndarray = names.rank("dense").to_numpy().astype(np.int64)
    return codes


def _nth(*keys: ndarray) -> ndarray:
    """Of each row, how many before it have the same keys.

    >>> _nth(np.array([7, 8, 7, 7])).tolist()
    [0, 0, 1, 2]
    """
    order = np.lexsort(keys)  # stable, so rows of the same keys stay as they were
    begins = np.arange(len(order)) == 0
    for key in keys:
        begins[1:] |= key[order][1:] != key[order][:-1]
    starts = np.flatnonzero(begins)
    nth = np.empty(len(order), dtype=np.int64)
    nth[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return nth


def _held(facts: pl.DataFrame, rules: Defence, before: Before) -> dict[str, pl.DataFrame]:
    """What is in quarantine: items in windows, and people."""
    counting = facts.filter(pl.col("counts") | ~pl.col("live"))
    rush = bursts(counting.select("item", "window", "new"), rules, before.usual)
    new = counting.filter("new").select("user", "item", "first")
    alike = lookalikes(new, rules).to_frame()
    return {
        "bursts": rush.with_columns(burst=pl.lit(BURST)),
        "alike": alike.with_columns(alike=pl.lit(ALIKE)),
    }
