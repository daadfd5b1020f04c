"""Facts in Parquet files, which training reads; those that are there are never written twice.

FOLDER/served/1-5000.parquet, and likewise slots, seen, done and merges: a file holds the facts of
these numbers, and the highest number says how far the folder is. So nothing else has to be kept,
and a kill at any moment costs only the file that was being written.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from bowerbird.data.facts import LATER, SCHEMAS, Frames
from bowerbird.errors import ArtifactError
from bowerbird.store.database import Cursor, Database
from bowerbird.store.fact_frames import TABLES, apart, frames_of
from bowerbird.store.written import alone, written

ENDING = ".parquet"


def compact(database: Database, folder: Path) -> Mapping[str, int]:
    """Write facts that the folder lacks; how many, by table.

    Who was deleted meanwhile is not in the folder either; who is deleted later needs `forget`.

    Raises:
        ArtifactError: the folder cannot be written to.
    """
    with alone(folder):
        _tidy(folder)
        ((before,),) = database.read("SELECT coalesce(max(n), 0) FROM deleted")
        counts = {}
        for table in TABLES:
            upto = database.settled(table)
            counts[table] = 0
            for first, last, rows in frames_of(database.read, table, _mark(folder, table), upto):
                write_segment(folder, table, f"{first}-{last}", rows)
                counts[table] += rows.height
        gone = database.read('SELECT "user" FROM deleted WHERE n > ?', [before])
        _forget(folder, [user for (user,) in gone])
    return counts


def segments(cursor: Cursor, folder: Path) -> None:
    """Write all facts that this transaction sees into a folder that has none."""
    for table in TABLES:
        ((upto,),) = cursor.rows(f"SELECT coalesce(max(n), 0) FROM {table}")
        for first, last, rows in frames_of(cursor.rows, table, 0, upto):
            write_segment(folder, table, f"{first}-{last}", rows)


def write_segment(folder: Path, table: str, name: str, rows: pl.DataFrame) -> None:
    """One file, or two of lists. The slots come first: without its list a slot is not read."""
    if table == "served":
        rows, slots = apart(rows)
        _write(folder / "slots" / f"{name}{ENDING}", slots)
    _write(folder / table / f"{name}{ENDING}", rows)


def read_parquet(folder: Path) -> Frames:
    """All facts of the folder.

    Raises:
        ArtifactError: there is no such folder, or a file is damaged.
    """
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: a folder of facts expected, there is none: compact first")
    named = {table: files(folder, table) for table in TABLES}
    named["slots"] = [folder / "slots" / file.name for file in named["served"]]
    tables = {}
    for table, some in named.items():
        empty = pl.DataFrame(schema=dict(SCHEMAS[table]))
        tables[table] = pl.concat([empty, *(read_segment(file, table) for file in some)])
    return Frames(**tables)


def read_segment(file: Path, table: str) -> pl.DataFrame:
    """The facts of one file.

    Raises:
        ArtifactError: it is damaged, or of another kind.
    """
    try:
        rows = pl.read_parquet(file)
        lacks = [name for name in LATER if table == "served" and name not in rows.columns]
        rows = rows.with_columns(pl.lit(None).alias(name) for name in lacks)
        return rows.select(pl.col(name).cast(kind) for name, kind in SCHEMAS[table].items())
    except (OSError, pl.exceptions.PolarsError) as error:
        came = f"{file}: a Parquet file of {table} expected, {' '.join(str(error).split())}"
        raise ArtifactError(f"{came}: remove it, and what has higher numbers; compact") from error


def files(folder: Path, table: str) -> list[Path]:
    """The files of a table, in the order of their numbers."""
    found = (folder / table).glob(f"[0-9]*-[0-9]*{ENDING}")
    return sorted(found, key=lambda file: int(file.stem.partition("-")[0]))


def forget(folder: Path, users: Sequence[str]) -> int:
    """Write anew the files that hold something of these people, without it; rows that went.

    Args:
        folder: that `compact` writes.
        users: all names of each.
    """
    with alone(folder):
        return _forget(folder, users)


def _forget(folder: Path, users: Sequence[str]) -> int:
    if not users:
        return 0
    named = pl.Series(list(users), dtype=pl.String())
    of_them = pl.col("user").is_in(named.implode())
    lists = [
        pl.read_parquet(file, columns=["rec_id", "user"]).filter(of_them)["rec_id"]
        for file in files(folder, "served")
    ]
    rec_ids = pl.concat([pl.Series("rec_id", [], pl.String()), *lists])
    on_lists = pl.col("rec_id").is_in(rec_ids.implode())
    # lists last: where this is cut short, the next time finds by them what else there is
    gone = 0
    for table, wanted in {
        "seen": of_them | (pl.col("user").is_null() & on_lists),
        "done": of_them,
        "merges": of_them | pl.col("into").is_in(named.implode()),
        "slots": on_lists,
        "served": of_them,
    }.items():
        for file in files(folder, table):
            rows = read_segment(file, table)
            left = rows.filter(~wanted.fill_null(False))
            if left.height < rows.height:
                _write(file, left)  # an empty one, too: its name says how far the folder is
                gone += rows.height - left.height
    return gone


def _tidy(folder: Path) -> None:
    """What a kill has left: files that were not finished, slots whose lists were not written."""
    for partial in folder.glob("*/.*.partial"):
        partial.unlink()
    lists = {file.name for file in files(folder, "served")}
    for file in files(folder, "slots"):
        if file.name not in lists:
            file.unlink()


def _mark(folder: Path, table: str) -> int:
    return max((int(file.stem.partition("-")[2]) for file in files(folder, table)), default=0)


def _write(file: Path, rows: pl.DataFrame) -> None:
    with written(file) as partial:
        rows.write_parquet(partial, compression="zstd")
