"""EASE: the item-item weights that best rebuild every history from its other items."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy import ndarray
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.encoders.stored import store, stored
from bowerbird.errors import ConfigError, DataError
from bowerbird.index.exact import in_blocks
from bowerbird.index.index import NONE, Hits, Ragged, best
from bowerbird.retrieval.retriever import picked, silence, within

KIND = "ease"
ROWS = 256
"""Rows of a large matrix made or changed at a time, so that no second one is ever needed."""
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
LARGE = 4000
"""From here on an inverse takes a minute rather than seconds, so fewer settings are tried."""


@dataclass(frozen=True, slots=True)
class Ease:
    """B = I - P·diag(1/diag P), P = (XᵀX + λI)⁻¹; score(q, i) = Σ_{j in q} B[j, i].

    X is binary: who met what. How often, or how much, is left out, since squares of weights would
    let a few heavy users decide.

    Cost: 4·n² bytes and O(n³) for the n items that were ever met.
    Prefer: GraphFilter or CoOccurrence above some 20,000 items.
    Source: Steck, WWW 2019, eq. 8.
    """

    regularization: float = 500.0  # λ

    def __post_init__(self) -> None:
        if not self.regularization > 0:
            raise ConfigError(f"regularization > 0 expected, {self.regularization} came")

    def fit(self, data: Dataset) -> "EaseRetriever":
        """Invert the Gram matrix.

        Raises:
            DataError: no interactions, or n² does not fit into memory.
        """
        met = np.flatnonzero(data.item_counts()).astype(np.int64)
        enough_memory(len(met))
        return self._solved(gram(data, met), met, len(data.catalog))

    def fit_each(self, data: Dataset, variants: tuple["Ease", ...]) -> Iterator["EaseRetriever"]:
        """The same for several settings; what they share is counted once if there is room."""
        met = np.flatnonzero(data.item_counts()).astype(np.int64)
        if needed(len(met), 3) > free_memory():  # what is shared, the last and the next
            yield from (variant.fit(data) for variant in variants)
            return
        shared = gram(data, met)
        for variant in variants:
            yield variant._solved(shared.copy(), met, len(data.catalog))

    def variants(self, data: Dataset) -> tuple["Ease", ...]:
        """A ladder of λ: six steps below 4,000 items, three above."""
        small = np.count_nonzero(data.item_counts()) < LARGE
        steps = (50.0, 100.0, 250.0, 500.0, 1000.0, 2000.0) if small else (100.0, 300.0, 1000.0)
        ladder = [replace(self, regularization=step) for step in steps]
        return tuple(dict.fromkeys([self, *ladder]))

    @classmethod
    def load(cls, folder: Path) -> "EaseRetriever":
        """What `EaseRetriever.save` wrote."""
        estimator, arrays = stored(folder, KIND, cls)
        n_items = int(arrays["n_items"][0])
        return EaseRetriever(estimator, arrays["weights"], arrays["met"], n_items)

    def _solved(self, matrix: ndarray, met: ndarray, n_items: int) -> "EaseRetriever":
        """The Gram matrix becomes B, in its own memory."""
        matrix[np.diag_indices(len(met))] += np.float32(self.regularization)
        # LAPACK counts columns first: it sees the transpose, which for a symmetric matrix is itself
        # a small matrix is done before several threads have found each other
        with threadpool_limits(os.cpu_count() if len(met) > LARGE else 1, "blas"):
            factor, failed = spotrf(matrix.T, lower=1, overwrite_a=1)
            inverse, _ = spotri(factor, lower=1, overwrite_c=1)
        if failed:
            raise DataError(
                f"regularization above {self.regularization} expected: the item-item matrix of"
                " these data cannot be inverted with so little"
            )
        upper = inverse.T  # the same memory, row by row; only j ≥ i is filled
        diagonal = upper.diagonal().copy()
        for start in range(0, len(met), ROWS):
            stop = start + ROWS
            square = upper[start:stop, start:stop]
            upper[start:stop, start:stop] = np.triu(square) + np.triu(square, 1).T
            upper[stop:, start:stop] = upper[start:stop, stop:].T
        for start in range(0, len(met), ROWS):
            upper[start : start + ROWS] /= -diagonal
        upper[np.diag_indices(len(met))] = 0
        return EaseRetriever(self, upper, met, n_items)


@dataclass(frozen=True, slots=True)
class EaseRetriever:
    """Fitted: row j of the weights says what item met[j] speaks for, and against."""

    estimator: Ease
    weights: Float32[ndarray, "w w"]
    met: Int64[ndarray, "w"]  # catalog rows with an interaction, ascending
    n_items: int  # rows of the catalog it was fitted on

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The best of the items that were ever met; nothing for a history without such an item."""
        allow, exclude = within(self.n_items, allow, exclude)
        seen = self._seen(queries)

        def block(start: int, stop: int) -> Hits:
            scores = self._dense(seen[start:stop])
            return best(scores, k, allow, exclude and exclude.block(start, stop))

        hits = in_blocks(block, len(queries), 4 * self.n_items, k)
        return silence(hits, np.diff(seen.indptr) > 0)

    def scores(self, queries: Queries, rows: Int32[ndarray, "b m"]) -> Float32[ndarray, "b m"]:
        """The same sums for these rows; -inf for items never met, and for silent histories."""
        seen = self._seen(queries)
        found = picked(lambda a, b: self._dense(seen[a:b]), rows, self.n_items)
        return np.where((np.diff(seen.indptr) > 0)[:, None], found, NONE)

    def _seen(self, queries: Queries) -> csr_array:
        """(b, w): what of the items ever met is in each history."""
        return seen_of(queries, self.n_items)[:, self.met]

    def _dense(self, seen: csr_array) -> Float32[ndarray, "b n"]:
        """Full rows of scores."""
        scores = np.full((seen.shape[0], self.n_items), NONE, dtype=np.float32)
        scores[:, self.met] = seen @ self.weights
        return scores

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """The items each of these speaks for (weight above 0), strongest first."""
        place = np.full(self.n_items, -1, dtype=np.int64)
        place[self.met] = np.arange(len(self.met))
        places = place[rows]
        scores = np.full((len(rows), self.n_items), NONE, dtype=np.float32)
        scores[:, self.met] = self.weights[places]
        scores[(places < 0)[:, None] | (scores <= 0)] = NONE
        return best(scores, k, allow, Ragged(rows, np.arange(len(rows) + 1, dtype=np.int64)))

    def save(self, folder: Path) -> None:
        """Settings, weights and the rows they belong to."""
        size = np.array([self.n_items], dtype=np.int64)
        arrays = {"weights": self.weights, "met": self.met, "n_items": size}
        store(folder, KIND, self.estimator, arrays)


