"""What the store asks of a database: SQL with `?` that SQLite and PostgreSQL both understand.

Apart so that everything above is written once; what differs between the two is in their files.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

Row = tuple[Any, ...]
T = TypeVar("T")
TOGETHER = 100
"""Rows of one statement. More gain nothing, and a statement of always the same length is prepared
but once."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the two say differently when tables are made."""

    serial: str  # a number that rises with every row, and is never given twice
    whole: str
    real: str
    text: str  # sorted by code point
    octets: str
    there: str  # asks whether our tables are there
    first: tuple[str, ...] = ()  # before the first table


@runtime_checkable
class Cursor(Protocol):
    """Within one transaction."""

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """What the statement gives."""

    def change(self, sql: str, args: Sequence[Any] = ()) -> int:
        """How many rows the statement changed."""

    def alone(self, name: str) -> None:
        """Nobody else is past this line with this name, until the transaction has ended."""


@runtime_checkable
class Database(Protocol):
    """Any thread may ask.

    Raises:
        StoreDown: it does not answer, or is busy for too long.
        ArtifactError: it cannot be written to, or it is damaged.
        DataError: it cannot hold a value.
    """

    @property
    def where(self) -> str:
        """What it is called in messages; holds no password."""

    @property
    def dialect(self) -> Dialect:
        """Its words for types."""

    def read(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """What a statement gives that changes nothing."""

    def write(self, work: Callable[[Cursor], T]) -> T:
        """What `work` gives, in one transaction, on disk when this returns; or nothing is changed.

        `work` may be called again, where the database asks for it.
        """

    def snapshot(self) -> AbstractContextManager[Cursor]:
        """To read as of one moment, however long it takes, while others write."""

    def settled(self, table: str) -> int:
        """The highest `n` of this table below which no row will appear any more."""

    def close(self) -> None:
        """Give back what is held."""


def marks(columns: int, rows: int = 1) -> str:
    """Places for values.

    >>> marks(2, 3)
    '(?, ?), (?, ?), (?, ?)'
    """
    one = f"({', '.join('?' * columns)})"
    return ", ".join([one] * rows)


def quoted(columns: Iterable[str]) -> str:
    """Names as SQL takes them, reserved words too.

    >>> print(quoted(["user", "into"]))
    "user", "into"
    """
    return ", ".join(f'"{column}"' for column in columns)


def portions(rows: Iterable[T], most: int = TOGETHER) -> Iterator[list[T]]:
    """Lists of at most so many.

    >>> list(portions("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    left = iter(rows)
    while some := list(islice(left, most)):
        yield some


def insert(cursor: Cursor, table: str, columns: Sequence[str], rows: Iterable[Row]) -> set[str]:
    """Add rows, but those whose key is there; the first columns of those that were added."""
    added: set[str] = set()
    for some in portions(rows):
        told = (
            f"INSERT INTO {table} ({quoted(columns)}) VALUES {marks(len(columns), len(some))}"
            f' ON CONFLICT DO NOTHING RETURNING "{columns[0]}"'
        )
        added.update(key for (key,) in cursor.rows(told, [value for row in some for value in row]))
    return added


def among(
    ask: Callable[[str, Sequence[Any]], list[Row]], sql: str, keys: Sequence[str]
) -> list[Row]:
    """What a statement gives that ends in «IN», for these keys."""
    return [row for some in portions(keys) for row in ask(f"{sql} {marks(len(some))}", some)]
