"""A store opened by where it is: a folder, or the URL of a PostgreSQL server."""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from bowerbird.errors import ArtifactError
from bowerbird.store.copies import export, import_
from bowerbird.store.database import Database
from bowerbird.store.fact_log import LiveFacts
from bowerbird.store.keys import LiveKeys
from bowerbird.store.papers import LivePapers
from bowerbird.store.people import LivePeople
from bowerbird.store.postgres import PostgresDatabase
from bowerbird.store.schema import prepare
from bowerbird.store.sqlite import SqliteDatabase
from bowerbird.store.tables import LiveTable

HOLD = ("served", "seen", "done", "merges", "items", "users", "deleted", "keys", "papers")


class LiveStore:
    """A `Store` over a database, whichever it is."""

    def __init__(self, database: Database) -> None:
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
        """A copy of everything as of one moment, while others write: a file of SQLite, or a folder.

        Raises:
            ArtifactError: it cannot be written, or is there already.
        """
        if to.exists():
            raise ArtifactError(f"{to}: a new name expected, it is there: name another")
        if isinstance(self.database, SqliteDatabase):
            self.database.copy(to)
        else:
            export(self.database, to)

    def close(self) -> None:
        """Give back what is held."""
        self.database.close()


def open_store(where: str | Path) -> LiveStore:
    """The store in this folder, or on this server (postgresql://…), made where there is none.

    Raises:
        ArtifactError: it cannot be opened, or is of a newer version.
        ConfigError: the URL is none, or psycopg is not installed.
        StoreDown: no server answers.
    """
    served = str(where).startswith(("postgresql://", "postgres://"))
    database = PostgresDatabase(str(where)) if served else SqliteDatabase(Path(where))
    try:
        return LiveStore(database)
    except BaseException:
        database.close()
        raise


def restore(source: Path, where: str | Path) -> None:
    """Fill an empty store with what `backup` or `export` wrote, of whichever database.

    Raises:
        ArtifactError: the store holds something, or the copy is missing, damaged or newer.
    """
    with closing(open_store(where)) as store:
        database = store.database
        held = [t for t in HOLD if database.read(f"SELECT 1 FROM {t} LIMIT 1")]
        if held:
            came = f"{database.where}: an empty store expected, {', '.join(held)} hold something"
            raise ArtifactError(f"{came}: name another")
        if source.is_dir():
            import_(database, source)
        else:
            _restore_file(source, database)


def _restore_file(source: Path, database: Database) -> None:
    """Through a store of its own first, which says whether it is one, and sound."""
    with TemporaryDirectory() as folder:
        between = SqliteDatabase(Path(folder))
        with closing(between):
            between.take(source)
            if not between.read(between.dialect.there):
                came = f"{source}: a copy of a store expected, another file came"
                raise ArtifactError(f"{came}: name another")
            prepare(between)
            if isinstance(database, SqliteDatabase):
                database.take(between.path)
            else:
                export(between, Path(folder) / "all")
                import_(database, Path(folder) / "all")
