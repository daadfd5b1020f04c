"""Is the newest of a log fit to learn from, held against the log before?

Hard findings are of data that were broken on the way or made up: nothing should be learned from
them. What shops and people do of themselves (weekends, growth, a season, new items) is none; it is
shown by `drift`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.errors import DataError
from bowerbird.evaluation.agreement import usual_agreement
from bowerbird.evaluation.lights import percent
from bowerbird.evaluation.volume import DAY_S, Day, Level, days_of

Severity = Literal["hard", "soft"]

NONE = np.zeros(0, dtype=np.int64)
COPIED = 0.1
"""Share of a day's events that may repeat others, beyond the most there ever was."""
ONE_MOMENT = 0.1
"""Share of a day's people who may come in one second, beyond the most there ever were."""
FEW_PEOPLE = 10
"""Of a day, below which a second of many says nothing."""
RUSH_TIMES, RUSH_Z, RUSH_LEAST = 4.0, 6.0, 5.0
"""Newcomers of an item beyond e·times + z·√e, e what is usual and at least five, are a rush."""
ONE_VALUE = 0.3
"""Share of the values that may be one and the same, beyond what is usual."""
FEW_VALUES = 30
KEPT, SURE = 0.5, -3.0
"""Less than half of the usual agreement, surely, is shuffled; less than …"""
KEPT_SOFT, SURE_SOFT = 0.75, -4.0
"""… three quarters, very surely, is odd."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One reason not to learn from the newest events."""

    name: str  # stable, for machines
    severity: Severity  # hard: do not learn from it; soft: learn, and look at it
    figure: str
    limit: str
    says: str
    remedy: str
    places: Int64[ndarray, "n"] = field(default_factory=lambda: NONE, repr=False, compare=False)
    """Rows of the snapshot's log without which this suspicion is gone; empty: the whole window."""

    def sentence(self) -> str:
        """In one line."""
        return f"{self.says}: {self.limit} expected, {self.figure} came; {self.remedy}"

    def to_json(self) -> dict[str, object]:
        """Plain data; of the places their number."""
        told = {name: value for name, value in asdict(self).items() if name != "places"}
        return {**told, "places": len(self.places)}


@dataclass(frozen=True, slots=True)
class _Events:
    """Some events, as rows of the snapshot; an item or person it does not know is -1."""

    users: ndarray
    items: ndarray
    times: ndarray
    types: ndarray
    values: Float32[ndarray, "n"] | None
    end: int

    @property
    def day(self) -> ndarray:
        """How many days before the end: -1 is the last."""
        day: ndarray = (self.times - self.end) // DAY_S
        return day

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, slots=True)
class _Story:
    """What came before the window, and the window."""

    past: _Events
    window: _Events
    places: Int64[ndarray, "n"]  # of the window's events in the snapshot's log
    days: int
    start: int
    n_items: int

    def shares(self, each: Callable[[_Events], ndarray]) -> tuple[float, ndarray]:
        """The most there was on a day of the past, and what there is on the window's days."""
        usual = each(self.past)
        return float(usual.max(initial=0.0)), each(self.window)


def suspicions(
    before: Dataset, snapshot: Dataset, days: int = 7, until: int | None = None, seed: int = 0
) -> tuple[Suspicion, ...]:
    """What is wrong with the last days of a snapshot, hard findings first; none, and it may be
    learned from.

    The window is the snapshot's last `days` times 24 hours. It is held against what `before` says
    of the time before it; how long that must be is told with each figure in docs/monitoring.md.

    Args:
        before: the log that was learned from last; only what it says of the time before the window
            is read, so it may reach into it.
        snapshot: the log that is to be learned from now.
        days: of the window.
        until: the moment just after the window (seconds); None is just after the last event. A last
            day that is missing is seen only if the moment is told.
        seed: of samples.

    Raises:
        DataError: the times of one of them are no moments.
    """
    if not (before.dated and snapshot.dated):
        raise DataError(
            "two logs with moments expected, an order came: import a timestamp column to have"
            " the newest days judged"
        )
    story = _story(before, snapshot, days, until)
    if not len(story.window):
        return (_empty(days),)
    found = [suspicion for look in LOOKS for suspicion in look(story)]
    found += _prices(before, snapshot) + _shuffled(story, seed)
    return tuple(sorted(found, key=lambda suspicion: suspicion.severity != "hard"))


