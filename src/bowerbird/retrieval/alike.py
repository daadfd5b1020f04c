"""Asked with items instead of people: what is like one, of another kind, or next in a session."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, Int64
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import NONE, Hits, Index, Ragged, excluded, kept
from bowerbird.retrieval.fuse import unfused
from bowerbird.retrieval.retriever import Retriever, VectorRetriever, alike, directions


@dataclass(frozen=True, slots=True)
class Alike:
    """What is most like the newest item of each history."""

    main: Retriever
    index: Index | None = None  # of the directions of its vectors, if it has some

    @classmethod
    def over(cls, main: Retriever) -> "Alike":
        """Vectors are brought to one length once, not with every question."""
        own = unfused(main)
        if not isinstance(own, VectorRetriever):
            return cls(main)
        return cls(main, ExactIndex(directions(own.vectors)))

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """As `main` holds items to be alike; nobody asks, no hits."""
        rows = newest(queries)
        asked = np.flatnonzero(rows >= 0)
        hits = self._found(rows[asked], k, allow, exclude and exclude.take(asked))
        out = Hits(np.full((len(rows), k), -1, np.int32), np.full((len(rows), k), NONE))
        out.rows[asked], out.scores[asked] = hits
        return out

    def _found(
        self,
        rows: Int32[ndarray, "b"],
        k: int,
        allow: Bool[ndarray, "n"] | None,
        exclude: Ragged | None,
    ) -> Hits:
        """What is like these rows; themselves are left out."""
        itself = Ragged(rows, np.arange(len(rows) + 1, dtype=np.int64))
        if self.index is not None:
            both = itself if exclude is None else itself.joined(exclude)
            return alike(self.index, rows, k, allow, both)
        more = 0 if exclude is None else exclude.longest()
        found = self.main.similar(rows, k + more, allow)
        there = found.rows >= 0
        if exclude is not None and len(rows):
            n = int(max(found.rows.max(initial=0), exclude.rows.max(initial=0))) + 1
            there &= ~excluded(found.rows, exclude, n)
        return kept(found.rows, found.scores, there, k)

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """As `main` says."""
        return self.main.similar(rows, k, allow)

    def save(self, folder: Path) -> None:
        """What it asks."""
        self.main.save(folder)


@dataclass(frozen=True, slots=True)
class LastSession:
    """What `main` finds for what came after the last pause of each history."""

    main: Retriever
    idle_s: float

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """As `main` does for the session; what is excluded is the caller's business."""
        return self.main.retrieve(last_session(queries, self.idle_s), k, allow, exclude)

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """As `main` says."""
        return self.main.similar(rows, k, allow)

    def save(self, folder: Path) -> None:
        """What it asks."""
        self.main.save(folder)


def other_kinds(
    queries: Queries, codes: Int32[ndarray, "n"]
) -> Iterator[tuple[Int64[ndarray, "q"], Bool[ndarray, "n"]]]:
    """Queries about the same categories, and the items that are of none of these.

    Complements rather than substitutes: with a camera a bag, not another camera. An item without a
    category (-1) is of another kind than all others.

    >>> asked, codes = Queries.of([[0, 2], [1]]), np.array([0, 0, 1, -1], np.int32)
    >>> [(some.tolist(), rows.tolist()) for some, rows in other_kinds(asked, codes)]
    [([1], [False, False, True, True]), ([0], [False, False, False, True])]
    """
    kinds: dict[tuple[int, ...], list[int]] = {}
    for q in range(len(queries)):
        rows = queries.history(q)
        told = np.unique(codes[rows[(rows >= 0) & (rows < len(codes))]])
        kinds.setdefault(tuple(told[told >= 0].tolist()), []).append(q)
    for kind, some in sorted(kinds.items()):
        yield np.array(some), ~np.isin(codes, kind)


def newest(queries: Queries) -> Int32[ndarray, "b"]:
    """The last item of each history; -1 of an empty one.

    >>> newest(Queries.of([[3, 5], []])).tolist()
    [5, -1]
    """
    some = queries.lengths() > 0
    rows = np.full(len(queries), -1, dtype=np.int32)
    rows[some] = queries.items[queries.offsets[1:][some] - 1]
    return rows


def last_session(queries: Queries, idle_s: float) -> Queries:
    """Only what came after the last pause of more than `idle_s` seconds.

    >>> from dataclasses import replace
    >>> asked = replace(Queries.of([[4, 5, 6]]), times=np.array([0, 5000, 5010]))
    >>> last_session(asked, 1800.0).items.tolist()
    [5, 6]
    """
    begins = np.ones(len(queries.items), dtype=bool)
    same = queries.owners()[1:] == queries.owners()[:-1]
    begins[1:] = ~same | (np.diff(queries.times) > idle_s)
    session = np.cumsum(begins)
    last = np.zeros(len(queries), dtype=session.dtype)
    some = queries.lengths() > 0
    last[some] = session[queries.offsets[1:][some] - 1]
    return queries.where(session == last[queries.owners()])
