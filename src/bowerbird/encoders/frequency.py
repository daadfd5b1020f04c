"""How often each item comes by in a stream, without counting the stream.

Apart from the loss because it is needed, and tested, without torch.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray


@dataclass(frozen=True, slots=True)
class Frequency:
    """For each item the moving average of the draws from one of its draws to the next.

    B ← (1 - α)·B + α·(t - A),  A ← t  at every draw t of the item; its share of the draws is 1/B.
    Here t counts draws, not batches, so that an item may come several times in a batch.

    Source: Yi et al., RecSys 2019, algorithm 2 (rows take the place of its hashes).

    >>> seen = Frequency.of(np.array([3, 1]), rate=0.5).seen(np.array([0, 0, 0, 1, 0, 0]))
    >>> seen.gaps.round(3).tolist(), seen.last.tolist()
    ([1.26, 4.0], [6, 4])
    """

    gaps: Float64[ndarray, "n"]  # B
    last: Int64[ndarray, "n"]  # A: the draw, from 1, at which the item came last
    drawn: int = 0
    rate: float = 0.01  # α

    @classmethod
    def of(cls, counts: ndarray, rate: float = 0.01) -> "Frequency":
        """A beginning: the shares of these counts; what has none counts as met once."""
        known = np.maximum(counts, 1).astype(np.float64)
        return cls(known.sum() / known, np.zeros(len(known), np.int64), 0, rate)

    def seen(self, items: ndarray) -> "Frequency":
        """After these further draws, in this order.

        An item drawn k times at distances d₁ … d_k ends at (1-α)^k·B + α·Σ (1-α)^(k-j)·d_j: the
        update above k times.
        """
        order = np.argsort(items, kind="stable")
        rows, at = items[order], self.drawn + 1 + order
        first = np.append(True, rows[1:] != rows[:-1])[: len(rows)]
        before = np.where(first, self.last[rows], np.append(0, at[:-1])[: len(at)])
        starts = np.flatnonzero(first)
        ends = np.append(starts[1:], len(rows))[: len(starts)]
        later = np.repeat(ends, ends - starts) - 1 - np.arange(len(rows))
        new = self.rate * (1 - self.rate) ** later * (at - before)
        gaps, last = self.gaps.copy(), self.last.copy()
        gaps[rows[starts]] *= (1 - self.rate) ** (ends - starts)
        np.add.at(gaps, rows, new)
        last[rows] = at  # ascending within an item, so the last one stays
        return replace(self, gaps=gaps, last=last, drawn=self.drawn + len(items))

    def log_shares(self, items: ndarray) -> Float32[ndarray, "m"]:
        """The share of the draws that each of these items has, as a logarithm."""
        shares: Float32[ndarray, m] = -np.log(self.gaps[items]).astype(np.float32)
        return shares
