"""Facts as Polars tables, a portion at a time, however many there are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from bowerbird.data.facts import SCHEMAS, Slot
from bowerbird.store.database import Row, quoted
from bowerbird.store.fact_rows import SERVED, SLOT, slots_text

TABLES = ("served", "seen", "done", "merges")
PORTION = 50_000
"""Rows held at a time, and asked for in one statement, so that it ends soon."""


def frames_of(
    ask: Callable[[str, Sequence[Any]], list[Row]],
    table: str,
    after: int,
    upto: int,
    wanted: str = "",
) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """The facts of a table with numbers in (after, upto]: of each portion first, last, and rows.

    Args:
        ask: what reads.
        table: one of `TABLES`.
        after: number.
        upto: number.
        wanted: a condition in SQL that begins with AND.
    """
    columns = columns_of(table)
    asked = f"SELECT n, {quoted(columns)} FROM {table} WHERE n > ? AND n <= ? {wanted} ORDER BY n"
    for start in range(after, upto, PORTION):
        rows = ask(asked, [start, min(start + PORTION, upto)])
        if rows:
            yield rows[0][0], rows[-1][0], frame(table, (row[1:] for row in rows))


def columns_of(table: str) -> tuple[str, ...]:
    """Those of the table in the database that are told to others."""
    return SERVED if table == "served" else tuple(SCHEMAS[table])


def frame(table: str, rows: Iterable[Row] = ()) -> pl.DataFrame:
    """Rows of a table of the database."""
    schema = dict(SCHEMAS[table])
    if table == "served":
        schema["slots"] = pl.String()
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def apart(lists: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lists without their slots, and the slots as a table of their own."""
    kinds = SCHEMAS["slots"]
    held = pl.Struct({name: pl.List(kinds[name]) for name in SLOT})
    slots = (
        lists.select("rec_id", pl.col("slots").str.json_decode(held))
        .unnest("slots")
        .with_columns(position=pl.int_ranges(1, pl.col("item").list.len() + 1))
        .explode("position", *SLOT, empty_as_null=False)
        .select(pl.col(name).cast(kind) for name, kind in kinds.items())
    )
    return lists.drop("slots"), slots


def together(lists: pl.DataFrame, slots: pl.DataFrame) -> list[Row]:
    """The rows in the database of what `apart` took apart."""
    of_list: dict[str, list[Slot]] = {}
    for rec_id, *place in slots.sort("position").select("rec_id", *SLOT).iter_rows():
        of_list.setdefault(rec_id, []).append(Slot(*place))
    rows = lists.select(SERVED[:-1]).iter_rows()
    return [(*row, slots_text(tuple(of_list.get(row[0], ())))) for row in rows]
