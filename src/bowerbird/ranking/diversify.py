"""Lists whose items are not all alike: MMR and determinantal point processes, as steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.step import relevance, reordered

Chooser = Callable[[ndarray, ndarray, int], Int32[ndarray, "b k"]]
"""Relevance (NaN: no hit) and cosines of some queries → the first k places, -1 for none."""

TOGETHER = 256
"""Queries whose cosines are held at a time."""
LEAST = 1e-6
"""Of what an item adds to a volume; below, it lies among those taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Mmr:
    """One by one the item of the highest weight·relevance - (1 - weight)·nearness.

    Relevance is the score brought to 0 … 1 in each query, nearness the largest cosine to an item
    that is in the list already. The first `k` places are filled so; what is left follows as it was.

    Source: Carbonell & Goldstein, SIGIR 1998.
    """

    vectors: Float32[ndarray, "n dim"]  # of the items; NaN is like nothing
    weight: float = 0.7  # 1 changes nothing
    k: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1 or self.k < 1:
            came = f"{self.weight} and {self.k} came"
            raise ConfigError(f"mmr: weight from 0 to 1 and k ≥ 1 expected, {came}")

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The same hits, the first k of them unlike each other."""
        return _filled(hits, self.vectors, self.k, self._chosen)

    def _chosen(self, value: ndarray, cosines: ndarray, k: int) -> Int32[ndarray, "b k"]:
        out = np.full((len(value), k), -1, dtype=np.int32)
        each, near = np.arange(len(value)), np.zeros(value.shape)
        value = np.where(np.isnan(value), -np.inf, self.weight * value)
        for place in range(k):
            best = np.argmax(value - (1 - self.weight) * near, axis=1)
            there = value[each, best] > -np.inf
            out[there, place] = best[there]
            near = np.maximum(near, cosines[each, best]) if place else cosines[each, best]
            value[each, best] = -np.inf
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Dpp:
    """One by one the item that makes the list's volume largest: good ones that span much.

    The list is to have the largest determinant of L = diag(r) S diag(r), S the cosines and
    r = e^(θ·relevance), θ = weight / (2·(1 - weight)). The greedy search keeps a Cholesky factor of
    what is taken. Once the span is full, what is left follows as it was.

    Source: Chen, Zhang & Zhou, NeurIPS 2018, alg. 1 and eq. 14.
    """

    vectors: Float32[ndarray, "n dim"]  # of the items; NaN is like nothing
    weight: float = 0.7  # towards 1: relevance alone
    k: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.weight < 1 or self.k < 1:
            came = f"{self.weight} and {self.k} came"
            raise ConfigError(f"dpp: weight from 0 to below 1 and k ≥ 1 expected, {came}")

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The same hits, the first k of them spanning much."""
        return _filled(hits, self.vectors, self.k, self._chosen)

    def _chosen(self, value: ndarray, cosines: ndarray, k: int) -> Int32[ndarray, "b k"]:
        out = np.full((len(value), k), -1, dtype=np.int32)
        each, theta = np.arange(len(value)), self.weight / (2 * (1 - self.weight))
        quality = np.exp(theta * np.where(np.isnan(value), 0, value))
        kernel = quality[:, :, None] * cosines * quality[:, None]
        left = np.where(np.isnan(value), -np.inf, quality**2)  # what each would add, squared
        factors = np.zeros((k, *value.shape))
        for place in range(k):
            best = np.argmax(left, axis=1)
            gain = left[each, best]
            there = gain > LEAST * quality[each, best] ** 2
            out[there, place] = best[there]
            row = kernel[each, best] - np.einsum(
                "pb,pbm->bm", factors[:place, each, best], factors[:place]
            )
            factors[place] = row / np.sqrt(np.where(there, gain, np.inf))[:, None]
            left = left - factors[place] ** 2
            left[each, best] = -np.inf
        return out


def _filled(hits: Hits, vectors: ndarray, k: int, chosen: Chooser) -> Hits:
    """The chosen places first, then the others as they were."""
    k = min(k, hits.rows.shape[1])
    places = np.empty(hits.rows.shape, dtype=np.int32)
    for start, stop, cosines in _cosines(hits, vectors):
        some = Hits(hits.rows[start:stop], hits.scores[start:stop])
        value = np.where(some.rows >= 0, relevance(some), np.nan)
        places[start:stop] = _then_the_rest(chosen(value, cosines, k), some)
    return reordered(hits, places)


def _then_the_rest(first: Int32[ndarray, "b k"], hits: Hits) -> Int32[ndarray, "b m"]:
    m = hits.rows.shape[1]
    rank = np.where(hits.rows >= 0, m + np.arange(m), 3 * m + np.arange(m))
    query, place = np.nonzero(first >= 0)
    rank[query, first[query, place]] = place
    order = np.argsort(rank, axis=1, kind="stable").astype(np.int32)
    return np.where(np.take_along_axis(hits.rows, order, 1) >= 0, order, np.int32(-1))


def _cosines(
    hits: Hits, vectors: Float32[ndarray, "n dim"]
) -> Iterator[tuple[int, int, Float32[ndarray, "b m m"]]]:
    """Of each query's hits with each other, some queries at a time; 1 with itself."""
    m = hits.rows.shape[1]
    for start in range(0, len(hits.rows), TOGETHER):
        rows = hits.rows[start : start + TOGETHER]
        taken = np.where((rows >= 0)[..., None], vectors[np.maximum(rows, 0)], np.nan)
        length = np.linalg.norm(taken, axis=2, keepdims=True)
        unit = np.divide(taken, length, out=np.zeros_like(taken), where=length > 0)
        unit = np.nan_to_num(unit)
        cosines = unit @ unit.transpose(0, 2, 1)
        cosines[:, np.arange(m), np.arange(m)] = 1
        yield start, start + len(rows), cosines
