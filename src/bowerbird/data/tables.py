"""Any table a shop has (CSV, JSONL, Parquet, a folder of them, a SQL query) as one lazy frame.

Apart from importing because it knows formats and nothing of what the columns mean.
"""

import csv
import glob
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from bowerbird.data.dialect import as_utf8, encoding_of, separator_of
from bowerbird.errors import ConfigError, DataError

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")
SQL_BATCH = 100_000
MIXED_IDS_CHECKED = 200_000
"""Lines of a JSONL file that are read once more, one by one, when its ids came out as text."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, a folder of files of one format, or (with a database) a SQL query or table name."""

    where: str
    database: str | None = None  # a database URL: postgresql://…, sqlite:///…, duckdb:///…

    def __str__(self) -> str:
        return self.where if self.database is None else f"query {self.where!r}"


@contextmanager
def opened(source: Source) -> Iterator[pl.LazyFrame]:
    """The rows of a source, lazily; text where the format has no types (CSV).

    Raises:
        DataError: it is missing, empty, unreadable or of an unknown format.
        ConfigError: the database cannot be reached or refuses the query.
    """
    with tempfile.TemporaryDirectory(prefix="bowerbird-") as scratch:
        if source.database is None:
            yield _scan(Path(source.where), Path(scratch))
            return
        _spool(source, Path(scratch))
        parts = [pl.scan_parquet(file) for file in sorted(Path(scratch).glob("*.parquet"))]
        # each batch has the types of its own values: nothing but gaps, numbers, then text
        yield pl.concat(parts, how="vertical_relaxed")


def untyped(source: Source) -> bool:
    """Is everything in it text, numbers too, because the format has no types?"""
    path = Path(source.where)
    if source.database is not None or not path.exists():
        return False
    return _files(path)[0].suffix.lower() in (".csv", ".tsv")


def _scan(path: Path, scratch: Path) -> pl.LazyFrame:
    files = _files(path)
    try:
        if files[0].suffix.lower() in (".csv", ".tsv"):
            files = [as_utf8(file, scratch) for file in files]
        frame = _lazy(files)
        names = frame.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(path, error) from error
    if not names:
        raise DataError(f"{path}: at least one column expected, the table has none")
    return frame


def _lazy(files: list[Path]) -> pl.LazyFrame:
    suffix = files[0].suffix.lower()
    if suffix == ".parquet":
        return pl.scan_parquet(files, glob=False)
    if suffix in (".jsonl", ".ndjson"):
        # scan_ndjson cannot be told that a name is no pattern
        named = [glob.escape(str(file)) for file in files]
        return pl.scan_ndjson(named, infer_schema_length=None)
    # every CSV value stays text: "007" is an id, and only the importer knows what is a number
    return pl.scan_csv(files, separator=separator_of(files[0]), infer_schema=False, glob=False)


def _files(path: Path) -> list[Path]:
    known = ", ".join(SUFFIXES)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; give a path ending in {known}")
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(f"{path}: files ending in {known} expected in this folder, none found")
        formats = sorted({f.suffix.lower() for f in files})
        if len(formats) > 1:
            came = ", ".join(formats)
            raise DataError(f"{path}: files of one format expected, {came} came; keep one of them")
        return [file for f in files for file in _files(f)]
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: a file ending in {known} expected; convert it or rename it")
    try:
        with path.open("rb") as opened_file:
            if not opened_file.read(1):
                raise DataError(
                    f"{path}: the file is empty; a header and at least one row expected"
                )
    except PermissionError as error:
        raise DataError(
            f"{path}: no permission to read it; chmod it or run as its owner"
        ) from error
    return [path]


def unreadable(path: Path, error: Exception) -> DataError:
    """What to tell a person about a file that cannot be read: its first bad line, if there is one.

    Polars reads in parallel and names no line, so the file is read once more, slowly.
    """
    file = path if path.is_file() else next(iter(_files(path)))
    place = ""
    if file.suffix.lower() in (".jsonl", ".ndjson"):
        place = _bad_json_line(file)
    elif file.suffix.lower() in (".csv", ".tsv"):
        place = _bad_csv_line(file)
    return DataError(f"{path}: {place or first_line(error)}; repair the file or export it again")


