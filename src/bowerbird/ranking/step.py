"""What comes between candidates and the list: steps, in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.index.index import NONE, Hits


@runtime_checkable
class Step(Protocol):
    """Refines: another order, or fewer hits. It never brings in a row that was not there."""

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The hits of each query as they are to be shown, best first."""


@dataclass(frozen=True, slots=True, eq=False)
class Want:
    """Candidates a step has to choose from: so many of these rows, where they are eligible."""

    rows: Bool[ndarray, "n"]
    least: int


@runtime_checkable
class Wanting(Protocol):
    """A step that can do nothing unless certain items are among the candidates."""

    def wants(self) -> Sequence[Want]:
        """What has to be there before it is asked."""


def as_they_are(queries: Queries, hits: Hits) -> Hits:
    """Changes nothing; with it a list is made from as many candidates as with any step."""
    return hits


def ordered(hits: Hits, value: Float32[ndarray, "b m"]) -> Hits:
    """The same hits by falling value, ties as they stood; with the scores they had.

    >>> hits = Hits(np.array([[4, 7]], np.int32), np.array([[2, 1]], np.float32))
    >>> ordered(hits, np.array([[0, 1]], np.float32)).rows
    array([[7, 4]], dtype=int32)
    """
    value = np.where(hits.rows >= 0, value, -np.inf)
    order = np.argsort(-value, axis=1, kind="stable").astype(np.int32)
    return reordered(hits, np.where(np.take_along_axis(hits.rows, order, 1) >= 0, order, -1))


def reordered(hits: Hits, places: Int32[ndarray, "b k"]) -> Hits:
    """The hits at these places of each query, with the scores they had; -1 is none.

    >>> hits = Hits(np.array([[4, 7]], np.int32), np.array([[2, 1]], np.float32))
    >>> reordered(hits, np.array([[1, -1]], np.int32)).rows
    array([[ 7, -1]], dtype=int32)
    """
    rows, scores = (np.take_along_axis(each, np.maximum(places, 0), 1) for each in hits)
    there = places >= 0
    return Hits(np.where(there, rows, np.int32(-1)), np.where(there, scores, NONE))


def relevance(hits: Hits) -> Float32[ndarray, "b m"]:
    """Falling scores brought to 0 … 1 in each query; 0 where no hit is, 1 where all are equal.

    The order of the hits is what counts, scores only say how far apart places are: where a step
    has changed the order, the first hit has the highest score's. So steps may follow each other.

    >>> relevance(Hits(np.array([[4, 7, 9, -1]]), np.array([[5, 4, 3, -np.inf]]))).tolist()
    [[1.0, 0.5, 0.0, 0.0]]
    >>> relevance(Hits(np.array([[7, 4]]), np.array([[1, 5]]))).tolist()
    [[1.0, 0.0]]
    """
    there = hits.rows >= 0
    scores = -np.sort(-np.where(there, hits.scores, -np.inf), axis=1)
    low = np.where(there, scores, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    above = np.where(there, scores - np.where(np.isfinite(low), low, 0), 0)
    span = above.max(axis=1, keepdims=True, initial=0)
    scaled = np.divide(above, span, out=there.astype(np.float32), where=span > 0)
    out: Float32[ndarray, "b m"] = scaled.astype(np.float32)
    return out
