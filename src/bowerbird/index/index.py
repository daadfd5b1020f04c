"""What every index answers, and to what question."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy import ndarray

from bowerbird.errors import DataError

NONE = np.float32(-np.inf)
"""The score of «no hit»."""
LOWEST = float(np.finfo(np.float32).min)
"""The lowest score that is one."""


class Ragged(NamedTuple):
    """For each query some rows, laid end to end: query q has rows[offsets[q] : offsets[q+1]]."""

    rows: Int32[ndarray, "entries"]
    offsets: Int64[ndarray, "b_plus_1"]

    def block(self, start: int, stop: int) -> "Ragged":
        """The part that belongs to queries start … stop - 1."""
        first, last = self.offsets[start], self.offsets[stop]
        return Ragged(self.rows[first:last], self.offsets[start : stop + 1] - first)

    def take(self, queries: Int64[ndarray, "q"]) -> "Ragged":
        """The parts that belong to these queries.

        >>> Ragged(np.array([7, 8, 9], np.int32), np.array([0, 1, 3])).take(np.array([1])).rows
        array([8, 9], dtype=int32)
        """
        sizes = np.diff(self.offsets)[queries]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        spots = np.arange(offsets[-1]) + np.repeat(self.offsets[queries] - offsets[:-1], sizes)
        return Ragged(self.rows[spots], offsets)

    def below(self, n: int) -> "Ragged":
        """Without the rows from n on."""
        if not len(self.rows) or self.rows.max() < n:
            return self
        old = self.rows < n
        counts = np.bincount(self.owners()[old], minlength=len(self.offsets) - 1)
        return Ragged(self.rows[old], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    def joined(self, other: "Ragged") -> "Ragged":
        """Both, query by query.

        >>> one = Ragged(np.array([7], np.int32), np.array([0, 1, 1]))
        >>> one.joined(Ragged(np.array([8, 9], np.int32), np.array([0, 1, 2]))).rows
        array([7, 8, 9], dtype=int32)
        """
        owners = np.concatenate([self.owners(), other.owners()])
        rows = np.concatenate([self.rows, other.rows])
        return Ragged(rows[np.argsort(owners, kind="stable")], self.offsets + other.offsets)

    def longest(self) -> int:
        """Rows of the query that has most."""
        return int(np.diff(self.offsets).max(initial=0))

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

    def __len__(self) -> int:
        """Rows, those without a vector too."""

    def search(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The k rows of highest inner product, among those allowed and not excluded."""

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""

    def way(self, allow: Bool[ndarray, "n"] | None = None) -> str:
        """How `search` would find rows behind this mask: what a planner would print."""


