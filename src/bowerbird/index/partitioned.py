"""Approximate: vectors lie in drawers, and a query opens those that promise most.

Apart from the other indexes because the drawers are a library's: faiss, told what an inner product
is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import frexp, isfinite, ldexp, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.errors import ArtifactError
from bowerbird.index.augmented import augmented
from bowerbird.index.exact import among
from bowerbird.index.index import Hits, Ragged, checked, excluded, in_turn, kept
from bowerbird.index.mapped import map_arrays, write_arrays

DRAWERS = 1.25
"""So many times √n there are: all their promises are read, and a share of the drawers is opened."""
STRETCH = np.float32(4)
"""Of the last coordinate: drawers part vectors by length more than by direction."""
LESSONS = 64
"""Vectors that an average centre is found by."""
GATHERED = 14
"""Vectors that are read in their drawers in the time that it takes to gather one by its row."""
SAMPLE = 16
"""Queries by which it is told how much a search will read."""
SPREADS = 1.4
"""How much better than its mean a drawer is thought to be, in its standard deviations."""
LANES = 16
"""Numbers that a processor multiplies at a time: vectors are made as long as some times so many."""
TOP = 13
"""The highest coordinate that is stored lies from 2 to the power of this to twice that."""
TOGETHER = 4_096
"""Queries answered at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class PartitionedIndex:
    """A chest of drawers: which ones a query opens is decided by what lies in each on average.

    Long vectors win inner products wherever they lie, so nearness alone would not bring them
    together. Each vector v gets one more coordinate √(M² - ‖v‖²), M the longest length. Then all
    are equally long, and those nearest to a query (which has 0 there) are those of the highest
    inner product. Here the coordinate is four times as long as that, since the lengths that a query
    wants are the same for all queries, and directions are not: centres found among these have
    vectors nearby that are about equally long. Each vector lies in the drawer of the nearest.

    A query q opens the drawers that promise most: q·m + 1.4·s·‖q‖, m the mean of what lies there
    and s its standard deviation in any direction. Vectors lie there in half precision, scaled so
    that none is too large for it; scores are those of the rounded vectors. What a filter leaves is
    looked at in the vectors themselves, where it is little.

    Cost: O(√n·dim) a query, about; half the memory of the vectors beside them, and 8 bytes each.
    Prefer: `PrunedIndex` where the whole list has to be found.
    Source: Bachrach et al. 2014, eq. 4 (the coordinate); Bruch, Krishnan & Nardini 2024 (drawers by
    mean and deviation; here one deviation for all directions); Jégou, Douze & Schmid 2011 (inverted
    lists); Douze et al. 2024 (faiss).

    >>> index = PartitionedIndex.over(np.eye(3, dtype=np.float32))
    >>> index.search(np.array([[0, 1, 0]], np.float32), k=1).rows
    array([[1]], dtype=int32)
    """

    lists: Any  # faiss.IndexIVFScalarQuantizer: the vectors times scale
    drawers: Any  # faiss.IndexFlatIP: each [m, 1.4·s] times scale; products with [q, ‖q‖]
    vectors: Float32[ndarray, "n dim"]
    placed: Bool[ndarray, "n"]  # rows that have a vector
    scale: float  # a power of two
    probes: int = 32  # drawers opened
    _plain: Any = field(init=False, repr=False)  # so much is opened without a filter
    _sizes: Int64[ndarray, "drawers"] = field(init=False, repr=False)  # vectors in each

    def __post_init__(self) -> None:
        sizes = [self.lists.get_list_size(drawer) for drawer in range(self.lists.nlist)]
        object.__setattr__(self, "_sizes", np.array(sizes, np.int64))
        object.__setattr__(self, "_plain", _opening(self.probes))

    @classmethod
    def over(
        cls, vectors: Float32[ndarray, "n dim"], probes: int = 32, seed: int = 0
    ) -> "PartitionedIndex":
        """Partitioned; a vector with a NaN belongs to an item that cannot be placed.

        Args:
            vectors: of the items.
            probes: drawers that a search opens.
            seed: of where the centres begin.
        """
        import faiss

        placed = np.isfinite(vectors).all(axis=1)
        whole = -(-vectors.shape[1] // LANES) * LANES
        there = np.zeros((len(vectors), whole), np.float32)
        there[placed, : vectors.shape[1]] = vectors[placed]
        scale = _scale(there)
        there *= np.float32(scale)
        owners, count = _parted(there, placed, seed)
        promises = _promises(there, owners, count, vectors.shape[1])
        drawers, means = faiss.IndexFlatIP(whole + LANES), faiss.IndexFlatIP(whole)
        drawers.add(promises)
        means.add(np.ascontiguousarray(promises[:, :whole]))
        half, metric = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        lists = faiss.IndexIVFScalarQuantizer(means, whole, count, half, metric, False)
        lists.train(there[:1])  # nothing is learned, but it has to be asked
        lists.add_core(len(there), faiss.swig_ptr(there), None, faiss.swig_ptr(owners))
        return cls(lists, drawers, vectors, placed, scale, min(probes, count))

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
        dim = self.vectors.shape[1]
        if allow is None and exclude is None and queries.shape == (1, dim):
            alone = self._alone(queries, k)
            if alone is not None:
                return alone
        checked(queries, dim)
        probes, longer = self.probes, self._longer(queries)
        if allow is not None:
            read = self._read(longer[:SAMPLE]).mean() if len(longer) else 0.0
            probes = self._probed(allow, float(read), len(longer))
            if not probes:
                rows = np.flatnonzero(allow & self.placed).astype(np.int32)
                return among(queries, k, self.vectors[rows], rows, exclude)
        reach = (k, probes)
        return in_turn(
            lambda some, out: self._opened(some, reach, allow, out), longer, exclude, TOGETHER
        )

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""
        return np.where(self.placed[rows, None], self.vectors[rows], np.float32(np.nan))

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
        """The drawers, their promises and the vectors; `load` is told what is returned."""
        import faiss

        faiss.write_index(self.lists, str(folder / "drawers.faiss"))
        promises = self.drawers.reconstruct_n(0, self.drawers.ntotal)
        arrays = {"vectors": self.vectors, "placed": self.placed, "promises": promises}
        write_arrays(folder / "partitioned.safetensors", arrays)
        return {"probes": self.probes, "scale": self.scale}

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> "PartitionedIndex":
        """What `save` wrote, memory-mapped."""
        import faiss

        try:
            lists = faiss.read_index(str(folder / "drawers.faiss"), faiss.IO_FLAG_MMAP)
        except RuntimeError as error:
            came = f"{folder / 'drawers.faiss'}: drawers expected, they cannot be read"
            raise ArtifactError(f"{came} ({error}): build the index again") from None
        arrays = map_arrays(folder / "partitioned.safetensors")
        drawers = faiss.IndexFlatIP(arrays["promises"].shape[1])
        drawers.add(arrays["promises"])
        told = (arrays["vectors"], arrays["placed"], settings["scale"], settings["probes"])
        return cls(lists, drawers, *told)

    def read(self, queries: Float32[ndarray, "b dim"], k: int) -> float:
        """Vectors that a search reads on average, centres included; all where it finds too few."""
        found = self._read(self._longer(queries))
        found = np.where(found < k, found + self._sizes.sum(), found)
        return float(found.mean() if len(found) else 0) + float(self.lists.nlist)

    def _longer(self, queries: Float32[ndarray, "b dim"]) -> Float32[ndarray, "b longer"]:
        """[q, ‖q‖] divided by scale, with zeros where vectors and promises have some."""
        longer = np.zeros((len(queries), self.drawers.d), np.float32)
        some = longer[:, : queries.shape[1]]
        np.multiply(queries, np.float32(1 / self.scale), out=some)
        np.sqrt(np.vecdot(some, some), out=longer[:, self.lists.d])
        return longer

    def _read(self, longer: Float32[ndarray, "b longer"]) -> Int64[ndarray, "b"]:
        """Vectors in the drawers that each query opens without a filter."""
        read: ndarray = self._sizes[self.drawers.search(longer, self.probes)[1]].sum(axis=1)
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
        scores, rows = self._found(self._longer(query), k, self._plain)
        falls = np.count_nonzero(scores[0, 1:] < scores[0, :-1])  # `all` takes four times as long
        if falls < k - 1 or rows[0, -1] < 0 or not isfinite(scores[0, 0]):
            return None
        return Hits(rows.astype(np.int32), scores)

    def _found(
        self,
        longer: Float32[ndarray, "b longer"],
        k: int,
        ways: Any,  # noqa: ANN401  the library's
    ) -> tuple[Float32[ndarray, "b k"], Int64[ndarray, "b k"]]:
        """Scores and rows of what lies in the drawers that promise most, as the library has them.

        Its own functions for arrays cannot be told how many drawers.
        """
        import faiss

        n, probes, told = len(longer), ways.nprobe, faiss.swig_ptr
        promised, opened = np.empty((n, probes), np.float32), np.empty((n, probes), np.int64)
        scores, rows = np.empty((n, k), np.float32), np.empty((n, k), np.int64)
        asked, drawers = told(longer), (told(opened), told(promised))
        self.drawers.search_c(n, asked, probes, *drawers[::-1])
        if n > 1:
            longer = np.ascontiguousarray(longer[:, : self.lists.d])
            asked = told(longer)
        found = (told(scores), told(rows))
        self.lists.search_preassigned_c(n, asked, k, *drawers, *found, False, ways)
        return scores, rows

    def _opened(
        self,
        longer: Float32[ndarray, "b longer"],
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
        scores, rows = self._found(longer, min(k + more, len(self.placed)), ways)
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


def _scale(vectors: Float32[ndarray, "n dim"]) -> float:
    """A power of two that brings the highest coordinate to where half precision has room.

    >>> _scale(np.array([[1, -3]], np.float32))
    4096.0
    """
    _, exponent = frexp(float(np.abs(vectors).max(initial=0)))
    return ldexp(1.0, int(np.clip(TOP + 1 - exponent, -100, 100)))


def _parted(
    vectors: Float32[ndarray, "n dim"], placed: Bool[ndarray, "n"], seed: int
) -> tuple[Int64[ndarray, "n"], int]:
    """The drawer of each vector, -1 where there is no vector, and how many drawers."""
    import faiss

    longer = augmented(vectors)
    longer[:, -1] *= STRETCH
    count = int(np.clip(round(DRAWERS * sqrt(np.count_nonzero(placed))), 1, 65_536))
    limits = {"min_points_per_centroid": 1, "max_points_per_centroid": LESSONS}
    means = faiss.Kmeans(longer.shape[1], count, niter=10, seed=seed + 1, **limits)
    means.train(longer[placed])
    owners = means.index.search(longer, 1)[1][:, 0]
    return np.where(placed, owners, -1).astype(np.int64), count


def _promises(
    vectors: Float32[ndarray, "n dim"], owners: Int64[ndarray, "n"], count: int, dim: int
) -> Float32[ndarray, "drawers longer"]:
    """[m, 1.4·s] of each drawer, and zeros.

    Args:
        vectors: of the items, with zeros from coordinate `dim` on.
        owners: the drawer of each.
        count: of drawers.
        dim: of the vectors without the zeros.
    """
    rows = np.flatnonzero(owners >= 0)
    ones = np.ones(len(rows), np.float32)
    lying = csr_array((ones, (owners[rows], rows)), shape=(count, len(vectors)))
    sizes = np.maximum(lying.sum(axis=1), 1)
    means = lying @ vectors / sizes[:, None]
    squares = lying @ np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64) / sizes
    spread = np.sqrt(np.maximum(squares - (means.astype(np.float64) ** 2).sum(axis=1), 0) / dim)
    promises = np.zeros((count, vectors.shape[1] + LANES), np.float32)
    promises[:, : vectors.shape[1]] = means
    promises[:, vectors.shape[1]] = SPREADS * spread
    return promises


def _settled(rows: ndarray, scores: ndarray) -> bool:
    """Is every list full, and without a tie that has to be put in order?"""
    falls = np.count_nonzero(scores[:, 1:] < scores[:, :-1])  # `all` takes four times as long
    return bool(falls == scores.size - len(scores) and not np.count_nonzero(rows[:, -1] < 0))
