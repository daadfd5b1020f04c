"""Longest vectors first: the scan ends where no shorter vector can enter the list.

Apart from the exact index because it keeps its vectors in another order, and may be told to guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.index.exact import SPARSE, in_blocks, product, strike
from bowerbird.index.index import NONE, Hits, Ragged, best, checked, reached
from bowerbird.index.mapped import map_arrays, write_arrays

FIRST = 4_096
"""Eligible vectors looked at before there is a bound, or forty times the list, if that is more."""
ROUNDING = 1 + 1e-5
"""On the length of a query, so that the last bit of a product never decides."""


@dataclass(frozen=True, slots=True, eq=False)
class PrunedIndex:
    """An exact index that stops early: short vectors are read only where they could matter.

    No score is above ‖q‖·‖v‖·c, with c the largest cosine that a query and an item have. With c = 1
    the answer is exact. Vectors of many dimensions hardly ever point the same way, so a smaller c
    finds nearly as much of the list among fewer vectors; `chosen` measures how much.

    Cost: O(scanned·dim) a query. Of factors of matrix factorization, whose norms follow popularity,
    a tenth is scanned, or less; where all have one norm, all.
    Prefer: `PartitionedIndex` for a large catalog, where nearly the whole list is enough.
    Source: Teflioudi, Gemulla & Mykytiuk 2015 (LEMP), length-based pruning.

    >>> index = PrunedIndex.over(np.array([[3, 0], [0, 1], [2, 0]], np.float32))
    >>> index.search(np.array([[1, 0]], np.float32), k=2).rows
    array([[0, 2]], dtype=int32)
    """

    vectors: Float32[ndarray, "m dim"]  # of the items that can be placed, longest first
    rows: Int32[ndarray, "m"]  # which item each belongs to
    shortness: Float32[ndarray, "m"]  # of each, -‖v‖: ascending, so that it can be searched
    places: Int32[ndarray, "n"]  # of each item among the vectors; -1: it cannot be placed
    cosine: float = 1.0

    @classmethod
    def over(cls, vectors: Float32[ndarray, "n dim"], cosine: float = 1.0) -> "PrunedIndex":
        """Sorted; a vector with a NaN belongs to an item that cannot be placed."""
        norms = np.linalg.norm(vectors, axis=1).astype(np.float32)
        rows = np.argsort(-norms, kind="stable").astype(np.int32)
        rows = rows[np.isfinite(norms[rows])]
        places = np.full(len(vectors), -1, dtype=np.int32)
        places[rows] = np.arange(len(rows), dtype=np.int32)
        return cls(np.ascontiguousarray(vectors[rows]), rows, -norms[rows], places, cosine)

    def __len__(self) -> int:
        """Rows, those without a vector too."""
        return len(self.places)

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
        some, first = None, max(FIRST, 40 * k)
        if allow is not None:
            allowed = int(np.count_nonzero(allow))
            if allowed <= SPARSE * len(allow):
                places = self.places[np.flatnonzero(allow)]
                some, allow = np.sort(places[places >= 0]), None
            else:
                first = first * len(allow) // allowed
        if exclude is not None:
            exclude = Ragged(self.places[exclude.rows], exclude.offsets)

        def block(start: int, stop: int) -> Hits:
            unwanted = exclude and exclude.block(start, stop)
            scan = _Scan(self, queries[start:stop], some, allow, unwanted)
            return scan.best(k, first)

        return in_blocks(block, len(queries), 4 * len(self.vectors), k)

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""
        places = self.places[rows]
        vectors: Float32[ndarray, "m dim"] = self.vectors[places].astype(np.float32)
        vectors[places < 0] = np.nan
        return vectors

    def way(self, allow: Bool[ndarray, "n"] | None = None) -> str:
        """By falling norm until nothing can enter; of a mask that leaves few, those alone."""
        kind = "exact, pruned by norm" if self.cosine >= 1 else "pruned by norm and angle"
        if allow is None:
            return kind
        few = int(np.count_nonzero(allow)) <= SPARSE * len(allow)
        return f"{kind}, {'pre-filtered' if few else 'masked'}"

    def read(self, queries: Float32[ndarray, "b dim"], k: int) -> float:
        """Vectors that a search reads, on average over these queries, each asked alone."""
        scans = [_Scan(self, query[None], None, None, None) for query in queries]
        return float(np.mean([scan.read(k, max(FIRST, 40 * k)) for scan in scans] or [0]))

    def save(self, folder: Path) -> dict[str, Any]:
        """The arrays; `load` is told what is returned."""
        names = ("vectors", "rows", "shortness", "places")
        arrays = {name: getattr(self, name) for name in names}
        write_arrays(folder / "pruned.safetensors", arrays)
        return {"cosine": self.cosine}

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> "PrunedIndex":
        """What `save` wrote, memory-mapped."""
        return cls(**map_arrays(folder / "pruned.safetensors"), cosine=settings["cosine"])


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    """Some queries on their way through the vectors."""

    index: PrunedIndex
    queries: Float32[ndarray, "b dim"]
    some: Int32[ndarray, "s"] | None  # places of the only vectors there are; None: all
    allow: Bool[ndarray, "n"] | None  # of all rows
    exclude: Ragged | None  # places

    def best(self, k: int, first: int) -> Hits:
        """The longest vectors say which of the others are worth a look."""
        shortness = self.index.shortness
        shortness = shortness if self.some is None else shortness[self.some]
        first = min(first, len(shortness))
        scores, rows = self._scored(0, first)
        last = int(np.searchsorted(shortness, -self._shortest(scores, k), "right"))
        if last > first:
            more, others = self._scored(first, last)
            scores, rows = np.hstack([scores, more]), np.concatenate([rows, others])
        return best(scores, k, rows=rows)

    def read(self, k: int, first: int) -> int:
        """Vectors that these queries have to look at together."""
        scores, _ = self._scored(0, min(first, len(self.index.rows)))
        last = np.searchsorted(self.index.shortness, -self._shortest(scores, k), "right")
        return max(int(scores.shape[1]), int(last))

    def _shortest(self, scores: Float32[ndarray, "b c"], k: int) -> np.float32:
        """The norm that a vector must have to enter anybody's list; at most 0: any."""
        reach = np.linalg.norm(self.queries, axis=1) * (self.index.cosine * ROUNDING)
        least = reached(scores, k).astype(np.float64)
        norm = np.divide(least, reach, out=np.zeros_like(least), where=(least > 0) & (reach > 0))
        return np.float32(norm.min(initial=np.inf))  # else the norms were made whole for the search

    def _scored(self, start: int, stop: int) -> tuple[Float32[ndarray, "b c"], Int32[ndarray, "c"]]:
        """The scores of these vectors, -inf where they are not eligible, and whose they are."""
        part = slice(start, stop) if self.some is None else self.some[start:stop]
        scores, rows = product(self.queries, self.index.vectors[part]), self.index.rows[part]
        if self.allow is not None:
            scores[:, ~self.allow[rows]] = NONE
        if self.exclude is not None:
            some = self.some
            places = np.arange(start, stop, dtype=np.int32) if some is None else some[start:stop]
            strike(scores, places, self.exclude)
        return scores, rows
