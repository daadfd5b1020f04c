"""A store on a PostgreSQL server, in a schema of its own: several machines may read and write it.

Connections are kept for the next question. One that was lost, with a restart of the server say, is
replaced without a word; while no server answers, each call says so at once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import finalize
from zlib import crc32

from bowerbird.errors import ArtifactError, ConfigError, DataError, StoreDown
from bowerbird.store.database import Cursor, Dialect, Row, T

if TYPE_CHECKING:
    from psycopg import Connection, Error

SCHEMA = "bowerbird"
AT_ONCE = 8
"""Connections of one process."""
PATIENCE_S = 2
"""Until a server that does not answer is given up, and while all connections are in use."""
ANSWER_S = 5
"""Until a statement is given up."""
AGAIN = 5
"""Times that work is begun anew, where others were in its way."""
WRITERS = crc32(b"bowerbird writers")
WRITE = f"BEGIN; SELECT pg_advisory_xact_lock_shared({WRITERS})"
"""Writers hold a lock together, so that one who wants it alone knows that all of them have ended.
A lock of the tables would do as well, but for vacuum, which holds it for hours."""
DIALECT = Dialect(
    serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    whole="BIGINT",
    real="DOUBLE PRECISION",
    text='TEXT COLLATE "C"',
    octets="BYTEA",
    there=f"SELECT 1 FROM pg_tables WHERE schemaname = '{SCHEMA}' AND tablename = 'steps'",
    # IF NOT EXISTS alone asks for the right to make it, even where it is there
    first=(
        f"DO $$ BEGIN IF to_regnamespace('{SCHEMA}') IS NULL THEN CREATE SCHEMA {SCHEMA};"
        " END IF; END $$",
    ),
)
SETTINGS: dict[str, Any] = {
    "connect_timeout": PATIENCE_S,
    "client_encoding": "utf8",
    "application_name": "bowerbird",
    # a server that is cut off from the network is given up, too
    "keepalives_idle": ANSWER_S,
    "keepalives_interval": PATIENCE_S,
    "keepalives_count": 2,
    "tcp_user_timeout": 1000 * ANSWER_S,
}
OPTIONS = (
    f"-c search_path={SCHEMA} -c statement_timeout={ANSWER_S}s"
    " -c synchronous_commit=on"  # what a call has returned from is on disk
    f" -c idle_in_transaction_session_timeout={10 * ANSWER_S}s"
)


class PostgresDatabase:
    """One database of a server. Each question has a connection of its own."""

    dialect = DIALECT

    def __init__(self, url: str) -> None:
        parts = _parts(url)
        self.where = _where(parts)
        options = f"{OPTIONS} {parts.pop('options', '')}".strip()
        self._parts = {**SETTINGS, **parts, "options": options}
        self._idle: list[Connection] = []
        self._free = BoundedSemaphore(AT_ONCE)
        finalize(self, _close, self._idle)

    def read(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """What a statement gives that changes nothing."""
        with self._connection(sql, args) as cursor:
            return cursor.told

    def write(self, work: Callable[[Cursor], T]) -> T:
        """What `work` gives, in one transaction that is on disk when this returns."""
        from psycopg.errors import DeadlockDetected, SerializationFailure

        for _ in range(AGAIN):
            with suppress(DeadlockDetected, SerializationFailure), self._connection(WRITE) as it:
                out = work(it)
                it.change("COMMIT")
                return out
        raise StoreDown(f"{self.where}: others write the same all the time: ask again")

    @contextmanager
    def snapshot(self) -> Iterator[Cursor]:
        """To read as of one moment."""
        with self._connection("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as cursor:
            yield cursor
            cursor.change("COMMIT")

    def settled(self, table: str) -> int:
        """The highest `n`, once those have ended who were writing."""
        with self._connection("BEGIN") as cursor:
            cursor.change(f"SELECT pg_advisory_xact_lock({WRITERS})")
            ((n,),) = cursor.rows(f"SELECT coalesce(max(n), 0) FROM {table}")
            cursor.change("COMMIT")
            return int(n)

    def close(self) -> None:
        """Connections that nobody uses are given back to the server; so they are in the end."""
        _close(self._idle)

    @contextmanager
    def _connection(self, sql: str, args: Sequence[Any] = ()) -> "Iterator[_Cursor]":
        """A connection that nobody else uses meanwhile, on which this statement was run first."""
        if not self._free.acquire(timeout=PATIENCE_S):
            raise StoreDown(f"{self.where}: all {AT_ONCE} connections are in use: ask again")
        try:
            with self._ours():
                cursor = self._asked(sql, args)
                try:
                    yield cursor
                finally:
                    self._given_back(cursor.connection)
        finally:
            self._free.release()

    def _asked(self, sql: str, args: Sequence[Any]) -> "_Cursor":
        """The first statement finds out which of the connections of before are lost."""
        from psycopg import Error

        while True:
            connection, before = self._taken()
            cursor = _Cursor(connection)
            try:
                cursor.told = cursor.rows(sql, args)
                return cursor
            except Error:
                lost = connection.closed
                self._given_back(connection)
                if not (before and lost):
                    raise

    def _taken(self) -> "tuple[Connection, bool]":
        """A connection, and whether it is one of before."""
        import psycopg

        with suppress(IndexError):
            return self._idle.pop(), True
        try:
            return psycopg.connect(**self._parts, autocommit=True), False
        except psycopg.Error as error:
            came = f"{self.where}: a PostgreSQL server expected, none answers"
            told = self._line(error)
            raise StoreDown(f"{came} ({told}): start it, or correct the URL") from None

    def _given_back(self, connection: "Connection") -> None:
        """For the next question, out of any transaction; what is in doubt is closed."""
        from psycopg import Error
        from psycopg.pq import TransactionStatus

        try:
            if connection.info.transaction_status in (
                TransactionStatus.INTRANS,
                TransactionStatus.INERROR,
            ):
                connection.execute("ROLLBACK")
        except Error:
            connection.close()
        if connection.info.transaction_status == TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """What the server says against it, as an error of ours."""
        import psycopg
        from psycopg import errors

        try:
            yield
        except (errors.DeadlockDetected, errors.SerializationFailure):
            raise
        except errors.DiskFull as error:
            came = f"{self.where}: room on the server's disk expected, it is full"
            told = f"{came} ({self._line(error)}): make room; what was accepted is there"
            raise ArtifactError(told) from error
        except errors.InsufficientPrivilege as error:
            came = f"{self.where}: the right to make and change tables in {SCHEMA} expected"
            raise ArtifactError(f"{came} ({self._line(error)}): GRANT it") from error
        except (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            errors.ReadOnlySqlTransaction,  # a server that waits to take another's place
        ) as error:
            came = f"{self.where}: an answer of PostgreSQL expected within {ANSWER_S} s"
            raise StoreDown(f"{came}, none came ({self._line(error)}): ask again") from error
        except (psycopg.DataError, UnicodeEncodeError) as error:
            came = f"{self.where}: whole numbers of 64 bits and UTF-8 text without NUL expected"
            told = " ".join(str(error).split())
            raise DataError(f"{came}, {told}: correct the value") from error
        except psycopg.IntegrityError as error:
            came = f"{self.where}: what fits to what is there expected"
            raise DataError(f"{came}, {self._line(error)}: correct it, or leave it out") from error
        except psycopg.Error as error:
            came = f"{self.where}: an answer of PostgreSQL expected, it refuses"
            raise ArtifactError(f"{came} ({self._line(error)}): see to the server") from error

    def _line(self, error: "Error") -> str:
        text = error.diag.message_primary or " ".join(str(error).split())
        password = self._parts.get("password")
        return text.replace(password, "***") if password else text


class _Cursor:
    """PostgreSQL's way to be asked within a transaction."""

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.told: list[Row] = []  # by the first statement

    def rows(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        with self.connection.execute(_marked(sql), args) as cursor:
            return cursor.fetchall() if cursor.description else []

    def change(self, sql: str, args: Sequence[Any] = ()) -> int:
        with self.connection.execute(_marked(sql), args) as cursor:
            return cursor.rowcount

    def alone(self, name: str) -> None:
        self.rows("SELECT pg_advisory_xact_lock(?)", [crc32(f"{SCHEMA} {name}".encode())])


def _marked(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()


def _parts(url: str) -> dict[str, Any]:
    """What the URL says.

    Raises:
        ConfigError: it is none, or psycopg is not installed.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        remedy = "pip install 'bowerbird[pg]'"
        raise ConfigError(f"psycopg expected to reach PostgreSQL: {remedy}") from None
    asked = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE expected"
    remedy = "write @ / : ? # and % in a password as %40 %2F %3A %3F %23 and %25"
    try:
        told: dict[str, Any] = conninfo_to_dict(url)
    except ProgrammingError:  # what it says may hold the password
        raise ConfigError(f"{asked}, another form came: {remedy}") from None
    # a password that is not written so is taken for a host, a port or a database, and told
    whole = urlsplit(url)
    split = whole.netloc.count("@") > 1 or "@" in f"{whole.path}{whole.query}{whole.fragment}"
    if split or (not told.get("port", "").replace(",", "0").isdigit() and "port" in told):
        raise ConfigError(f"{asked}, another form came: {remedy}")
    return told


def _where(parts: dict[str, Any]) -> str:
    host, port = parts.get("host", "localhost"), parts.get("port")
    return f"{parts.get('dbname', 'postgres')} on {host}{f':{port}' if port else ''}"


def _close(idle: "list[Connection]") -> None:
    with suppress(IndexError):
        while True:
            idle.pop().close()
