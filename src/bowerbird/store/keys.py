"""API keys: only their hashes are kept."""

from dataclasses import astuple, fields

from bowerbird.errors import DataError
from bowerbird.store.database import Cursor, Database, Row, insert, quoted
from bowerbird.store.store import Key

COLUMNS = tuple(field.name for field in fields(Key))
MINUTE = 60_000


class LiveKeys:
    """`Keys` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: Key) -> None:
        """A new one.

        Raises:
            DataError: one of this id is there.
        """
        row = key_row(key)
        if not self._database.write(lambda cursor: insert(cursor, "keys", COLUMNS, [row])):
            raise DataError(f"a new key expected, {key.id} is there already: make another")

    def find(self, digest: str) -> Key | None:
        """The key with this hash, revoked and expired ones too."""
        rows = self._database.read(f"SELECT {quoted(COLUMNS)} FROM keys WHERE digest = ?", [digest])
        return _key(rows[0]) if rows else None

    def all(self) -> list[Key]:
        """All there ever were, the oldest first."""
        rows = self._database.read(f"SELECT {quoted(COLUMNS)} FROM keys ORDER BY made, id")
        return [_key(row) for row in rows]

    def revoke(self, id: str, time: int) -> bool:
        """From this time on it opens nothing; whether it was there and open."""
        return self._database.write(lambda cursor: revoke(cursor, id, time))

    def touch(self, id: str, time: int) -> None:
        """It was used; written once a minute."""
        minute = time - time % MINUTE
        stale = "id = ? AND (used IS NULL OR used < ?)"
        if self._database.read(f"SELECT 1 FROM keys WHERE {stale}", [id, minute]):
            told = f"UPDATE keys SET used = ? WHERE {stale}"
            self._database.write(lambda cursor: cursor.change(told, [minute, id, minute]))


def revoke(cursor: Cursor, id: str, time: int) -> bool:
    """From this time on it opens nothing; whether it was there and open."""
    told = "UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL"
    return cursor.change(told, [time, id]) > 0


def key_row(key: Key) -> Row:
    """As in the columns of the table."""
    row = list(astuple(key))
    row[COLUMNS.index("scopes")] = " ".join(key.scopes)
    return tuple(row)


def _key(row: Row) -> Key:
    given = dict(zip(COLUMNS, row, strict=True))
    return Key(**given | {"scopes": tuple(given["scopes"].split())})
