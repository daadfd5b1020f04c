"""What is known of a hit, as named numbers: one code, when it is learned from and when it is used.

Counts are of the data the features were made from: of the training part when a re-ranker is
learned, of everything when lists are made. NaN says that something is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.columns import NO_TIME
from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.encoders.trending import first_seen
from bowerbird.index.index import Hits
from bowerbird.ranking.calibrate import category_shares
from bowerbird.ranking.step import relevance

NEWEST = 0.1
"""Of all events: what happened in this part is the trend."""
LATELY = 5
"""Newest liked events of a history whose followers are looked at."""
FADING = 0.7
"""What each of them counts of the one after it."""
DAY_S = 86_400.0

PLAIN = (
    "score",  # the retriever's
    "relevance",  # the same, 0 … 1 within the query
    "reciprocal_rank",  # 1 / place
    "popularity",  # log(1 + count), less its mean over the items met
    "popularity_off",  # the same, less its mean over the history
    "trend",  # share of the item's events in the newest tenth of all
    "age_days",  # since it has been available, else since its first event
    "history",  # liked events
    "idle_days",  # since the last of them
    "follows",  # share of what came directly after the last liked item, that was this one
    "follows_lately",  # the same over the newest five, fading
)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Facts about n items, and from them the features of hits.

    Beside those of `PLAIN`, for each category or list column of the catalog `share.NAME`, the share
    of the history that lies in the item's labels (columns that name each item are left out); for
    each number column `value.NAME`, and `off.NAME`, the same less its mean over the history.
    """

    popularity: Float64[ndarray, "n"]
    trend: Float64[ndarray, "n"]
    since: Float64[ndarray, "n"]  # seconds since 1970 UTC
    now: int  # the newest moment there is; nobody is asked before it
    dated: bool  # are there moments, so that ages can be said?
    follows: csr_array  # (n, n) rows sum to 1, or to 0 where nothing came after; empty: no order
    labels: Mapping[str, csr_array]  # (n, labels) an item's labels, in equal parts
    numbers: Mapping[str, Float64[ndarray, "n"]]

    @classmethod
    def of(cls, data: Dataset) -> "Features":
        """What this data says of the items of its catalog."""
        fields = data.catalog.fields
        labelled = {n: c for n, c in fields.items() if c.kind in ("category", "list")}
        parts = {name: category_shares(column) for name, column in labelled.items()}
        return cls(
            popularity=_popularity(data),
            trend=_trend(data),
            since=_since(data),
            now=data.newest(),
            dated=data.dated,
            follows=_follows(data),
            labels={name: part for name, part in parts.items() if _joins(part)},
            numbers={
                n: c.values.astype(np.float64) for n, c in fields.items() if c.kind == "number"
            },
        )

    @property
    def names(self) -> tuple[str, ...]:
        """One a feature, in the order of their values."""
        numbers = [f"{what}.{name}" for name in self.numbers for what in ("value", "off")]
        return (*PLAIN, *(f"share.{name}" for name in self.labels), *numbers)

    def __len__(self) -> int:
        return len(self.popularity)

    def __call__(self, queries: Queries, hits: Hits) -> Float32[ndarray, "b m f"]:
        """Every feature of every hit; NaN where there is no hit.

        Cost: O(b·m·f), and memory as much; some thousand queries at a time are enough.
        """
        liked = queries.known(len(self))
        there = hits.rows >= 0
        rows = np.where(there, hits.rows, 0)
        parts = [
            *self._of_the_list(hits),
            *self._of_the_items(liked, rows),
            *self._of_the_history(liked, queries, rows),
            *(_shares(parts, liked, rows) for parts in self.labels.values()),
        ]
        for values in self.numbers.values():
            parts += [values[rows], _off(values, liked, rows)]
        out = np.empty((*rows.shape, len(parts)), dtype=np.float32)
        for place, part in enumerate(parts):
            out[..., place] = np.where(there, part, np.nan)
        return out

    def _of_the_list(self, hits: Hits) -> list[ndarray]:
        places = np.arange(1, hits.rows.shape[1] + 1)
        return [hits.scores, relevance(hits), np.broadcast_to(1 / places, hits.rows.shape)]

    def _of_the_items(self, liked: Queries, rows: Int32[ndarray, "b m"]) -> list[ndarray]:
        age = (self._moments(liked)[:, None] - self.since[rows]) / DAY_S
        off = _off(self.popularity, liked, rows)
        return [self.popularity[rows], off, self.trend[rows], age]

    def _of_the_history(
        self, liked: Queries, queries: Queries, rows: Int32[ndarray, "b m"]
    ) -> list[ndarray]:
        lengths = liked.lengths()
        last = np.full(len(liked), np.nan)
        if self.dated:
            last[lengths > 0] = liked.times[liked.offsets[1:][lengths > 0] - 1]
        idle = (self._moments(queries) - last) / DAY_S
        columns = [np.broadcast_to(a[:, None], rows.shape) for a in (lengths, idle)]
        last_one, lately = self._followers(liked, rows)
        return [*columns, last_one, lately]

    def _moments(self, queries: Queries) -> Float64[ndarray, "b"]:
        """When each is asked: never before the newest event, for what came up to it is counted."""
        moments: ndarray = np.maximum(queries.now, self.now).astype(np.float64)
        return moments

    def _followers(self, liked: Queries, rows: ndarray) -> tuple[ndarray, ndarray]:
        """`follows` and `follows_lately`; NaN without a history, or where data has no order."""
        first = np.full(rows.shape, np.nan)
        if not self.follows.nnz:
            return first, first
        total, ages = np.zeros(rows.shape), liked.ages()
        owners, known = liked.owners(), liked.lengths() > 0
        for age in range(LATELY):
            these = ages == age
            found = np.zeros(rows.shape)
            who = owners[these]
            found[who] = _at(self.follows[liked.items[these]], rows[who])
            total += FADING**age * found
            if age == 0:
                first = np.where(known[:, None], found, np.nan)
        return first, np.where(known[:, None], total, np.nan)


