"""So many of each kind: quotas by a category of the catalog, as a step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int32
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.step import Want, reordered


@dataclass(frozen=True, slots=True, eq=False)
class Quota:
    """The best k with at least and at most so many of some categories, in the order they had.

    Of all lists of k that keep the quotas it has the largest sum of scores, for what has one
    category is a matroid and taking greedily is best there (Edmonds 1971). A list is never made
    shorter: where there are not enough others, items above their quota fill the last places.
    """

    codes: Int32[ndarray, "n"]  # category of each item, -1 none
    labels: tuple[str, ...]
    most: Mapping[str, int] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    each: int | None = None  # at most so many of every category that `most` does not name
    k: int = 10

    def __post_init__(self) -> None:
        unknown = sorted({*self.most, *self.least} - set(self.labels))
        if unknown:
            came = f"{', '.join(map(repr, unknown))} came"
            known = f"{', '.join(self.labels[:5])}{', …' if len(self.labels) > 5 else ''}"
            raise ConfigError(f"quota: categories among {known} expected, {came}")
        numbers = [*self.most.values(), *self.least.values(), self.each or 0]
        if min(numbers) < 0 or self.k < 1:
            raise ConfigError(f"quota: numbers ≥ 0 and k ≥ 1 expected, {min(numbers)} came")
        if sum(self.least.values()) > self.k:
            came = f"{sum(self.least.values())} came"
            raise ConfigError(f"quota: at least {self.k} (k) in all or fewer expected, {came}")
        for label in set(self.most) & set(self.least):
            if self.most[label] < self.least[label]:
                came = f"{self.least[label]} and {self.most[label]} came"
                raise ConfigError(f"quota: least ≤ most expected for {label!r}, {came}")

    @classmethod
    def by(
        cls,
        column: Column,
        most: Mapping[str, int] | None = None,
        least: Mapping[str, int] | None = None,
        each: int | None = None,
        k: int = 10,
    ) -> "Quota":
        """By a category column of the catalog: `type`, `category`, a brand.

        Raises:
            ConfigError: a column of another kind, or a category it has not.
        """
        if column.kind != "category":
            raise ConfigError(f"quota: a category column expected, {column.kind} came")
        return cls(column.values, column.labels, most or {}, least or {}, each, k)

    def wants(self) -> Sequence[Want]:
        """As many of each category as it must have."""
        return [
            Want(self.codes == self.labels.index(label), number)
            for label, number in self.least.items()
        ]

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The k of the quotas first, then the others."""
        most, least = self._limits()
        places = np.full(hits.rows.shape, -1, dtype=np.int32)
        for q, rows in enumerate(hits.rows):
            there = np.flatnonzero(rows >= 0)
            chosen = self._chosen(self.codes[rows[there]], most, least)
            order = np.concatenate([there[chosen], there[~chosen]])
            places[q, : len(order)] = order
        return reordered(hits, places)

    def _limits(self) -> tuple[ndarray, ndarray]:
        """Most and least of each category; the last is of what has none."""
        endless = self.k if self.each is None else self.each
        most = np.array([self.most.get(label, endless) for label in self.labels] + [self.k])
        least = np.array([self.least.get(label, 0) for label in self.labels] + [0])
        return most, least

    def _chosen(self, codes: ndarray, most: ndarray, least: ndarray) -> ndarray:
        """Which of the hits, best first, are among the k; as many as there can be within `most`."""
        taken, counts = np.zeros(len(codes), dtype=bool), np.zeros(len(most), dtype=int)
        for place, code in enumerate(codes):  # what must be there
            if counts[code] < least[code]:
                taken[place] = True
                counts[code] += 1
        for place, code in enumerate(codes):
            if taken.sum() == self.k:
                break
            if not taken[place] and counts[code] < most[code]:
                taken[place] = True
                counts[code] += 1
        return taken
