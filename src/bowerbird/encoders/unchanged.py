"""Which items of a catalog are as they were when a model was fitted, by a hash of what they say.

A fitted model keeps the vectors of its items, so only what changed since has to be encoded: a run
is opened at once, and where neither the encoder nor the images are at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.encoders.pretrained import file_digest

SIZE = 16
"""Bytes of a hash: two of 10 million items are taken for each other once in 10²⁴ catalogs."""
_NO_IMAGE = b"-"


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What each item says, and what its images show; zeros where an image is not there to look."""

    said: UInt8[ndarray, "n 16"]
    shown: UInt8[ndarray, "n 16"]

    @classmethod
    def of(cls, catalog: Catalog, columns: Sequence[tuple[str, str]]) -> "Fingerprints":
        """Of these columns, as `Describer.columns` has them."""
        told = [_told(catalog.fields.get(name), kind, len(catalog)) for name, kind in columns]
        paths = [t for t, (_, kind) in zip(told, columns, strict=True) if kind == "image"]
        said = [_hash(parts) for parts in zip(*told, strict=True)]
        seen: dict[bytes, bytes] = {}
        shown = [_shown(parts, seen) for parts in zip(*paths, strict=True)]
        return cls(_rows(said), _rows(shown or [bytes(SIZE)] * len(catalog)))

    def rows_of(self, other: "Fingerprints") -> Int64[ndarray, "m"]:
        """For each item of the other the row of one here that is the same, -1 where there is none.

        An image that is gone is taken to be as it was.
        """
        here: dict[bytes, list[int]] = {}
        for row, said in enumerate(self.said):
            here.setdefault(said.tobytes(), []).append(row)
        out = np.full(len(other.said), -1, dtype=np.int64)
        for row, (said, shown) in enumerate(zip(other.said, other.shown, strict=True)):
            rows = here.get(said.tobytes(), ())
            same = (r for r in rows if not shown.any() or (self.shown[r] == shown).all())
            out[row] = next(same, -1)
        return out


def _told(column: Column | None, kind: str, count: int) -> list[bytes]:
    """What a column says of each item, b"" where nothing; a missing column is an empty one."""
    kept = kind.partition(" ")[0]
    if column is None or (kept != "image" and column.kind != kept):
        return [b""] * count
    if column.offsets is not None:
        labels = [label.encode("utf-8", "surrogatepass") for label in column.labels]
        ends = zip(column.offsets[:-1], column.offsets[1:], strict=True)
        return [_joined([labels[c] for c in column.values[a:b]]) if b > a else b"" for a, b in ends]
    if kept in ("number", "vector"):
        values = column.values.reshape(count, -1)
        given = np.isfinite(values).any(axis=1)
        return [row.tobytes() if some else b"" for row, some in zip(values, given, strict=True)]
    return [word.encode("utf-8", "surrogatepass") for word in column.words()]


def _shown(paths: Sequence[bytes], seen: dict[bytes, bytes]) -> bytes:
    """The hash of an item's images; zeros if one of them is not there."""
    for path in paths:
        if path not in seen:
            file = Path(path.decode("utf-8", "surrogatepass")).expanduser()
            there = file_digest(file) if path.strip() and file.is_file() else b""
            seen[path] = there if path.strip() else _NO_IMAGE
    digests = [seen[path] for path in paths]
    return _hash(digests) if all(digests) else bytes(SIZE)


def _joined(parts: Sequence[bytes]) -> bytes:
    """Parts as one, so that other parts are never the same."""
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


def _hash(parts: Sequence[bytes]) -> bytes:
    return sha256(_joined(parts)).digest()[:SIZE]


def _rows(hashes: Sequence[bytes]) -> UInt8[ndarray, "n 16"]:
    return np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, SIZE)