def in_turn(
    ask: Callable[[Float32[ndarray, "some dim"], Ragged | None], Hits],
    queries: Float32[ndarray, "b dim"],
    exclude: Ragged | None,
    size: int,
) -> Hits:
    """What is answered to so many queries at a time, one part after another, as one; at least one.

    >>> ask = lambda some, out: Hits(some.astype(np.int32), some)
    >>> in_turn(ask, np.array([[1], [2], [3]], np.float32), None, 2).rows.ravel()
    array([1, 2, 3], dtype=int32)
    """
    parts = [
        ask(
            queries[start : start + size],
            exclude and exclude.block(start, min(start + size, len(queries))),
        )
        for start in range(0, max(len(queries), 1), size)
    ]
    return Hits(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def checked(queries: Float32[ndarray, "b dim"], dim: int) -> None:
    """What every index refuses, before a library could read it as something else.

    Raises:
        DataError: dim of the queries is not dim of the index, or a query is not finite.
    """
    if queries.shape[1] != dim:
        came = f"dim {dim} expected (this index), {queries.shape[1]} came"
        raise DataError(f"{came}: encode with the same run")
    if np.count_nonzero(np.isfinite(queries)) < queries.size:  # half the time of `all`
        raise DataError("finite query vectors expected, NaN or infinity came")


def changeable(rows: Int32[ndarray, "m"], vectors: Float32[ndarray, "m2 dim"], dim: int) -> None:
    """What every index that changes refuses to put in.

    Raises:
        DataError: rows below 0, one of them twice, or vectors of another dim or not finite.
    """
    checked(vectors, dim)
    if len(rows) != len(vectors) or len(np.unique(rows)) != len(rows) or rows.min(initial=0) < 0:
        came = f"{len(rows)} rows and {len(vectors)} vectors"
        raise DataError(f"a vector for each row ≥ 0, none twice, expected, {came} came")


def excluded(rows: ndarray, exclude: Ragged, n: int) -> Bool[ndarray, "b m"]:
    """Which of these rows (b, m) their query excludes, of n rows there are.

    >>> excluded(np.array([[3, 4]]), Ragged(np.array([4], np.int32), np.array([0, 1])), 9)
    array([[False,  True]])
    """
    unwanted = exclude.owners() * np.int64(n) + exclude.rows
    return np.isin(np.arange(len(rows))[:, None] * np.int64(n) + rows, unwanted)


def best(
    scores: Float32[ndarray, "b n"],
    k: int,
    allow: Bool[ndarray, "n"] | None = None,
    exclude: Ragged | None = None,
    floor: float = LOWEST,
    rows: Int32[ndarray, "n"] | None = None,
) -> Hits:
    """The k highest of full rows of scores, floor or more. Ties go to the lower row.

    Overwrites `scores`, which must hold no NaN: whoever calls it has just made them.

    Args:
        scores: of b queries and n items.
        k: how many.
        allow: columns that may be hits; None is all.
        exclude: columns that may not, query by query.
        floor: the lowest score that is a hit.
        rows: which item each column is; None: as they stand.

    >>> best(np.array([[1, 3, 3, 2]], np.float32), 2).rows
    array([[1, 2]], dtype=int32)
    """
    if allow is not None:
        scores[:, ~allow] = NONE
    if exclude is not None:
        scores[exclude.owners(), exclude.rows] = NONE
    bound = np.maximum(reached(scores, k), np.float32(floor))
    flat = np.flatnonzero(scores >= bound[:, None])
    query, row = np.divmod(flat, max(scores.shape[1], 1))
    row = row if rows is None else rows[row]
    return pack(query, row, scores.ravel()[flat], len(scores), k)


def reached(scores: Float32[ndarray, "b n"], k: int) -> Float32[ndarray, "b"]:
    """A score that at least k of each row reach, and not many more; -inf where there are fewer.

    The columns are dealt into m groups; k groups have a best that reaches the k-th best of the
    bests, hence so do k columns. So the selection is among m bests instead of n scores.
    """
    n = scores.shape[1]
    deal = min(16, n // (2 * k))
    if deal > 1:
        m = n // deal
        groups = scores[:, :m].copy()
        for start in range(m, n, m):
            some = scores[:, start : start + m]
            np.maximum(groups[:, : some.shape[1]], some, out=groups[:, : some.shape[1]])
        scores = groups
    m = scores.shape[1]
    if m <= k:
        return np.full(len(scores), NONE)
    bound: ndarray = np.partition(scores, m - k, axis=1)[:, m - k]
    return bound


def kept(
    rows: ndarray, scores: Float32[ndarray, "b m"], there: Bool[ndarray, "b m"], k: int
) -> Hits:
    """The k best of the entries (b, m) that are there; ties go to the lower row.

    >>> some = np.array([[1, 3, 2]], np.float32)
    >>> kept(np.array([[4, 7, 9]]), some, np.array([[True, False, True]]), 2).rows
    array([[9, 4]], dtype=int32)
    """
    return pack(np.nonzero(there)[0], rows[there], scores[there], len(rows), k)


def pack(query: ndarray, row: ndarray, score: ndarray, b: int, k: int) -> Hits:
    """Hits from loose (query, row, score) entries, ordered by query; ties go to the lower row.

    Score and row become one whole number that sorts as they do: one sort of numbers, no keys.

    >>> pack(np.array([0, 0]), np.array([4, 2]), np.array([1, 1], np.float32), 1, 3).rows
    array([[ 2,  4, -1]], dtype=int32)
    """
    counts = np.bincount(query, minlength=b)
    place = np.arange(len(query)) - np.repeat(np.cumsum(counts) - counts, counts)
    keys = np.full((b, max(k, int(counts.max(initial=0)))), _LAST)
    keys[query, place] = (_falling(score) << np.uint64(32)) | row.astype(np.uint64)
    keys.sort(axis=1)
    keys = keys[:, :k]
    there = keys != _LAST
    rows = np.where(there, (keys & np.uint64(0xFFFFFFFF)).astype(np.int64), -1).astype(np.int32)
    return Hits(rows, np.where(there, _unfallen(keys >> np.uint64(32)), NONE))


_LAST = np.uint64(2**64 - 1)
_SIGN = np.uint32(1 << 31)


def _falling(score: ndarray) -> ndarray:
    """Whole numbers (uint64 below 2³²) in the opposite order of float32 scores.

    The bits of a positive float32 sort as the number does, those of a negative one the other way.
    """
    bits = (score + np.float32(0)).view(np.uint32)  # + 0 turns -0.0 into 0.0: they are a tie
    return np.where(bits & _SIGN, bits, ~(bits | _SIGN)).astype(np.uint64)


def _unfallen(key: ndarray) -> ndarray:
    bits = key.astype(np.uint32)
    back: ndarray = np.where(bits & _SIGN, bits, ~bits & ~_SIGN).astype(np.uint32)
    return back.view(np.float32)
