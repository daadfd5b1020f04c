"""What a store can do: one protocol, whatever database stands behind it.

Written are rows that are whole or not there; what a call has returned from is on disk. Every method
may be called from any thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import polars as pl

from bowerbird.data.facts import Done, Frames, Merge, Seen, Served

Outcome = Literal["accepted", "duplicate", "conflict"]
"""Of an event: new · the same was there · another was there under this id, and stays."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a history holds of an event."""

    item: str
    type: str  # of `Done`; "seen" for an exposure
    time: int


@dataclass(frozen=True, slots=True)
class Change:
    """The newest state of an item or a person, and which change of the store it was."""

    id: str
    fields: Mapping[str, Any] | None  # plain JSON values; None: deleted
    number: int = 0  # of the change, rising
    time: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it is kept: only a hash of the secret part."""

    id: str  # what is shown of it: pk_… or sk_… and some letters
    digest: str  # SHA-256 of the whole key, hex
    kind: Literal["public", "secret"]
    scopes: tuple[str, ...]
    name: str
    made: int
    expires: int | None = None
    revoked: int | None = None
    used: int | None = None  # last time, to the minute


@runtime_checkable
class FactLog(Protocol):
    """The three facts. What is there stays as it is, but for people who are deleted."""

    def serve(self, lists: Sequence[Served]) -> None:
        """Add lists, but one whose rec_id is there, or whose person was deleted at its time or
        later: lists are on their way for a while.
        """

    def record(self, events: Sequence[Seen | Done]) -> list[Outcome]:
        """Add events, the first of an id wins; what became of each, in their order."""

    def served(self, rec_id: str) -> Served | None:
        """The list of this id."""

    def histories(self, users: Sequence[str], last: int) -> list[list[Past]]:
        """The newest `last` events of each person, oldest first, of all names merged into them."""

    def counts(self) -> Mapping[str, int]:
        """Rows of each table."""

    def frames(self, since: int = 0, until: int | None = None) -> Frames:
        """Facts that arrived in [since, until): lists by their time, events by `arrived`."""

    def done(self, after: int = 0, since: int = 0) -> tuple[int, pl.DataFrame]:
        """Events of higher numbers that arrived at or after `since`; the highest number of all.

        Of what others write meanwhile, rows of somewhat lower numbers may still appear.
        """

    def newest(self, limit: int, before: int | None = None) -> list[tuple[int, Done]]:
        """The events that came last, newest first, each with its number, to page on from."""


@runtime_checkable
class Table(Protocol):
    """Items, or people, by id: the newest state of each."""

    def put(self, changes: Sequence[Change]) -> int:
        """Replace or add; `fields` None deletes. The number of the last change."""

    def patch(self, changes: Sequence[Change]) -> list[bool]:
        """Lay fields over those that are there; a field that is None goes. Which were there."""

    def get(self, ids: Sequence[str]) -> list[Change | None]:
        """The state of each; None where there is none, or it was deleted."""

    def page(self, after: str, limit: int) -> list[Change]:
        """Those that are there, by id, behind this one."""

    def since(self, number: int, limit: int) -> list[Change]:
        """Changes of a higher number, deletions too, oldest first."""


@runtime_checkable
class People(Protocol):
    """Who is who, and who is gone. Names are keys."""

    def merge(self, merges: Sequence[Merge]) -> list[bool]:
        """From now on `user` is `into`; which were new. A circle is refused.

        Raises:
            DataError: `into` was merged into `user` before.
        """

    def merged(self) -> list[Merge]:
        """All merges there were."""

    def names(self, user: str) -> list[str]:
        """Everyone who was merged into this person, and the person."""

    def export(self, user: str) -> Mapping[str, Any]:
        """All that is held of a person and their merged names, as plain JSON values."""

    def delete(self, user: str, time: int) -> Mapping[str, int]:
        """Erase a person and their merged names: rows that went, by table. Twice is 0 rows, and
        is noted: something of theirs may still be on its way.
        """

    def deleted(self, since: int = 0) -> list[tuple[str, int]]:
        """Who was deleted at or after this time, and when."""


@runtime_checkable
class Keys(Protocol):
    """API keys."""

    def add(self, key: Key) -> None:
        """A new one.

        Raises:
            DataError: one of this id is there.
        """

    def find(self, digest: str) -> Key | None:
        """The key with this hash, revoked and expired ones too."""

    def all(self) -> list[Key]:
        """All there ever were, the oldest first."""

    def revoke(self, id: str, time: int) -> bool:
        """From this time on it opens nothing; whether it was there and open."""

    def touch(self, id: str, time: int) -> None:
        """It was used."""


@runtime_checkable
class Papers(Protocol):
    """Small documents by name: scenarios, schedules, marks of what was done."""

    def put(self, name: str, document: Any) -> None:  # noqa: ANN401  whatever JSON can hold
        """Replace or add; None removes."""

    def change(self, name: str, work: Callable[[Any], Any]) -> None:
        """Replace a document by what `work` makes of it; the second of two sees the first's.

        None stands for no document. `work` may be called more than once.
        """

    def get(self, name: str) -> Any:  # noqa: ANN401  as above
        """The document; None where there is none."""

    def names(self, start: str = "") -> list[str]:
        """Those that begin so, sorted."""


@runtime_checkable
class Store(Protocol):
    """All of it, over one database."""

    @property
    def facts(self) -> FactLog:
        """What happened."""

    @property
    def items(self) -> Table:
        """What can be shown."""

    @property
    def users(self) -> Table:
        """What is known of people."""

    @property
    def people(self) -> People:
        """Who is who."""

    @property
    def keys(self) -> Keys:
        """Who may ask."""

    @property
    def papers(self) -> Papers:
        """Small documents."""

    def ping(self) -> None:
        """Ask the database for something.

        Raises:
            StoreDown: it does not answer.
        """

    def backup(self, to: Path) -> None:
        """A copy of everything as of one moment, while others write.

        Raises:
            ArtifactError: it cannot be written, or is there already.
        """

    def close(self) -> None:
        """Give back what is held."""
