"""Items, or people, as they are now: fields by id, each change with a rising number."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bowerbird.errors import DataError
from bowerbird.store.database import Cursor, Database, Row, among, marks, portions
from bowerbird.store.fact_rows import short_json
from bowerbird.store.store import Change

COLUMNS = "id, fields, number, time"


class LiveTable:
    """A `Table` over a database."""

    def __init__(self, database: Database, name: str) -> None:
        self._database, self._name = database, name

    def put(self, changes: Sequence[Change]) -> int:
        """Replace or add; `fields` None deletes. The number of the last change."""
        rows = [(change.id, _text(change.fields), change.time) for change in changes]
        return self._database.write(lambda cursor: put_rows(cursor, self._name, rows))

    def patch(self, changes: Sequence[Change]) -> list[bool]:
        """Lay fields over those that are there; a field that is None goes. Which were there.

        Raises:
            DataError: a change has no fields.
        """
        for change in changes:
            if change.fields is None:
                came = f"{self._name}: fields to lay over {change.id} expected, none came"
                raise DataError(f"{came}: delete it with put")
        return self._database.write(lambda cursor: self._patched(cursor, changes))

    def get(self, ids: Sequence[str]) -> list[Change | None]:
        """The state of each; None where there is none, or it was deleted."""
        asked = f"SELECT {COLUMNS} FROM {self._name} WHERE fields IS NOT NULL AND id IN"
        found = {row[0]: _change(row) for row in among(self._database.read, asked, ids)}
        return [found.get(id) for id in ids]

    def page(self, after: str, limit: int) -> list[Change]:
        """Those that are there, by id, behind this one."""
        asked = f"SELECT {COLUMNS} FROM {self._name} WHERE id > ? AND fields IS NOT NULL"
        return [
            _change(r) for r in self._database.read(f"{asked} ORDER BY id LIMIT ?", [after, limit])
        ]

    def since(self, number: int, limit: int) -> list[Change]:
        """Changes of a higher number, deletions too, oldest first."""
        asked = f"SELECT {COLUMNS} FROM {self._name} WHERE number > ? ORDER BY number LIMIT ?"
        return [_change(row) for row in self._database.read(asked, [number, limit])]

    def _patched(self, cursor: Cursor, changes: Sequence[Change]) -> list[bool]:
        cursor.alone(self._name)
        asked = f"SELECT id, fields FROM {self._name} WHERE fields IS NOT NULL AND id IN"
        ids = list(dict.fromkeys(change.id for change in changes))
        there = {id: json.loads(text) for id, text in among(cursor.rows, asked, ids)}
        rows = []
        for change in changes:
            if change.id in there:
                laid = {**there[change.id], **(change.fields or {})}
                there[change.id] = {k: value for k, value in laid.items() if value is not None}
                rows.append((change.id, short_json(there[change.id]), change.time))
        put_rows(cursor, self._name, rows)
        return [change.id in there for change in changes]


def put_rows(cursor: Cursor, table: str, rows: Sequence[Row]) -> int:
    """Write `(id, text of the fields or None, time)`; the number of the last change."""
    cursor.alone(table)  # a lower number must never appear after a higher one was read
    ((last,),) = cursor.rows(f"SELECT coalesce(max(number), 0) FROM {table}")
    numbered = {
        row[0]: (*row[:2], number, row[2]) for number, row in enumerate(rows, int(last) + 1)
    }
    write_states(cursor, table, numbered.values())
    return int(last) + len(rows)


def write_states(cursor: Cursor, table: str, rows: Iterable[Row]) -> None:
    """Write `(id, text of the fields or None, number, time)`, each id once."""
    for some in portions(rows):
        told = (
            f"INSERT INTO {table} ({COLUMNS}) VALUES {marks(4, len(some))}"
            " ON CONFLICT (id) DO UPDATE SET"
            " fields = excluded.fields, number = excluded.number, time = excluded.time"
        )
        cursor.change(told, [value for row in some for value in row])


def _text(fields: Mapping[str, Any] | None) -> str | None:
    return None if fields is None else short_json(dict(fields))


def _change(row: Row) -> Change:
    id, text, number, time = row
    return Change(id, None if text is None else json.loads(text), number, time)
