"""Vectors in a folder of Qdrant's embedded edition.

Apart from the other indexes because its vectors lie elsewhere, and are changed in their place.
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from numpy import ndarray

from bowerbird.errors import ArtifactError
from bowerbird.index.augmented import HEADROOM, Facts, augmented, longest
from bowerbird.index.index import NONE, Hits, Ragged, changeable, checked, excluded, in_turn, kept
from bowerbird.index.qdrant_folder import (
    ROW,
    engine,
    lay,
    load,
    names_of,
    read_facts,
    upsert,
    write_facts,
)

REACH = 1_000
"""Candidates that the graph looks at for a query, at least."""
DEEPER = 6
"""How many more it looks at than it is asked for: the last of these are found the least surely."""
FEW = 10_000
"""A filter that leaves no more rows is answered exactly."""
MARGIN = 1.25
"""By how much more candidates are asked for than a filter leaves k of on average."""
MOST = 4_000
"""Candidates asked for, at most; who needs more is answered exactly."""
TOGETHER = 64
"""Queries of one call."""


class QdrantIndex:
    """Points in a folder, and a graph over them (HNSW).

    Each vector is stored with one more coordinate that makes all equally long, so the graph, which
    is one of neighbours, serves inner products. The engine makes it in the order of the ids, and it
    should meet long vectors first; so an id is that coordinate, and the row in its lower half.

    A filter would cut the graph: only neighbours that are allowed are followed, and few of these
    lead on. So it is asked without the filter, for as many candidates as will leave k; what that
    does not fill, and where few rows are allowed, is answered exactly. Changes are there for the
    next search. One process opens the folder at a time.

    Cost: a graph's where nothing is filtered; O(allowed·dim) a query where little is left.
    Prefer: `PartitionedIndex`, unless Qdrant is what you run.
    Source: Malkov & Yashunin 2016 (HNSW).
    """

    def __init__(self, folder: Path, facts: Facts, reach: int = REACH) -> None:
        self._folder, self._facts, self.reach = folder, facts, reach
        self._shard, self._ids = load(folder, facts.n)
        self._lock = Lock()

    @classmethod
    def over(
        cls, folder: Path, vectors: Float32[ndarray, "n dim"], reach: int = REACH
    ) -> "QdrantIndex":
        """A new folder of these vectors, in place of one that this has made before.

        It appears whole or not at all.

        Args:
            folder: where; the folder around it is there.
            vectors: one with a NaN belongs to an item that cannot be placed; it is not stored.
            reach: candidates the graph looks at for a query. More find more, and take longer.

        Raises:
            ConfigError: qdrant-edge-py is not installed.
            DataError: there is something in the folder that is not ours.
            ArtifactError: it cannot be written.
        """
        facts = Facts.of(vectors)
        lay(folder, facts, vectors)
        return cls(folder, facts, reach)

    @classmethod
    def open(cls, folder: Path, reach: int = REACH) -> "QdrantIndex":
        """The folder that `over` made.

        Raises:
            ConfigError: qdrant-edge-py is not installed.
            DataError: what is in the folder is not ours.
            ArtifactError: there is none, it cannot be read, or another process has it open.
        """
        if not folder.is_dir():
            came = f"{folder}: a folder that QdrantIndex.over made expected, there is none"
            raise ArtifactError(came)
        return cls(folder, read_facts(folder), reach)

    def __len__(self) -> int:
        """Rows, those without a vector too."""
        return self._facts.n

    def search(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """About the k rows of highest inner product, among those allowed and not excluded.

        There are k hits wherever k rows are eligible.

        Args:
            queries: whose inner products are asked for.
            k: how many.
            allow: by row; rows beyond its end are not allowed.
            exclude: rows that may not be hits, query by query.

        Raises:
            DataError: dim of the queries is not dim of the index, or a query is not finite.
            ArtifactError: the engine refuses, closed as it may be.
        """
        checked(queries, self._facts.dim)
        return in_turn(
            lambda some, out: self._block(some, k, allow, out), queries, exclude, TOGETHER
        )

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""
        out = np.full((len(rows), self._facts.dim), np.nan, dtype=np.float32)
        ids = self._named(rows)
        with engine(self._folder):
            points = self._shard.retrieve(ids[ids >= 0].tolist(), False, True)
        found: dict[Any, Any] = {point.id: point.vector for point in points}
        for place, name in enumerate(ids.tolist()):
            if name in found:
                out[place] = found[name][:-1]
        return out

    def way(self, allow: Bool[ndarray, "n"] | None = None) -> str:
        """Through the graph, for more candidates the fewer are allowed, or those one by one."""
        if allow is not None and int(np.count_nonzero(allow)) <= FEW:
            return "qdrant: exact, pre-filtered"
        return "qdrant: graph" if allow is None else "qdrant: graph, over-fetched"

    def put(self, rows: Int32[ndarray, "m"], vectors: Float32[ndarray, "m dim"]) -> None:
        """Add items, or give them other vectors.

        They are read one after another until `optimize`. A vector much longer than all before has
        the whole folder written anew.

        Raises:
            DataError: rows below 0, one of them twice, or vectors of another dim or not finite.
            ArtifactError: the engine refuses.
        """
        changeable(rows, vectors, self._facts.dim)
        with self._lock:
            self._put(rows, vectors)

    def remove(self, rows: Int32[ndarray, "m"]) -> None:
        """These items are no hits any more, from the next search on; their vectors go.

        Raises:
            ArtifactError: the engine refuses.
        """
        from qdrant_edge import UpdateOperation

        with self._lock, engine(self._folder):
            ids = self._named(rows)
            self._shard.update(UpdateOperation.delete_points(ids[ids >= 0].tolist()))
            self._shard.flush()
            there = rows[ids >= 0]
            self._ids = _with(self._ids, self._facts.n, there, np.full(len(there), -1))

    def optimize(self) -> None:
        """Bring what was put in into the graph. Searches wait for it."""
        with engine(self._folder):
            self._shard.optimize()

    def close(self) -> None:
        """Others may open the folder from now on."""
        with engine(self._folder):
            self._shard.close()

    def _put(self, rows: Int32[ndarray, "m"], vectors: Float32[ndarray, "m dim"]) -> None:
        n = max(self._facts.n, int(rows.max(initial=-1)) + 1)
        facts = replace(self._facts, n=n)
        if longest(vectors) > facts.length:
            facts = replace(facts, length=HEADROOM * longest(vectors))
            old = self.take(np.arange(self._facts.n, dtype=np.int32))
            self.close()
            lay(self._folder, facts, old)
            self._shard, self._ids = load(self._folder, n)
        elif facts != self._facts:
            write_facts(self._folder, facts)
        longer = augmented(vectors, facts.length)
        before = self._named(rows)
        ids = np.where(before >= 0, before, names_of(rows, longer))
        with engine(self._folder):
            upsert(self._shard, ids, longer)
            self._shard.flush()
        self._facts, self._ids = facts, _with(self._ids, n, rows, ids)

    def _block(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None,
        exclude: Ragged | None,
    ) -> Hits:
        allowed = self._facts.n if allow is None else int(np.count_nonzero(allow))
        if allow is not None and allowed <= FEW:
            return self._exactly(queries, k, allow, exclude)
        limit, more = k, 0 if exclude is None else exclude.longest()
        if allow is not None or more:
            limit = int(MARGIN * (k + more) * self._facts.n / allowed) + 1
        limit = min(limit, MOST, self._facts.n)
        reach = max(self.reach, DEEPER * limit)
        rows, scores = self._points(queries, limit, [None] * len(queries), hnsw_ef=reach)
        there = rows >= 0
        if allow is not None:
            there &= (rows < len(allow)) & allow[np.clip(rows, 0, len(allow) - 1)]
        if exclude is not None:
            there &= ~excluded(rows, exclude, self._facts.n)
        hits = kept(rows, scores, there, k)
        short = np.flatnonzero((hits.rows < 0).any(axis=1))
        if len(short):
            again = self._exactly(queries[short], k, allow, exclude and exclude.take(short))
            hits.rows[short], hits.scores[short] = again
        return hits

    def _exactly(
        self,
        queries: Float32[ndarray, "b dim"],
        k: int,
        allow: Bool[ndarray, "n"] | None,
        exclude: Ragged | None,
    ) -> Hits:
        """All that is eligible, read one after another."""
        from qdrant_edge import Filter, HasIdCondition

        must = None
        if allow is not None:
            ids = self._named(np.flatnonzero(allow).astype(np.int32))
            must = [HasIdCondition(set(ids[ids >= 0].tolist()))]
        unwanted: list[list[Any] | None] = [None] * len(queries)
        if exclude is not None:
            ids, ends = self._named(exclude.rows), exclude.offsets.tolist()
            lists = [ids[first:last] for first, last in pairwise(ends)]
            unwanted = [[HasIdCondition(set(some[some >= 0].tolist()))] for some in lists]
        filters = [Filter(must=must, must_not=some) for some in unwanted]
        rows, scores = self._points(queries, k, filters, exact=True)
        return kept(rows, scores, rows >= 0, k)

    def _points(
        self, queries: Float32[ndarray, "b dim"], limit: int, filters: list[Any], **ways: object
    ) -> tuple[Int32[ndarray, "b m"], Float32[ndarray, "b m"]]:
        """What the engine finds, best first; row -1 beyond."""
        from qdrant_edge import Query, QueryBatchRequest, QueryRequest, SearchParams

        params: Any = SearchParams(**ways)
        asked = [
            QueryRequest(limit=limit, query=Query.Nearest([*query, 0.0]), filter=f, params=params)
            for query, f in zip(queries.tolist(), filters, strict=True)
        ]
        with engine(self._folder):
            lists = self._shard.query_batch(QueryBatchRequest(asked))
        rows = np.full((len(queries), limit), -1, dtype=np.int32)
        scores = np.full((len(queries), limit), NONE)
        for q, points in enumerate(lists):
            ids = np.array([point.id for point in points], dtype=np.int64)
            rows[q, : len(points)] = ids & ROW
            scores[q, : len(points)] = [point.score for point in points]
        return rows, scores

    def _named(self, rows: Int32[ndarray, "m"]) -> Int64[ndarray, "m"]:
        """The ids of these rows; -1 where there is none."""
        known = (rows >= 0) & (rows < len(self._ids))
        return np.where(known, self._ids[np.where(known, rows, 0)], -1)


def _with(
    ids: Int64[ndarray, "size"], n: int, rows: Int32[ndarray, "m"], new: Int64[ndarray, "m"]
) -> Int64[ndarray, "n"]:
    """A copy for n rows, in which some have other ids: a search may be reading the old ones."""
    copy = np.full(n, -1)
    copy[: len(ids)] = ids
    copy[rows] = new
    return copy
