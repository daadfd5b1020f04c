"""Features as they were when lists were made: written beside the lists, read back with labels.

A logged file has a row for each place of a list: `list` (or `user`) says which list, `rank` which
place (from 1), `label` whether it was right (1 or 0), and each `f_NAME` is the feature NAME.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from bowerbird.data.tables import Source, opened
from bowerbird.errors import DataError
from bowerbird.index.index import NONE, Hits
from bowerbird.ranking.rerank import Lesson
from bowerbird.surfaces.feature_columns import MARK

LISTS = ("list", "user")


def read_logged(file: Path, names: tuple[str, ...]) -> tuple[Lesson, tuple[str, ...]]:
    """What a logged file teaches, and which of these features it has.

    Raises:
        DataError: a column is missing, no feature is among the names or one is not, or a value
            cannot be read.
    """
    with opened(Source(str(file))) as rows:
        columns = rows.collect_schema().names()
        lists = next((name for name in LISTS if name in columns), None)
        told = [name.removeprefix(MARK) for name in columns if name.startswith(MARK)]
        _check_columns(file, columns, told, names)
        found = tuple(name for name in names if name in told)
        asked = [
            pl.col(lists or LISTS[0]).cast(pl.String).alias("list"),
            pl.col("rank").cast(pl.Int64),
            pl.col("label").cast(pl.Float64),
            *(pl.col(f"{MARK}{name}").cast(pl.Float32) for name in found),
        ]
        try:
            table = rows.select(asked).collect()
        except pl.exceptions.PolarsError as error:
            reason = str(error).splitlines()[0]
            expected = "whole numbers in rank, 0 or 1 in label and numbers in features expected"
            raise DataError(f"{file}: {expected}: {reason}") from error
    _check_values(file, table)
    return _lesson(table, found), found


def _check_columns(file: Path, columns: list[str], told: list[str], names: tuple[str, ...]) -> None:
    needed: Mapping[str, bool] = {
        "list": any(name in columns for name in LISTS),
        "rank": "rank" in columns,
        "label": "label" in columns,
    }
    missing = [name for name, there in needed.items() if not there]
    if missing:
        came = ", ".join(columns)
        raise DataError(
            f"{file}: a column {missing[0]!r} expected (list, rank, label), {came} came"
        )
    unknown = [name for name in told if name not in names]
    if unknown or not told:
        came = f"{MARK}{unknown[0]}" if unknown else "none"
        remedy = "«bowerbird recommend RUN --features --out FILE» writes them"
        raise DataError(
            f"{file}: features among {', '.join(MARK + name for name in names)} expected,"
            f" {came} came; {remedy}"
        )


def _check_values(file: Path, table: pl.DataFrame) -> None:
    if not table.height:
        raise DataError(f"{file}: lists expected, the file has no rows")
    bad = table.filter(~pl.col("label").is_in([0.0, 1.0]).fill_null(value=False))
    if bad.height:
        raise DataError(f"{file}: label 0 or 1 expected, {bad['label'][0]} came")
    bad = table.filter(~(pl.col("rank") >= 1).fill_null(value=False) | pl.col("list").is_null())
    if bad.height:
        came = f"{bad['rank'][0]} in list {bad['list'][0]}"
        raise DataError(f"{file}: rank from 1 on and a list expected in each row, {came} came")
    twice = table.filter(pl.struct("list", "rank").is_duplicated())
    if twice.height:
        came = f"rank {twice['rank'][0]} of list {twice['list'][0]!r} came twice"
        raise DataError(f"{file}: each place of a list once expected, {came}; name each list apart")


def _lesson(table: pl.DataFrame, names: tuple[str, ...]) -> Lesson:
    """Lists as rows, places as columns; what was right is relevant, nothing else is known to be."""
    table = table.sort("list", "rank")
    query = table["list"].rle_id().to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    place = np.arange(len(query)) - starts[query]
    shape = (len(starts), int(place.max()) + 1)
    rows, scores = np.full(shape, -1, dtype=np.int32), np.full(shape, NONE, dtype=np.float32)
    rows[query, place], scores[query, place] = place, -place
    values = np.full((*shape, len(names)), np.nan, dtype=np.float32)
    values[query, place] = table.select(f"{MARK}{name}" for name in names).to_numpy()
    right = csr_array((table["label"].to_numpy(), (query, place)), shape=shape)
    right.eliminate_zeros()
    return Lesson(values, Hits(rows, scores), right)
