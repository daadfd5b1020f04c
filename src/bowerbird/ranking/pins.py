"""Items at a place that somebody has said, whatever their score: after all else, drawn or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.errors import ConfigError
from bowerbird.index.index import NONE, Hits
from bowerbird.ranking.step import Want


@dataclass(frozen=True, slots=True)
class Pins:
    """Rows by place (from 0). What is not eligible for a query is not pinned for it."""

    at: Mapping[int, int]  # place → row
    n: int  # items of the catalog
    names: Mapping[int, str] = field(default_factory=dict)  # row → the rule that pins it

    def __post_init__(self) -> None:
        if any(place < 0 for place in self.at):
            raise ConfigError(f"pin: positions from 1 on expected, {min(self.at) + 1} came")
        if len(set(self.at.values())) < len(self.at):
            raise ConfigError("pin: each item at one position expected, one came twice")

    def wants(self) -> Sequence[Want]:
        """All of the items, at once."""
        rows = np.zeros(self.n, dtype=bool)
        rows[list(self.at.values())] = True
        return [Want(rows, len(self.at))]

    def held(self, hits: Hits) -> Hits:
        """The hits without what is pinned: nothing may move or draw it."""
        return _without(hits, np.isin(hits.rows, list(self.at.values())))

    def put(
        self, candidates: Hits, hits: Hits, propensity: Float64[ndarray, "b k"]
    ) -> tuple[Hits, Float64[ndarray, "b k"]]:
        """The list with the pinned items in their places; they have a propensity of 1.

        Args:
            candidates: a pinned item that is not among them is not eligible.
            hits: the list without them.
            propensity: of its places.
        """
        rows, scores = hits
        width = max(rows.shape[1], propensity.shape[1])
        chance = np.ones((len(rows), rows.shape[1]))
        chance[:, : propensity.shape[1]] = propensity[:, : rows.shape[1]]
        for place, row in sorted(self.at.items()):
            there = candidates.rows == row
            query = np.flatnonzero(there.any(axis=1))
            score = candidates.scores[query, there[query].argmax(axis=1)]
            found = (rows[query] >= 0).sum(axis=1)
            spot = np.minimum(place, found)  # a list that is too short ends with it
            rows = _inserted(rows, query, spot, np.int32(row), np.int32(-1))
            scores = _inserted(scores, query, spot, score, NONE)
            chance = _inserted(chance, query, spot, np.float64(1), np.float64(1))
        return Hits(rows[:, :width], scores[:, :width]), chance[:, : propensity.shape[1]]


def _inserted(
    array: ndarray, query: ndarray, spot: ndarray, value: ndarray | np.generic, none: np.generic
) -> ndarray:
    """One column more: in these lines the value at its spot, the rest behind it moved on."""
    wide = np.concatenate([array, np.full((len(array), 1), none, array.dtype)], axis=1)
    line = wide[query]
    column = np.arange(line.shape[1])
    moved = np.where(column > spot[:, None], np.roll(line, 1, axis=1), line)
    moved[np.arange(len(query)), spot] = value
    wide[query] = moved
    return wide


def _without(hits: Hits, gone: ndarray) -> Hits:
    """The hits but these, closed up."""
    order = np.argsort(gone | (hits.rows < 0), axis=1, kind="stable")
    rows = np.where(gone, np.int32(-1), hits.rows)
    scores = np.where(gone, NONE, hits.scores)
    return Hits(np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1))
