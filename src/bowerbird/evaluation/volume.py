"""How many events a day has, held against the same weekday before and the days around both.

A week that is fuller or emptier as a whole (growth, a season) lifts all its days. What is left is
the day's own.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

DAY_S = 86_400
Level = Literal["gap", "usual", "rise"]

WEEKS = 4
"""Back to the same weekday, that a day is held against."""
AROUND = 6
"""Days on either side that say how much fuller the week is: every other weekday, twice."""
FEWEST_DAYS = 21
"""Before the window, below which only days without any event are seen."""
FEWEST_EVENTS = 10
"""Expected of a day, below which none are missed."""
LESS, SURE = 0.8, 4.0
"""A gap has fewer than so many of its events, by so many standard deviations …"""
EMPTY = 0.1
"""… or fewer than these, where no day before ever had so few."""
MORE = 3.0
"""A rise has more than so many times its events, as surely."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the window."""

    day: int  # -1 is the last
    count: int
    expected: float
    z: float  # robust standard deviations of days before; NaN where there are too few
    kept: float  # (count + ½) / (expected + ½)
    emptiest: float  # the least that a day before ever kept

    @property
    def factor(self) -> float:
        """Count over expected."""
        return self.count / self.expected if self.expected else float("nan")

    @property
    def level(self) -> Level:
        """Are events missing, are there far too many, or is this a day like others?"""
        if self.expected >= FEWEST_EVENTS:
            if self.kept < EMPTY and self.kept < self.emptiest:
                return "gap"
            if self.kept < LESS and self.z < -SURE:
                return "gap"
        return "rise" if self.kept > MORE and self.z > SURE else "usual"


def days_of(past: ndarray, window: ndarray, length: int) -> list[Day]:
    """The window's days, the oldest first.

    For j = 1 … 4 weeks back: log count now minus then, less the median of the same over the days
    around (growth, a season). The median over j is the day's deviation, z is it over 1.4826 times
    the median of |deviation| of the days before, at least what counting alone makes.

    Args:
        past: of each event before, the day (negative, counted from the window's end).
        window: of each event of the window.
        length: of the window in days.
    """
    both = np.concatenate([past, window])
    size = max(int(-both.min()), length)
    counts = np.bincount(both + size, minlength=size)
    if size - length > 1:
        counts = counts[1:]  # the first day need not be a whole one
    logs = np.log(counts + 0.5)
    deviations = _deviations(logs)
    n_past = len(counts) - length
    usual = deviations[7:n_past]
    spread, emptiest = _spread(usual, counts[:n_past])
    found = []
    for row in range(n_past, len(counts)):
        off = deviations[row]
        kept = float(np.exp(off)) if np.isfinite(off) else float("nan")
        expected = max((counts[row] + 0.5) / kept - 0.5, 0.0) if np.isfinite(off) else 0.0
        day, count = row - len(counts), int(counts[row])
        found.append(Day(day, count, float(expected), float(off / spread), kept, emptiest))
    return found


def _deviations(logs: Float64[ndarray, "n"]) -> Float64[ndarray, "n"]:
    """How far each day is from what is expected of it; NaN in the first week."""
    n = len(logs)
    each = np.full((WEEKS, n), np.nan)
    for back in range(1, WEEKS + 1):
        since = np.full(n, np.nan)
        since[7 * back :] = logs[7 * back :] - logs[: max(n - 7 * back, 0)]
        around = np.full((2 * AROUND, n), np.nan)
        for step in range(1, min(AROUND, n - 1) + 1):
            around[step - 1, step:] = since[: n - step]
            around[AROUND + step - 1, : n - step] = since[step:]
        lift = _medians(around)
        each[back - 1] = since - np.where(np.isfinite(lift), lift, 0.0)
    return _medians(each)


def _medians(rows: Float64[ndarray, "m n"]) -> Float64[ndarray, "n"]:
    """The median of each column of what is there; NaN where nothing is."""
    there = np.isfinite(rows).any(axis=0)
    out = np.full(rows.shape[1], np.nan)
    if there.any():
        out[there] = np.nanmedian(rows[:, there], axis=0)
    return out


def _spread(usual: ndarray, counts: ndarray) -> tuple[float, float]:
    """The spread of usual deviations, and the emptiest day among them."""
    usual = usual[np.isfinite(usual)]
    if len(usual) < FEWEST_DAYS - 7:
        return float("nan"), 1.0
    chance = np.sqrt(2 / max(float(np.median(counts)), 1.0))  # of the day and of what is expected
    return max(1.4826 * float(np.median(np.abs(usual))), chance), float(np.exp(usual.min()))
