"""Least exposure: an item that somebody might like is shown to somebody.

Apart from the dial, whose lists it changes, because it looks at many people's lists together.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from bowerbird.index.index import Hits

PEOPLE = 3
"""To whom an item is shown, at least, where somebody has it among the candidates."""
PLACES = 0.05
"""Of all places, at most, that items get which would not have come by themselves."""
MORE = 1e-4
"""Of a price, over what is just enough: equal values go to the item the model prefers."""
KEPT = 16
"""Positions and lengths whose prices are kept; a server is asked for few."""


@dataclass(frozen=True, slots=True)
class LeastExposure:
    """What is added to the value of an item so that at least PEOPLE are shown it.

    The value of item i for query q is v = lift - α · level. The price of i is what it lacks to be
    among the k best of as many q as it must be: 0 if it is there already. The cheapest are served,
    until PLACES of all places are spent (for α below 1 that share of them). What an item with a
    price takes is the last place of those who want it nearly as much as what they lose.

    Source: Lagrange multipliers of max Σ lift with a least number of places for each item, found in
    one pass: those who give up a place are so few that the others' prices hardly move.
    """

    candidates: Hits  # of some histories, lifts as scores
    people: int  # whom these histories stand for
    known: dict[tuple[float, int], Float32[ndarray, "n"]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def prices(self, alpha: float, k: int, level: Float32[ndarray, "n"]) -> Float32[ndarray, "n"]:
        """What each item gets on top.

        Args:
            alpha: how far the dial is turned; above 0.
            k: length of the lists.
            level: of the dial.
        """
        found = self.known.get((alpha, k))
        if found is None:
            asked = len(self.candidates.rows)
            least = max(1, round(PEOPLE * asked / max(self.people, 1)))
            spend = PLACES * min(alpha, 1.0) * asked * k
            lacks = _lacks(self.candidates, np.float32(alpha) * level, k)
            found = cheapest(*lacks, len(level), least, spend)
            if len(self.known) >= KEPT:
                self.known.clear()
            self.known[alpha, k] = found
        return found


def cheapest(
    items: ndarray, lacks: Float64[ndarray, "m"], n: int, least: int, places: float
) -> Float32[ndarray, "n"]:
    """The price of each of n items: what it lacks where it lacks the `least`-th least.

    Args:
        items: row of an item, once for each query that has it among its candidates.
        lacks: how far its value is below that of the last one shown there; at most 0: it is shown.
        n: items there are.
        least: queries that are to show an item, or all that have it, if those are fewer.
        places: that may be given away, at most; the cheapest items are served first.

    >>> items, lacks = np.array([0, 0, 1, 1, 2]), np.array([-1.0, 0.5, 0.25, 2, 3])
    >>> cheapest(items, lacks, 4, 1, 9.0).round(2).tolist()
    [0.0, 0.25, 3.0, 0.0]
    >>> cheapest(items, lacks, 4, 2, 1.0).round(2).tolist()
    [0.5, 0.0, 0.0, 0.0]
    """
    order = np.lexsort((lacks, items))
    items, lacks = items[order], lacks[order]
    starts, ends = (np.searchsorted(items, np.arange(n), side) for side in ("left", "right"))
    wanted = np.minimum(least, ends - starts)
    there = wanted > 0
    price = np.zeros(n)
    price[there] = lacks[(starts + wanted - 1)[there]]
    missing = wanted - np.bincount(items[lacks <= 0], minlength=n)
    by_price = np.argsort(price, kind="stable")
    by_price = by_price[(price > 0)[by_price]]
    served = by_price[np.cumsum(missing[by_price]) <= places]
    out = np.zeros(n, np.float32)
    out[served] = price[served] * (1 + MORE) + MORE
    return out


def _lacks(
    candidates: Hits, held: Float32[ndarray, "n"], k: int
) -> tuple[ndarray, Float64[ndarray, "m"]]:
    """Each candidate's item, and how far it is below the last of the k it would be shown with."""
    there = candidates.rows >= 0
    value = np.where(there, candidates.scores - held[candidates.rows], -np.inf).astype(np.float64)
    last = -np.partition(-value, min(k, value.shape[1]) - 1, axis=1)[:, min(k, value.shape[1]) - 1]
    owners, places = np.nonzero(there)
    return candidates.rows[owners, places], last[owners] - value[owners, places]
