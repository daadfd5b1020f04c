"""Does what people meet next follow from what was met before? Shuffled items leave every count as
it was, and only this falls.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from scipy.sparse import csr_array

EARLIER = 4
"""Windows before the newest that say how much agreement is usual."""
FEWEST = 2
"""Of them, below which nothing is usual."""
MOST_PAIRS = 10_000
"""Judged in a window; drawn with the seed."""
MOST_EVENTS = 2_000_000
"""Of the log that is agreed with, the newest."""
AT_ONCE = 2_000
"""Pairs whose people are compared at a time."""
DRAWS = 4
"""Strangers that each next item is held against."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """P(the next item goes better with the one before than a stranger does); .5 is none at all."""

    share: float
    error: float  # its standard error, over people
    pairs: int


@dataclass(frozen=True, slots=True)
class Usual:
    """Agreement of the newest window, and of those before it, with one and the same older log."""

    newest: Agreement
    earlier: tuple[Agreement, ...]

    @property
    def excess(self) -> float:
        """What the windows before had beyond chance, on average."""
        return float(np.mean([each.share for each in self.earlier])) - 0.5

    @property
    def kept(self) -> float:
        """The share of that excess the newest window has."""
        return (self.newest.share - 0.5) / self.excess if self.excess > 0 else float("nan")

    @property
    def error(self) -> float:
        """The standard error of newest minus usual: people, and how windows differ."""
        shares = [each.share for each in self.earlier]
        people = float(np.mean([each.error**2 for each in self.earlier]))
        windows = max(float(np.var(shares, ddof=1)), people)
        return float(np.sqrt(self.newest.error**2 + windows * (1 + 1 / len(shares))))

    @property
    def z(self) -> float:
        """How many standard errors the newest window is above what is usual."""
        return (self.newest.share - 0.5 - self.excess) / self.error if self.error else float("nan")


def usual_agreement(
    events: tuple[ndarray, ndarray, ndarray], start: int, length: int, n_items: int, seed: int = 0
) -> Usual | None:
    """Agreement of the window from `start`, beside that of the windows before it.

    All are held against the log before the earliest of them, so that none has seen its answers;
    together they take at most half of the time before the window. None where too little is known.

    Args:
        events: users, items and times, sorted by user, then time; an item of -1 is unknown.
        start: of the newest window, which has no end.
        length: of a window, seconds.
        n_items: in the catalog.
        seed: of pairs and strangers.
    """
    users, items, times = events
    past = times < start
    if not past.any():
        return None
    many = min(EARLIER, int((start - times.min()) // 2 // length))
    if many < FEWEST:
        return None
    first = start - many * length
    base = _people((users, items, times), times < first, n_items)
    random = np.random.default_rng(seed)
    edges = [first + step * length for step in range(many + 1)]
    found = []
    for low, high in zip(edges, [*edges[1:], np.inf], strict=True):
        within = (times >= low) & (times < high)
        found.append(agreement(base, users[within], items[within], random))
    if any(each is None for each in found):
        return None
    *earlier, newest = [each for each in found if each is not None]
    return Usual(newest, tuple(earlier))


def agreement(
    base: csr_array, users: ndarray, items: ndarray, random: np.random.Generator
) -> Agreement | None:
    """How often two items that one person met in a row go together better than strangers do.

    Together is the cosine of who met them: |a ∩ b| / √(|a|·|b|). The stranger is a next item of
    somebody else in this window, so popularity is no agreement. The standard error is over people.
    None where fewer than 20 people have a pair.

    Args:
        base: (items, people), 1 where they met, before the window.
        users: of the window's events, sorted, in time.
        items: what they met; -1 is unknown.
        random: draws pairs and strangers.
    """
    known = items >= 0
    known[known] &= np.diff(base.indptr)[items[known]] > 0
    users, items = users[known], items[known]
    pair = np.flatnonzero((users[1:] == users[:-1]) & (items[1:] != items[:-1]))
    if len(pair) > MOST_PAIRS:
        pair = np.sort(random.choice(pair, MOST_PAIRS, replace=False))
    who, one, other = users[pair], items[pair], items[pair + 1]
    if len(np.unique(who)) < 20:
        return None
    near = _cosines(base, one, other)
    wins = np.zeros(len(pair))
    for _ in range(DRAWS):
        strange = _cosines(base, one, random.permutation(other))
        wins += ((near > strange) + 0.5 * (near == strange)) / DRAWS
    return Agreement(float(wins.mean()), _clustered(wins, who), len(pair))


def _people(events: tuple[ndarray, ...], keep: ndarray, n_items: int) -> csr_array:
    """(items, people) of the newest of these events."""
    users, items, times = events
    keep = keep & (items >= 0)
    if keep.sum() > MOST_EVENTS:
        keep &= times >= np.partition(times[keep], -MOST_EVENTS)[-MOST_EVENTS]
    ones = np.ones(int(keep.sum()), dtype=np.float32)
    shape = (n_items, int(users.max()) + 1)
    met = csr_array((ones, (items[keep], users[keep])), shape=shape)
    met.sum_duplicates()
    met.data[:] = 1
    return met


def _cosines(base: csr_array, one: ndarray, other: ndarray) -> ndarray:
    both = np.empty(len(one))
    for start in range(0, len(one), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        both[some] = base[one[some]].multiply(base[other[some]]).sum(axis=1)
    sizes = np.diff(base.indptr)
    cosines: ndarray = both / np.sqrt(sizes[one].astype(np.float64) * sizes[other])
    return cosines


def _clustered(values: Float64[ndarray, "m"], who: ndarray) -> float:
    """The standard error of the mean where values of one person belong together."""
    people, group = np.unique(who, return_inverse=True)
    sums = np.bincount(group, values - values.mean())
    n = len(people)
    return float(np.sqrt((sums**2).sum() * n / (n - 1)) / len(values))
