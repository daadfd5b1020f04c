"""What has changed between two windows of events, or between vectors that were asked with.

An alarm is no error: it says that the newest events are unlike those that were learned from, surely
and by much. Data that are broken are told by `suspicious`.
"""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.errors import DataError
from bowerbird.evaluation.divergence import (
    Counted,
    clustered_law,
    mmd_limit,
    psi,
    quantile_edges,
)
from bowerbird.evaluation.lights import Light, number, percent
from bowerbird.evaluation.report import plain

DAY_S, WEEK = 86_400, 7
MOST_LABELS = 30
"""Of a category; the rarest are one."""
FEW = 5
"""Events that a label has in the reference, or it is one of the rarest."""
REMEDY = "look at what changed it; if it is meant, train on newer events"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is much, and what is sure."""

    psi: float = 0.1
    p: float = 0.001  # of chance, by the law of PSI over people
    points: float = 0.1  # of a share
    times: float = 2.0  # as many events a day, or as few


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is compared."""

    name: str  # stable, for machines
    figure: float  # NaN: cannot be had
    limit: float
    light: Light

    def to_json(self) -> dict[str, object]:
        """Plain data: numbers, and the light in words."""
        light = asdict(self.light)
        light["shown"], light["expected"] = light.pop("figure"), light.pop("limit")
        numbers = {"figure": plain(self.figure), "limit": plain(self.limit)}
        return {**light, "title": light["name"], "name": self.name, **numbers}


@dataclass(frozen=True, slots=True)
class _Windows:
    """Two windows, people under one number and items under one id."""

    old: Dataset
    new: Dataset
    limits: Limits
    people: ndarray  # of each of new's users, the row in old, or one of their own

    def who(self, side: Dataset, places: ndarray) -> ndarray:
        """The people of these events."""
        users: ndarray = side.log.users[places].astype(np.int64)
        if side is self.new:
            users = self.people[users]
        return users

    @property
    def length(self) -> int:
        """Days of the new window, begun ones counted."""
        return _days(self.new)


def drifts(old: Dataset, new: Dataset, limits: Limits = Limits()) -> list[Drift]:
    """Two windows of events, side by side; those that drifted first.

    Histograms are compared by PSI: an alarm is above `limits.psi`, and above what chance exceeds
    with probability `limits.p`, people (not events) being drawn. So neither a million events nor
    twenty people raise one.

    Args:
        old: the reference; at least three times as long, for what is known of who came.
        new: the newest events.
        limits: where a figure becomes an alarm.

    Raises:
        DataError: a window is empty, or has no moments.
    """
    for name, data in (("old", old), ("new", new)):
        if not data.dated or not len(data.log):
            raise DataError(
                f"{name} window: events with moments expected, none came: take a longer one"
            )
    people = old.users.rows(new.users.ids).astype(np.int64)
    people[people < 0] = len(old.users) + np.arange((people < 0).sum())
    windows = _Windows(old, new, limits, people)
    found = [
        *(_types(windows), _hours(windows), _weekdays(windows), _popularity(windows)),
        *_categories(windows),
        *_numbers(windows),
        *(_values(windows), _a_day(windows), *_known(windows)),
    ]
    return sorted(found, key=lambda drift: drift.light.ok is not False)


def drift_of_vectors(
    old: Float32[ndarray, "n dim"], new: Float32[ndarray, "m width"], seed: int = 0
) -> Drift:
    """Query vectors of one space then and now, by MMD² with permutations (p < .001).

    Rows of zeros and of NaN are left out. At most 2,000 of each side are compared, so what is an
    alarm is large enough to be seen among these.

    Raises:
        DataError: fewer than two vectors on a side, or of another length.
    """
    old, new = (v[np.isfinite(v).all(axis=1) & v.any(axis=1)] for v in (old, new))
    figure, limit = mmd_limit(old, new, seed=seed)
    light = Light(
        "Query vectors",
        f"MMD² {number(figure, 5)}",
        f"at most {number(limit, 5)}",
        figure <= limit,
        "Who asks now is elsewhere in the space than who asked then",
        REMEDY,
    )
    return Drift("query-vectors", figure, limit, light)


