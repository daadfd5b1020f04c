"""Several lists into one: what any part finds, every part judges.

Apart from the encoders' blend because some scorers have no vectors (co-occurrence, EASE, graph
filter); all that have are one part here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.encoders.stored import store
from bowerbird.index.index import Hits, Index, Ragged, pack
from bowerbird.retrieval.retriever import Retriever, Scorer, VectorRetriever

KIND = "blend"
BLOCK = 1024
"""Queries fused at a time: 1,024 × 600 candidates × 5 parts are 12 MB."""


def unfused(model: Retriever) -> Retriever | None:
    """The part that has vectors, of a fusion, if one has; any other model is its own."""
    return model.main if isinstance(model, Fused) else model


class Pool(NamedTuple):
    """For each query what any part has found, and what every part says of it."""

    rows: Int32[ndarray, "b m"]  # each once, ascending; -1 where there are fewer
    evidence: Float32[ndarray, "b m parts"]  # 0 where a part knows nothing


def pooled(
    parts: Sequence[Scorer],
    queries: Queries,
    fetch: int,
    allow: Bool[ndarray, "n"] | None = None,
    exclude: Ragged | None = None,
) -> Pool:
    """The best `fetch` of each part, together.

    Scores of vectors stay as they are: a blend's are standardised. Those of other scorers are
    counts and sums with a long tail of zeros; of them the root of the share of the query's best,
    √(max(s, 0) / max s), is the evidence. It has no unit and does not depend on `fetch`.
    """
    lists = [part.retrieve(queries, fetch, allow, exclude) for part in parts]
    rows = union([hits.rows for hits in lists])
    return Pool(rows, evidence(parts, queries, rows, lists))


def evidence(
    parts: Sequence[Scorer], queries: Queries, rows: Int32[ndarray, "b m"], lists: Sequence[Hits]
) -> Float32[ndarray, "b m parts"]:
    """What each part says of these rows, given its own best of each query (`pooled`)."""
    out = np.zeros((*rows.shape, len(parts)), dtype=np.float32)
    for place, (part, hits) in enumerate(zip(parts, lists, strict=True)):
        scores = part.scores(queries, rows)
        if isinstance(part, VectorRetriever):
            out[:, :, place] = np.where(np.isfinite(scores), scores, np.float32(0))
            continue
        best = np.where(hits.scores[:, :1] > 0, hits.scores[:, :1], np.float32(np.inf))
        out[:, :, place] = np.sqrt(np.maximum(scores, 0) / best)
    return out


def union(lists: Sequence[Int32[ndarray, "b _"]]) -> Int32[ndarray, "b m"]:
    """Every row of each query once, ascending, -1 behind.

    >>> union([np.array([[4, 2]], np.int32), np.array([[2, -1]], np.int32)])
    array([[2, 4]], dtype=int32)
    """
    rows = np.concatenate(lists, axis=1)
    last = np.iinfo(np.int32).max
    rows = np.where(rows < 0, np.int32(last), rows)
    rows.sort(axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = last
    rows.sort(axis=1)
    width = int((rows < last).sum(axis=1).max(initial=0))
    return np.where(rows == last, np.int32(-1), rows)[:, :width]


@dataclass(frozen=True, slots=True)
class Fused:
    """score(q, i) = blend(q, i) + Σ_p weight_p · √(s_p(q, i) / max s_p(q, ·)) + slope · ℓ_i.

    The encoders are one part with one index. Candidates are what any part finds among its `fetch`
    best; what no part finds there is no hit, so a larger `fetch` is more exact and slower.
    """

    estimator: Any  # what it was made by: a dataclass
    main: VectorRetriever | None  # of a BlendEncoder
    others: tuple[Scorer, ...]
    weights: Float32[ndarray, "others"]
    level: Float32[ndarray, "n"]  # ℓ of the catalog it was fitted on
    slope: float = 0.0
    fetch: int = 200

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The k best of what the parts have found. Ties go to the lower row."""
        blocks = []
        for start in range(0, max(len(queries), 1), BLOCK):
            stop = min(start + BLOCK, len(queries))
            some = queries.take(np.arange(start, stop))
            out = exclude and exclude.block(start, stop)
            pool = pooled(self.parts(), some, max(k, self.fetch), allow, out)
            scores = self._together(pool)
            query, place = np.nonzero(pool.rows >= 0)
            found = (query, pool.rows[query, place], scores[query, place])
            blocks.append(pack(*found, len(some), k))
        return Hits(*(np.concatenate(arrays) for arrays in zip(*blocks, strict=True)))

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """By the vectors where there are some, else as the heaviest part says."""
        if self.main is not None:
            return self.main.similar(rows, k, allow)
        return self.others[int(np.argmax(self.weights))].similar(rows, k, allow)

    def over(self, catalog: Catalog, index: Index | None = None) -> "Fused":
        """The same with the vectors of this catalog: what is new is placed by its content."""
        if self.main is None:
            return self
        return replace(self, main=VectorRetriever.over(self.main.encoder, catalog, index))

    def save(self, folder: Path) -> None:
        """Settings, weights and vectors; the encoders and each other part in its own folder."""
        arrays = {"weights": self.weights, "level": self.level, "slope": np.array([self.slope])}
        if self.main is not None:
            self.main.encoder.save(folder / "vectors")
            arrays["vectors"] = self.main.vectors
        for place, part in enumerate(self.others):
            part.save(folder / f"part-{place}")
        store(folder, KIND, self.estimator, arrays)

    def parts(self) -> tuple[Scorer, ...]:
        """What it asks: the vectors first, where there are some."""
        return self.others if self.main is None else (self.main, *self.others)

    def shares(self, pool: Pool) -> Float32[ndarray, "b m parts_and_1"]:
        """What each part adds to the score of what was found; last what popularity does."""
        ones = [np.ones(int(self.main is not None), np.float32), self.weights]
        inside = (pool.rows >= 0) & (pool.rows < len(self.level))
        level = np.where(inside, self.level[np.where(inside, pool.rows, 0)], np.float32(0))
        weighted = pool.evidence * np.concatenate(ones)
        slope = (np.float32(self.slope) * level)[:, :, None]
        shares: ndarray = np.concatenate([weighted, slope], axis=2)
        return shares

    def _together(self, pool: Pool) -> Float32[ndarray, "b m"]:
        """The weighted sum; a row that the fit did not know has ℓ = 0."""
        total: ndarray = self.shares(pool).sum(axis=2)
        return total.astype(np.float32)
