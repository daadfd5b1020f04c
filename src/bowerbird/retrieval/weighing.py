"""How much each part of a blend counts: learned from what people chose next.

Apart from the blend, so that whoever compares blends can gather the evidence once and weigh it
often.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from numpy import ndarray
from scipy.optimize import minimize

from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.data.split import Holdout
from bowerbird.encoders.blend import log_popularity
from bowerbird.index.index import Hits, Ragged, pack
from bowerbird.retrieval.fuse import pooled
from bowerbird.retrieval.retriever import Scorer

BLOCK = 1024
FETCH = 100
"""Candidates of each part that weights are learned from. On amazon-beauty 50, 100 and 200 gave
blends within 1 % of each other."""
MOST = 5.0
"""A new item is never trusted more than so many times what its content says."""
RIDGE = 1e-4
"""Of the squared weights: only so that they exist where a part explains everything."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every part says of every candidate, laid end to end, query by query."""

    query: Int64[ndarray, "m"]  # ascending
    row: Int32[ndarray, "m"]
    said: Float32[ndarray, "m parts_plus_1"]  # the last column is ℓ, log popularity
    chosen: Bool[ndarray, "m"]  # was it what came next?
    met: Bool[ndarray, "m"]  # has anybody met the item?
    queries: int

    @classmethod
    def of(
        cls,
        parts: Sequence[Scorer],
        holdout: Holdout,
        train: Dataset,
        fetch: int = FETCH,
    ) -> "Evidence":
        """The best `fetch` of each part for every query of the holdout, judged by all parts.

        Args:
            parts: fitted without the holdout's answers.
            holdout: the questions, and what was chosen.
            train: what they were fitted on; says what is popular, and what was met.
            fetch: candidates a part.
        """
        wanted = holdout.relevant.copy()
        wanted.sum_duplicates()
        wanted.eliminate_zeros()
        n, found, level = wanted.shape[1], [], log_popularity(train)
        for start in range(0, len(holdout), BLOCK):
            stop = min(start + BLOCK, len(holdout))
            some = holdout.queries.take(np.arange(start, stop))
            out = None if holdout.repeats else seen(some, n)
            pool = pooled(parts, some, fetch, holdout.allow, out)
            query, place = np.nonzero(pool.rows >= 0)
            row = pool.rows[query, place]
            said = np.column_stack([pool.evidence[query, place], level[row]])
            answers = wanted[start:stop]
            keys = np.repeat(np.arange(stop - start), np.diff(answers.indptr)) * n + answers.indices
            chosen = np.isin(query * n + row, keys)
            found.append((query + start, row, said, chosen))
        query, row, said, chosen = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        met = (train.item_counts() > 0)[row]
        return cls(query, row, said, chosen, met, len(holdout))

    def weights(
        self, parts: Sequence[int], people: Bool[ndarray, "b"], slope: bool = True
    ) -> Float64[ndarray, "parts_plus_1"]:
        """The weights under which what was chosen is likeliest among the candidates.

        Conditional logit: P(i | q) = exp(w·x(q, i)) / Σ_j exp(w·x(q, j)), each query counting once,
        weights of parts ≥ 0, the slope of log popularity free. Zeros where nobody's choice is among
        the candidates.

        Args:
            parts: places of the parts that may count.
            people: queries to learn from.
            slope: may log popularity count?

        Source: McFadden 1974; as a list-wise loss, Cao et al., ICML 2007.
        """
        out = np.zeros(self.said.shape[1])
        there = np.zeros(self.queries, dtype=bool)
        there[self.query[self.chosen]] = True
        use = (people & there)[self.query]
        if not use.any():
            return out
        columns = [*parts, *([self.said.shape[1] - 1] if slope else [])]
        x, chosen = self.said[np.ix_(use, columns)], self.chosen[use]
        starts = np.flatnonzero(np.diff(self.query[use], prepend=-1))
        bounds = [(0.0, None)] * len(parts) + [(None, None)] * slope
        problem = _Likelihood(x, chosen, starts)
        start = np.zeros(len(columns))
        solved = minimize(problem, start, jac=True, method="L-BFGS-B", bounds=bounds)
        out[columns] = solved.x
        return out

    def unmet(
        self, weights: Float64[ndarray, "parts_plus_1"], placing: Sequence[int], fetch: int = FETCH
    ) -> float:
        """How much more items get from all parts than from those that also place what is new.

        The slope of a line through 0, over the items met among the best `fetch` of the placing
        parts: score ≈ unmet · (their share of it). Multiplied by it, a new item scores what an item
        of such content usually does. Between 1 and MOST; 1 where nothing places what is new.
        """
        part = np.zeros_like(weights)
        part[list(placing)] = weights[list(placing)]
        if not part.any():
            return 1.0
        own, whole = (self.said @ w.astype(np.float32) for w in (part, weights))
        order = np.lexsort((-own, self.query))
        starts = np.searchsorted(self.query, np.arange(self.queries))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - starts[self.query[order]]
        use = (rank < fetch) & self.met & (own > 0)
        square = float(own[use] @ own[use])
        return float(np.clip(own[use] @ whole[use] / square, 1, MOST)) if square else 1.0

    def lists(self, weights: Float64[ndarray, "parts_plus_1"], k: int, unmet: float = 1.0) -> Hits:
        """The k best candidates of each query under these weights."""
        scores = self.said @ weights.astype(np.float32)
        scores = np.where(self.met, scores, np.float32(unmet) * scores)
        return pack(self.query, self.row, scores, self.queries, k)


