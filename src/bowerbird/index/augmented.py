"""Inner products as distances: one more coordinate that brings all vectors to one length.

Apart from the indexes because those that know distances only (drawers, graphs) share it.
"""

import json
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

HEADROOM = 2.0
"""How much longer than the longest vector a later one may be before all are written anew."""
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What lies in an engine, as it is told beside the vectors."""

    n: int  # rows, those without a vector too
    dim: int
    length: float  # of all vectors with their last coordinate
    bowerbird: int = FORMAT

    @classmethod
    def of(cls, vectors: Float32[ndarray, "n dim"]) -> "Facts":
        """Of these, some of which may have a NaN; with room for longer ones."""
        placed = vectors[np.isfinite(vectors).all(axis=1)]
        return cls(len(vectors), vectors.shape[1], HEADROOM * longest(placed))

    @classmethod
    def read(cls, text: str) -> "Facts":
        """What `text` wrote.

        Raises:
            ValueError: something else did.
        """
        try:
            facts = cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from None
        if facts.bowerbird != FORMAT:
            raise ValueError(f"format {FORMAT} expected, {facts.bowerbird} came")
        return facts

    def text(self) -> str:
        """As JSON.

        >>> Facts.read(Facts(3, 2, 1.5).text())
        Facts(n=3, dim=2, length=1.5, bowerbird=1)
        """
        return json.dumps(asdict(self))


def augmented(
    vectors: Float32[ndarray, "m dim"], length: float | None = None
) -> Float32[ndarray, "m dim_plus_1"]:
    """Each with one more coordinate, so that all are equally long.

    Then those nearest to a query, which has 0 there, are those of the highest inner product.

    Args:
        vectors: finite.
        length: of all; a longer vector stays as long as it is. None: that of the longest.

    Source: Bachrach et al. 2014, eq. 4.

    >>> augmented(np.array([[3, 4], [3, 0]], np.float32)).tolist()
    [[3.0, 4.0, 0.0], [3.0, 0.0, 4.0]]
    """
    squares = (vectors.astype(np.float64) ** 2).sum(axis=1)
    whole = squares.max(initial=0) if length is None else length**2
    last = np.sqrt(np.maximum(whole - squares, 0)).astype(np.float32)
    return np.hstack([vectors, last[:, None]])


def longest_first(vectors: Float32[ndarray, "n dim"]) -> Int32[ndarray, "m"]:
    """The rows that have a vector (no NaN), in the order in which a graph is to meet them.

    Long vectors win inner products, and lie apart from the many short ones, to which a graph made
    in another order links those: it hardly ever leads to the long ones.

    >>> longest_first(np.array([[1, 0], [np.nan, 0], [0, 2]], np.float32)).tolist()
    [2, 0]
    """
    norms = np.linalg.norm(vectors, axis=1)
    rows: Int32[ndarray, n] = np.argsort(-norms, kind="stable").astype(np.int32)
    placed: Int32[ndarray, m] = rows[np.isfinite(norms[rows])]
    return placed


def longest(vectors: Float32[ndarray, "m dim"]) -> float:
    """The length of the longest; 0 where there is none.

    >>> longest(np.array([[3, 4], [3, 0]], np.float32))
    5.0
    """
    return float(np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1).max(initial=0)))
