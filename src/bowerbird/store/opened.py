"""A store opened by where it is: a folder, or the URL of a PostgreSQL server."""

from pathlib import Path

from bowerbird.errors import ArtifactError
from bowerbird.store.fact_log import LiveFacts
from bowerbird.store.keys import LiveKeys
from bowerbird.store.papers import LivePapers
from bowerbird.store.people import LivePeople
from bowerbird.store.schema import prepare
from bowerbird.store.sqlite import SqliteDatabase
from bowerbird.store.tables import LiveTable


class LiveStore:
    """A `Store` over a database, whichever it is."""

    def __init__(self, database: SqliteDatabase) -> None:
        prepare(database)
        self.database = database
        self.facts = LiveFacts(database)
        self.items = LiveTable(database, "items")
        self.users = LiveTable(database, "users")
        self.people = LivePeople(database)
        self.keys = LiveKeys(database)
        self.papers = LivePapers(database)

    def ping(self) -> None:
        """Ask the database for something."""
        self.database.read("SELECT 1")

    def backup(self, to: Path) -> None:
        """A copy of everything as of one moment, while others write: a file.

        Raises:
            ArtifactError: it cannot be written, or is there already.
        """
        if to.exists():
            raise ArtifactError(f"{to}: a new name expected, it is there: name another")
        self.database.copy(to)

    def close(self) -> None:
        """Give back what is held."""
        self.database.close()


def open_store(where: str | Path) -> LiveStore:
    """The store in this folder, made where there is none.

    Raises:
        ArtifactError: it cannot be opened, or is of a newer version.
    """
    return LiveStore(SqliteDatabase(Path(where)))
