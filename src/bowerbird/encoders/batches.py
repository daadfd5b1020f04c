"""Histories → batches without work on padding: windows of like length, cut anew every epoch."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from bowerbird.data.queries import Queries

GAPS = 33
"""Classes of a time difference: none, then powers of two of a second up to a century."""
DISTANCES = 16
"""Classes of a distance in events: each up to 7, then in steps of a factor 1.6."""
ANSWERED = 64
"""Queries encoded at a time."""
TYPES_SPOKEN = 16
"""Event types with a vector of their own; rarer ones share the last."""


class Batch(NamedTuple):
    """Padded at the end; row `n_items` of the item table is «no item»."""

    items: Int64[ndarray, "b l"]
    targets: Int64[ndarray, "b l"]  # the item to be predicted at each place; -1 for none
    gaps: Int64[ndarray, "b l l"] | None  # class of the time between two events of a row
    types: Int64[ndarray, "b l"] | None  # 0: not said
    owners: Int64[ndarray, "b"]  # the query each row belongs to


def windows(
    offsets: Int64[ndarray, "b_plus_1"], max_len: int, rng: np.random.Generator
) -> Int64[ndarray, "w 2"]:
    """Every history in pieces of at most max_len + 1 events, the seams at random places.

    Neighbouring pieces share one event: the last input of one is the first target of the next.
    Histories of fewer than two events teach nothing about what follows what.

    >>> windows(np.array([0, 3, 4]), 200, np.random.default_rng(0))
    array([[0, 3]])
    """
    out = []
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        size = max_len if stop - start <= max_len + 1 else int(rng.integers(max_len // 2, max_len))
        while stop - start >= 2:
            first = max(start, stop - size - 1)
            out.append((first, stop))
            stop, size = first + 1, max_len
    return np.array(out, dtype=np.int64).reshape(-1, 2)


def grouped(
    pieces: Int64[ndarray, "w 2"], events: int, rng: np.random.Generator
) -> Iterator[Int64[ndarray, "g 2"]]:
    """Pieces of like length together, about `events` places a batch, batches in random order.

    Lengths are blurred by a tenth before sorting, so that the same pieces do not always meet.
    """
    lengths = pieces[:, 1] - pieces[:, 0] - 1
    order = np.argsort(lengths + rng.random(len(lengths)) * np.maximum(1, 0.1 * lengths))
    ends, widest, start = [], 0, 0
    for place, length in enumerate(lengths[order].tolist()):
        widest = max(widest, rounded(length))
        if widest * (place + 1 - start) > events and place > start:
            ends.append(place)
            start, widest = place, rounded(length)
    groups = np.split(order, ends)
    for number in rng.permutation(len(groups)):
        yield pieces[groups[number]]


def rounded(length: int) -> int:
    """Up to a whole number of eighths of its octave, and of 8 in the end.

    Few shapes come back again and again: for each new one the processor's matrix product is made
    anew, which took a fifth of the time of training on ml-1m.

    >>> [rounded(length) for length in (1, 15, 17, 33, 121, 199)]
    [1, 15, 18, 36, 128, 200]
    """
    step = min(8, max(1, 1 << length.bit_length() >> 4))
    return -(-length // step) * step


def padded(
    queries: Queries, pieces: Int64[ndarray, "w 2"], empty: int, shift: int, dated: bool
) -> Batch:
    """One batch of these pieces; with shift 1 each event is to predict the one after it.

    Args:
        queries: histories laid end to end; pieces are places in them.
        pieces: begin and end of each.
        empty: the row that means «no item».
        shift: 1 in training; 0 when there is nothing to predict.
        dated: False leaves the gaps out.
    """
    lengths = pieces[:, 1] - pieces[:, 0] - shift
    width = int(lengths.max(initial=1))
    width = rounded(width) if shift else width
    place = np.arange(width)
    inside = place < lengths[:, None]
    spot = pieces[:, :1] + np.minimum(place, np.maximum(lengths[:, None] - 1, 0))
    spot = np.minimum(spot, max(len(queries.items) - 1, 0))
    items = np.where(inside, queries.items[spot] if len(queries.items) else empty, empty)
    targets = np.full(items.shape, -1, dtype=np.int64)
    if shift:
        targets = np.where(inside, queries.items[spot + 1], -1).astype(np.int64)
    gaps = None
    if dated:
        times = queries.times[spot] if len(queries.times) else np.zeros(spot.shape, np.int64)
        gaps = gap_classes(times)
    types = None
    if queries.types is not None and len(queries.types):
        spoken = np.minimum(queries.types[spot].astype(np.int64) + 1, TYPES_SPOKEN - 1)
        types = np.where(inside, spoken, 0)
    owners = np.searchsorted(queries.offsets, pieces[:, 0], side="right") - 1
    return Batch(items.astype(np.int64), targets, gaps, types, owners)


def answered(
    queries: Queries, max_len: int, empty: int, dated: bool, start: bool
) -> Iterator[tuple[Batch, Int64[ndarray, "q"]]]:
    """All queries, those of like length together: the batch, and the newest place of each row.

    Args:
        queries: in rows of the item table.
        max_len: so many of the newest events are looked at.
        empty: the row that means «no item».
        dated: False leaves the gaps out.
        start: put a place without an item before each history, where the context speaks.
    """
    order = np.argsort(np.minimum(queries.lengths(), max_len), kind="stable")
    for first in range(0, len(order), ANSWERED):
        some = order[first : first + ANSWERED].astype(np.int64)
        stops = queries.offsets[some + 1]
        begins = np.maximum(queries.offsets[some], stops - max_len)
        pieces = np.stack([begins, stops], axis=1)
        batch = padded(queries, pieces, empty, 0, dated)._replace(owners=some)
        last = np.maximum(stops - begins - 1, 0)
        if start:
            lengths = stops - begins
            batch, last = started(batch, empty, np.full(len(some), -1)), lengths
        yield batch, last


def started(batch: Batch, empty: int, firsts: ndarray) -> Batch:
    """The same rows behind a place without an item, which is to predict `firsts` (-1: nothing)."""
    gaps, types = batch.gaps, batch.types
    if gaps is not None:
        gaps = np.concatenate([gaps[:, :1], gaps], axis=1)
        gaps = np.concatenate([gaps[:, :, :1], gaps], axis=2)
    if types is not None:
        types = np.pad(types, ((0, 0), (1, 0)))
    return Batch(
        np.pad(batch.items, ((0, 0), (1, 0)), constant_values=empty),
        np.concatenate([firsts[:, None].astype(np.int64), batch.targets], axis=1),
        gaps,
        types,
        batch.owners,
    )


def gap_classes(times: Int64[ndarray, "b l"]) -> Int64[ndarray, "b l l"]:
    """0 for the same second, else 1 + ⌊log₂ of the seconds between⌋.

    >>> gap_classes(np.array([[0, 0, 5]]))[0, 2]
    array([3, 3, 0])
    """
    apart = np.abs(times[:, :, None] - times[:, None, :])
    classes = np.frexp(apart.astype(np.float64))[1]  # the power of two just above, 0 for 0
    out: ndarray = np.minimum(classes, GAPS - 1).astype(np.int64)
    return out


def distance_classes(length: int) -> Int64[ndarray, "l l"]:
    """Class of how many events place j is before place i; 0 where it is not before it.

    >>> distance_classes(10)[9].tolist()
    [8, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    """
    place = np.arange(length)
    apart = np.maximum(place[:, None] - place[None, :], 0)
    far = 8 + np.floor(1.5 * np.log2(np.maximum(apart, 8) / 8))
    out: ndarray = np.where(apart < 8, apart, np.minimum(far, DISTANCES - 1)).astype(np.int64)
    return out
