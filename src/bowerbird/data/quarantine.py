"""Broken rows, set aside with the reason: counted, shown, written, never dropped in silence."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from bowerbird.data.artifacts import whole
from bowerbird.errors import DataError

KEPT_PER_BATCH = 100_000
"""Broken rows whose contents are kept, of one batch of one table; all are counted."""


@dataclass(slots=True)
class Quarantine:
    """The broken rows of all tables of one import."""

    rows_read: int = 0
    counts: dict[tuple[str, str], int] = field(default_factory=dict)  # (table, reason) → rows
    first: tuple[str, int, str] | None = None  # table, row, reason
    rows: list[pl.DataFrame] = field(default_factory=list)

    def add(self, where: str, broken: pl.DataFrame, source: pl.LazyFrame) -> None:
        """Set aside the rows `broken` (columns row from 1, reason) of the table `source`."""
        kinds = broken.with_columns(kind=pl.col("reason").str.replace(r", [^,]* came.*$", ""))
        for kind, count in kinds.group_by("kind", maintain_order=True).len().iter_rows():
            self.counts[where, kind] = self.counts.get((where, kind), 0) + count
        if self.first is None:
            self.first = (where, *broken.row(0))
        kept = broken.head(KEPT_PER_BATCH)
        numbered = source.with_row_index("row", offset=1)
        contents = numbered.join(kept.lazy(), on="row", how="semi").collect()
        data = contents.select("row", pl.struct(pl.exclude("row").cast(pl.String)).alias("data"))
        self.rows.append(kept.with_columns(pl.lit(where).alias("file")).join(data, on="row"))

    def write(self, path: Path) -> None:
        """One JSON object a row: file, row, reason and the row's own columns."""
        if not self.rows:
            return
        with whole(path) as partial, partial.open("w", encoding="utf-8") as out:
            for frame in self.rows:
                for row in frame.select("file", "row", "reason", "data").iter_rows(named=True):
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")

    def enforce(self, max_broken: float, path: Path | None) -> None:
        """Refuse the tables if a larger share of their rows is broken than allowed.

        Raises:
            DataError: naming the first broken row, where the others are, and the way out.
        """
        if self.first is None or len(self) <= max_broken * self.rows_read:
            return
        where, row, reason = self.first
        rest = f" and {len(self) - 1:,} more" if len(self) > 1 else ""
        kept = f" (all in {path})" if path is not None else ""
        share = -(-len(self) * 10_000 // max(self.rows_read, 1)) / 10_000
        remedy = f"repair them, or go on without them: --max-broken {share:g}"
        if "an item of" in reason:
            remedy += ", or keep such items: --unknown-items keep"
        raise DataError(f"{where}: row {row}: {reason}{rest}{kept}; {remedy}")

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __str__(self) -> str:
        return f"{len(self):,} broken rows of {self.rows_read:,}"
