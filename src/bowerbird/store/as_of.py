"""A store as it was at a moment, as far as it still knows: nobody writes through it.

Events and merges are only ever added, so those of later can be left out. Of an item the newest
state is kept alone: what was changed later is as if it had never been said, and told.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from bowerbird.data.facts import Merge, Served
from bowerbird.errors import StoreDown
from bowerbird.store.database import Database
from bowerbird.store.fact_log import LiveFacts
from bowerbird.store.opened import LiveStore
from bowerbird.store.people import LivePeople
from bowerbird.store.store import Change, Past
from bowerbird.store.tables import LiveTable

PART = """SELECT arrived, 0 AS place, n, item, 'seen', "time" FROM seen WHERE "user" = ?
    UNION ALL SELECT arrived, 1, n, item, type, "time" FROM done WHERE "user" = ?"""
TRIES = 1_000
"""Moments that are looked at around the list's own."""


def hashed(past: Sequence[Past]) -> int:
    """By which a history is known again; 48 bits, which JSON holds everywhere."""
    told = "\x1e".join([f"{one.item}\x1f{one.type}\x1f{one.time}" for one in past])
    return int.from_bytes(blake2b(told.encode(), digest_size=6).digest(), "big")


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a person had done when a list was made."""

    past: list[Past] | None  # None: nobody could ask for it then
    exact: bool = True  # it is what the list was made of, by its hash


def remembered(database: Database, served: Served, last: int) -> Remembered:
    """The newest `last` events that the store had of the person of a list.

    Which events were there follows from their order of arrival and the list's hash of them: what
    came in within the same hundredths of a second may or may not have been on disk.
    """
    if served.user is None:
        return Remembered([])
    if served.past is None:
        return Remembered(None)
    merged = _PeopleAsOf(database, served.time).merged()
    names = _names(merged, served.user)
    rows = sorted(row for name in names for row in database.read(PART, [name, name]))
    there = sum(row[0] <= served.time for row in rows)
    lengths = sorted(range(len(rows) + 1), key=lambda length: abs(length - there))
    for length in lengths[:TRIES]:
        past = _newest(rows[:length], last)
        if hashed(past) == served.past:
            return Remembered(past)
    return Remembered(_newest(rows[:there], last), exact=False)


def _newest(rows: Sequence[tuple[int, int, int, str, str, int]], last: int) -> list[Past]:
    """As `FactLog.histories` gives them."""
    of_all = sorted((time, place, n, item, type) for _, place, n, item, type, time in rows)
    newest = of_all[max(len(of_all) - last, 0) :]
    return [Past(item, type, time) for time, _, _, item, type in newest]


def _names(merged: Sequence[Merge], user: str) -> list[str]:
    """All names of this person."""
    into = {merge.user: merge.into for merge in merged}

    def root(name: str) -> str:
        while name in into:
            name = into[name]
        return name

    return sorted({user, *(name for name in {*into, *into.values()} if root(name) == root(user))})


class AsOf(LiveStore):
    """The store that a list was made over."""

    def __init__(
        self, database: Database, served: Served, past: list[Past] | None, new: Collection[str] = ()
    ) -> None:
        """Of this list.

        Args:
            database: of today.
            served: the list.
            past: what its person had done by then; None: the store could not say.
            new: items that must have been there, and that only the store knows: as they are today.
        """
        super().__init__(database)
        self.facts = _FactsAsOf(database, past)
        self.items = _ItemsAsOf(database, served, new)
        # what is counted was counted earlier than the list was made
        self.people = _PeopleAsOf(database, served.counted or served.time)


class _FactsAsOf(LiveFacts):
    """What one person had done."""

    def __init__(self, database: Database, past: list[Past] | None) -> None:
        super().__init__(database)
        self._past = past

    def histories(self, users: Sequence[str], last: int) -> list[list[Past]]:
        """Of that person, whoever is asked for."""
        if self._past is None:
            raise StoreDown("the store could not be asked then")
        return [self._past for _ in users]


class _ItemsAsOf(LiveTable):
    """Without what was changed later."""

    def __init__(self, database: Database, served: Served, new: Collection[str]) -> None:
        super().__init__(database, "items")
        self._number, self._time, self._new = served.change or 0, served.time, new
        self._shown = {slot.item for slot in served.slots}

    def since(self, number: int, limit: int) -> list[Change]:
        """Changes of a higher number, oldest first; of later ones what must have been so then."""
        while page := super().since(number, limit):
            kept = [change for change in page if self._holds(change)]
            if kept:
                return kept
            number = page[-1].number
        return []

    def _holds(self, change: Change) -> bool:
        """Was it known, or must it have been?"""
        if change.number <= self._number:
            return True
        if change.fields is None:  # a server that is told of it hides it before it reads that
            return change.time <= self._time and change.id not in self._shown
        return change.id in self._new


class _PeopleAsOf(LivePeople):
    """Without who was merged and deleted later."""

    def __init__(self, database: Database, time: int) -> None:
        super().__init__(database)
        self._time = time

    def merged(self) -> list[Merge]:
        """Until then."""
        return [merge for merge in super().merged() if merge.time <= self._time]

    def deleted(self, since: int = 0) -> list[tuple[str, int]]:
        """Until then."""
        return [(user, time) for user, time in super().deleted(since) if time <= self._time]