def seen_of(queries: Queries, n_items: int) -> csr_array:
    """(b, n_items) binary: what is in each history, rows beyond n_items left out."""
    seen = queries.counts(n_items)
    return csr_array((np.ones_like(seen.data), seen.indices, seen.indptr), shape=seen.shape)


def gram(data: Dataset, met: ndarray) -> Float32[ndarray, "w w"]:
    """How many users met both items, for every pair of items that were ever met."""
    if not len(met):
        raise DataError("interactions with a weight above 0 expected, none came")
    seen = data.matrix()
    seen.data[:] = 1
    seen = csr_array(seen[:, met])
    across = csr_array(seen.T)
    both = np.empty((len(met), len(met)), dtype=np.float32)
    for start in range(0, len(met), ROWS):
        both[start : start + ROWS] = (across[start : start + ROWS] @ seen).toarray()
    return both


def needed(items: int, matrices: int) -> int:
    """Bytes of so many matrices of items² floats, and a quarter for the work."""
    return int(1.25 * 4 * items**2 * matrices)


def enough_memory(items: int) -> None:
    """Refuse before the machine does.

    Raises:
        DataError: one matrix takes more than is free.
    """
    bytes_needed, free = needed(items, 1), free_memory()
    if bytes_needed > free:
        raise DataError(
            f"{bytes_needed / 1e9:.1f} GB of free memory expected for EASE over {items:,} items,"
            f" there are {free / 1e9:.1f} GB: use the models «graph-filter» or «cooccurrence», or"
            " fewer items"
        )


def free_memory() -> int:
    """Bytes that can be had without swapping; all there are, where the system does not say.

    In a container no more than its own limit leaves (cgroup v2).
    """
    try:
        free = _figure(MEMINFO, "MemAvailable:") * 1024
    except (OSError, ValueError):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit, used = (int((CGROUP / f"memory.{n}").read_text("ascii")) for n in ("max", "current"))
        cached = _figure(CGROUP / "memory.stat", "inactive_file")  # given back when asked for
    except (OSError, ValueError):  # no such group, or its limit is "max"
        return free
    return max(0, min(free, limit - used + cached))


def _figure(path: Path, name: str) -> int:
    """The number that follows this name at the beginning of a line."""
    for line in path.read_text("ascii").splitlines():
        if line.startswith(f"{name} "):
            return int(line.split()[1])
    raise ValueError(name)
