"""Sessions: what somebody did and was shown, cut where nothing happened for long."""

import polars as pl


def sessions_of(moments: pl.DataFrame, idle_s: int) -> pl.DataFrame:
    """The session of each moment of a person: person, time, session (a number over all people).

    A gap of more than `idle_s` ends a session.

    >>> sessions_of(pl.DataFrame({"person": ["a"] * 3, "time": [0, 60_000, 3_600_000]}), 1_800)[
    ...     "session"
    ... ].to_list()
    [1, 1, 2]
    """
    ordered = moments.drop_nulls().unique().sort("person", "time")
    first = pl.col("person") != pl.col("person").shift()
    gap = pl.col("time") - pl.col("time").shift() > 1_000 * idle_s
    starts = first.fill_null(value=True) | gap.fill_null(value=False)
    return ordered.with_columns(session=starts.cum_sum())
