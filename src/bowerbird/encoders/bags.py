"""Histories as bags of weighted events: what a query tower pools. Numbers only, no torch.

Apart from the towers because training and answering read histories in this one way.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.encoders.batches import DISTANCES, GAPS

FARTHEST = 1 << 12


class Bag(NamedTuple):
    """b bags of events laid end to end; bag q begins at starts[q]. Class 0 is «not said»."""

    items: Int64[ndarray, "e"]
    owners: Int64[ndarray, "e"]
    starts: Int64[ndarray, "b"]
    weights: Float32[ndarray, "e"]
    ages: Int64[ndarray, "e"]  # class of how many events ago
    gaps: Int64[ndarray, "e"]  # class of how many seconds ago
    types: Int64[ndarray, "e"]
    goals: Int64[ndarray, "b"]  # type of the event that is asked for


@dataclass(frozen=True, slots=True)
class Kind:
    """What the times of the data mean, and which types its events have."""

    ordered: bool
    dated: bool
    types: tuple[str, ...]  # () is one type only
    goal: int = 0  # the type that is asked for: 1 + its place; 0 is any

    def codes(self, queries: Queries) -> Int64[ndarray, "events"]:
        """1 + the place of each event's type among the known ones; 0 for none of them."""
        if queries.types is None or not self.types:
            return np.zeros(len(queries.items), dtype=np.int64)
        place = {name: 1 + code for code, name in enumerate(self.types)}
        of = np.array([*(place.get(name, 0) for name in queries.type_names), 0], dtype=np.int64)
        codes: Int64[ndarray, events] = of[queries.types]
        return codes

    def classes(self, ages: ndarray, seconds: ndarray) -> tuple[ndarray, ndarray]:
        """Classes of event ages and of the seconds passed; all 0 where the data has neither."""
        none = np.zeros(len(ages), dtype=np.int64)
        age = AGE_CLASSES[np.minimum(ages, FARTHEST - 1)] if self.ordered else none
        if not (self.ordered and self.dated):
            return age, none
        gap = np.frexp(np.maximum(seconds, 0).astype(np.float64))[1]
        return age, np.minimum(gap, GAPS - 1).astype(np.int64)


def age_class(ages: ndarray) -> Int64[ndarray, "e"]:
    """Each age up to 7 by itself, then in steps of a factor 1.6.

    >>> age_class(np.array([0, 7, 8, 13, 100000])).tolist()
    [0, 7, 8, 9, 15]
    """
    far = 8 + np.floor(1.5 * np.log2(np.maximum(ages, 8) / 8))
    return np.where(ages < 8, ages, np.minimum(far, DISTANCES - 1)).astype(np.int64)


AGE_CLASSES = age_class(np.arange(FARTHEST))


def bag_of(queries: Queries, kind: Kind, max_len: int) -> Bag:
    """Whole histories, as they are asked; where there is an order, their newest events."""
    if kind.ordered:
        queries = queries.where(queries.ages() < max_len)
    owners = queries.owners()
    ages, gaps = kind.classes(queries.ages(), queries.now[owners] - queries.times)
    goals = np.full(len(queries), kind.goal, dtype=np.int64)
    items, weights = queries.items.astype(np.int64), queries.weights
    types = kind.codes(queries)
    return Bag(items, owners, queries.offsets[:-1], weights, ages, gaps, types, goals)


class Drawing(NamedTuple):
    """How bags are drawn for training."""

    max_len: int
    dropout: float  # share of the events that are left out at random
    around: float  # share of the examples that also pool what came after, where ordered
    goal_dropout: float = 0.2  # share of the examples that do not say what type is asked for


def drawn_bag(
    queries: Queries,
    codes: Int64[ndarray, "events"],
    kind: Kind,
    places: Int64[ndarray, "m"],
    drawing: Drawing,
    rng: np.random.Generator,
) -> Bag:
    """For each of these events what is pooled to predict it.

    With an order that is the newest events before it, for some examples also the next ones after
    it; else all the others of its history. Events are left out at random; at least max_len of a
    history without an order stay possible.
    """
    of = np.searchsorted(queries.offsets, places, side="right") - 1
    begin, end = queries.offsets[of], queries.offsets[of + 1]
    if kind.ordered:
        begin = np.maximum(begin, places - drawing.max_len)
        both = rng.random(len(places)) < drawing.around
        end = np.where(both, np.minimum(end, places + 1 + drawing.max_len), places)
    sizes = end - begin
    owners = np.repeat(np.arange(len(places)), sizes)
    firsts = np.cumsum(sizes) - sizes
    spots = np.arange(sizes.sum()) - np.repeat(firsts - begin, sizes)
    share = np.full(len(places), 1 - drawing.dropout)
    if not kind.ordered:
        share = np.minimum(share, drawing.max_len / np.maximum(sizes, 1))
    keep = (rng.random(len(spots)) < share[owners]) & (spots != places[owners])
    if not kind.ordered:
        keep &= queries.items[spots] != queries.items[places[owners]]
    else:  # what came again later is not to give itself away
        again = queries.items[spots] == queries.items[places[owners]]
        keep &= ~(again & (spots > places[owners]))
    spots, owners = spots[keep], owners[keep]
    starts = np.searchsorted(owners, np.arange(len(places)))
    seconds = np.abs(queries.times[places[owners]] - queries.times[spots])
    ages, gaps = kind.classes(np.abs(places[owners] - spots) - 1, seconds)
    goals = np.where(rng.random(len(places)) < drawing.goal_dropout, 0, codes[places])
    items, weights = queries.items[spots].astype(np.int64), queries.weights[spots]
    return Bag(items, owners, starts, weights, ages, gaps, codes[spots], goals)
