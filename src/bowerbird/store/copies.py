"""Everything of a store in a folder of plain files, from which any other store can be filled.

FOLDER/served, slots, seen, done, merges   facts, as `compact` writes them
FOLDER/items.parquet, users.parquet        states and their numbers
FOLDER/deleted.parquet                     who was deleted, and when
FOLDER/keys.json, papers.json              the rest
"""

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from bowerbird.data.artifacts import load_json, save_json
from bowerbird.data.facts import Merge
from bowerbird.errors import ArtifactError
from bowerbird.store import keys
from bowerbird.store.database import Cursor, Database, Row, among, insert, portions, quoted
from bowerbird.store.fact_frames import PORTION, together
from bowerbird.store.fact_log import add_events
from bowerbird.store.fact_rows import DONE, SEEN, SERVED, short_json
from bowerbird.store.parquet import files, read_segment, segments
from bowerbird.store.people import add_merge, erase_facts, erase_traits
from bowerbird.store.tables import write_states
from bowerbird.store.written import written

STATE = {"id": pl.String(), "fields": pl.String(), "number": pl.Int64(), "time": pl.Int64()}
DELETED = {"user": pl.String(), "time": pl.Int64(), "counts": pl.String()}
STATES = ("items", "users")
TOGETHER = 5_000
"""Rows of one transaction."""


def export(database: Database, folder: Path) -> None:
    """Write everything, as of one moment.

    Raises:
        ArtifactError: it cannot be written, or is there already.
    """
    if folder.exists():
        raise ArtifactError(f"{folder}: a new name expected, it is there: name another")
    with written(folder) as new, database.snapshot() as cursor:
        new.mkdir()
        segments(cursor, new)
        for name in STATES:
            _state(cursor, name).write_parquet(new / f"{name}.parquet", compression="zstd")
        rows = cursor.rows(f"SELECT {quoted(DELETED)} FROM deleted ORDER BY n")
        gone = pl.DataFrame(rows, schema=DELETED, orient="row")
        gone.write_parquet(new / "deleted.parquet")
        held = cursor.rows(f"SELECT {quoted(keys.COLUMNS)} FROM keys ORDER BY id")
        save_json(new / "keys.json", [dict(zip(keys.COLUMNS, row, strict=True)) for row in held])
        papers = cursor.rows("SELECT name, document FROM papers ORDER BY name")
        save_json(new / "papers.json", {name: json.loads(text) for name, text in papers})


def import_(database: Database, folder: Path) -> None:
    """Add what `export` wrote, again where there is more of it by now.

    Facts that are there stay. Of an item or a person the newer state holds. Keys that were revoked
    and people who were deleted, here or there, stay so, with all they did before.

    Raises:
        ArtifactError: a file is missing or damaged.
    """
    gone = _read(folder, "deleted", DELETED).rows()
    database.write(lambda cursor: erase_facts(cursor, gone))
    for table, add in ADDED.items():
        for file in files(folder, table):
            for some in portions(_rows(file, table), TOGETHER):
                database.write(partial(add, rows=some))
    for name in STATES:
        for some in portions(_read(folder, name, STATE).rows(), TOGETHER):
            database.write(partial(_put, table=name, rows=some))
    database.write(lambda cursor: _small(cursor, folder))


def _lists(cursor: Cursor, rows: list[Row]) -> None:
    insert(cursor, "served", SERVED, rows)


def _seen(cursor: Cursor, rows: list[Row]) -> None:
    add_events(cursor, "seen", SEEN, rows)


def _done(cursor: Cursor, rows: list[Row]) -> None:
    add_events(cursor, "done", DONE, rows)


def _merges(cursor: Cursor, rows: list[Row]) -> None:
    for row in rows:
        add_merge(cursor, Merge(*row))


ADDED: dict[str, Callable[..., None]] = {
    "served": _lists,
    "seen": _seen,
    "done": _done,
    "merges": _merges,
}


def _put(cursor: Cursor, table: str, rows: list[Row]) -> None:
    """States that are newer than what is there, with the numbers that they had where nothing has
    come past those, so that who follows them goes on.
    """
    cursor.alone(table)
    asked = f'SELECT id, "time" FROM {table} WHERE id IN'
    times: dict[str, int] = dict(among(cursor.rows, asked, [row[0] for row in rows]))
    ((last,),) = cursor.rows(f"SELECT coalesce(max(number), 0) FROM {table}")
    newer = []
    for id, fields, number, time in rows:
        if id not in times or time > times[id]:
            last = max(number, last + 1)
            newer.append((id, fields, last, time))
    write_states(cursor, table, newer)


def _small(cursor: Cursor, folder: Path) -> None:
    erase_facts(cursor)
    erase_traits(cursor)
    held = load_json(folder / "keys.json")
    rows = [tuple(key[name] for name in keys.COLUMNS) for key in held]
    insert(cursor, "keys", keys.COLUMNS, rows)
    for key in held:
        if key["revoked"] is not None:
            keys.revoke(cursor, key["id"], key["revoked"])
    papers = load_json(folder / "papers.json")
    texts = [(name, short_json(document)) for name, document in papers.items()]
    insert(cursor, "papers", ("name", "document"), texts)


def _rows(file: Path, table: str) -> Iterable[Row]:
    """As in the database."""
    rows = read_segment(file, table)
    if table != "served":
        return rows.iter_rows()
    return together(rows, read_segment(file.parent.with_name("slots") / file.name, "slots"))


def _state(cursor: Cursor, table: str) -> pl.DataFrame:
    asked = f"SELECT {quoted(STATE)} FROM {table} WHERE id > ? ORDER BY id LIMIT ?"
    parts, after = [pl.DataFrame(schema=STATE)], ""
    while rows := cursor.rows(asked, [after, PORTION]):
        parts.append(pl.DataFrame(rows, schema=STATE, orient="row"))
        after = rows[-1][0]
    return pl.concat(parts).sort("number")


def _read(folder: Path, name: str, schema: dict[str, Any]) -> pl.DataFrame:
    file = folder / f"{name}.parquet"
    try:
        return pl.read_parquet(file).select(pl.col(c).cast(kind) for c, kind in schema.items())
    except (OSError, pl.exceptions.PolarsError) as error:
        came = f"{file}: a Parquet file that a backup holds expected"
        raise ArtifactError(f"{came}, {' '.join(str(error).split())}: take another") from error
