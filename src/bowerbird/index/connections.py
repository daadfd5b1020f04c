"""Connections to a PostgreSQL server: kept for the next question, replaced when they are lost.

Apart from the index because it is about the server only: where it is, whether it answers, and what
its refusals mean.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

from bowerbird.errors import ArtifactError, ConfigError

if TYPE_CHECKING:
    from psycopg import Connection, Error

T = TypeVar("T")
PATIENCE = 10
"""Seconds until a server that does not answer is given up, unless the URL says otherwise."""


class Connections:
    """To one database. Any number of threads may ask; each question has a connection of its own."""

    def __init__(self, url: str) -> None:
        try:
            from psycopg import ProgrammingError
            from psycopg.conninfo import conninfo_to_dict
        except ImportError:
            remedy = "pip install 'bowerbird[pg]'"
            raise ConfigError(f"psycopg expected to reach PostgreSQL: {remedy}") from None
        try:
            parts: dict[str, Any] = conninfo_to_dict(url)
        except ProgrammingError:  # what it says may hold the password
            raise ConfigError(
                "postgresql://USER@HOST/DATABASE expected, another form came"
            ) from None
        self._parts = {"connect_timeout": PATIENCE, **parts}
        self._idle: list[Connection] = []
        finalize(self, _close, self._idle)
        host, port = parts.get("host", "localhost"), parts.get("port")
        self.where = f"{parts.get('dbname', 'postgres')} on {host}{f':{port}' if port else ''}"

    def run(self, work: Callable[["Connection"], T]) -> T:
        """What `work` makes of a connection, in one transaction that is kept if it ends well.

        Where a connection of before was lost, with a restart of the server say, `work` is begun
        anew with another.

        Raises:
            ArtifactError: no server answers, the database is not there, or it refuses.
        """
        import psycopg

        while True:
            connection, before = self._taken()
            try:
                with connection.transaction():
                    return work(connection)
            except psycopg.Error as error:
                if before and connection.closed:
                    continue
                state = "the connection was lost" if connection.closed else "it refuses"
                came = f"{self.where}: an answer of PostgreSQL expected, {state} ({_line(error)})"
                raise ArtifactError(came) from error
            finally:
                if not connection.closed:
                    self._idle.append(connection)

    def close(self) -> None:
        """Connections that nobody uses are given back to the server; so they are in the end."""
        _close(self._idle)

    def _taken(self) -> "tuple[Connection, bool]":
        """A connection, and whether it is one of before."""
        import psycopg

        with suppress(IndexError):
            return self._idle.pop(), True
        try:
            return psycopg.connect(**self._parts), False
        except psycopg.OperationalError as error:
            came = f"{self.where}: a PostgreSQL server expected, none answers ({_line(error)})"
            raise ArtifactError(f"{came}: start it, or correct the URL") from None


def _close(idle: "list[Connection]") -> None:
    with suppress(IndexError):
        while True:
            idle.pop().close()


def _line(error: "Error") -> str:
    return error.diag.message_primary or " ".join(str(error).split())
