"""Brute force: one matrix product. The truth that every other index is measured against."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float16, Float32, Int32
from numpy import ndarray
from threadpoolctl import threadpool_limits

from bowerbird.index.index import LOWEST, NONE, Hits, Ragged, best, checked, pack, reached
from bowerbird.index.mapped import map_arrays, write_arrays

BLOCK_BYTES = 12 << 20
"""Scores held at a time by each thread: 256 queries × 12,000 items; a whole
batch (100,000 queries × 100,000 items) would be 40 GB."""
CALM = 1 << 18
"""Numbers multiplied at once for a single query. A larger product is dealt out to threads by the
matrix library, and waiting for them takes longer than the product where others use the cores."""
WIDTH = 12_288
"""Vectors that a block of queries is multiplied with at once, or more where queries are few: their
scores are looked through while they are near."""
LOOSE = 8
"""So many times the length of the list may be found before it is put in order."""
WIDENED = 1 << 20
"""Numbers of half precision made whole at a time."""
SPARSE = 1 / 8
"""Share of the rows up to which those allowed are gathered, instead of the others struck out."""


@dataclass(frozen=True, slots=True)
class ExactIndex:
    """Think of it as a dict from rows to vectors, asked for its best keys.

    A vector with a NaN belongs to an item that cannot be placed: it is never a hit. Vectors of half
    precision (float16) need half the memory, and are made whole for every block of queries.

    Cost: O(n·dim) a query; 4·n·dim bytes, 2·n·dim in half precision.

    >>> ExactIndex(np.eye(2, dtype=np.float32)).search(np.ones((1, 2), np.float32), k=1).rows
    array([[0]], dtype=int32)
    """

    vectors: Float32[ndarray, "n dim"] | Float16[ndarray, "n dim"]
    _placed: Bool[ndarray, "n"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        placed = np.isfinite(self.vectors).all(axis=1)
        object.__setattr__(self, "_placed", placed)
        if not placed.all():
            clean = np.where(placed[:, None], self.vectors, self.vectors.dtype.type(0))
            object.__setattr__(self, "vectors", clean)

    def __len__(self) -> int:
        """Rows, those without a vector too."""
        return len(self.vectors)

    def search(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The k rows of highest inner product, among those allowed and not excluded.

        Raises:
            DataError: dim of the queries is not dim of the index, or a query is not finite.
        """
        checked(queries, self.vectors.shape[1])
        if not self._placed.all():
            allow = self._placed if allow is None else allow & self._placed
        if allow is not None and np.count_nonzero(allow) <= SPARSE * len(allow):
            rows = np.flatnonzero(allow).astype(np.int32)
            return among(queries, k, self.vectors[rows], rows, exclude)

        def block(start: int, stop: int) -> Hits:
            unwanted = exclude and exclude.block(start, stop)
            return _passed(queries[start:stop], k, self.vectors, allow, unwanted)

        return in_blocks(block, len(queries), 4 * min(len(self.vectors), WIDTH), k)

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""
        vectors: ndarray = self.vectors[rows].astype(np.float32)
        vectors[~self._placed[rows]] = np.nan
        return vectors

    def way(self, allow: Bool[ndarray, "n"] | None = None) -> str:
        """All rows, those that are not allowed struck out, or the allowed ones alone."""
        return "exact" if allow is None else "exact, masked"

    def save(self, folder: Path) -> dict[str, Any]:
        """The vectors; `load` is told what is returned."""
        vectors = self.vectors.copy()
        vectors[~self._placed] = np.nan
        write_arrays(folder / "vectors.safetensors", {"vectors": vectors})
        return {}

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> "ExactIndex":
        """What `save` wrote, memory-mapped."""
        return cls(map_arrays(folder / "vectors.safetensors")["vectors"])