def _types(windows: _Windows) -> Drift:
    names = tuple(dict.fromkeys(windows.old.log.type_names + windows.new.log.type_names))
    code = {name: place for place, name in enumerate(names)}
    sides = []
    for side in (windows.old, windows.new):
        places = np.arange(len(side.log))
        types = side.log.types if side.log.types is not None else np.zeros(len(places), np.int16)
        codes = np.array([code[name] for name in side.log.type_names], dtype=np.int64)
        sides.append(Counted(windows.who(side, places), codes[types]))
    return _compared(windows, ("event-types", "Types of events"), sides, names)


def _hours(windows: _Windows) -> Drift:
    """Of whole days, counted back from the last event."""
    names = [f"{hour:02}:00" for hour in range(24)]
    sides = [_clock(windows, side, 1, 3600) for side in (windows.old, windows.new)]
    return _compared(windows, ("hours", "Hours of the day (UTC)"), sides, names)


def _weekdays(windows: _Windows) -> Drift:
    """Of whole weeks, counted back from the last event."""
    names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]  # 1970 began on a Thursday
    sides = [_clock(windows, side, WEEK, DAY_S) for side in (windows.old, windows.new)]
    return _compared(windows, ("weekdays", "Days of the week (UTC)"), sides, names)


def _clock(windows: _Windows, side: Dataset, days: int, step: int) -> Counted:
    """In which step of so many days events of a whole number of such spans lie."""
    span, times = days * DAY_S, side.log.times
    whole = (_days(side) // days) * span
    places = np.flatnonzero(times >= side.newest() - whole)
    return Counted(windows.who(side, places), times[places] % span // step)


def _popularity(windows: _Windows) -> Drift:
    """Items met, in tenths of the reference's events from rare to popular.

    Half of the people say what is popular, the other half is compared: what was met often by
    chance would seem to be met less often now.
    """
    old, new = windows.old, windows.new
    told = _half(old)[old.log.users]
    counts = np.bincount(old.log.items[told], minlength=len(old.catalog))
    order = np.argsort(counts, kind="stable")
    ranked = np.cumsum(counts[order])
    tenth = np.empty(len(counts), dtype=np.int64)
    tenth[order] = np.minimum((ranked - 1) * 10 // max(int(counts.sum()), 1), 9)
    tenth[counts == 0] = -1
    names = ["never met", *(f"tenth {place}" for place in range(1, 11))]
    rows = old.catalog.items.rows(new.catalog.items.ids)
    of_new = np.where(rows >= 0, tenth[rows], -1)
    sides = []
    for side, bins in ((old, tenth), (new, of_new)):
        places = np.flatnonzero(~_half(side)[side.log.users])
        sides.append(Counted(windows.who(side, places), bins[side.log.items[places]] + 1))
    return _compared(windows, ("popularity", "Popularity of items met"), sides, names)


def _half(data: Dataset) -> ndarray:
    """One half of the people, the same whatever their rows."""
    return np.array([zlib.crc32(id.encode()) % 2 == 0 for id in data.users.ids], dtype=bool)


def _categories(windows: _Windows) -> list[Drift]:
    """Each category column that both catalogs have."""
    found = []
    for name, column in windows.old.catalog.fields.items():
        other = windows.new.catalog.fields.get(name)
        if column.kind == "category" and other is not None and other.kind == "category":
            names = tuple(dict.fromkeys((*column.labels, *other.labels, "none")))
            code = {label: place for place, label in enumerate(names)}
            sides = []
            for side, values in ((windows.old, column), (windows.new, other)):
                codes = np.array([code[label] for label in (*values.labels, "none")])
                places = np.arange(len(side.log))
                bins = codes[values.values[side.log.items]]  # -1 is the last: none
                sides.append(Counted(windows.who(side, places), bins))
            titles = (f"category:{name}", f"«{name}» of items met")
            found.append(_compared(windows, titles, *_merged(sides, names)))
    return found


def _merged(sides: list[Counted], names: Sequence[str]) -> tuple[list[Counted], Sequence[str]]:
    """The rarest labels of the reference as one."""
    counts = sides[0].counts(len(names))
    order = np.argsort(-counts, kind="stable")
    kept = order[: MOST_LABELS - 1][counts[order[: MOST_LABELS - 1]] >= FEW]
    bins = np.full(len(names), len(kept))
    bins[kept] = np.arange(len(kept))
    labels = [*(names[place] for place in kept.tolist()), "others"]
    return [Counted(side.people, bins[side.bins]) for side in sides], labels


def _numbers(windows: _Windows) -> list[Drift]:
    """Each number column that both catalogs have, of the items that were met."""
    found = []
    for name, column in windows.old.catalog.fields.items():
        other = windows.new.catalog.fields.get(name)
        if column.kind == "number" and other is not None and other.kind == "number":
            old, new = windows.old.log.items, windows.new.log.items
            told = (column.values[old], other.values[new])
            found.append(_tenths(windows, (f"number:{name}", f"«{name}» of items met"), told))
    return found


def _values(windows: _Windows) -> Drift:
    """What events were worth."""
    nothing = np.zeros(0, np.float32)
    logs = (windows.old.log, windows.new.log)
    old, new = (nothing if log.values is None else log.values for log in logs)
    return _tenths(windows, ("values", "Values of events"), (old, new))


def _tenths(windows: _Windows, titles: tuple[str, str], told: tuple[ndarray, ndarray]) -> Drift:
    """One number an event, NaN where there is none: in tenths of the reference's."""
    sides, edges = [], np.zeros(0)
    for side, values in zip((windows.old, windows.new), told, strict=True):
        places = np.flatnonzero(np.isfinite(values))
        if side is windows.old:
            edges = quantile_edges(values.astype(np.float64))
        bins = np.searchsorted(edges, values[places], side="right")
        sides.append(Counted(windows.who(side, places), bins))
    marks = [f"{edge:g}" for edge in edges]
    names = [f"{low}–{high}" for low, high in zip(["", *marks], [*marks, ""], strict=True)]
    return _compared(windows, titles, sides, names)


def _known(windows: _Windows) -> list[Drift]:
    """What was known of who came and of what they met: of the new window, and of the reference's
    last stretch of that length, with as much time before each.
    """
    old, new, span = windows.old, windows.new, windows.length * DAY_S
    begin, end = int(old.log.times.min()), old.newest()
    back = end - span - begin  # how far each looks back
    tail = np.flatnonzero(old.log.times >= end - span)
    rows = old.catalog.items.rows(new.catalog.items.ids)
    lengths, items = [], []
    for side, places, stop in ((old, tail, end - span), (new, np.arange(len(new.log)), end)):
        seen = (old.log.times < stop) & (old.log.times >= stop - back)
        histories = np.bincount(old.log.users[seen], minlength=len(old.users) + len(new.users))
        met = np.append(np.bincount(old.log.items[seen], minlength=len(old.catalog)), 0)
        who = windows.who(side, places)
        came = np.unique(who)
        lengths.append(Counted(came, histories[came]))
        item = side.log.items[places]
        unknown = met[item if side is old else rows[item]] == 0
        items.append(Counted(who, unknown.astype(np.int64)))
    if back < 2 * span:
        lengths = items = [Counted(np.zeros(0, np.int64), np.zeros(0, np.int64))] * 2
    first = [Counted(side.people, (side.bins == 0).astype(np.int64)) for side in lengths]
    return [
        _histories(windows, lengths),
        _share(windows, ("new-users", "People without a history"), first),
        _share(windows, ("unknown-items", "Events with items never met before"), items),
    ]


def _histories(windows: _Windows, sides: list[Counted]) -> Drift:
    """Of those with one."""
    there = [Counted(side.people[side.bins > 0], side.bins[side.bins > 0]) for side in sides]
    edges = quantile_edges(there[0].bins.astype(np.float64))
    cut = [Counted(s.people, np.searchsorted(edges, s.bins, side="right")) for s in there]
    marks = [f"{edge:g}" for edge in edges]
    names = [f"{low}–{high}" for low, high in zip(["", *marks], [*marks, ""], strict=True)]
    return _compared(windows, ("histories", "Events in histories of who came"), cut, names)


def _compared(
    windows: _Windows, titles: tuple[str, str], sides: Sequence[Counted], names: Sequence[str]
) -> Drift:
    """Two histograms by PSI, and what moved most."""
    says = "The newest events are spread otherwise than those before"
    if not all(len(side.bins) for side in sides):
        light = Light(titles[1], "–", "", None, "Too little to compare")
        return Drift(titles[0], float("nan"), windows.limits.psi, light)
    old, new = (side.counts(len(names)) for side in sides)
    figure = psi(old, new)
    chance = clustered_law(sides[0], sides[1], len(names)).limit(windows.limits.p)
    limit = max(windows.limits.psi, chance)
    before, after = old / old.sum(), new / new.sum()
    most = int(np.argmax(np.abs(after - before)))
    moved = f"{names[most]} {percent(before[most])} → {percent(after[most])}"
    light = Light(
        *(titles[1], f"PSI {number(figure, 3)}; most: {moved}"),
        f"at most {number(limit, 3)} (by chance {number(chance, 3)})",
        figure <= limit,
        *(says, REMEDY),
    )
    return Drift(titles[0], figure, limit, light)


def _share(windows: _Windows, titles: tuple[str, str], sides: Sequence[Counted]) -> Drift:
    """How much larger or smaller a share has become, in either direction."""
    if not all(len(side.bins) for side in sides):
        light = Light(titles[1], "–", "", None, "The reference is not three times as long")
        return Drift(titles[0], float("nan"), windows.limits.points, light)
    before, after = (float(side.bins.mean()) for side in sides)
    law, p = clustered_law(sides[0], sides[1], 2), (before + after) / 2
    # PSI of two bins is d² / p(1 - p) to first order
    chance = float(np.sqrt(law.limit(windows.limits.p) * p * (1 - p)))
    figure, limit = abs(after - before), max(windows.limits.points, chance)
    light = Light(
        *(titles[1], f"{percent(before)} → {percent(after)}"),
        f"a change of at most {number(100 * limit, 1)} points",
        figure <= limit,
        "Of these a model knows nothing but what is written on them",
        REMEDY,
    )
    return Drift(titles[0], figure, limit, light)


def _a_day(windows: _Windows) -> Drift:
    """Events a day: the ratio of the means, as a logarithm."""
    rates, errors = [], []
    for side in (windows.old, windows.new):
        length = _days(side)
        days = np.bincount((side.newest() - 1 - side.log.times) // DAY_S, minlength=length)
        rates.append(float(days.mean()))
        errors.append(float(np.var(days, ddof=1)) / length if length > 1 else float("nan"))
    spread = errors[0] * _days(windows.old) / windows.length  # of a mean over the new days
    error = np.sqrt(np.nan_to_num([errors[0], spread]) / rates[0] ** 2).max()
    figure = float(np.log2(rates[1] / rates[0]))
    limit = max(float(np.log2(windows.limits.times)), float(3.29 * error / np.log(2)))
    light = Light(
        *("Events a day", f"{rates[0]:,.0f} → {rates[1]:,.0f}"),
        f"between {rates[0] / 2**limit:,.0f} and {rates[0] * 2**limit:,.0f}",
        abs(figure) <= limit,
        *("So much more or less happens", REMEDY),
    )
    return Drift("events-a-day", abs(figure), limit, light)


def _days(data: Dataset) -> int:
    """Days from the first event to the last, begun ones counted."""
    return int(data.newest() - data.log.times.min() + DAY_S - 1) // DAY_S
