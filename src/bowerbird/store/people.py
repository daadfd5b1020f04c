"""Who is who, and who is gone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bowerbird.data.facts import Merge
from bowerbird.errors import DataError
from bowerbird.store.database import Cursor, Database, Row, among, insert, marks, quoted
from bowerbird.store.fact_rows import DONE, SEEN, SERVED, short_json
from bowerbird.store.names import names_of
from bowerbird.store.tables import put_rows

MERGE = ("user", "into", "time")
DELETED = ("user", "time", "counts")
NOBODY = '"user" IS NULL AND rec_id IN (SELECT rec_id FROM served WHERE "user" = ?)'
"""Exposures without a name, of lists that were a person's."""
PARSED = {"slots", "arms", "context", "asked"}


class LivePeople:
    """`People` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def merge(self, merges: Sequence[Merge]) -> list[bool]:
        """From now on `user` is `into`; which were new.

        A name that was merged before stays with whom it was merged into.

        Raises:
            DataError: `into` is `user` already, through other merges or none.
        """
        return self._database.write(lambda cursor: [add_merge(cursor, one) for one in merges])

    def merged(self) -> list[Merge]:
        """All merges there were."""
        rows = self._database.read(f"SELECT {quoted(MERGE)} FROM merges ORDER BY n")
        return [Merge(*row) for row in rows]

    def names(self, user: str) -> list[str]:
        """All names of this person, the one that the others were merged into first."""
        return names_of(self._database.read, [user])[user]

    def export(self, user: str) -> Mapping[str, Any]:
        """All that is held of a person and their merged names, as plain JSON values."""
        with self._database.snapshot() as cursor:
            names = names_of(cursor.rows, [user])[user]
            out: dict[str, Any] = {"user": names[0], "names": names}
            for table, columns in (("served", SERVED), ("seen", SEEN), ("done", DONE)):
                out[table] = _held(cursor, table, columns, names)
            out["merges"] = _held(cursor, "merges", MERGE, names)
            asked = "SELECT id, fields FROM users WHERE fields IS NOT NULL AND id IN"
            out["users"] = {id: json.loads(text) for id, text in among(cursor.rows, asked, names)}
        return out

    def delete(self, user: str, time: int) -> Mapping[str, int]:
        """Erase a person and their merged names: rows that went, by table. Twice is 0 rows."""
        return self._database.write(lambda cursor: _delete(cursor, user, time))

    def deleted(self, since: int = 0) -> list[tuple[str, int]]:
        """Who was deleted at or after this time, under each of their names, and when."""
        asked = 'SELECT "user", "time" FROM deleted WHERE "time" >= ? ORDER BY n'
        return [(user, time) for user, time in self._database.read(asked, [since])]


def add_merge(cursor: Cursor, merge: Merge) -> bool:
    """Note that `user` is `into`; whether it is new.

    Raises:
        DataError: it would be a circle.
    """
    cursor.alone("merges")
    names = names_of(cursor.rows, [merge.user, merge.into])
    known = cursor.rows('SELECT 1 FROM merges WHERE "user" = ?', [merge.user])
    root = names[merge.into][0]
    if known:
        return False
    if root == merge.user:
        came = f"merge of {merge.user} into {merge.into}: somebody else expected"
        raise DataError(f"{came}, they are one person already: leave it out")
    insert(cursor, "merges", (*MERGE, "root"), [(merge.user, merge.into, merge.time, root)])
    cursor.change("UPDATE merges SET root = ? WHERE root = ?", [root, merge.user])
    return True


def erase_facts(cursor: Cursor, deleted: Sequence[Row] = ()) -> None:
    """Take out what people did before they were deleted; a copy from before may have brought it.

    Args:
        cursor: of the database.
        deleted: who was deleted elsewhere, when, and how many rows that were.
    """
    cursor.alone("merges")
    insert(cursor, "deleted", DELETED, deleted)
    lists = f"SELECT rec_id FROM served WHERE {_before('served', 'time')}"
    cursor.change(f'DELETE FROM seen WHERE "user" IS NULL AND rec_id IN ({lists})')
    for table in ("served", "seen", "done", "merges"):
        moment = "arrived" if table in ("seen", "done") else "time"
        cursor.change(f"DELETE FROM {table} WHERE {_before(table, moment)}")


def erase_traits(cursor: Cursor) -> None:
    """Take out what was known of people before they were deleted."""
    known = 'SELECT id, max(deleted."time") FROM users JOIN deleted ON deleted."user" = id'
    known += ' WHERE fields IS NOT NULL AND deleted."time" >= users."time" GROUP BY id'
    put_rows(cursor, "users", [(id, None, time) for id, time in cursor.rows(known)])


def _before(table: str, moment: str) -> str:
    """True of rows of people who were deleted later."""
    last = f'SELECT max(d."time") FROM deleted AS d WHERE d."user" = {table}."user"'
    return f'"user" IN (SELECT "user" FROM deleted) AND "{moment}" <= ({last})'


def _delete(cursor: Cursor, user: str, time: int) -> dict[str, int]:
    cursor.alone("merges")
    names = names_of(cursor.rows, [user])[user]
    counts = dict.fromkeys(("served", "seen", "done", "merges", "users"), 0)
    for name in names:  # one by one: each statement stays short, and so does its text
        counts["seen"] += cursor.change(f"DELETE FROM seen WHERE {NOBODY}", [name])
        for table in ("served", "seen", "done", "merges"):
            counts[table] += cursor.change(f'DELETE FROM {table} WHERE "user" = ?', [name])
    asked = "SELECT id FROM users WHERE fields IS NOT NULL AND id IN"
    there = [id for (id,) in among(cursor.rows, asked, names)]
    if there:
        put_rows(cursor, "users", [(id, None, time) for id in there])
        counts["users"] = len(there)
    rows = [(name, time, short_json(counts)) for name in names]
    insert(cursor, "deleted", DELETED, rows)
    return counts


def _held(cursor: Cursor, table: str, columns: Sequence[str], names: Sequence[str]) -> list[Any]:
    """Rows of a person as JSON objects, in the order they came."""
    wanted = f'"user" IN {marks(len(names))}'
    given = list(names)
    if table == "seen":
        wanted = " OR ".join([wanted, *[f"({NOBODY})"] * len(names)])
        given += names
    asked = f"SELECT {quoted(columns)} FROM {table} WHERE {wanted} ORDER BY n"
    return [
        {
            name: json.loads(value) if name in PARSED and value is not None else value
            for name, value in zip(columns, row, strict=True)
        }
        for row in cursor.rows(asked, given)
    ]