def first_line(error: Exception) -> str:
    """What another library says of its error, as short as it can be said."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _bad_json_line(file: Path) -> str:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            came = line.decode("utf-8", "replace").strip()
            try:
                whole = not came or isinstance(json.loads(came), dict)
            except ValueError:
                whole = False
            if not whole:
                return f"row {number}: a JSON object a line expected, {came[:40]!r} came"
    return ""


def _bad_csv_line(file: Path) -> str:
    try:
        with file.open(encoding=encoding_of(file), newline="") as lines:
            rows = csv.reader(lines, delimiter=separator_of(file))
            width = len(next(rows, []))
            for number, row in enumerate(rows, 1):
                if len(row) > width:
                    return (
                        f"row {number}: {width} fields expected (as in the header), {len(row)} came"
                    )
    except UnicodeDecodeError as error:
        return f"UTF-8 text expected, byte {error.object[error.start]:#x} at {error.start} came"
    except csv.Error as error:
        return f"CSV expected, {error}"
    return ""


def mixed_ids(source: Source, column: str) -> str:
    """Where a JSONL file gives one id as a number and another as text; "" where it does not."""
    path = Path(source.where)
    if source.database is not None or not path.exists():
        return ""
    first: dict[str, str] = {}
    for file in _files(path):
        if file.suffix.lower() not in (".jsonl", ".ndjson"):
            return ""
        with file.open("rb") as lines:
            for number, line in enumerate(islice(lines, MIXED_IDS_CHECKED), 1):
                value = json.loads(line).get(column) if line.strip() else None
                if value is not None:
                    kind = "text" if isinstance(value, str) else "a number"
                    first.setdefault(kind, f"row {number}{f' of {file.name}' * (file != path)}")
                if len(first) > 1:
                    return " and ".join(f"{kind} in {place}" for kind, place in first.items())
    return ""


def _spool(source: Source, scratch: Path) -> None:
    """Run the query and keep its rows as Parquet, a batch at a time."""
    where, database = source.where.strip().rstrip(";"), source.database or ""
    query = where if len(where.split()) > 1 else f"SELECT * FROM {where}"
    try:
        if database.startswith("duckdb:"):
            _spool_duckdb(query, database, scratch / "rows.parquet")
        else:
            _spool_sqlalchemy(query, database, scratch)
    except ModuleNotFoundError as error:
        extra = "sql" if "duckdb" in str(error) else "pg"
        remedy = f"pip install 'bowerbird[{extra}]' or that driver"
        raise ConfigError(f"{_redacted(database)}: {error}; {remedy}") from error
    except (DataError, ConfigError):
        raise
    except Exception as error:  # every driver raises its own; all mean the same to the reader
        reason = f"{_redacted(database)}: {first_line(error)}"
        raise ConfigError(f"{reason}; check the URL and {query!r}") from error


def _spool_duckdb(query: str, database: str, file: Path) -> None:
    import duckdb

    path = database.removeprefix("duckdb:").removeprefix("//").removeprefix("/") or ":memory:"
    if path != ":memory:" and not Path(path).is_file():
        raise ConfigError(f"{database}: no such DuckDB file: {path}")
    with duckdb.connect(path, read_only=path != ":memory:") as connection:
        types = connection.execute(f"DESCRIBE {query}").fetchall()
        # Parquet holds a UUID as 16 bytes; as an id it is the text that people see
        plain = ", ".join(
            f'CAST("{name}" AS VARCHAR) AS "{name}"' if kind == "UUID" else f'"{name}"'
            for name, kind, *_ in types
        )
        connection.execute(f"COPY (SELECT {plain} FROM ({query})) TO '{file}' (FORMAT parquet)")


def _spool_sqlalchemy(query: str, database: str, scratch: Path) -> None:
    import sqlalchemy

    url = sqlalchemy.make_url(database)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and not Path(url.database).is_file():
        raise ConfigError(f"{database}: no such SQLite file: {url.database}")
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            batches = pl.read_database(
                query, connection, iter_batches=True, batch_size=SQL_BATCH, infer_schema_length=None
            )
            for number, batch in enumerate(batches):
                _writable(batch).write_parquet(scratch / f"{number:06}.parquet")
    finally:
        engine.dispose()
    if not any(scratch.iterdir()):
        raise DataError(f"query {query!r}: at least one row expected, none came")


def _writable(batch: pl.DataFrame) -> pl.DataFrame:
    """The same with Python objects (a driver's UUIDs) as text."""
    objects = [name for name, dtype in batch.schema.items() if dtype == pl.Object]
    texts = [[None if v is None else str(v) for v in batch[name]] for name in objects]
    return batch.with_columns(
        pl.Series(name, text, dtype=pl.String) for name, text in zip(objects, texts, strict=True)
    )


def _redacted(database: str) -> str:
    """The URL without its password."""
    head, at, tail = database.rpartition("@")
    return f"{head.rpartition(':')[0]}:***{at}{tail}" if at else database
