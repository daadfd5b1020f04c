"""How good vectors are while they are learned: NDCG@10 on a sample of a holdout.

Apart from evaluation, which is a floor above: training needs one number, often and fast.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.queries import Queries
from bowerbird.data.split import Holdout
from bowerbird.encoders.asker import Asker

K = 10
ASKED = 5_000
"""Queries judged after each epoch; the chance error of their mean NDCG is about .003."""
BLOCK = 256


@dataclass(frozen=True, slots=True)
class Judge:
    """Questions and answers in the rows of the items that were met in training."""

    queries: Queries
    context: Float32[ndarray, "b c"]
    relevant: csr_array  # (b, m)
    found: Int64[ndarray, "b"]  # relevant items of each, those never met included
    seen: csr_array | None  # (b, m), what may not be the answer again

    @classmethod
    def of(cls, holdout: Holdout, met: ndarray, asker: Asker, seed: int) -> "Judge":
        """A sample of those who have something to find.

        Args:
            holdout: over the whole catalog.
            met: catalog rows of the items that were met, ascending.
            asker: what is known of people, as numbers.
            seed: of the sample.
        """
        sizes = np.diff(holdout.relevant.indptr)
        asked = np.flatnonzero(sizes > 0)
        if len(asked) > ASKED:
            asked = np.sort(np.random.default_rng(seed).choice(asked, ASKED, replace=False))
        queries = holdout.queries.take(asked)
        n = holdout.relevant.shape[1]
        seen = None
        if not holdout.repeats:
            inside = queries.where((queries.items >= 0) & (queries.items < n))
            ones = np.ones(len(inside.items), np.float32)
            shape = (len(asked), n)
            seen = csr_array((ones, inside.items, inside.offsets), shape=shape)[:, met]
        context = asker.of_queries(queries)
        relevant = csr_array(holdout.relevant[asked][:, met])
        return cls(compacted(queries, met, n), context, relevant, sizes[asked], seen)

    def ndcg(self, queries: Float32[ndarray, "b dim"], items: Float32[ndarray, "m dim"]) -> float:
        """Mean NDCG@10 with binary gains, by inner product over all items that were met."""
        gains = 1 / np.log2(np.arange(2, K + 2))
        ideal = np.cumsum(gains)
        total, k = 0.0, min(K, len(items))
        for start in range(0, len(queries), BLOCK):
            some = slice(start, start + BLOCK)
            scores = queries[some] @ items.T
            if self.seen is not None:
                row, column = self.seen[some].nonzero()
                scores[row, column] = -np.inf
            top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
            by = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
            top = np.take_along_axis(top, by, axis=1)
            hit = np.take_along_axis(self.relevant[some].toarray() > 0, top, axis=1)
            found = np.minimum(self.found[some], K)
            total += float(((hit * gains[:k]).sum(axis=1) / ideal[found - 1]).sum())
        return total / max(len(queries), 1)


def compacted(queries: Queries, met: ndarray, n_items: int) -> Queries:
    """Histories in rows of the met items; what was never met, or not liked, is left out.

    >>> compacted(Queries.of([[3, 1, 0]]), np.array([1, 3]), 4).items
    array([1, 0], dtype=int32)
    """
    place = np.full(n_items, -1, dtype=np.int32)
    place[met] = np.arange(len(met))
    known = queries.known(n_items)
    moved = replace(known, items=place[known.items])
    return moved.where(moved.items >= 0)