def _story(before: Dataset, snapshot: Dataset, days: int, until: int | None) -> _Story:
    end = snapshot.newest() if until is None else until
    start = end - days * DAY_S
    items = snapshot.catalog.items.rows(before.catalog.items.ids)
    people = snapshot.users.rows(before.users.ids)
    # whoever the snapshot does not know any more still is somebody of their own
    lost = np.flatnonzero(people < 0)
    people[lost] = len(snapshot.users) + np.arange(len(lost))
    past = _events(before, before.log.times < start, end)
    order = np.lexsort((past.times, people[past.users]))
    moved = {"users": people[past.users][order], "items": items[past.items][order]}
    rest = {name: getattr(past, name)[order] for name in ("times", "types")}
    values = None if past.values is None else past.values[order]
    within = (snapshot.log.times >= start) & (snapshot.log.times < end)
    return _Story(
        past=_Events(**moved, **rest, values=values, end=end),
        window=_events(snapshot, within, end),
        places=np.flatnonzero(within),
        days=days,
        start=start,
        n_items=len(snapshot.catalog),
    )


def _events(data: Dataset, keep: ndarray, end: int) -> _Events:
    log = data.log.where(keep)
    types = np.zeros(len(log), np.int16) if log.types is None else log.types
    return _Events(log.users, log.items, log.times, types, log.values, end)


def _empty(days: int) -> Suspicion:
    return Suspicion(
        *("no-events", "hard", "none", "at least one"),
        f"Nothing happened in the last {days} days",
        "look for an import or a tracker that stopped",
    )


def _volume(story: _Story) -> list[Suspicion]:
    """Days that lack events, and days that have far too many."""
    found = []
    for day in days_of(story.past.day, story.window.day, story.days):
        severity = _level(day)
        if severity is None:
            continue
        less = day.factor < 1
        found.append(
            Suspicion(
                *("missing-events" if less else "surge", severity),
                f"{day.count:,}, {percent(day.factor)} of it",
                f"about {day.expected:,.0f}",
                f"{_ago(day.day)} has {'too few' if less else 'very many'} events",
                "export that day again" if less else "look at what came that day",
            )
        )
    return found


def _level(day: Day) -> Severity | None:
    levels: dict[Level, Severity | None] = {"gap": "hard", "rise": "soft", "usual": None}
    return levels[day.level]


def _copies(story: _Story) -> list[Suspicion]:
    """Days of which many events came more than once."""
    most, shares = story.shares(lambda events: _by_day(events.day, _repeats(events)))
    repeated = _repeats(story.window)
    found = []
    for day in (np.flatnonzero(shares > most + COPIED) - len(shares)).tolist():
        found.append(
            Suspicion(
                *("copies", "hard", percent(shares[day]), f"at most {percent(most + COPIED)}"),
                f"Events of {_ago(day)} are there more than once (same user, item, type and time)",
                "leave the copies out",
                story.places[repeated & (story.window.day == day)],
            )
        )
    return found


def _repeats(events: _Events) -> ndarray:
    """Which events repeat an earlier one."""
    keys = (events.types, events.items, events.times, events.users)
    order = np.lexsort(keys)
    same = np.zeros(len(events), dtype=bool)
    same[order[1:]] = np.all([key[order][1:] == key[order][:-1] for key in keys], axis=0)
    return same


def _one_moment(story: _Story) -> list[Suspicion]:
    """Days whose people all came in one second."""
    most, shares = story.shares(_busiest)
    limit = most + ONE_MOMENT
    return [
        Suspicion(
            *("one-moment", "hard", percent(shares[day]), f"at most {percent(limit)}"),
            f"Of those who came {_ago(day)}, so many came in one and the same second",
            "export the moment of the event, not of the export",
        )
        for day in (np.flatnonzero(shares > limit) - len(shares)).tolist()
    ]


def _busiest(events: _Events) -> ndarray:
    """Of each day's people, the share that came in its busiest second."""
    if not len(events):
        return np.zeros(0)
    length, wide = int(-events.day.min()), int(events.users.max()) + 1
    came = np.unique((events.times - events.times.min()) * wide + events.users) // wide
    seconds, people = np.unique(came, return_counts=True)
    most = np.zeros(length)
    day = (seconds + events.times.min() - events.end) // DAY_S
    np.maximum.at(most, day + length, people)
    each = np.unique((events.day + length) * wide + events.users) // wide
    all_day = np.bincount(each, minlength=length)
    return np.where(all_day >= FEW_PEOPLE, most / np.maximum(all_day, 1), 0.0)


def _by_day(day: ndarray, flags: ndarray) -> ndarray:
    """The share of flagged events on each day, the oldest first."""
    length = int(-day.min(initial=0))
    sums = np.bincount(day + length, flags, length)
    return sums / np.maximum(np.bincount(day + length, minlength=length), 1)


