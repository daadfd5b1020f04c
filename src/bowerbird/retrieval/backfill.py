"""Always a full list: what a retriever leaves open is filled with what is popular."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.encoders.popularity import PopularityEncoder
from bowerbird.index.index import NONE, Hits, Ragged
from bowerbird.retrieval.retriever import Retriever

BLOCK = 8192
"""Queries filled at a time, at most."""
CELLS = 1 << 22
"""Places looked at together, queries × items: 40 bytes each, so about 170 MB."""


@dataclass(frozen=True, slots=True)
class Segments:
    """What is popular among people of one kind."""

    encoder: PopularityEncoder  # says of which kind who asks is
    levels: Float32[ndarray, "n kinds"]  # kind 0 is everybody


@dataclass(frozen=True, slots=True)
class Nothing:
    """A retriever that finds nothing, so that what stands behind it answers."""

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """No hits."""
        shape = (len(queries), k)
        return Hits(np.full(shape, -1, np.int32), np.full(shape, NONE))

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """No hits."""
        shape = (len(rows), k)
        return Hits(np.full(shape, -1, np.int32), np.full(shape, NONE))

    def save(self, folder: Path) -> None:
        """There is nothing to keep."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """A retriever's own hits first, then the most popular of the rest.

    An empty history, an unknown item, a catalog larger than the evidence: all get an answer.
    Filled places score below the retriever's own.
    """

    main: Retriever
    popularity: Float32[ndarray, "n"]  # higher is shown first; ties go to the lower row
    segments: Segments | None = None  # people of whom the kind is known get what it likes
    _orders: dict[int, ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """Exactly k hits a query wherever k items are allowed and not excluded."""
        return self.found(queries, k, allow, exclude)[0]

    def found(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> tuple[Hits, Bool[ndarray, "b k"]]:
        """What `retrieve` gives, and which of the hits are the retriever's own."""
        hits = self.main.retrieve(queries, k, allow, exclude)
        own = hits.rows >= 0
        found = own.sum(axis=1)
        short = np.flatnonzero(found < k)
        if not len(short):
            return hits, own
        rows, scores = hits.rows.copy(), hits.scores.copy()
        for kind, level, these in self._kinds(queries, short):
            order = self._order(kind, level)
            order = order if allow is None else order[allow[order]]
            for some in _blocks(these, _reach(hits, len(order), exclude)):
                open_ = Hits(rows[some], scores[some])
                taken = _taken(hits, some, exclude)
                rows[some], scores[some] = _filled(open_, found[some], order, taken, level)
        return Hits(rows, scores), own

    def _order(self, kind: int, level: Float32[ndarray, "n"]) -> ndarray:
        """All items, the most popular first; sorted once, for a short list must not cost that."""
        if kind not in self._orders:
            self._orders[kind] = np.argsort(-level, kind="stable")
        return self._orders[kind]

    def _kinds(self, queries: Queries, short: ndarray) -> Iterator[tuple[int, ndarray, ndarray]]:
        """Each kind of people, the popularity that counts, and for which of these queries."""
        if self.segments is None:
            yield 0, self.popularity, short
            return
        kinds = self.segments.encoder.places(queries)[short]
        for kind in np.unique(kinds).tolist():
            yield kind, self.segments.levels[:, kind], short[kinds == kind]


def _filled(
    hits: Hits, found: ndarray, order: ndarray, taken: Ragged, level: Float32[ndarray, "n"]
) -> Hits:
    """The first of `order` that are not taken, behind the `found` ones of each query."""
    k = hits.rows.shape[1]
    reach = min(len(order), k + taken.longest())
    place = np.full(len(level), reach, dtype=np.int64)
    place[order[:reach]] = np.arange(reach)
    free = np.ones((len(hits.rows), reach + 1), dtype=bool)
    free[taken.owners(), place[taken.rows]] = False
    free[:, reach] = False
    query, spot = np.nonzero(free)
    nth = np.arange(len(query)) - np.searchsorted(query, np.arange(len(free)))[query]
    target = found[query] + nth
    fits = target < k
    query, spot, target = query[fits], spot[fits], target[fits]
    rows, scores = hits.rows.copy(), hits.scores.copy()
    rows[query, target] = order[spot]
    scores[query, target] = _behind(hits, found, level[order[:1]])[query] + level[order[spot]]
    return Hits(rows, scores)


def _behind(hits: Hits, found: ndarray, top: ndarray) -> Float32[ndarray, "b"]:
    """What to add to a popularity so that it stays below the retriever's last score."""
    last = hits.scores[np.arange(len(found)), np.maximum(found - 1, 0)]
    return np.where(found > 0, last - top.max(initial=0) - 1, 0).astype(np.float32)


def _reach(hits: Hits, most: int, exclude: Ragged | None) -> ndarray:
    """How far down the order each query may have to look: past all it has, or must not get."""
    passed = hits.rows.shape[1] + (hits.rows >= 0).sum(axis=1)
    if exclude is not None:
        passed = passed + np.diff(exclude.offsets)
    reach: ndarray = np.minimum(passed, most)
    return reach


def _blocks(queries: ndarray, reach: ndarray) -> Iterator[ndarray]:
    """The queries, those that look far first, in blocks of about CELLS places."""
    queries = queries[np.argsort(-reach[queries], kind="stable")]
    start = 0
    while start < len(queries):
        furthest = int(reach[queries[start]]) + 1
        stop = start + max(1, min(BLOCK, CELLS // furthest))
        yield queries[start:stop]
        start = stop


def _taken(hits: Hits, some: ndarray, exclude: Ragged | None) -> Ragged:
    """What the lists hold already and what is excluded, together."""
    rows = hits.rows[some]
    query, column = np.nonzero(rows >= 0)
    owners, taken = [query], [rows[query, column]]
    if exclude is not None:
        sizes = np.diff(exclude.offsets)[some]
        starts = np.repeat(exclude.offsets[some] - np.cumsum(sizes) + sizes, sizes)
        owners.append(np.repeat(np.arange(len(some)), sizes))
        taken.append(exclude.rows[starts + np.arange(sizes.sum())])
    owner, item = np.concatenate(owners), np.concatenate(taken)
    by = np.argsort(owner, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(some)))])
    return Ragged(item[by].astype(np.int32), offsets.astype(np.int64))
