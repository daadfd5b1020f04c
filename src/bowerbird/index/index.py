"""What every index answers, and to what question."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy import ndarray

NONE = np.float32(-np.inf)
"""The score of «no hit»."""


class Ragged(NamedTuple):
    """For each query some rows, laid end to end: query q has rows[offsets[q] : offsets[q+1]]."""

    rows: Int32[ndarray, "entries"]
    offsets: Int64[ndarray, "b_plus_1"]

    def block(self, start: int, stop: int) -> "Ragged":
        """The part that belongs to queries start … stop - 1."""
        first, last = self.offsets[start], self.offsets[stop]
        return Ragged(self.rows[first:last], self.offsets[start : stop + 1] - first)

    def owners(self) -> Int64[ndarray, "entries"]:
        """The query each entry belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


class Hits(NamedTuple):
    """For each query its items, best first. Where there are fewer than k: row -1, score -inf."""

    rows: Int32[ndarray, "b k"]
    scores: Float32[ndarray, "b k"]

    def top(self, k: int) -> "Hits":
        """The first k of each query."""
        return Hits(self.rows[:, :k], self.scores[:, :k])


@runtime_checkable
class Index(Protocol):
    """Built once from vectors, then only asked. A newer catalog is a newer index."""

    def search(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The k rows of highest inner product, among those allowed and not excluded."""


def best(
    scores: Float32[ndarray, "b n"],
    k: int,
    allow: Bool[ndarray, "n"] | None = None,
    exclude: Ragged | None = None,
) -> Hits:
    """The k highest of full rows of scores. Ties go to the lower row; NaN is never a hit.

    Overwrites `scores`: whoever calls it has just made them.

    >>> best(np.array([[1, 3, 3, 2]], np.float32), 2).rows
    array([[1, 2]], dtype=int32)
    """
    np.copyto(scores, NONE, where=np.isnan(scores))
    if allow is not None:
        scores[:, ~allow] = NONE
    if exclude is not None:
        scores[exclude.owners(), exclude.rows] = NONE
    b, n = scores.shape
    if n > k:
        worst = np.partition(scores, n - k, axis=1)[:, n - k, None]
        query, row = np.nonzero((scores >= worst) & (scores > NONE))
    else:
        query, row = np.nonzero(scores > NONE)
    return pack(query, row, scores[query, row], b, k)


def pack(query: ndarray, row: ndarray, score: ndarray, b: int, k: int) -> Hits:
    """Hits from loose (query, row, score) entries; ties go to the lower row.

    >>> pack(np.array([0, 0]), np.array([4, 2]), np.array([1, 1], np.float32), 1, 3).rows
    array([[ 2,  4, -1]], dtype=int32)
    """
    order = np.lexsort((row, -score, query))
    query, row, score = query[order], row[order], score[order]
    place = np.arange(len(query)) - np.searchsorted(query, np.arange(b))[query]
    keep = place < k
    rows = np.full((b, k), -1, dtype=np.int32)
    scores = np.full((b, k), NONE, dtype=np.float32)
    rows[query[keep], place[keep]] = row[keep]
    scores[query[keep], place[keep]] = score[keep]
    return Hits(rows, scores)
