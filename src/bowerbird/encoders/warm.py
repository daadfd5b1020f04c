"""Training that begins with what an earlier model has learned: when it may, how long, how fast.

Apart from the encoders since all that are trained step by step go on in one way.
"""

import hashlib
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.encoders.lesson import Schedule
from bowerbird.encoders.session import Session

RATE = 0.3
"""Learning rate, in rates of a full fit: high enough to follow, too low to forget."""
SHARE = 0.3
"""Epochs, in epochs of a full fit."""
KNOWN = 0.5
"""Share of the events whose item has to be known; with fewer most of it would begin anew anyway."""
RIDGE = 1.0
"""Weight of ‖W‖² beside the squared error of rebuilding vectors."""


@runtime_checkable
class Warm(Protocol):
    """An estimator whose training can begin with what a fitted model of its kind has learned."""

    def obstacle(self, before: Any, data: Dataset) -> str | None:  # noqa: ANN401  each has its own
        """Why it cannot with this one; None: it can."""

    def fit_from(self, before: Any, data: Dataset, session: Session) -> Any:  # noqa: ANN401  as above
        """Learn from the data, beginning where `before` has ended; items are the same by id."""


def shortened(count: int) -> int:
    """Epochs of a fit that goes on, of so many of a full one.

    >>> [shortened(count) for count in (1, 15, 25)]
    [1, 4, 8]
    """
    return max(1, round(SHARE * count))


def schedule_of(estimator: Any, warm: bool) -> Schedule:  # noqa: ANN401  what is trained
    """How long and how fast a network is trained: in full, or on from another."""
    epochs, rate = estimator.epochs, estimator.learning_rate
    if warm:
        epochs, rate = shortened(epochs), RATE * rate
    return Schedule(epochs, rate, estimator.patience, estimator.seed)


def differs(estimator: Any, before: Any, data: Dataset) -> str | None:  # noqa: ANN401  any of a kind
    """What of settings and items keeps any model from beginning with another; None: nothing."""
    if before.estimator != estimator:
        return "the model before was fitted with other settings"
    counts = data.item_counts()
    known = counts[before.table.ids.rows(data.catalog.items.ids) >= 0].sum()
    if known < KNOWN * counts.sum():
        share = f"{known / counts.sum():.0%} came"
        return f"at least {KNOWN:.0%} of the events on items that the model before knows, {share}"
    return None


def marked(mark: str, table: Embeddings) -> str:
    """The mark of a checkpoint whose training began with these vectors."""
    told = hashlib.sha256(mark.encode())
    told.update("\n".join(table.ids.ids).encode("utf-8", "surrogatepass"))
    told.update(np.ascontiguousarray(table.vectors).tobytes())
    return told.hexdigest()


def completed(
    vectors: Float32[ndarray, "m dim"], known: Bool[ndarray, "m"], said: Float32[ndarray, "m f"]
) -> Float32[ndarray, "m dim"]:
    """The known vectors, and others by what is said of their items, as it is of the known ones.

    >>> said = np.array([[1.0], [2.0]], np.float32)
    >>> completed(np.array([[2.0], [9.0]], np.float32), np.array([True, False]), said).tolist()
    [[2.0], [2.0]]
    """
    out = vectors.copy()
    out[~known] = said[~known] @ ridge(said[known], vectors[known])
    return out


def ridge(content: Float32[ndarray, "m f"], vectors: Float32[ndarray, "m dim"]) -> ndarray:
    """W of least ‖vectors - content·W‖² + ‖W‖².

    >>> ridge(np.eye(2, dtype=np.float32), np.array([[2.0], [4.0]], np.float32)).tolist()
    [[1.0], [2.0]]
    """
    square = content.T @ content
    square[np.diag_indices(len(square))] += RIDGE
    solved: ndarray = np.linalg.solve(square, content.T @ vectors).astype(np.float32)
    return solved
