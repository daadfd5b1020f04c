"""Vectors that were paid for once, in one SQLite file: found again by a hash of what was encoded.

Apart because every bought encoder is remembered in the same way, whatever it reads. A cache may be
lost at any time: what is damaged is not found and is made again, and a folder that cannot be
written to costs time, never the answer.
"""

import os
import sqlite3
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.known import default_cache

VARIABLE = "BOWERBIRD_VECTOR_CACHE"
"""Environment: the folder of the cache, or «off»."""
LIMIT = 4 * 2**30
"""Bytes the file may take: 2 million vectors of 512 dimensions."""
ASKED = 500
"""Keys in one question; SQLite takes 999 in its oldest builds."""
WAIT_S = 30.0
"""How long to wait for another process that is writing."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors"
    " (key BLOB PRIMARY KEY, check_sum INTEGER NOT NULL, vector BLOB NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class VectorCache:
    """Keys of 32 bytes → float32 vectors. Any number of processes may use one file.

    Each `keep` is one transaction: it is there whole or not at all. When the file would grow beyond
    `limit` bytes, the vectors that were encoded longest ago go, a tenth of the file at a time.
    """

    path: Path
    limit: int = LIMIT

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Float32[ndarray, "d"]]:
        """Those of the vectors that are here and undamaged."""
        out: dict[bytes, ndarray] = {}
        if not self.path.exists():
            return out

        def read(file: sqlite3.Connection) -> None:
            for start in range(0, len(keys), ASKED):
                some = list(keys[start : start + ASKED])
                marks = ",".join("?" * len(some))
                asked = f"SELECT key, check_sum, vector FROM vectors WHERE key IN ({marks})"
                for key, total, vector in file.execute(asked, some):
                    if isinstance(vector, bytes) and crc32(vector, crc32(key)) == total:
                        out[key] = np.frombuffer(vector, dtype="<f4").astype(np.float32)

        self._try("read", read)
        return out

    def keep(self, vectors: Mapping[bytes, Float32[ndarray, "d"]]) -> None:
        """Write these, all or none; what was here under the same keys is replaced."""
        rows = [(key, np.ascontiguousarray(v, dtype="<f4").tobytes()) for key, v in vectors.items()]

        def write(file: sqlite3.Connection) -> None:
            with file:  # commits at the end, rolls back whatever interrupts it
                file.execute("BEGIN IMMEDIATE")
                self._make_room(file, sum(len(vector) + 100 for _, vector in rows))
                file.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                    [(key, crc32(vector, crc32(key)), vector) for key, vector in rows],
                )

        self._try("written", write)

    def _make_room(self, file: sqlite3.Connection, more: int) -> None:
        """Drop the oldest rows if `more` bytes would not fit; their pages are used again."""
        pages, free, size = (
            file.execute(f"PRAGMA {what}").fetchone()[0]
            for what in ("page_count", "freelist_count", "page_size")
        )
        used = (pages - free) * size
        if used + more <= self.limit:
            return
        (count,) = file.execute("SELECT count(*) FROM vectors").fetchone()
        share = min(1.0, (used + more - self.limit) / max(used, 1) + 0.1)
        oldest = "SELECT rowid FROM vectors ORDER BY rowid LIMIT ?"
        file.execute(
            f"DELETE FROM vectors WHERE rowid IN ({oldest})", [int(np.ceil(count * share))]
        )

    def _try(self, verb: str, work: Callable[[sqlite3.Connection], None]) -> None:
        """Work with the file and its table. Trouble is told, and costs only what was kept."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            opened = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
            with closing(opened) as file:
                file.execute("PRAGMA synchronous = NORMAL")
                file.execute(_TABLE)
                work(file)
        except (sqlite3.OperationalError, OSError) as error:  # no place, no permission, locked
            warnings.warn(
                f"vectors not {verb} in {self.path}: {error}; they are encoded again each time:"
                f" give a folder that can be written to in {VARIABLE}",
                RuntimeWarning,
                stacklevel=3,
            )
        except sqlite3.DatabaseError:  # damaged, or another kind of file: made again
            for name in (f"{self.path.name}-journal", self.path.name):  # it belongs to that file
                with suppress(OSError):
                    self.path.with_name(name).unlink()


def default_vectors() -> VectorCache | None:
    """$BOWERBIRD_VECTOR_CACHE/vectors-1.sqlite, else in the cache folder; None where it is «off».

    To empty it, remove the file.
    """
    told = os.environ.get(VARIABLE, "")
    if told == "off":
        return None
    return VectorCache((Path(told) if told else default_cache()) / "vectors-1.sqlite")
