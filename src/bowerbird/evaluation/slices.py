"""Who and what is served well: the same lists and values, seen by group.

Of users a slice takes some of the queries. Of items it takes some of what is relevant: the lists
stay, queries with nothing of that group to find are left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.split import Holdout
from bowerbird.evaluation.background import Background
from bowerbird.evaluation.bootstrap import mean
from bowerbird.evaluation.exposure import head_items
from bowerbird.evaluation.metrics import Judged, accuracy

LENGTHS = {"0": 0, "1": 1, "2-4": 2, "5-9": 5, "10-19": 10, "20+": 20}
"""Names of the history lengths, and the shortest history of each."""

MOST_LABELS = 20
"""A trait of more labels (a postcode) makes slices too thin to say anything."""

HISTORY, POPULARITY, AGE, TYPE = "history length", "item popularity", "item age", "item type"

RULES = {
    POPULARITY: "head: top 20 % of the items with an interaction, by count; tail: their lower half;"
    " mid: between",
    AGE: "cold: no training interaction",
}
"""What the names of groups mean, to be printed with them."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The means over one group of users, or over the relevant items of one group."""

    slice: str
    group: str
    users: int  # queries that were judged in it
    means: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        """Plain data; a mean of nothing is None."""
        means = {name: None if np.isnan(v) else v for name, v in self.means.items()}
        return {**asdict(self), "means": means}


def slices(
    values: Mapping[str, Float64[ndarray, "b"]],
    judged: Judged,
    holdout: Holdout,
    background: Background,
    ks: tuple[int, ...],
) -> tuple[Slice, ...]:
    """Every slice that somebody is in."""
    return tuple(
        Slice(name, group, users, {metric: mean(v) for metric, v in own.items()})
        for name, group, users, own in parted(values, judged, holdout, background, ks)
    )


def parted(
    values: Mapping[str, Float64[ndarray, "b"]],
    judged: Judged,
    holdout: Holdout,
    background: Background,
    ks: tuple[int, ...],
) -> Iterator[tuple[str, str, int, Mapping[str, Float64[ndarray, "b"]]]]:
    """The same slices with one value a query, NaN for who is not in them: what can be compared."""
    asked = judged.sizes() > 0
    for name, group, queries in _user_groups(holdout, background, asked):
        if users := int((queries & asked).sum()):
            yield name, group, users, {m: np.where(queries, v, np.nan) for m, v in values.items()}
    for name, group, items in _item_groups(background):
        part = judged.within(items)
        if users := int((part.sizes() > 0).sum()):
            yield name, group, users, accuracy(part, ks)


def popularity_groups(counts: Int64[ndarray, "n"]) -> dict[str, Bool[ndarray, "n"]]:
    """Head, mid and tail of the items that have an interaction (see RULES).

    >>> groups = popularity_groups(np.array([9, 5, 4, 1, 1, 1, 0]))
    >>> [int(items.sum()) for items in groups.values()]
    [1, 2, 3]
    """
    warm = int(np.count_nonzero(counts))
    tail = np.zeros(len(counts), dtype=bool)
    tail[np.argsort(-counts, kind="stable")[warm - warm // 2 : warm]] = True
    head = head_items(counts)
    return {"head": head, "mid": (counts > 0) & ~head & ~tail, "tail": tail & ~head}


def _user_groups(
    holdout: Holdout, background: Background, asked: Bool[ndarray, "b"]
) -> Iterator[tuple[str, str, Bool[ndarray, "b"]]]:
    starts = np.array(list(LENGTHS.values()))
    bins = np.searchsorted(starts, holdout.queries.lengths(), side="right") - 1
    for code, group in enumerate(LENGTHS):
        yield HISTORY, group, bins == code
    for name, column in background.traits.items():
        column = column.take(holdout.users)
        if column.kind == "category" and len(column.labels) <= MOST_LABELS:
            yield from _by_label(f"user {name}", column)
        elif column.kind == "number":
            yield from _by_quarter(f"user {name}", column.values, asked)


def _item_groups(background: Background) -> Iterator[tuple[str, str, Bool[ndarray, "n"]]]:
    for group, items in popularity_groups(background.counts).items():
        yield POPULARITY, group, items
    yield AGE, "warm", background.counts > 0
    yield AGE, "cold", background.counts == 0
    if background.types is not None and len(background.types.labels) <= MOST_LABELS:
        yield from _by_label(TYPE, background.types)


def _by_label(name: str, column: Column) -> Iterator[tuple[str, str, Bool[ndarray, "n"]]]:
    for code, label in enumerate(column.labels):
        yield name, label, column.values == code
    yield name, "not given", column.values < 0


def _by_quarter(
    name: str, values: Float64[ndarray, "b"], asked: Bool[ndarray, "b"]
) -> Iterator[tuple[str, str, Bool[ndarray, "b"]]]:
    given = values[asked & np.isfinite(values)]
    if len(given):
        # a value that many share may be several quartiles at once: their groups become one
        edges = np.unique(np.quantile(given, [0, 0.25, 0.5, 0.75, 1]))
        codes = np.searchsorted(edges[1:-1], values, side="left")
        for code in range(max(1, len(edges) - 1)):
            low, high = edges[code], edges[min(code + 1, len(edges) - 1)]
            yield name, f"{low:g} to {high:g}", (codes == code) & np.isfinite(values)
    yield name, "not given", ~np.isfinite(values)
