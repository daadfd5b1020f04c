"""How good a list is for the one who asked: (lists, relevant items, k) → one value a query.

Every item of the catalog is a candidate; nothing here samples. A gain above 0 counts as 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.index.index import Hits

BLOCK = 4096
"""Queries looked up at a time: the keys of a block stay small enough for a processor's cache."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Lists laid over the truth: computed once, then every metric and every k reads it."""

    rows: Int32[ndarray, "b k"]  # the lists, best first, -1 where there is none
    hit: Bool[ndarray, "b k"]  # is the item at this place relevant?
    truth: csr_array  # (b, n) true where relevant, nothing else stored

    @classmethod
    def of(cls, hits: Hits, relevant: csr_array) -> "Judged":
        """Look every listed item up among the relevant ones (gain > 0) of its query.

        Cost: O(b·k·log(relevant in a block)); never a dense (b, n).

        >>> lists = Hits(np.array([[2, 0]], np.int32), np.zeros((1, 2), np.float32))
        >>> Judged.of(lists, csr_array(np.array([[1.0, 0.0, 0.0]]))).hit
        array([[False,  True]])
        """
        summed = csr_array(relevant, copy=True)
        summed.sum_duplicates()
        truth = _only(summed, summed.data > 0)
        return cls(hits.rows, _found(hits.rows, truth), truth)

    def sizes(self) -> Int64[ndarray, "b"]:
        """How many relevant items each query has."""
        sizes: ndarray = np.diff(self.truth.indptr).astype(np.int64)
        return sizes

    def within(self, items: Bool[ndarray, "n"]) -> "Judged":
        """The same lists when only these items count as relevant."""
        hit = self.hit & items[self.rows]  # row -1 reads the last item, but is no hit anyway
        return Judged(self.rows, hit, _only(self.truth, items[self.truth.indices]))


Metric = Callable[[Judged, int], Float64[ndarray, "b"]]
"""NaN where the query has nothing relevant: it is not judged, rather than judged 0."""


def hit(judged: Judged, k: int) -> Float64[ndarray, "b"]:
    """1 where at least one of the first k is relevant (hit rate, success@k)."""
    return _judged(judged, np.asarray(judged.hit[:, :k].any(axis=1)))


def recall(judged: Judged, k: int) -> Float64[ndarray, "b"]:
    """The share of the relevant items that stand among the first k."""
    return _judged(judged, _ratio(_hits(judged, k), judged.sizes()))


def recall_min(judged: Judged, k: int) -> Float64[ndarray, "b"]:
    """Hits over min(relevant, k), so that 1 can always be reached.

    Source: Liang et al. 2018 (Mult-VAE), section 4.2.
    """
    return _judged(judged, _ratio(_hits(judged, k), np.minimum(judged.sizes(), k)))


def precision(judged: Judged, k: int) -> Float64[ndarray, "b"]:
    """The share of k places that hold something relevant; an empty place holds nothing."""
    return _judged(judged, _hits(judged, k) / k)


def ndcg(judged: Judged, k: int) -> Float64[ndarray, "b"]:
    """Σ_r hit_r / log₂(r + 1), over that sum for an ideal list of min(relevant, k) hits.

    Source: Järvelin & Kekäläinen 2002, with binary gain.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    first = judged.hit[:, :k]
    gained = first @ discount[: first.shape[1]]
    return _judged(judged, _ratio(gained, ideal[np.minimum(judged.sizes(), k)]))


def mrr(judged: Judged, k: int) -> Float64[ndarray, "b"]:
    """1 / the place of the first relevant item; 0 where none of the first k is."""
    first = judged.hit[:, :k]
    return _judged(judged, first.any(axis=1) / (first.argmax(axis=1) + 1))


def average_precision(judged: Judged, k: int) -> Float64[ndarray, "b"]:
    """Σ_r hit_r · precision@r over min(relevant, k); its mean over the queries is MAP@k.

    Source: Baeza-Yates & Ribeiro-Neto 1999, section 3.2, cut at k.
    """
    first = judged.hit[:, :k]
    places = np.arange(1, first.shape[1] + 1)
    gained = (first * (first.cumsum(axis=1) / places)).sum(axis=1)
    return _judged(judged, _ratio(gained, np.minimum(judged.sizes(), k)))


METRICS: Mapping[str, Metric] = {
    "ndcg": ndcg,
    "recall": recall,
    "recall_min": recall_min,
    "hit": hit,
    "precision": precision,
    "mrr": mrr,
    "map": average_precision,
}


def accuracy(judged: Judged, ks: tuple[int, ...]) -> dict[str, Float64[ndarray, "b"]]:
    """Every metric at every k, under names such as ndcg@10."""
    return {f"{name}@{k}": metric(judged, k) for k in ks for name, metric in METRICS.items()}


def _found(rows: Int32[ndarray, "b k"], truth: csr_array) -> Bool[ndarray, "b k"]:
    # (query, item) becomes one number; those of the truth ascend, so a place is a binary search
    found = np.zeros(rows.shape, dtype=bool)
    b, n = truth.shape
    for start in range(0, b, BLOCK):
        ends = truth.indptr[start : start + BLOCK + 1].astype(np.int64)
        queries = np.arange(len(ends) - 1) * np.int64(n)
        keys = np.repeat(queries, np.diff(ends)) + truth.indices[ends[0] : ends[-1]]
        if len(keys):
            block = rows[start : start + BLOCK]
            asked = queries[:, None] + block
            places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
            found[start : start + BLOCK] = (keys[places] == asked) & (block >= 0)
    return found


def _only(truth: csr_array, keep: Bool[ndarray, "entries"]) -> csr_array:
    kept = csr_array((keep, truth.indices.copy(), truth.indptr.copy()), shape=truth.shape)
    kept.eliminate_zeros()
    return kept


def _hits(judged: Judged, k: int) -> Int64[ndarray, "b"]:
    hits: ndarray = judged.hit[:, :k].sum(axis=1)
    return hits


def _ratio(above: ndarray, below: ndarray) -> Float64[ndarray, "b"]:
    ratio: ndarray = np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
    return ratio


def _judged(judged: Judged, values: ndarray) -> Float64[ndarray, "b"]:
    return np.where(judged.sizes() > 0, values, np.nan)