def _popularity(data: Dataset) -> Float64[ndarray, "n"]:
    counts = data.item_counts()
    level: ndarray = np.log1p(counts)
    met = counts > 0
    return level - (level[met].mean() if met.any() else 0.0)


def _trend(data: Dataset) -> Float64[ndarray, "n"]:
    log, n = data.log.where(data.log.weights > 0), len(data.catalog)
    if not data.dated or not len(log):
        return np.full(n, np.nan)
    late = log.times >= np.quantile(log.times, 1 - NEWEST)
    total = np.bincount(log.items, minlength=n)
    newest = np.bincount(log.items[late], minlength=n)
    share: ndarray = np.divide(newest, total, out=np.full(n, np.nan), where=total > 0)
    return share


def _since(data: Dataset) -> Float64[ndarray, "n"]:
    """From when on each item has been there; NaN where nobody can say."""
    if not data.dated:
        return np.full(len(data.catalog), np.nan)
    first = first_seen(data)
    return np.where(first == NO_TIME, np.nan, first.astype(np.float64))


def _follows(data: Dataset) -> csr_array:
    """(n, n): of what was liked directly after the item of a row, the share of each item."""
    n = len(data.catalog)
    log = data.log.where(data.log.weights > 0)
    pairs = np.flatnonzero(np.diff(log.users) == 0) if data.ordered else np.array([], np.int64)
    one, next_ = log.items[pairs], log.items[pairs + 1]
    counted = csr_array((np.ones(len(pairs)), (one, next_)), shape=(n, n))
    counted.sum_duplicates()
    total = np.bincount(one, minlength=n)
    shares = counted.data / np.repeat(total, np.diff(counted.indptr))
    return csr_array((shares, counted.indices, counted.indptr), shape=(n, n))


def _joins(parts: csr_array) -> bool:
    """Is there a label that two items have?"""
    return bool(np.bincount(parts.indices, minlength=1).max(initial=0) > 1)


def _shares(parts: csr_array, liked: Queries, rows: ndarray) -> Float64[ndarray, "b m"]:
    """Of the history's labels, the share that the item's labels have; NaN where either has none."""
    b, m = rows.shape
    taste = csr_array(liked.counts(parts.shape[0]) @ parts)
    taste.sort_indices()
    total = np.asarray(taste.sum(axis=1)).ravel()
    flat = rows.ravel()
    many, starts = np.diff(parts.indptr)[flat], parts.indptr[flat]
    codes = parts.indices[np.arange(many.sum()) + np.repeat(starts - np.cumsum(many) + many, many)]
    pair = np.repeat(np.arange(b * m), many)
    summed = np.bincount(pair, _lookup(taste, pair // m, codes), b * m).reshape(b, m)
    known = (total > 0)[:, None] & (many > 0).reshape(b, m)
    share: ndarray = np.divide(summed, total[:, None], out=np.full((b, m), np.nan), where=known)
    return share


def _off(values: ndarray, liked: Queries, rows: ndarray) -> Float64[ndarray, "b m"]:
    """Of the item, less the mean over the history; NaN where either is not known."""
    told = values[liked.items]
    there = np.isfinite(told)
    owners, b = liked.owners()[there], len(liked)
    count = np.bincount(owners, minlength=b)
    total = np.bincount(owners, told[there], b)
    mean = np.divide(total, count, out=np.full(b, np.nan), where=count > 0)
    off: ndarray = values[rows] - mean[:, None]
    return off


def _at(matrix: csr_array, columns: Int32[ndarray, "b m"]) -> Float64[ndarray, "b m"]:
    """Row q's values in these columns."""
    b, m = columns.shape
    return _lookup(matrix, np.repeat(np.arange(b), m), columns.ravel()).reshape(b, m)


def _lookup(matrix: csr_array, rows: ndarray, columns: ndarray) -> Float64[ndarray, "asked"]:
    """Values of a matrix at these places; 0 where nothing is stored."""
    width = np.int64(matrix.shape[1])
    keys = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
    if not len(keys):
        return np.zeros(len(rows))
    asked = rows * width + columns
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, matrix.data[place], 0.0)
