"""Broken rows, set aside with the reason: counted, shown, written, never dropped in silence."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from bowerbird.data.artifacts import whole
from bowerbird.errors import DataError

KEPT = 100_000
"""Broken rows of a table whose contents are kept; all are counted."""
BEGINNING = b'{"file": '
"""Of every file of broken rows."""
AN_ITEM_OF = "an item of"
"""How the reason begins that an event's item is not in the item table."""


@dataclass(slots=True)
class Quarantine:
    """The broken rows of all tables of one import."""

    rows_read: int = 0
    counts: dict[tuple[str, str], int] = field(default_factory=dict)  # (table, what) → rows
    examples: dict[tuple[str, str], str] = field(default_factory=dict)  # the first row of each
    kept: dict[str, pl.DataFrame] = field(default_factory=dict)  # table → row, reason[, data]

    def add(self, where: str, broken: pl.DataFrame) -> None:
        """Count the rows `broken` (columns row from 1, reason) of a table."""
        what = pl.col("reason").str.replace(r"(?s)( expected).*$", "$1")
        kinds = broken.with_columns(what=what).group_by("what", maintain_order=True)
        for kind, count, row, reason in kinds.agg(
            pl.len(), pl.first("row"), pl.first("reason").alias("first")
        ).iter_rows():
            self.counts[where, kind] = self.counts.get((where, kind), 0) + count
            self.examples.setdefault((where, kind), f"row {row}: {reason}")
        before = self.kept.get(where, broken.clear())
        self.kept[where] = pl.concat([before, broken.head(KEPT - before.height)])

    def fetch(self, where: str, source: pl.LazyFrame) -> None:
        """Keep the contents of the broken rows of this table: one more pass over it."""
        kept = self.kept.get(where)
        if kept is None:
            return
        types = source.collect_schema()
        told = [
            pl.col(n) if t.is_nested() else pl.col(n).cast(pl.String, strict=False)
            for n, t in types.items()
        ]
        numbered = source.select(pl.struct(told).alias("data")).with_row_index("row", offset=1)
        rows = kept.lazy().select("row")
        found = numbered.join(rows, on="row", how="semi").collect(engine="streaming")
        self.kept[where] = kept.join(found, on="row", maintain_order="left")

    def write(self, path: Path) -> None:
        """One JSON object a row: file, row, reason and the row's own columns.

        Where nothing is broken, what an earlier import wrote there is removed.

        Raises:
            DataError: there is a folder of this name.
        """
        if not self.kept:
            if _is_ours(path):
                path.unlink(missing_ok=True)
            return
        if path.is_dir():
            raise DataError(f"--quarantine {path}: a file expected, this is a folder; name another")
        with whole(path) as partial, partial.open("w", encoding="utf-8") as out:
            for where, frame in self.kept.items():
                for row in frame.iter_rows(named=True):
                    told = json.dumps({"file": where, **row}, ensure_ascii=False, default=str)
                    out.write(f"{told}\n")

    def enforce(self, max_broken: float, path: Path | None) -> None:
        """Refuse the tables if a larger share of their rows is broken than allowed.

        Raises:
            DataError: naming the first broken row, where the others are, and the way out.
        """
        if len(self) <= max_broken * self.rows_read:
            return
        share = -(-len(self) * 10_000 // max(self.rows_read, 1)) / 10_000
        remedy = "repair them"
        if path is not None and share < 1:  # there is a command line, and something would be left
            remedy += f", or go on without them: --max-broken {share:g}"
        if any(what.find(AN_ITEM_OF) >= 0 for _, what in self.counts):
            remedy += ", or keep such items: --unknown-items keep"
        raise DataError(f"{self.told(path)}; {remedy}")

    def told(self, path: Path | None) -> str:
        """The first broken row, how many more there are, and where they are kept."""
        (where, _), example = next(iter(self.examples.items()))
        rest = f" and {len(self) - 1:,} more" if len(self) > 1 else ""
        kept = f" (all in {path})" if path is not None else ""
        return f"{where}: {example}{rest}{kept}"

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __str__(self) -> str:
        return f"{len(self):,} broken rows of {self.rows_read:,}"


def _is_ours(path: Path) -> bool:
    """Is this a file of broken rows, and nothing else that a person named by mistake?"""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING
