"""Small documents by name, as JSON."""

import json
from collections.abc import Callable
from typing import Any

from bowerbird.store.database import Cursor, Database
from bowerbird.store.fact_rows import short_json


class LivePapers:
    """`Papers` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, name: str, document: Any) -> None:  # noqa: ANN401  whatever JSON can hold
        """Replace or add; None removes."""
        self.change(name, lambda _: document)

    def change(self, name: str, work: Callable[[Any], Any]) -> None:
        """Replace a document by what `work` makes of it; the second of two sees the first's.

        None stands for no document. `work` may be called more than once.
        """

        def changed(cursor: Cursor) -> None:
            cursor.alone("papers")
            rows = cursor.rows("SELECT document FROM papers WHERE name = ?", [name])
            document = work(json.loads(rows[0][0]) if rows else None)
            if document is None:
                cursor.change("DELETE FROM papers WHERE name = ?", [name])
                return
            told = "INSERT INTO papers (name, document) VALUES (?, ?)"
            told += " ON CONFLICT (name) DO UPDATE SET document = excluded.document"
            cursor.change(told, [name, short_json(document)])

        self._database.write(changed)

    def get(self, name: str) -> Any:  # noqa: ANN401  as above
        """The document; None where there is none."""
        rows = self._database.read("SELECT document FROM papers WHERE name = ?", [name])
        return json.loads(rows[0][0]) if rows else None

    def names(self, start: str = "") -> list[str]:
        """Those that begin so, sorted."""
        asked = "SELECT name FROM papers WHERE substr(name, 1, ?) = ? ORDER BY name"
        return [name for (name,) in self._database.read(asked, [len(start), start])]