def _rush(story: _Story) -> list[Suspicion]:
    """Items that people who have just come meet far more often than others do, or ever did."""
    past, window = story.past, story.window
    if not len(past):
        return []
    came = ~np.isin(window.users, past.users)
    new = _met(window, came, story.n_items)
    old = _met(window, ~came, story.n_items)
    once = _met(past, _first_days(past, story.days), story.n_items)
    usual = np.maximum(*(counts / max(people, 1) for counts, people in (old, once)))
    usual = np.maximum(usual * new[1], RUSH_LEAST)
    over = np.flatnonzero(new[0] > RUSH_TIMES * usual + RUSH_Z * np.sqrt(usual))
    if not len(over):
        return []
    places = story.places[came & np.isin(window.items, over)]
    worst = over[np.argmax(new[0][over] / usual[over])]
    return [
        Suspicion(
            *("rush", "hard", f"{new[0][worst]:,} of {new[1]:,}", f"about {usual[worst]:,.0f}"),
            f"New people rush to {len(over):,} item{'s' if len(over) > 1 else ''}, which others"
            " do not",
            "leave out what new people did with them",
            places,
        )
    ]


def _met(events: _Events, some: ndarray, n_items: int) -> tuple[ndarray, int]:
    """How many different people met each item, and how many there are."""
    some = some & (events.items >= 0)
    pairs = np.unique(events.users[some].astype(np.int64) * n_items + events.items[some])
    return np.bincount(pairs % n_items, minlength=n_items), len(np.unique(pairs // n_items))


def _first_days(past: _Events, days: int) -> ndarray:
    """The events within so many days of their person's first."""
    begins = np.flatnonzero(np.diff(past.users, prepend=-1))
    first = np.repeat(past.times[begins], np.diff(begins, append=len(past)))
    early: ndarray = past.times < first + days * DAY_S
    return early


def _values(story: _Story) -> list[Suspicion]:
    """Values of events that have become one and the same."""
    usual, now = (_top_share(events.values) for events in (story.past, story.window))
    return _one_value("the values of the newest events", usual, now)


def _prices(before: Dataset, snapshot: Dataset) -> list[Suspicion]:
    """Numbers of the catalog that have become one and the same."""
    found = []
    for name, column in snapshot.catalog.fields.items():
        once = before.catalog.fields.get(name)
        if column.kind == "number" and once is not None and once.kind == "number":
            usual, now = _top_share(once.values), _top_share(column.values)
            found += _one_value(f"«{name}» of the items", usual, now)
    return found


def _top_share(values: ndarray | None) -> float:
    """The share of the most frequent value; NaN where there are few."""
    there = values[np.isfinite(values)] if values is not None else NONE
    if len(there) < FEW_VALUES:
        return float("nan")
    return float(np.unique(there, return_counts=True)[1].max() / len(there))


def _one_value(what: str, usual: float, now: float) -> list[Suspicion]:
    if not now > usual + ONE_VALUE:
        return []
    return [
        Suspicion(
            *("one-value", "hard", percent(now), f"at most {percent(usual + ONE_VALUE)}"),
            f"One number is the most frequent of {what} by far",
            "look for a default that took the place of the real ones",
        )
    ]


def _shuffled(story: _Story, seed: int) -> list[Suspicion]:
    """A window in which people meet what does not go together."""
    past, window = story.past, story.window
    both = [
        np.concatenate([getattr(past, n), getattr(window, n)]) for n in ("users", "items", "times")
    ]
    order = np.lexsort((both[2], both[0]))
    events = (both[0][order], both[1][order], both[2][order])
    usual = usual_agreement(events, story.start, story.days * DAY_S, story.n_items, seed)
    if usual is None or not usual.kept < KEPT_SOFT or not usual.z <= SURE:
        return []
    hard = usual.kept < KEPT
    if not hard and not usual.z <= SURE_SOFT:
        return []
    return [
        Suspicion(
            *("shuffled", "hard" if hard else "soft"),
            f"{percent(usual.newest.share)} ({percent(usual.kept)} of what is beyond chance)",
            f"about {percent(0.5 + usual.excess)}",
            "What people meet one after another does not go together as it did",
            "look for items or people that were mixed up on the way",
        )
    ]


def _ago(day: int) -> str:
    return "the last day" if day == -1 else f"the day {-day - 1} before the last"


LOOKS = (_volume, _copies, _one_moment, _rush, _values)
