"""Who is asking, as far as a model may know: a batch of histories, and the moment.

The question type of the whole house. A query is never a user id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float32, Int16, Int32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.columns import Column


@dataclass(frozen=True, slots=True)
class Queries:
    """b histories laid end to end; history q is items[offsets[q] : offsets[q+1]], oldest first."""

    items: Int32[ndarray, "events"]  # rows of the catalog; what it does not know is left out
    times: Int64[ndarray, "events"]  # seconds since 1970-01-01 UTC
    weights: Float32[ndarray, "events"]  # ≥ 0; 0 is seen, but no sign of liking
    offsets: Int64[ndarray, "b_plus_1"]
    now: Int64[ndarray, "b"]  # when each is asked; nothing in its history is later
    context: Mapping[str, Column] = field(default_factory=dict)  # b rows each: device, age, …
    types: Int16[ndarray, "events"] | None = None  # codes into type_names; None: all of one type
    type_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, histories: Sequence[Sequence[int]]) -> "Queries":
        """For tests and single requests: a list of lists of item rows, one second apart.

        >>> Queries.of([[3, 1], []]).history(0)
        array([3, 1], dtype=int32)
        """
        offsets = np.cumsum([0, *map(len, histories)], dtype=np.int64)
        items = np.array([row for h in histories for row in h], dtype=np.int32)
        times = np.array([t for h in histories for t in range(len(h))], dtype=np.int64)
        return cls(items, times, np.ones(len(items), np.float32), offsets, np.diff(offsets))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def history(self, q: int) -> Int32[ndarray, "h"]:
        """The item rows of query q, oldest first. A view."""
        rows: Int32[ndarray, h] = self.items[self.offsets[q] : self.offsets[q + 1]]
        return rows

    def lengths(self) -> Int64[ndarray, "b"]:
        """Events in each history."""
        return np.diff(self.offsets)

    def owners(self) -> Int64[ndarray, "events"]:
        """The query each event belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths())

    def ages(self) -> Int64[ndarray, "events"]:
        """0 for the newest event of each history, 1 for the one before it, and so on.

        >>> Queries.of([[5, 6, 7], [8]]).ages()
        array([2, 1, 0, 0])
        """
        return np.repeat(self.offsets[1:], self.lengths()) - 1 - np.arange(len(self.items))

    def where(self, keep: Bool[ndarray, "events"]) -> "Queries":
        """The same queries with only some of their events."""
        if keep.all():
            return self
        counts = np.bincount(self.owners()[keep], minlength=len(self))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return replace(self._picked(keep), offsets=offsets)

    def known(self, n_items: int) -> "Queries":
        """Only events on the first n_items rows, and only those that are a sign of liking.

        What an encoder calls first: a row it was not fitted on says nothing to it.
        """
        return self.where((self.items >= 0) & (self.items < n_items) & (self.weights > 0))

    def take(self, rows: ndarray) -> "Queries":
        """These queries, in this order; a row of -1 is someone nothing is known of, asked last.

        >>> Queries.of([[5, 6], [7]]).take(np.array([1, -1])).lengths()
        array([1, 0])
        """
        there = rows >= 0
        sizes = np.where(there, self.offsets[rows + there] - self.offsets[rows], 0)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        picks = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.offsets[rows], sizes)
        last = self.now.max(initial=0)
        now = np.where(there, self.now[rows], last) if len(self) else np.full(len(rows), last)
        context = {name: column.take(rows) for name, column in self.context.items()}
        return replace(self._picked(picks), offsets=offsets, now=now, context=context)

    def then(self, other: "Queries") -> "Queries":
        """These queries and the others behind them; the context must be of the same columns."""
        offsets = np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]])
        names = tuple(dict.fromkeys([*self.type_names, *other.type_names]))
        types = [some._types_in(names) for some in (self, other)]
        return Queries(
            np.concatenate([self.items, other.items]),
            np.concatenate([self.times, other.times]),
            np.concatenate([self.weights, other.weights]),
            offsets,
            np.concatenate([self.now, other.now]),
            {name: column.then(other.context[name]) for name, column in self.context.items()},
            np.concatenate(types) if names else None,
            names,
        )

    def counts(self, n_items: int) -> csr_array:
        """(b, n_items): summed weight of each item in each history."""
        known = self.known(n_items)
        shape = (len(known), n_items)
        events = (known.weights, known.items, known.offsets)
        summed = csr_array(events, shape=shape, copy=True)  # summing rewrites its arrays
        summed.sum_duplicates()
        return summed

    def _picked(self, events: ndarray) -> "Queries":
        """Only these events (a mask, or places in this order); the offsets are still the old."""
        return replace(
            self,
            items=self.items[events],
            times=self.times[events],
            weights=self.weights[events],
            types=None if self.types is None else self.types[events],
        )

    def _types_in(self, names: tuple[str, ...]) -> Int16[ndarray, "events"]:
        """The type of each event as a code into these names; -1 where nobody has said it."""
        if self.types is None:
            return np.full(len(self.items), -1, dtype=np.int16)
        code = {name: place for place, name in enumerate(names)}
        of = np.array([*(code[name] for name in self.type_names), -1], dtype=np.int16)
        codes: ndarray = of[self.types]
        return codes
