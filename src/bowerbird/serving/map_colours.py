"""What a map is coloured by: a code for each item, and what each code means."""

import base64
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, Int32, UInt8
from msgspec import Struct
from numpy import ndarray

from bowerbird.data.columns import NO_TIME, Column
from bowerbird.data.dataset import AVAILABLE_FROM, ITEM_TYPE
from bowerbird.errors import ConfigError
from bowerbird.serving.snapshot import Snapshot, counted

HUES, STEPS = 7, 8
"""Labels that have a colour of their own, and steps from little to much."""
OTHERS, NOTHING = 254, 255
"""Codes of labels without a colour, and of items without a label."""
DAY_S = 86_400
POPULARITY, AGE = "popularity", "age"


class Shade(Struct):
    """What a code means."""

    code: int
    label: str
    count: int


class Colours(Struct):
    """A code for each row of the map: bytes, in base64."""

    by: str
    kind: str  # labels: codes 0 to 6, 254 for all others; steps: 0 to 7 from little to much
    legend: list[Shade]
    codes: str


class Colouring(Struct):
    """What items can be coloured by."""

    name: str
    kind: str  # labels or steps


def colourings(snapshot: Snapshot) -> list[Colouring]:
    """What there is: type first, then columns, then what is counted."""
    names = {n: c.kind for n, c in snapshot.catalog.fields.items()}
    labels = [n for n, kind in names.items() if kind in ("category", "list")]
    labels.sort(key=lambda name: name != ITEM_TYPE)
    steps = [n for n, kind in names.items() if kind in ("number", "time")]
    steps += [name for name in (POPULARITY, AGE) if name not in names]
    if not snapshot.run.data.dated and AVAILABLE_FROM not in names and AGE in steps:
        steps.remove(AGE)
    return [Colouring(n, "labels") for n in labels] + [Colouring(n, "steps") for n in steps]


def coloured(snapshot: Snapshot, by: str, now: int) -> Colours:
    """Every item's code.

    Args:
        snapshot: whose items.
        by: one of `colourings`.
        now: seconds since 1970 UTC.

    Raises:
        ConfigError: there is no such thing to colour by.
    """
    valid = [one.name for one in colourings(snapshot)]
    if by not in valid:
        raise ConfigError(f"by: one of {', '.join(valid)} expected, {by!r} came")
    column = snapshot.catalog.fields.get(by)
    if column is not None and column.kind in ("category", "list"):
        codes, legend = _labelled(_first(column), column.labels)
        return Colours(by, "labels", legend, _packed(codes))
    if column is not None:
        values, words = _valued(column)
    elif by == POPULARITY:
        values = counted(snapshot).data.item_counts().astype(np.float64)
        values, words = _as_long(values, len(snapshot.catalog), 0.0), _whole
    else:
        values, words = _ages(snapshot, now), _days
    codes, legend = _stepped(values, words)
    return Colours(by, "steps", legend, _packed(codes))


def _first(column: Column) -> Int32[ndarray, "n"]:
    """The label of each row; of several the first; -1: none."""
    if column.offsets is None:
        return column.values
    starts, stops = column.offsets[:-1], column.offsets[1:]
    if not len(column.values):
        return np.full(len(column), -1, np.int32)
    first = column.values[np.minimum(starts, len(column.values) - 1)]
    return np.where(stops > starts, first, np.int32(-1)).astype(np.int32)


def _labelled(
    labels: Int32[ndarray, "n"], names: tuple[str, ...]
) -> tuple[UInt8[ndarray, "n"], list[Shade]]:
    """The most frequent have a colour each."""
    counts = np.bincount(labels[labels >= 0], minlength=len(names))
    order = [int(c) for c in np.argsort(-counts, kind="stable") if counts[c]]
    own = order if len(order) <= HUES else order[:HUES]
    codes = np.full(len(labels), OTHERS, np.uint8)
    codes[labels < 0] = NOTHING
    legend = []
    for code, label in enumerate(own):
        codes[labels == label] = code
        legend.append(Shade(code, names[label], int(counts[label])))
    rest = len(order) - len(own)
    if rest:
        legend.append(Shade(OTHERS, f"{rest} others", int((codes == OTHERS).sum())))
    return codes, _with_none(codes, legend)


def _stepped(
    values: Float64[ndarray, "n"], words: Callable[[float], str]
) -> tuple[UInt8[ndarray, "n"], list[Shade]]:
    """Steps with about as many items each; a step says its least and its most."""
    known = np.isfinite(values)
    codes = np.full(len(values), NOTHING, np.uint8)
    legend: list[Shade] = []
    if known.any():
        inner = np.quantile(values[known], np.arange(1, STEPS) / STEPS, method="lower")
        place = np.searchsorted(np.unique(inner), values[known], side="left")
        _, place = np.unique(place, return_inverse=True)
        most = max(int(place.max()), 1)
        codes[known] = np.round(place * (STEPS - 1) / most).astype(np.uint8)
        for code in np.unique(codes[known]).tolist():
            there = values[codes == code]
            low, high = words(float(there.min())), words(float(there.max()))
            legend.append(Shade(code, low if low == high else f"{low} – {high}", len(there)))
    return codes, _with_none(codes, legend)


def _with_none(codes: UInt8[ndarray, "n"], legend: list[Shade]) -> list[Shade]:
    none = int((codes == NOTHING).sum())
    return [*legend, Shade(NOTHING, "none", none)] if none else legend


def _valued(column: Column) -> tuple[Float64[ndarray, "n"], Callable[[float], str]]:
    if column.kind == "time":
        values = np.where(column.values == NO_TIME, np.nan, column.values.astype(np.float64))
        return values, _date
    return column.values.astype(np.float64), lambda value: f"{value:g}"


def _ages(snapshot: Snapshot, now: int) -> Float64[ndarray, "n"]:
    """Days since an item could be shown first, else since it was first met."""
    log, n = snapshot.run.data.log, len(snapshot.catalog)
    since = np.full(n, np.inf)
    if snapshot.run.data.dated:
        np.minimum.at(since, log.items, log.times.astype(np.float64))
    column = snapshot.catalog.fields.get(AVAILABLE_FROM)
    if column is not None and column.kind == "time":
        said = column.values != NO_TIME
        since[said] = column.values[said]
    return np.where(np.isfinite(since), np.maximum(now - since, 0) // DAY_S, np.nan)


def _as_long(values: ndarray, n: int, rest: float) -> ndarray:
    """What was counted may be of fewer items than there are by now."""
    return np.concatenate([values, np.full(max(n - len(values), 0), rest)])[:n]


def _date(value: float) -> str:
    return str(np.datetime64(int(value), "s"))[:10]


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _days(value: float) -> str:
    return f"{value:,.0f} d"


def _packed(codes: UInt8[ndarray, "n"]) -> str:
    return base64.b64encode(codes.tobytes()).decode("ascii")
