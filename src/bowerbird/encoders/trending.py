"""What is new, and what is met more than it used to be: one dimension each, as popularity is."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.data.columns import NO_TIME
from bowerbird.data.dataset import AVAILABLE_FROM, Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.encoders.popularity import DAY_S, Popularity, PopularityEncoder
from bowerbird.errors import ConfigError

BEFORE = 4
"""Windows before the newest one that say what is usual."""


def trending(data: Dataset, days: float = 7.0, segment: str | None = None) -> PopularityEncoder:
    """(c - e) / √(e + 1): what was met in the last days, beside what was to be expected.

    c is an item's weight of events in the newest window, e its mean over the four windows before
    it: the deviation of a Poisson count in its own standard deviations.

    Args:
        data: with dates.
        days: length of a window.
        segment: category column of the users; people of each category get trends of their own.

    Raises:
        ConfigError: the data has no dates, or no such column.
    """
    if not data.dated:
        raise ConfigError("trending: dated interactions expected, an order without dates came")
    if not days > 0:
        raise ConfigError(f"trending: days > 0 expected, {days} came")
    age = (data.newest() - 1 - data.log.times) / DAY_S
    late = age < days
    usual = ~late & (age < (1 + BEFORE) * days)
    now, before = _counts(data, late, segment), _counts(data, usual, segment) / BEFORE
    levels = (now - before) / np.sqrt(before + 1)
    levels[(now + before) == 0] = np.nan
    whole = Popularity(segment=segment).fit(data)
    return replace(whole, table=Embeddings(whole.table.ids, levels.astype(np.float32)))


def _counts(data: Dataset, part: ndarray, segment: str | None) -> Float64[ndarray, "n kinds"]:
    """Weight of some events by item: of everybody, then of the people of each category."""
    n, log = len(data.catalog), data.log
    items, weights = log.items[part].astype(np.int64), log.weights[part]
    total = np.bincount(items, weights, n).astype(np.float64)[:, None]  # of none: whole numbers
    column = data.traits.get(segment or "")
    if column is None or column.kind != "category":
        return total  # `Popularity` says what is wrong with it
    codes = column.values[log.users[part]].astype(np.int64)
    told, kinds = codes >= 0, len(column.labels)
    own = np.bincount(codes[told] * n + items[told], weights[told], kinds * n)
    return np.hstack([total, own.reshape(kinds, n).T])


def newest(data: Dataset, segment: str | None = None) -> PopularityEncoder:
    """Minus the age in days, by `available_from`, else by the first event; NaN: neither is known.

    Args:
        data: a catalog with `available_from`, or with dates.
        segment: category column of the users; for people of each category only what one of them
            has met.

    Raises:
        ConfigError: the data has no dates and the catalog no `available_from`, or no such column.
    """
    since = first_seen(data)
    if (since == NO_TIME).all():
        raise ConfigError(
            "new items: a column available_from or dated interactions expected, neither came"
        )
    days = (since - since.max()) / DAY_S
    levels = np.where(since == NO_TIME, np.nan, days).astype(np.float32)[:, None]
    counted = Popularity(segment=segment).fit(data)
    if segment is not None:
        codes = data.traits[segment].values[data.log.users].astype(np.int64)
        met = np.zeros((len(data.catalog), len(counted.labels) + 1), dtype=bool)
        met[data.log.items, codes] = True  # -1, of no category, is the last column
        levels = np.hstack([levels, np.where(met[:, :-1], levels, np.float32(np.nan))])
    return replace(counted, table=Embeddings(data.catalog.items, levels))


def first_seen(data: Dataset) -> np.ndarray:
    """(n,) seconds: since when each item is there; NO_TIME where nothing says so."""
    first = np.full(len(data.catalog), np.iinfo(np.int64).max)
    if data.dated:
        np.minimum.at(first, data.log.items, data.log.times)
    first[first == np.iinfo(np.int64).max] = NO_TIME
    column = data.catalog.fields.get(AVAILABLE_FROM)
    if column is None or column.kind != "time":
        return first
    return np.where(column.values != NO_TIME, column.values, first)
