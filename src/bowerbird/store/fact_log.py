"""Served, seen, done in the database: added once, read as histories or as tables."""

from collections.abc import Mapping, Sequence

import polars as pl

from bowerbird.data.facts import Done, Frames, Seen, Served
from bowerbird.store.database import Cursor, Database, Row, among, insert, portions, quoted
from bowerbird.store.fact_frames import TABLES, apart, frame, frames_of
from bowerbird.store.fact_rows import (
    DONE,
    SEEN,
    SERVED,
    digest,
    done_of,
    event_row,
    served_of,
    served_row,
)
from bowerbird.store.names import names_of
from bowerbird.store.store import Outcome, Past

NAMES = 100
"""Whose events are asked for in one statement; SQLite joins at most 500 parts."""
END = 2**63 - 1
PART = """SELECT * FROM (
    SELECT "user", {order} AS place, n, item, {type} AS type, "time" FROM {table}
    WHERE "user" = ? ORDER BY "time" DESC, n DESC LIMIT ?) AS {table}"""
PARTS = (
    PART.format(table="seen", order=0, type="'seen'"),  # within a millisecond, seen is before done
    PART.format(table="done", order=1, type="type"),
)


class LiveFacts:
    """A `FactLog` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def serve(self, lists: Sequence[Served]) -> None:
        """Add lists; one whose rec_id is there already, or whose person is gone, is left out."""
        if lists:
            self._database.write(lambda cursor: _serve(cursor, lists))

    def record(self, events: Sequence[Seen | Done]) -> list[Outcome]:
        """Add events, the first of an id wins; what became of each, in their order."""
        seen = [at for at, event in enumerate(events) if isinstance(event, Seen)]
        done = [at for at, event in enumerate(events) if isinstance(event, Done)]
        groups = [
            (table, columns, places, [event_row(events[at]) for at in places])
            for table, columns, places in (("seen", SEEN, seen), ("done", DONE, done))
            if places
        ]
        if not groups:
            return []

        def work(cursor: Cursor) -> dict[int, Outcome]:
            became: dict[int, Outcome] = {}
            for table, columns, places, rows in groups:
                became.update(zip(places, add_events(cursor, table, columns, rows), strict=True))
            return became

        outcomes = self._database.write(work)
        return [outcomes[at] for at in range(len(events))]

    def served(self, rec_id: str) -> Served | None:
        """The list of this id."""
        asked = f"SELECT {quoted(SERVED)} FROM served WHERE rec_id = ?"
        rows = self._database.read(asked, [rec_id])
        return served_of(rows[0]) if rows else None

    def histories(self, users: Sequence[str], last: int) -> list[list[Past]]:
        """The newest `last` events of each person, oldest first, of all names merged into them."""
        names = names_of(self._database.read, users)
        events: dict[str, list[Row]] = {name: [] for user in users for name in names[user]}
        for some in portions(events, NAMES):
            asked = " UNION ALL ".join(PARTS * len(some))
            given = [value for name in some for value in (name, last) * len(PARTS)]
            for name, *event in self._database.read(asked, given):
                events[name].append((event[-1], *event))
        out = []
        for user in users:
            of_all = sorted(event for name in names[user] for event in events[name])
            newest = of_all[max(len(of_all) - last, 0) :]
            out.append([Past(item, type, time) for time, _, _, item, type, _ in newest])
        return out

    def counts(self) -> Mapping[str, int]:
        """Rows of each table."""
        asked = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
        (counted,) = self._database.read(f"SELECT {asked}")
        return dict(zip(TABLES, counted, strict=True))

    def frames(self, since: int = 0, until: int | None = None) -> Frames:
        """Facts that arrived in [since, until), merges of this time."""
        found: dict[str, pl.DataFrame] = {}
        with self._database.snapshot() as cursor:
            for table in TABLES:
                moment = '"arrived"' if table in ("seen", "done") else '"time"'
                wanted = f"AND {moment} >= {int(since)}"
                wanted += "" if until is None else f" AND {moment} < {int(until)}"
                ((last,),) = cursor.rows(f"SELECT coalesce(max(n), 0) FROM {table}")
                portions = frames_of(cursor.rows, table, 0, last, wanted)
                found[table] = pl.concat([frame(table), *(rows for _, _, rows in portions)])
        lists, slots = apart(found.pop("served"))
        return Frames(served=lists, slots=slots, **found)

    def done(self, after: int = 0, since: int = 0) -> tuple[int, pl.DataFrame]:
        """Events of higher numbers that arrived at or after `since`; the highest number of all."""
        wanted = f"AND arrived >= {int(since)}"
        with self._database.snapshot() as cursor:
            ((last,),) = cursor.rows("SELECT coalesce(max(n), 0) FROM done")
            portions = frames_of(cursor.rows, "done", after, last, wanted)
            rows = pl.concat([frame("done"), *(some for _, _, some in portions)])
        return int(last), rows

    def newest(self, limit: int, before: int | None = None) -> list[tuple[int, Done]]:
        """The events that came last, newest first, each with its number, to page on from."""
        asked = f"SELECT n, {quoted(DONE)} FROM done WHERE n < ? ORDER BY n DESC LIMIT ?"
        rows = self._database.read(asked, [END if before is None else before, limit])
        return [(n, done_of(tuple(row))) for n, *row in rows]


def _serve(cursor: Cursor, lists: Sequence[Served]) -> None:
    cursor.alone("merges")  # nobody is deleted meanwhile
    users = list({one.user for one in lists if one.user is not None})
    gone: dict[str, int] = {}
    asked = 'SELECT "user", "time" FROM deleted WHERE "user" IN'
    for user, time in among(cursor.rows, asked, users):
        gone[user] = max(time, gone.get(user, 0))
    kept = [one for one in lists if one.user not in gone or one.time > gone[one.user]]
    insert(cursor, "served", SERVED, map(served_row, kept))


def add_events(
    cursor: Cursor, table: str, columns: tuple[str, ...], rows: Sequence[Row]
) -> list[Outcome]:
    """Add rows of events to their table; what became of each."""
    hashes = [digest(columns, row) for row in rows]
    firsts: dict[str, Row] = {}
    for row, hashed in zip(rows, hashes, strict=True):
        firsts.setdefault(row[0], (*row, hashed))
    added = insert(cursor, table, (*columns, "digest"), firsts.values())
    held = {name: firsts[name][-1] for name in added}
    if len(added) < len(firsts):
        asked = f"SELECT event_id, digest FROM {table} WHERE event_id IN"
        held.update(among(cursor.rows, asked, [name for name in firsts if name not in added]))
    out: list[Outcome] = []
    for row, hashed in zip(rows, hashes, strict=True):
        if row[0] in added:
            out.append("accepted")
            added.remove(row[0])
        else:
            out.append("duplicate" if held.get(row[0], hashed) == hashed else "conflict")
    return out
