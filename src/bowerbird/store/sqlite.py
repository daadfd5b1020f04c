"""A store in one file, with SQLite: several threads and processes may read and write it.

DIR/store.sqlite, in WAL mode; a commit is on disk before it returns.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from bowerbird.errors import ArtifactError, ConfigError, DataError, StoreDown
from bowerbird.store.database import Cursor, Dialect, Row, T
from bowerbird.store.written import written

FILE = "store.sqlite"
OLDEST = (3, 35)
"""The first with RETURNING."""
WAIT_S = 10.0
"""For others who write."""
DIALECT = Dialect(
    serial="INTEGER PRIMARY KEY AUTOINCREMENT",
    whole="INTEGER",
    real="REAL",
    text="TEXT",
    octets="BLOB",
    there="SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'steps'",
)
SETTINGS = (
    "synchronous = FULL",  # a commit is on disk
    "fullfsync = 1",  # on macOS as well
    "cache_size = -32768",  # KiB
    "wal_autocheckpoint = 16384",  # pages; a page that changes again meanwhile is written once
    "temp_store = MEMORY",
)
FULL = {sqlite3.SQLITE_FULL}
SHUT = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class SqliteDatabase:
    """One file. Reading never waits; who writes waits for others who do, here and elsewhere."""

    dialect = DIALECT

    def __init__(self, folder: Path) -> None:
        if sqlite3.sqlite_version_info < OLDEST:
            came = f"SQLite from {'.'.join(map(str, OLDEST))} on expected, {sqlite3.sqlite_version}"
            raise ConfigError(f"{came} came: a newer Python, or PostgreSQL")
        self.path = folder / FILE
        self._idle: list[sqlite3.Connection] = []
        self._lock = Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _shut(self.path, error) from error
        with _ours(self.path):
            self._writer = self._connected()
            try:
                self._to_wal()
            except BaseException:
                self._writer.close()
                raise

    @property
    def where(self) -> str:
        """The file."""
        return str(self.path)

    def read(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """What a statement gives that changes nothing."""
        with self._reader() as connection:
            return connection.execute(sql, args).fetchall()

    def write(self, work: Callable[[Cursor], T]) -> T:
        """What `work` gives, in one transaction that is on disk when this returns."""
        if not self._lock.acquire(timeout=WAIT_S):
            raise _busy(self.path)
        try:
            with _ours(self.path), _transaction(self._writer, "BEGIN IMMEDIATE"):
                return work(_Cursor(self._writer))
        finally:
            self._lock.release()

    @contextmanager
    def snapshot(self) -> Iterator[Cursor]:
        """To read as of one moment."""
        with self._reader() as connection, _transaction(connection, "BEGIN"):
            yield _Cursor(connection)

    def settled(self, table: str) -> int:
        """The highest `n`: whoever writes is alone, so numbers appear in their order."""
        ((n,),) = self.read(f"SELECT coalesce(max(n), 0) FROM {table}")
        return int(n)

    def copy(self, to: Path) -> None:
        """The whole file as of one moment, checked, while others write.

        Raises:
            ArtifactError: it cannot be written, or what came is not sound.
        """
        with written(to) as partial, self._reader() as connection:
            with closing(sqlite3.connect(partial, isolation_level=None)) as copied, _ours(to):
                connection.backup(copied)
                copied.execute("PRAGMA journal_mode = DELETE")  # one file, none beside it
            with closing(sound(partial)):
                pass

    def take(self, source: Path) -> None:
        """Everything that `copy` wrote, in place of what is here; whole or not at all.

        Raises:
            ArtifactError: it cannot be read, or is not sound.
        """
        with self._lock, closing(sound(source)) as copied, _ours(self.path):
            copied.backup(self._writer)

    def close(self) -> None:
        """Files are closed; nobody may ask any more."""
        with self._lock:
            self._writer.close()
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses meanwhile."""
        with _ours(self.path):
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connected()
            try:
                yield connection
            finally:
                self._idle.append(connection)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
        )
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        return connection

    def _to_wal(self) -> None:
        """Once in the life of the file. SQLite does not wait here for others who do the same."""
        for attempt in range(100):
            try:
                self._writer.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if attempt == 99 or error.sqlite_errorcode & 0xFF not in BUSY:
                    raise
                time.sleep(WAIT_S / 100)


def sound(path: Path) -> sqlite3.Connection:
    """A file to read, checked from end to end.

    Raises:
        ArtifactError: it cannot be read, or is not sound.
    """
    if not path.is_file():
        raise ArtifactError(f"{path}: a SQLite file expected, there is none: name another")
    with _ours(path):
        file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            ((verdict,),) = file.execute("PRAGMA integrity_check(1)").fetchall()
            if verdict != "ok":
                came = f"{path}: a sound SQLite file expected, {verdict} came"
                raise ArtifactError(f"{came}: {_REMEDY}")
        except BaseException:
            file.close()
            raise
        return file


class _Cursor:
    """SQLite's way to be asked within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(sql, _checked(args)).fetchall()

    def change(self, sql: str, args: Sequence[Any] = ()) -> int:
        return self._connection.execute(sql, _checked(args)).rowcount

    def alone(self, name: str) -> None:
        """Whoever writes is."""


def _checked(args: Sequence[Any]) -> Sequence[Any]:
    """What PostgreSQL would not take is refused here too, so that a store can be moved."""
    for value in args:
        if type(value) is str and "\0" in value:
            raise DataError(f"text without NUL expected, {value!r} came: leave it out")
    return args


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have ended it itself, where the disk is full
            connection.execute("ROLLBACK")
        raise


_REMEDY = "restore another backup"


@contextmanager
def _ours(path: Path) -> Iterator[None]:
    """What SQLite says against it, as an error of ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in BUSY:
            raise _busy(path) from error
        if code in FULL:
            came = f"{path}: room on disk expected, it is full ({error})"
            remedy = "make room and write again; what was accepted is there"
            raise ArtifactError(f"{came}: {remedy}") from error
        if code in SHUT:
            raise _shut(path, error) from error
        if code == sqlite3.SQLITE_CONSTRAINT:
            came = f"{path}: what fits to what is there expected, {error}"
            raise DataError(f"{came}: correct it, or leave it out") from error
        if code in DAMAGED:
            came = f"{path}: a sound SQLite file expected, it is damaged ({error})"
            raise ArtifactError(f"{came}: {_REMEDY}") from error
        if code == sqlite3.SQLITE_IOERR:
            came = f"{path}: a disk that can be read and written expected, it fails ({error})"
            raise ArtifactError(f"{came}: is there room, is the disk well?") from error
        raise
    except (OverflowError, UnicodeEncodeError) as error:
        came = f"{path}: whole numbers of 64 bits and UTF-8 text expected, {error}"
        raise DataError(f"{came}: correct the value") from error


def _busy(path: Path) -> StoreDown:
    return StoreDown(f"{path}: others have been writing for {WAIT_S:.0f} s: ask again")


def _shut(path: Path, error: Exception) -> ArtifactError:
    came = f"{path}: a file that can be written to expected, it cannot ({error})"
    return ArtifactError(f"{came}: correct its permissions, or name another folder")
