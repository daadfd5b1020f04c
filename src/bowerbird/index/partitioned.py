"""Approximate: vectors lie in drawers around centres, and a query opens the nearest ones.

Apart from the other indexes because the drawers are a library's: faiss, told what an inner product
is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy import ndarray

from bowerbird.errors import ArtifactError
from bowerbird.index.augmented import augmented
from bowerbird.index.exact import among
from bowerbird.index.index import Hits, Ragged, checked, excluded, in_turn, kept
from bowerbird.index.mapped import map_arrays, write_arrays

EACH = 250
"""Vectors in a drawer, on average."""
LESSONS = 64
"""Vectors that an average centre is found by."""
GATHERED = 14
"""Vectors that are read in their drawers in the time that it takes to gather one by its row."""
SAMPLE = 16
"""Queries by which it is told how much a search will read."""
BEYOND = np.full((1, 1), -1, np.float32)
"""The last coordinate of a query."""
TOGETHER = 4_096
"""Queries answered at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class PartitionedIndex:
    """A chest of drawers: which ones a query opens is decided by their centres.

    Long vectors win inner products wherever they lie, so nearness alone would not find them. Each
    vector v gets one more coordinate √(M² - ‖v‖²), M the longest length. Then all are equally long,
    and those nearest to a query (which has 0 there) are those of the highest inner product. Centres
    are found among these; a query opens the drawers of the nearest, which are those of the highest
    q·c - ‖c‖²/2. The scores of what lies in them are exact.

    Cost: O(√n·dim) a query, about; the memory of the vectors and 16 bytes for each.
    Prefer: `PrunedIndex` where norms differ, and below some hundred thousand items.
    Source: Bachrach et al. 2014, eq. 4 (the coordinate); Jégou, Douze & Schmid 2011 (inverted
    lists); Douze et al. 2024 (faiss).

    >>> index = PartitionedIndex.over(np.eye(3, dtype=np.float32))
    >>> index.search(np.array([[0, 1, 0]], np.float32), k=1).rows
    array([[1]], dtype=int32)
    """

    lists: Any  # faiss.IndexIVFFlat: [v, 0] in drawers of [c, ‖c‖²/2]; products with [q, -1]
    placed: Bool[ndarray, "n"]  # rows that have a vector
    probes: int = 32  # drawers opened
    _plain: Any = field(init=False, repr=False)  # so much is opened without a filter
    _sizes: Int64[ndarray, "drawers"] = field(init=False, repr=False)  # vectors in each

    def __post_init__(self) -> None:
        sizes = [self.lists.get_list_size(drawer) for drawer in range(self.lists.nlist)]
        object.__setattr__(self, "_sizes", np.array(sizes, np.int64))
        object.__setattr__(self, "_plain", _opening(self.probes))

    @classmethod
    def over(
        cls,
        vectors: Float32[ndarray, "n dim"],
        probes: int = 32,
        seed: int = 0,
        augment: bool = True,
    ) -> "PartitionedIndex":
        """Partitioned; a vector with a NaN belongs to an item that cannot be placed.

        Args:
            vectors: of the items.
            probes: drawers that a search opens.
            seed: of where the centres begin.
            augment: False leaves the coordinate out, and the drawers of the highest q·c are opened:
                it finds more in few drawers where a few vectors are very long, and less in many.
        """
        import faiss

        placed = np.isfinite(vectors).all(axis=1)
        longer = augmented(np.where(placed[:, None], vectors, np.float32(0)))
        longer[:, -1] *= augment
        count = int(np.clip(np.count_nonzero(placed) // EACH, 1, 65_536))
        limits = {"min_points_per_centroid": 1, "max_points_per_centroid": LESSONS}
        means = faiss.Kmeans(longer.shape[1], count, niter=10, seed=seed + 1, **limits)
        means.train(longer[placed])
        drawers = means.index.search(longer, 1)[1][:, 0]
        drawers = np.where(placed, drawers, -1).astype(np.int64)  # -1: into none
        halves = augment * (means.centroids**2).sum(axis=1, keepdims=True) / 2
        quantizer = faiss.IndexFlatIP(longer.shape[1])
        quantizer.add(np.hstack([means.centroids[:, :-1], halves]).astype(np.float32))
        lists = faiss.IndexIVFFlat(quantizer, quantizer.d, count, faiss.METRIC_INNER_PRODUCT)
        longer[:, -1] = 0
        lists.add_core(len(longer), faiss.swig_ptr(longer), None, faiss.swig_ptr(drawers))
        lists.make_direct_map()
        return cls(lists, placed, min(probes, count))

    def __len__(self) -> int:
        """Rows, those without a vector too."""
        return len(self.placed)

    def search(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """About the k rows of highest inner product, among those allowed and not excluded.

        There are k hits wherever k rows are eligible. Of a filter that leaves few rows these are
        looked at one by one; else the more drawers are opened, the fewer it leaves.

        Raises:
            DataError: dim of the queries is not dim of the index, or a query is not finite.
        """
        if allow is None and exclude is None and queries.shape == (1, self.lists.d - 1):
            alone = self._alone(queries, k)
            if alone is not None:
                return alone
        checked(queries, self.lists.d - 1)
        probes, longer = self.probes, _longer(queries)
        if allow is not None:
            read = self._read(longer[:SAMPLE]).mean() if len(longer) else 0.0
            probes = self._probed(allow, float(read), len(longer))
            if not probes:
                rows = np.flatnonzero(allow & self.placed).astype(np.int32)
                return among(queries, k, self.take(rows), rows, exclude)
        reach = (k, probes)
        return in_turn(
            lambda some, out: self._opened(some, reach, allow, out), longer, exclude, TOGETHER
        )

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""
        out = np.full((len(rows), self.lists.d - 1), np.nan, dtype=np.float32)
        there = self.placed[rows]
        if there.any():
            out[there] = self.lists.reconstruct_batch(rows[there].astype(np.int64))[:, :-1]
        return out

    def way(self, allow: Bool[ndarray, "n"] | None = None) -> str:
        """For one query that reads as much as most: in the drawers, or one by one behind a mask."""
        if allow is None:
            return f"{self.probes:,} of {self.lists.nlist:,} drawers"
        read = self.probes / self.lists.nlist * int(self._sizes.sum())
        probes = self._probed(allow, read, 1)
        if not probes:
            return "exact, pre-filtered"
        return f"{probes:,} of {self.lists.nlist:,} drawers, filtered inside"

    def save(self, folder: Path) -> dict[str, Any]:
        """The drawers, and which rows lie in them; `load` is told what is returned."""
        import faiss

        faiss.write_index(self.lists, str(folder / "drawers.faiss"))
        write_arrays(folder / "placed.safetensors", {"placed": self.placed})
        return {"probes": self.probes}

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> "PartitionedIndex":
        """What `save` wrote, memory-mapped."""
        import faiss

        try:
            lists = faiss.read_index(str(folder / "drawers.faiss"), faiss.IO_FLAG_MMAP)
        except RuntimeError as error:
            came = f"{folder / 'drawers.faiss'}: drawers expected, they cannot be read"
            raise ArtifactError(f"{came} ({error}): build the index again") from None
        placed = map_arrays(folder / "placed.safetensors")["placed"]
        return cls(lists, placed, settings["probes"])

    def read(self, queries: Float32[ndarray, "b dim"], k: int) -> float:
        """Vectors that a search reads on average, centres included; all where it finds too few."""
        found = self._read(_longer(queries))
        found = np.where(found < k, found + self._sizes.sum(), found)
        return float(found.mean() if len(found) else 0) + float(self.lists.nlist)

    def _read(self, longer: Float32[ndarray, "b dim_plus_1"]) -> Int64[ndarray, "b"]:
        """Vectors in the drawers that each query opens without a filter."""
        read: ndarray = self._sizes[self.lists.quantizer.search(longer, self.probes)[1]].sum(axis=1)
        return read

    def _probed(self, allow: Bool[ndarray, "n"], read: float, queries: int) -> int:
        """Drawers to open behind a filter; 0: gathering all that it leaves is less work.

        Args:
            allow: what it leaves.
            read: vectors that a query reads without one.
            queries: that share what is gathered.
        """
        left, n = int(np.count_nonzero(allow)), int(self._sizes.sum())
        if not left or not queries:
            return 0
        if left * (1 + GATHERED / queries) <= min(n, read * n / left):
            return 0
        return int(min(self.lists.nlist, -(-self.probes * len(allow) // left)))

    def _alone(self, query: Float32[ndarray, "1 dim"], k: int) -> Hits | None:
        """The shortest way for one query; None where its list has to be looked through.

        That is where the list is not full, has ties to be put in order, or a score that is not
        finite: a query of NaN or infinity comes to one, so it is refused there, and not twice.
        """
        import faiss

        longer = np.concatenate((query, BEYOND), axis=1, dtype=np.float32)
        scores, rows = np.empty((1, k), np.float32), np.empty((1, k), np.int64)
        given, found = faiss.swig_ptr(longer), (faiss.swig_ptr(scores), faiss.swig_ptr(rows))
        self.lists.search_c(1, given, k, *found, self._plain)
        falls = np.count_nonzero(scores[0, 1:] < scores[0, :-1])  # `all` takes four times as long
        if falls < k - 1 or rows[0, -1] < 0 or not isfinite(scores[0, 0]):
            return None
        return Hits(rows.astype(np.int32), scores)

    def _opened(
        self,
        longer: Float32[ndarray, "b dim_plus_1"],
        reach: tuple[int, int],
        allow: ndarray | None,
        exclude: Ragged | None,
    ) -> Hits:
        """What lies in the nearest drawers; in all, for a query that does not find k there."""
        (k, probes), more = reach, 0
        ways = self._plain
        if allow is not None or probes != self.probes:
            ways = _opening(probes, allow)
        if exclude is not None:
            more = exclude.longest()
        scores, rows = self.lists.search(longer, min(k + more, len(self.placed)), params=ways)
        if exclude is None and scores.shape[1] == k and _settled(rows, scores):
            return Hits(rows.astype(np.int32), scores)
        there = rows >= 0
        if exclude is not None:
            there &= ~excluded(rows, exclude, len(self.placed))
        hits = kept(rows, scores, there, k)
        short = np.flatnonzero(hits.rows[:, -1] < 0)
        if len(short) and probes < self.lists.nlist:
            some = exclude and exclude.take(short)
            again = self._opened(longer[short], (k, int(self.lists.nlist)), allow, some)
            hits.rows[short], hits.scores[short] = again
        return hits


def _opening(probes: int, allow: ndarray | None = None) -> Any:  # noqa: ANN401  the library's
    """How a search is told what to open, and what it may find there."""
    import faiss

    if allow is None:
        return faiss.SearchParametersIVF(nprobe=probes)
    chosen = faiss.IDSelectorBitmap(np.packbits(allow, bitorder="little"))
    return faiss.SearchParametersIVF(nprobe=probes, sel=chosen)


def _longer(queries: Float32[ndarray, "b dim"]) -> Float32[ndarray, "b dim_plus_1"]:
    """[q, -1], which the drawers are made for."""
    longer = np.empty((len(queries), queries.shape[1] + 1), np.float32)
    longer[:, :-1], longer[:, -1] = queries, -1
    return longer


def _settled(rows: ndarray, scores: ndarray) -> bool:
    """Is every list full, and without a tie that has to be put in order?"""
    falls = np.count_nonzero(scores[:, 1:] < scores[:, :-1])  # `all` takes four times as long
    return bool(falls == scores.size - len(scores) and not np.count_nonzero(rows[:, -1] < 0))
