"""Lists whose categories come in the shares that a history has them in, as a step."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.columns import Column
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.step import relevance, reordered

SMOOTH = 0.01
"""Of the history's shares, mixed into the list's, so that no category has a share of 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibrate:
    """One by one the item of the highest (1 - weight)·Σ relevance - weight·KL(p || q).

    p are the shares of the categories in the history, by event weight; q those in the list so far.
    An item of several categories counts for each of them in equal parts. Who has no history with a
    category keeps the list as it is; the first `k` places are filled, what is left follows.

    Source: Steck, RecSys 2018, eqs. 2, 4, 6 and 7.
    """

    shares: csr_array  # (n, c): of each item's categories, rows sum to 1, or 0 where there is none
    weight: float = 0.5  # 0 changes nothing
    k: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1 or self.k < 1:
            came = f"{self.weight} and {self.k} came"
            raise ConfigError(f"calibrate: weight from 0 to 1 and k ≥ 1 expected, {came}")

    @classmethod
    def by(cls, column: Column, weight: float = 0.5, k: int = 10) -> "Calibrate":
        """By a category or list column of the catalog.

        Raises:
            ConfigError: a column of another kind.
        """
        return cls(category_shares(column), weight, k)

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The same hits, the first k in the history's proportions."""
        wanted = self.history(queries)
        places = np.empty(hits.rows.shape, dtype=np.int32)
        value = relevance(hits)
        for q, rows in enumerate(hits.rows):
            there = np.flatnonzero(rows >= 0)
            first = self._chosen(value[q, there], rows[there], wanted[q])
            rest = np.setdiff1d(there, there[first])
            found = np.concatenate([there[first], rest])
            places[q] = np.pad(found, (0, len(rows) - len(found)), constant_values=-1)
        return reordered(hits, places)

    def history(self, queries: Queries) -> Float64[ndarray, "b c"]:
        """P of each query; zeros where nothing is known."""
        n = self.shares.shape[0]
        inside = queries.where((queries.items >= 0) & (queries.items < n))
        owners = inside.owners()
        counts = csr_array(
            (inside.weights.astype(np.float64), (owners, inside.items)), shape=(len(queries), n)
        )
        found = (counts @ self.shares).toarray()
        total = found.sum(axis=1, keepdims=True)
        shares: ndarray = np.divide(found, total, out=np.zeros_like(found), where=total > 0)
        return shares

    def _chosen(
        self, value: Float32[ndarray, "m"], rows: Int32[ndarray, "m"], wanted: ndarray
    ) -> list[int]:
        """Which of the candidates fill the first places."""
        if not wanted.any() or not self.weight:
            return list(range(min(self.k, len(rows))))
        theirs = self.shares[rows].toarray()
        taken, gathered, total = [], np.zeros(theirs.shape[1]), 0.0
        free = np.ones(len(rows), dtype=bool)
        for size in range(1, min(self.k, len(rows)) + 1):
            q = (gathered + theirs) / size
            good = (1 - self.weight) * (total + value) - self.weight * divergence(wanted, q)
            best = int(np.argmax(np.where(free, good, -np.inf)))
            taken.append(best)
            free[best] = False
            gathered, total = gathered + theirs[best], total + float(value[best])
        return taken


def category_shares(column: Column) -> csr_array:
    """(n, c): of each row's categories, in equal parts.

    >>> category_shares(Column.lists([["a", "b"], []])).toarray().tolist()
    [[0.5, 0.5], [0.0, 0.0]]
    """
    if column.kind not in ("category", "list"):
        raise ConfigError(f"a category or list column expected, {column.kind} came")
    sizes = column.values >= 0 if column.offsets is None else np.diff(column.offsets)
    owners = np.repeat(np.arange(len(column)), sizes.astype(np.int64))
    codes = column.values[column.values >= 0]
    parts = 1 / np.maximum(sizes, 1)[owners]
    return csr_array((parts, (owners, codes)), shape=(len(column), len(column.labels)))


def divergence(p: Float64[ndarray, "c"], q: Float64[ndarray, "m c"]) -> Float64[ndarray, "m"]:
    """KL(p || q̃) with q̃ = (1 - 0.01)·q + 0.01·p.

    >>> divergence(np.array([0.5, 0.5]), np.array([[0.5, 0.5], [1, 0]])).round(3).tolist()
    [0.0, 1.959]
    """
    known = p > 0
    smooth = (1 - SMOOTH) * q[:, known] + SMOOTH * p[known]
    found: ndarray = (p[known] * np.log(p[known] / smooth)).sum(axis=1)
    return found
