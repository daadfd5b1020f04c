"""Items that people who have just come meet far more often than is usual of these items.

What people who were there before do is never a burst: an honest item may well be all the rage.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.data.defence import Defence


@dataclass(frozen=True, slots=True)
class Usual:
    """How often each item is met in a window: sums over windows that fade, and their number.

    An item's rate is sum / size: an exponentially weighted mean in which the first window counts
    as any other.
    """

    items: tuple[str, ...] = ()
    sums: Float64[ndarray, "n"] = field(default_factory=lambda: np.zeros(0))
    size: float = 0.0
    first: int | None = None  # the first window of which something is known
    last: int | None = None

    @classmethod
    def of(
        cls, items: tuple[str, ...], rows: ndarray, moments_ms: ndarray, rules: Defence
    ) -> "Usual":
        """After these events of rows of the items, none of which is doubted.

        >>> Usual.of(("a",), np.zeros(2, int), np.array([0, 86_400_000]), Defence()).sums.round(3)
        array([1.952])
        """
        if not len(rows):
            return cls()
        windows = np.asarray(moments_ms) // (1_000 * rules.window_s)
        first, last = int(windows.min()), int(windows.max())
        fade = _fade(rules)
        sums = np.bincount(rows, fade ** (last - windows), len(items))
        return cls(items, sums, (1 - fade ** (last - first + 1)) / (1 - fade), first, last)


def bursts(events: pl.DataFrame, rules: Defence, usual: Usual) -> pl.DataFrame:
    """The items and windows of a burst: item, window.

    Of an item new people may do e + z·√e in a window, e the larger of a floor and of what is usual
    of it; where more new people come than anybody used to, that is as many times more. What is
    more than this is not learned as usual.

    Args:
        events: item, window, and whether it is of somebody new.
        rules: how much is much.
        usual: before these events.
    """
    cells = (
        events.group_by("item", "window")
        .agg(new=pl.col("new").sum().cast(pl.Int64), all=pl.len().cast(pl.Int64))
        .sort("window", "item")
    )
    if cells.is_empty():
        return cells.select("item", "window")
    names = cells["item"].unique().sort()
    rows, windows = _rows(names, cells["item"]), cells["window"].to_numpy()
    told = _Rates.over(names, usual, int(windows[0]), rules)
    new, rest = cells["new"].to_numpy(), (cells["all"] - cells["new"]).to_numpy()
    edges = np.flatnonzero(np.diff(windows, prepend=windows[0] - 1, append=windows[-1] + 1))
    over = np.zeros(len(cells), dtype=bool)
    for start, stop in pairwise(edges.tolist()):
        some = slice(start, stop)
        most = told.most(int(windows[start]), rows[some], int(new[some].sum()))
        over[some] = new[some] > most
        told.learn(rows[some], rest[some] + np.minimum(new[some], most))
    return cells.filter(pl.Series(over)).select("item", "window")


@dataclass(slots=True)
class _Rates:
    """What is usual, window after window."""

    rules: Defence
    sums: Float64[ndarray, "n"]
    others: float  # sum of the items that are not asked about
    size: float
    first: int
    last: int

    @classmethod
    def over(cls, names: pl.Series, usual: Usual, window: int, rules: Defence) -> "_Rates":
        """For these items, before this window."""
        sums = np.zeros(len(names))
        if usual.first is None or usual.last is None:
            return cls(rules, sums, 0.0, 0.0, window, window - 1)
        rows = _rows(names, pl.Series(usual.items, dtype=pl.String))
        sums[rows[rows >= 0]] = usual.sums[rows >= 0]
        others = float(usual.sums[rows < 0].sum())
        return cls(rules, sums, others, usual.size, usual.first, usual.last)

    def most(self, window: int, rows: ndarray, new: int) -> Float64[ndarray, "some"]:
        """How many new people's events these items may have in a window that has `new` in all."""
        passed = max(window - self.last, 0)  # what comes late is judged by what is known by now
        fade = _fade(self.rules) ** passed
        self.sums *= fade
        self.others *= fade
        self.size = self.size * fade + (1 - fade) / (1 - _fade(self.rules))
        self.last += passed
        if window - self.first < self.rules.settle_windows:
            return np.full(len(rows), np.inf)
        size = max(self.size - 1, 1.0)  # this window is not over
        total = (float(self.sums.sum()) + self.others) / size
        surge = max(1.0, new / total) if total > 0 else 1.0
        usual = np.maximum(self.sums[rows] / size * surge, self.rules.floor)
        most: ndarray = usual + self.rules.z * np.sqrt(usual)
        return most

    def learn(self, rows: ndarray, counts: ndarray) -> None:
        """They were met so often in this window."""
        self.sums[rows] += counts


def _fade(rules: Defence) -> float:
    return float(0.5 ** (1 / rules.half_life_windows))


def _rows(names: pl.Series, some: pl.Series) -> ndarray:
    """The place of each among the names, which are there once each; -1 where it is not."""
    place = pl.DataFrame({"name": names}).with_row_index("row")
    found = pl.DataFrame({"name": some}).join(place, on="name", how="left", maintain_order="left")
    rows: ndarray = found["row"].cast(pl.Int64).fill_null(-1).to_numpy()
    return rows
