"""Popularity: one dimension in which every query is 1. The baseline every other model must beat."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.stored import store, stored, words_arrays, words_of
from bowerbird.errors import ConfigError

DAY_S = 86_400
KIND = "popularity"


@dataclass(frozen=True, slots=True)
class Popularity:
    """score(item) = log(1 + summed weight), of all times or of the recent past.

    With a segment, people of whom it is known (age band, country, …) get a list of their own: an
    item's share among them, drawn towards its share among everybody:
    (n_seg · share_seg + κ · share_all) / (n_seg + κ), n_seg the segment's events, κ `shrinkage`.
    """

    window_days: float | None = None  # count only what happened so long before the newest event
    half_life_days: float | None = None  # an event this much older counts half
    segment: str | None = None  # name of a category column of the users
    shrinkage: float = 100.0  # κ, in events

    def __post_init__(self) -> None:
        for name in ("window_days", "half_life_days"):
            days = getattr(self, name)
            if days is not None and not days > 0:
                raise ConfigError(f"{name} > 0 expected (or leave it out), {days} came")
        if not self.shrinkage > 0:
            raise ConfigError(f"shrinkage > 0 expected, {self.shrinkage} came")

    def fit(self, data: Dataset) -> "PopularityEncoder":
        """Count.

        Raises:
            ConfigError: a window or half-life for data without dates, or an unknown segment.
        """
        weights = self._weights(data)
        n, items = len(data.catalog), data.log.items
        total = np.bincount(items, weights, n)
        columns = [total]
        labels: tuple[str, ...] = ()
        if self.segment is not None:
            column = self._column(data)
            labels = column.labels
            codes = column.values[data.log.users].astype(np.int64)
            told = codes >= 0
            cells = codes[told] * n + items[told]
            own = np.bincount(cells, weights[told], len(labels) * n).reshape(len(labels), n)
            share = total / max(total.sum(), 1e-12)
            mixed = own + self.shrinkage * share
            mixed /= own.sum(axis=1, keepdims=True) + self.shrinkage
            columns += [*(mixed * total.sum())]  # a share, read as a count of all events
        vectors = np.log1p(np.stack(columns, axis=1)).astype(np.float32)
        vectors[data.item_counts() == 0] = np.nan
        return PopularityEncoder(self, Embeddings(data.catalog.items, vectors), labels)

    def variants(self, data: Dataset) -> tuple["Popularity", ...]:
        """Windows and half-lives of a week, a month and a quarter, where there are dates."""
        if not data.dated:
            return (self,)
        always = replace(self, window_days=None, half_life_days=None)
        windows = [replace(always, window_days=days) for days in (7.0, 30.0, 90.0)]
        fading = [replace(always, half_life_days=days) for days in (7.0, 30.0, 90.0)]
        return tuple(dict.fromkeys([self, always, *windows, *fading]))

    @classmethod
    def load(cls, folder: Path) -> "PopularityEncoder":
        """What `PopularityEncoder.save` wrote."""
        estimator, arrays = stored(folder, KIND, cls)
        table = Embeddings(Vocabulary(words_of("ids", arrays)), arrays["items"])
        return PopularityEncoder(estimator, table, words_of("labels", arrays))

    def _weights(self, data: Dataset) -> Float64[ndarray, "events"]:
        """What each event counts, by its weight and its age."""
        weights = data.log.weights.astype(np.float64)
        if self.window_days is None and self.half_life_days is None:
            return weights
        if not data.dated:
            raise ConfigError(
                "dated interactions expected for window_days or half_life_days, an order without"
                " dates came: give the data a time column, or leave both settings out"
            )
        age_days = (data.newest() - 1 - data.log.times) / DAY_S
        if self.window_days is not None:
            weights[age_days >= self.window_days] = 0
        if self.half_life_days is not None:
            weights *= np.exp2(-age_days / self.half_life_days)
        return weights

    def _column(self, data: Dataset) -> Column:
        valid = [name for name, column in data.traits.items() if column.kind == "category"]
        if self.segment not in valid:
            raise ConfigError(
                f"segment one of {', '.join(valid) or '(no category columns of users)'} expected,"
                f" {self.segment!r} came"
            )
        return data.traits[self.segment]


@dataclass(frozen=True, slots=True)
class PopularityEncoder:
    """Dimension 0 is everybody; dimension 1 + c is the people of segment c."""

    estimator: Popularity
    table: Embeddings
    labels: tuple[str, ...] = ()

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """Log popularity; NaN for items nobody has met."""
        return self.table.take(catalog.items.ids)

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """1 at the segment of whoever asks, or at dimension 0 where it is not known."""
        vectors = np.zeros((len(queries), 1 + len(self.labels)), dtype=np.float32)
        vectors[np.arange(len(queries)), self.places(queries)] = 1
        return vectors

    def places(self, queries: Queries) -> Int64[ndarray, "b"]:
        """The dimension of each query: 1 + c in segment c, 0 where it is not known."""
        column = queries.context.get(self.estimator.segment or "")
        if column is None or column.kind != "category" or not column.labels:
            return np.zeros(len(queries), dtype=np.int64)
        place = {label: 1 + code for code, label in enumerate(self.labels)}
        of = np.array([*(place.get(label, 0) for label in column.labels), 0])
        codes: ndarray = of[column.values]  # code -1 (not given) picks the 0 at the end
        return codes.astype(np.int64)

    def save(self, folder: Path) -> None:
        """Settings, counts, ids and segment labels."""
        words = words_arrays("ids", self.table.ids.ids) | words_arrays("labels", self.labels)
        store(folder, KIND, self.estimator, {"items": self.table.vectors} | words)