def _passed(
    queries: Float32[ndarray, "b dim"],
    k: int,
    vectors: Float32[ndarray, "n dim"] | Float16[ndarray, "n dim"],
    allow: Bool[ndarray, "n"] | None,
    exclude: Ragged | None,
) -> Hits:
    """The k best; vectors pass by, and what does not reach the list as it stands is dropped."""
    hits = Hits(np.empty((len(queries), 0), np.int32), np.empty((len(queries), 0), np.float32))
    bound, found = np.full(len(queries), LOWEST, np.float32), list[tuple[ndarray, ...]]()
    owners = None if exclude is None else exclude.owners()
    width = max(WIDTH, BLOCK_BYTES // (4 * max(len(queries), 1)))
    last = max(len(vectors) - width, 0)
    for start in range(0, max(len(vectors), 1), width):
        scores = product(queries, vectors[start : start + width])
        stop = start + scores.shape[1]
        if allow is not None:
            scores[:, ~allow[start:stop]] = NONE
        if exclude is not None and owners is not None:
            there = (exclude.rows >= start) & (exclude.rows < stop)
            scores[owners[there], exclude.rows[there] - start] = NONE
        if not start:
            bound = np.maximum(bound, reached(scores, k))
        flat = np.flatnonzero(scores >= bound[:, None])
        query, row = np.divmod(flat, max(stop - start, 1))
        found.append((query, row + start, scores.ravel()[flat]))
        if sum(len(each[0]) for each in found) > LOOSE * k * len(queries) or start >= last:
            hits = _gathered(hits, found, k)
            bound, found = np.maximum(bound, hits.scores[:, -1]), []
    return hits


def _gathered(hits: Hits, found: list[tuple[ndarray, ...]], k: int) -> Hits:
    """The k best of a list and of what was found since, query by query."""
    there = hits.rows >= 0
    one = (np.nonzero(there)[0], hits.rows[there], hits.scores[there])
    query, row, score = (np.concatenate(each) for each in zip(one, *found, strict=True))
    order = np.argsort(query.astype(np.uint16), kind="stable")  # as many as a block has: few
    return pack(query[order], row[order], score[order], len(hits.rows), k)


def among(
    queries: Float32[ndarray, "b dim"],
    k: int,
    vectors: Float32[ndarray, "m dim"] | Float16[ndarray, "m dim"],
    rows: Int32[ndarray, "m"],
    exclude: Ragged | None = None,
) -> Hits:
    """The k best of some rows, not excluded ones, by brute force.

    Args:
        queries: whose inner products are asked for.
        k: how many.
        vectors: of the rows.
        rows: which ones they are, ascending.
        exclude: rows that may not be hits, query by query.

    >>> vectors, rows = np.eye(2, dtype=np.float32), np.array([4, 7], np.int32)
    >>> among(np.array([[1, 2]], np.float32), 1, vectors, rows).rows
    array([[7]], dtype=int32)
    """

    def block(start: int, stop: int) -> Hits:
        scores = product(queries[start:stop], vectors)
        if exclude is not None:
            strike(scores, rows, exclude.block(start, stop))
        return best(scores, k, rows=rows)

    return in_blocks(block, len(queries), 4 * len(vectors), k)


def strike(
    scores: Float32[ndarray, "b c"], names: Int32[ndarray, "c"], exclude: Ragged
) -> Float32[ndarray, "b c"]:
    """-inf in place, where a column's name (ascending) is among what its query excludes.

    >>> scores, names = np.zeros((1, 2), np.float32), np.array([4, 7], np.int32)
    >>> strike(scores, names, Ragged(np.array([7, 9], np.int32), np.array([0, 2])))
    array([[  0., -inf]], dtype=float32)
    """
    columns = np.searchsorted(names, exclude.rows)
    there = columns < len(names)
    there[there] = names[columns[there]] == exclude.rows[there]
    scores[exclude.owners()[there], columns[there]] = NONE
    return scores


def product(
    queries: Float32[ndarray, "b dim"],
    vectors: Float32[ndarray, "c dim"] | Float16[ndarray, "c dim"],
) -> Float32[ndarray, "b c"]:
    """Inner products; of half precision or for a single query in parts."""
    half = vectors.dtype == np.float16
    if not half and (len(queries) > 1 or vectors.size <= CALM):
        whole: ndarray = queries @ vectors.T
        return whole
    size = max(1, (CALM if len(queries) == 1 else WIDENED) // max(vectors.shape[1], 1))
    out = np.empty((len(queries), len(vectors)), np.float32)
    for start in range(0, len(vectors), size):
        part = vectors[start : start + size].astype(np.float32, copy=False)
        np.matmul(queries, part.T, out=out[:, start : start + size])
    return out


def in_blocks(block: Callable[[int, int], Hits], b: int, row_bytes: int, k: int) -> Hits:
    """Answer b queries a block at a time, on all cores, each core with its own matrix product."""
    size = int(np.clip(BLOCK_BYTES // max(row_bytes, 1), 1, 1024))
    starts = range(0, b, size)
    if len(starts) <= 1:
        return block(0, b)
    rows, scores = np.empty((b, k), np.int32), np.empty((b, k), np.float32)

    def fill(start: int) -> None:
        stop = min(start + size, b)
        rows[start:stop], scores[start:stop] = block(start, stop)

    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(fill, starts))
    return Hits(rows, scores)
