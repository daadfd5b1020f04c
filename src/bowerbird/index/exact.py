"""Brute force: one matrix product. The truth that every other index is measured against."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray
from threadpoolctl import threadpool_limits

from bowerbird.errors import DataError
from bowerbird.index.index import Hits, Ragged, best

BLOCK_BYTES = 12 << 20
"""Scores held at a time by each thread: 256 queries × 12,000 items; a whole
batch (100,000 queries × 100,000 items) would be 40 GB."""


@dataclass(frozen=True, slots=True)
class ExactIndex:
    """Think of it as a dict from rows to vectors, asked for its best keys.

    A vector with a NaN belongs to an item that cannot be placed: it is never a hit.

    Cost: O(n·dim) a query; 4·n·dim bytes.

    >>> ExactIndex(np.eye(2, dtype=np.float32)).search(np.ones((1, 2), np.float32), k=1).rows
    array([[0]], dtype=int32)
    """

    vectors: Float32[ndarray, "n dim"]
    _placed: Bool[ndarray, "n"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        placed = np.isfinite(self.vectors).all(axis=1)
        object.__setattr__(self, "_placed", placed)
        if not placed.all():
            clean = np.where(placed[:, None], self.vectors, np.float32(0))
            object.__setattr__(self, "vectors", clean)

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
        if queries.shape[1] != self.vectors.shape[1]:
            dims = f"dim {self.vectors.shape[1]} expected (this index), {queries.shape[1]} came"
            raise DataError(f"{dims}: encode with the same run")
        if not np.isfinite(queries).all():
            raise DataError("finite query vectors expected, NaN or infinity came")
        if not self._placed.all():
            allow = self._placed if allow is None else allow & self._placed

        def block(start: int, stop: int) -> Hits:
            scores = queries[start:stop] @ self.vectors.T
            return best(scores, k, allow, exclude and exclude.block(start, stop))

        return in_blocks(block, len(queries), 4 * len(self.vectors), k)


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
