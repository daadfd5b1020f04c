"""Vectors in a folder of Qdrant's embedded edition, which a Qdrant server can take over.

Apart from the other indexes because its vectors lie elsewhere, and are changed in their place.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.errors import ArtifactError, ConfigError, DataError
from bowerbird.index.augmented import HEADROOM, Facts, augmented, longest
from bowerbird.index.index import NONE, Hits, Ragged, changeable, checked, excluded, kept

if TYPE_CHECKING:
    from qdrant_edge import EdgeShard

REACH = 1_600
"""Candidates that the graph looks at for a query."""
NEIGHBOURS, TRIED = 32, 256
"""Of a vector in the graph, and candidates for them when it is built."""
SCANNED = 20_000
"""Kilobytes of vectors up to which they are read one after another, without a graph: exactly."""
FEW = 10_000
"""A filter that leaves no more rows is answered exactly."""
MARGIN = 1.25
"""By how much more candidates are asked for than a filter leaves k of on average."""
MOST = 4_000
"""Candidates asked for, at most; who needs more is answered exactly."""
TOGETHER = 64
"""Queries of one call."""
WRITTEN = 10_000
"""Vectors written at a time."""


class QdrantIndex:
    """Points in a folder, each with its row as its id, and a graph over them (HNSW).

    Each vector is stored with one more coordinate that makes all equally long, so the graph, which
    is one of neighbours, serves inner products. A filter would cut it: only neighbours that are
    allowed are followed, and few of these lead on. So the graph is asked without the filter, for as
    many candidates as it will leave k of; what that does not fill, and where few rows are allowed,
    is answered exactly. Changes are there for the next search. One process opens the folder at a
    time.

    Cost: a graph's where nothing is filtered; O(allowed·dim) a query where little is left.
    Prefer: `PartitionedIndex`, unless a Qdrant server is to take over.
    Source: Malkov & Yashunin 2016 (HNSW).
    """

    def __init__(self, folder: Path, facts: Facts, reach: int = REACH) -> None:
        self._folder, self._facts, self.reach = folder, facts, reach
        self._shard = _load(folder)

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
        rows = np.flatnonzero(np.isfinite(vectors).all(axis=1)).astype(np.int32)
        facts = Facts.of(vectors)
        _lay(folder, facts, rows, vectors[rows])
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
        return cls(folder, _read(folder), reach)

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
        parts = [
            self._block(
                queries[start : start + TOGETHER],
                k,
                allow,
                exclude and exclude.block(start, min(start + TOGETHER, len(queries))),
            )
            for start in range(0, max(len(queries), 1), TOGETHER)
        ]
        return Hits(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def take(self, rows: Int32[ndarray, "m"]) -> Float32[ndarray, "m dim"]:
        """The vectors of these rows; NaN where there is none."""
        out = np.full((len(rows), self._facts.dim), np.nan, dtype=np.float32)
        asked = [row for row in rows.tolist() if row >= 0]
        with _engine(self._folder):
            found = {point.id: point.vector for point in self._shard.retrieve(asked, False, True)}
        for place, row in enumerate(rows.tolist()):
            if row in found:
                out[place] = found[row][:-1]
        return out

    def put(self, rows: Int32[ndarray, "m"], vectors: Float32[ndarray, "m dim"]) -> None:
        """Add items, or give them other vectors.

        They are read one after another until `optimize`. A vector much longer than all before has
        the whole folder written anew.

        Raises:
            DataError: rows below 0, one of them twice, or vectors of another dim or not finite.
            ArtifactError: the engine refuses.
        """
        changeable(rows, vectors, self._facts.dim)
        n = max(self._facts.n, int(rows.max(initial=-1)) + 1)
        facts = replace(self._facts, n=n)
        if longest(vectors) > facts.length:
            facts = replace(facts, length=HEADROOM * longest(vectors))
            every = np.arange(self._facts.n, dtype=np.int32)
            old = self.take(every)
            there = np.isfinite(old).all(axis=1)
            self.close()
            _lay(self._folder, facts, every[there], old[there])
            self._shard = _load(self._folder)
        elif facts != self._facts:
            _write(self._folder, facts)
        self._facts = facts
        with _engine(self._folder):
            _upsert(self._shard, rows, augmented(vectors, facts.length))
            self._shard.flush()

    def remove(self, rows: Int32[ndarray, "m"]) -> None:
        """These items are no hits any more, from the next search on; their vectors go.

        Raises:
            ArtifactError: the engine refuses.
        """
        from qdrant_edge import UpdateOperation

        with _engine(self._folder):
            self._shard.update(UpdateOperation.delete_points(rows.tolist()))
            self._shard.flush()

    def optimize(self) -> None:
        """Bring what was put in into the graph. Searches wait for it."""
        with _engine(self._folder):
            self._shard.optimize()

    def close(self) -> None:
        """Others may open the folder from now on."""
        with _engine(self._folder):
            self._shard.close()

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
        rows, scores = self._points(
            queries, limit, [None] * len(queries), hnsw_ef=max(self.reach, limit)
        )
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
            must = [HasIdCondition(set(np.flatnonzero(allow).tolist()))]
        unwanted: list[list[Any] | None] = [None] * len(queries)
        if exclude is not None:
            ids, ends = exclude.rows.tolist(), exclude.offsets.tolist()
            unwanted = [[HasIdCondition(set(ids[a:z]))] for a, z in pairwise(ends)]
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
        with _engine(self._folder):
            lists = self._shard.query_batch(QueryBatchRequest(asked))
        rows = np.full((len(queries), limit), -1, dtype=np.int32)
        scores = np.full((len(queries), limit), NONE)
        for q, points in enumerate(lists):
            rows[q, : len(points)] = [point.id for point in points]
            scores[q, : len(points)] = [point.score for point in points]
        return rows, scores


def _load(folder: Path) -> "EdgeShard":
    with _engine(folder):
        from qdrant_edge import EdgeShard

        return EdgeShard.load(str(folder / "points"))


def _lay(
    folder: Path, facts: Facts, rows: Int32[ndarray, "m"], vectors: Float32[ndarray, "m dim"]
) -> None:
    """Write a folder beside, and put it in the place of the one that is there, if it is ours."""
    if folder.exists():
        _read(folder)
    new = folder.with_name(f".{folder.name}.new")
    with _engine(folder):
        from qdrant_edge import (
            Distance,
            EdgeConfig,
            EdgeOptimizersConfig,
            EdgeShard,
            EdgeVectorParams,
            HnswIndexConfig,
        )

        shutil.rmtree(new, ignore_errors=True)
        (new / "points").mkdir(parents=True)
        config = EdgeConfig(
            vectors=EdgeVectorParams(size=facts.dim + 1, distance=Distance.Dot),
            hnsw_config=HnswIndexConfig(NEIGHBOURS, TRIED, full_scan_threshold=SCANNED),
            optimizers=EdgeOptimizersConfig(indexing_threshold=SCANNED, default_segment_number=1),
        )
        shard = EdgeShard.create(str(new / "points"), config)
        _upsert(shard, rows, augmented(vectors, facts.length))
        shard.optimize()
        shard.flush()
        shard.close()
        _write(new, facts)
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)


def _upsert(shard: "EdgeShard", rows: ndarray, vectors: ndarray) -> None:
    from qdrant_edge import Point, UpdateOperation

    for start in range(0, len(rows), WRITTEN):
        part = slice(start, start + WRITTEN)
        pairs = zip(rows[part].tolist(), vectors[part].tolist(), strict=True)
        shard.update(UpdateOperation.upsert_points([Point(row, vector) for row, vector in pairs]))


def _read(folder: Path) -> Facts:
    try:
        return Facts.read((folder / "facts.json").read_text("utf-8"))
    except (OSError, ValueError):
        came = f"{folder}: a folder that QdrantIndex.over made expected, this one is not"
        raise DataError(f"{came}: take another name") from None


def _write(folder: Path, facts: Facts) -> None:
    path = folder / "facts.json"
    path.with_suffix(".new").write_text(facts.text(), "utf-8")
    path.with_suffix(".new").replace(path)


@contextmanager
def _engine(folder: Path) -> Iterator[None]:
    """What the engine says against it, as an error of ours.

    Raises:
        ConfigError: it is not installed.
        ArtifactError: it refuses.
    """
    try:
        yield
    except ImportError:
        remedy = "pip install 'bowerbird[qdrant]'"
        raise ConfigError(f"qdrant-edge-py expected to reach Qdrant: {remedy}") from None
    except Exception as error:  # the engine knows no other kind
        why = " ".join(str(error).split())
        told = f"{folder}: an answer of Qdrant expected, it refuses ({why})"
        raise ArtifactError(f"{told}: is it whole, and no other process has it open?") from None
