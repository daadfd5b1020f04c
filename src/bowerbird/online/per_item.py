"""What lists did for each item, day by day: places served, seen, clicked, and purchases credited.

The same places and the same credit as every figure of a report: what items have adds up to it.
"""

import polars as pl

from bowerbird.data.facts import Frames
from bowerbird.online.attribution import attributed, day_of
from bowerbird.online.rules import Rules

FIGURES = ("served", "seen", "clicks", "purchases")
"""Columns, in the order in which things come about."""


def per_item(frames: Frames, rules: Rules) -> pl.DataFrame:
    """`item`, `day` (UTC, of the list) and `FIGURES`, where at least one is not 0; by item and day.

    A place that was clicked several times was clicked once. Purchases that belong to no list are
    left out: `rules` say what is a sale, and which credit counts.

    Raises:
        DataError: merges go round in a circle.
    """
    found = attributed(frames, rules)
    shown = found.slots.group_by("item", day=day_of("time")).agg(
        served=pl.len().cast(pl.Int64),
        seen=pl.col("seen").sum().cast(pl.Int64),
        clicks=pl.col("clicked").sum().cast(pl.Int64),
    )
    credited = pl.col("type").is_in(rules.sales) & pl.col("level").is_in(rules.levels)
    bought = found.conversions.filter(credited).group_by("item", "day")
    both = shown.join(
        bought.agg(purchases=pl.len().cast(pl.Int64)), on=["item", "day"], how="full", coalesce=True
    )
    return both.select("item", "day", pl.col(FIGURES).fill_null(0)).sort("item", "day")
