"""Files that the store writes: whole or not at all, by one process at a time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bowerbird.data.artifacts import whole
from bowerbird.errors import ArtifactError, StoreDown

LOCK = ".lock"
WAIT_S = 60.0


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary name to write to, which takes its place at the end.

    Raises:
        ArtifactError: it cannot be written.
    """
    try:
        with whole(path) as partial:
            yield partial
    except ArtifactError:
        raise
    except OSError as error:
        came = f"{path}: a place with room that can be written to expected, {error}"
        raise ArtifactError(f"{came}: make room, or correct the permissions") from error


def append(path: Path, line: str) -> None:
    """One more line, on disk when this returns; one that a kill has torn off stays apart from it.

    Raises:
        ArtifactError: it cannot be written.
    """
    try:
        with path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
            torn = end and file.read(1) != b"\n"
            file.write((b"\n" if torn else b"") + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        came = f"{path}: a file that can be written expected, {error.strerror or error}"
        raise ArtifactError(f"{came}: make room, or correct the permissions") from error


@contextmanager
def alone(folder: Path, wait_s: float | None = None) -> Iterator[None]:
    """Nobody else is in this folder. Whoever dies in it leaves it open to others.

    Raises:
        StoreDown: somebody else is, for long.
        ArtifactError: the folder cannot be written to.
    """
    wait = WAIT_S if wait_s is None else wait_s
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # SQLite's lock is one that every system has, and that ends with its process
        with closing(sqlite3.connect(folder / LOCK, timeout=wait, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise StoreDown(f"{folder}: another process works here: ask again") from error
        raise _shut(folder, error) from error
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise _shut(folder, error) from error


def _shut(folder: Path, error: Exception) -> ArtifactError:
    came = f"{folder}: a folder that can be written to expected, {error}"
    return ArtifactError(f"{came}: correct its permissions, or name another")