class _Likelihood:
    """Mean negative log likelihood of the choices, and its gradient."""

    def __init__(self, x: ndarray, chosen: ndarray, starts: ndarray) -> None:
        self.x, self.starts = x, starts
        self.sizes = np.diff(np.append(starts, len(x)))
        right = np.add.reduceat(chosen.astype(np.float64), starts)
        each = chosen / np.repeat(right, self.sizes)
        self.wanted = (x[chosen] * each[chosen, None]).sum(axis=0, dtype=np.float64)

    def __call__(self, weights: ndarray) -> tuple[float, ndarray]:
        scores = (self.x @ weights.astype(np.float32)).astype(np.float64)
        top = np.maximum.reduceat(scores, self.starts)
        shares = np.exp(scores - np.repeat(top, self.sizes))
        total = np.add.reduceat(shares, self.starts)
        shares /= np.repeat(total, self.sizes)
        b = len(self.starts)
        loss = (np.log(total) + top).sum() - self.wanted @ weights
        slope = self.x.T @ shares.astype(np.float32) - self.wanted
        return loss / b + RIDGE * weights @ weights, slope / b + 2 * RIDGE * weights


def seen(queries: Queries, n_items: int) -> Ragged:
    """What each history holds, as exclusions."""
    inside = queries.where((queries.items >= 0) & (queries.items < n_items))
    return Ragged(np.ascontiguousarray(inside.items), inside.offsets)


def rank_fused(evidence: Evidence, parts: Sequence[int], k: int, constant: int = 60) -> Hits:
    """Reciprocal rank fusion, Σ_p 1 / (constant + rank_p): what blends are measured beside.

    Source: Cormack, Clarke & Büttcher, SIGIR 2009.
    """
    total = np.zeros(len(evidence.query), dtype=np.float32)
    starts = np.searchsorted(evidence.query, np.arange(evidence.queries))
    for part in parts:
        order = np.lexsort((-evidence.said[:, part], evidence.query))
        rank = np.empty(len(order))
        rank[order] = np.arange(len(order)) - starts[evidence.query[order]]
        total += (1 / (constant + rank)).astype(np.float32)
    return pack(evidence.query, evidence.row, total, evidence.queries, k)
