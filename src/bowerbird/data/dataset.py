"""Users, items and the log of what passed between them.

One file since none is of use without the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float32, Int16, Int32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.columns import NO_TIME, Column
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import DataError

AVAILABLE_FROM = "available_from"
AVAILABLE_UNTIL = "available_until"
ITEM_TYPE = "type"


@dataclass(frozen=True, slots=True)
class Interactions:
    """User u met item i at time t with weight w. Sorted by user, then time, then source order."""

    users: Int32[ndarray, "n"]
    items: Int32[ndarray, "n"]
    times: Int64[ndarray, "n"]  # seconds since 1970-01-01 UTC, or an order within the user
    weights: Float32[ndarray, "n"]  # ≥ 0; 1 is one ordinary event, 0 is seen but not liked
    types: Int16[ndarray, "n"] | None = None  # codes into type_names; None is one type only
    type_names: tuple[str, ...] = ("event",)
    values: Float32[ndarray, "n"] | None = None  # money or quantity; NaN where there is none
    context: Mapping[str, Column] = field(default_factory=dict)  # n rows each: device, surface, …

    def __post_init__(self) -> None:
        step = np.diff(self.users)
        if (step < 0).any() or ((step == 0) & (np.diff(self.times) < 0)).any():
            raise DataError("interactions must be sorted by user, then time")
        if len(self.weights) and not self.weights.min() >= 0:
            raise DataError("interaction weights ≥ 0 expected, a negative or NaN one came")

    def where(self, keep: ndarray) -> "Interactions":
        """The interactions of this mask (or of these ascending places)."""
        return replace(
            self,
            users=self.users[keep],
            items=self.items[keep],
            times=self.times[keep],
            weights=self.weights[keep],
            types=None if self.types is None else self.types[keep],
            values=None if self.values is None else self.values[keep],
            context={n: replace(c, values=c.values[keep]) for n, c in self.context.items()},
        )

    def moved(
        self, users: Int32[ndarray, "n"], items: Int32[ndarray, "n"] | None = None
    ) -> "Interactions":
        """The same events under other rows, sorted again; ties keep their order."""
        by = np.lexsort((self.times, users))
        return replace(
            self,
            users=users[by],
            items=(self.items if items is None else items)[by],
            times=self.times[by],
            weights=self.weights[by],
            types=None if self.types is None else self.types[by],
            values=None if self.values is None else self.values[by],
            context={name: column.take(by) for name, column in self.context.items()},
        )

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The items there are, and what is written on them."""

    items: Vocabulary
    fields: Mapping[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, column in self.fields.items():
            if len(column) != len(self.items):
                came = f"{len(column)} rows in field {name!r}"
                raise DataError(f"{len(self.items)} rows expected, one an item, {came}")

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: ndarray) -> "Catalog":
        """These items, in this order, and what is written on them.

        >>> Catalog(Vocabulary.of(["a", "b"])).take(np.array([1])).items.ids
        ('b',)
        """
        ids = Vocabulary(tuple(self.items.ids[row] for row in rows), self.items.kind)
        return Catalog(ids, {name: column.take(rows) for name, column in self.fields.items()})

    def titles(self) -> list[str]:
        """What a person calls each item: its title, name or first text; else its id.

        >>> Catalog(Vocabulary.of(["a"]), {"title": Column.text(["Heat"])}).titles()
        ['Heat']
        """
        texts = [name for name, column in self.fields.items() if column.kind == "text"]
        named = [name for name in ("title", "name") if name in self.fields] + texts
        if not named:
            return list(self.items.ids)
        words = self.fields[named[0]].words()
        return [word or id for word, id in zip(words, self.items.ids, strict=True)]

    def available(self, now: int) -> Bool[ndarray, "n"] | None:
        """Which items may be shown at this moment; None when all may always be."""
        start, stop = self.fields.get(AVAILABLE_FROM), self.fields.get(AVAILABLE_UNTIL)
        if start is None and stop is None:
            return None
        allow = np.ones(len(self), dtype=bool)
        if start is not None:  # NO_TIME is the smallest of all times: available since ever
            allow &= start.values <= now
        if stop is not None:
            allow &= (stop.values == NO_TIME) | (stop.values > now)
        return allow

    def types(self) -> Column | None:
        """What sort of thing each item is, where the catalog holds several sorts."""
        column = self.fields.get(ITEM_TYPE)
        return column if column is not None and column.kind == "category" else None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Everything an estimator may learn from."""

    users: Vocabulary
    catalog: Catalog
    log: Interactions
    traits: Mapping[str, Column] = field(default_factory=dict)  # user columns, one row a user
    ordered: bool = True  # False: nobody said what came first, so times mean nothing
    dated: bool = True  # False: times are an order within the user, not moments

    def matrix(self) -> csr_array:
        """(n_users, n_items): summed weights of the interactions that are a sign of liking."""
        log = self.log
        liked = log.weights > 0
        pairs = (log.users[liked], log.items[liked])
        shape = (len(self.users), len(self.catalog))
        summed = csr_array((log.weights[liked], pairs), shape=shape)
        summed.sum_duplicates()
        return summed

    def item_counts(self) -> Int64[ndarray, "n"]:
        """How many interactions (weight above 0) each item has; 0 is a cold item."""
        return np.bincount(self.log.items[self.log.weights > 0], minlength=len(self.catalog))

    def queries(self) -> Queries:
        """Every user's whole history, row by row, asked just after its last event. A view."""
        log, n = self.log, len(self.users)
        offsets = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(log.users, minlength=n), out=offsets[1:])
        now = np.zeros(n, dtype=np.int64)
        filled = offsets[1:] > offsets[:-1]
        now[filled] = log.times[offsets[1:][filled] - 1] + 1
        names = () if log.types is None else log.type_names
        events = (log.items, log.times, log.weights)
        return Queries(*events, offsets, now, self.traits, log.types, names)

    def with_log(self, log: Interactions) -> "Dataset":
        """The same people and catalog with another log: what splits make."""
        return replace(self, log=log)

    def newest(self) -> int:
        """The moment just after the last event; 0 for an empty log."""
        return int(self.log.times.max()) + 1 if len(self.log) else 0
