"""A model's vectors turned into a space that was there before: other numbers, the same scores.

Apart from the models since any of them can be turned, and from what finds the turn (`runs.align`),
since serving answers with it and finds none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray

from bowerbird.data.artifacts import load_arrays, save_arrays
from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.encoder import Encoder
from bowerbird.encoders.stored import words_arrays, words_of
from bowerbird.errors import ArtifactError

TURN = "turn.safetensors"
MOST = 5_000
"""Items that a space is held by, at most: 2.5 MB in 128 dimensions."""
BLOCK = 65_536
"""Vectors turned at a time."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where items lay when a space began: what later models are turned onto.

    It is passed on from run to run, so that small errors do not add up over many of them.
    """

    table: Embeddings  # of items that were placed and met, the most met first
    counts: Int64[ndarray, "n"]  # how often then

    @classmethod
    def of(cls, encoder: Encoder, data: Dataset) -> "Frame":
        """Of a model in the space it was fitted in."""
        vectors, counts = encoder.encode_items(data.catalog), data.item_counts()
        rows = np.flatnonzero(np.isfinite(vectors).all(axis=1) & (counts > 0))
        rows = rows[np.argsort(-counts[rows], kind="stable")][:MOST]
        ids = Vocabulary(tuple(data.catalog.items.ids[row] for row in rows))
        return cls(Embeddings(ids, vectors[rows]), counts[rows])


@dataclass(frozen=True, slots=True)
class TurnedEncoder:
    """v Q and u Q of another encoder's vectors. Q is orthogonal, so (u Q)·(v Q) = u·v."""

    inner: Encoder
    turn: Float64[ndarray, "dim dim"]  # Q
    frame: Frame

    @property
    def estimator(self) -> Any:  # noqa: ANN401  each model has its own
        """What the model was made by: a turn is no setting of it."""
        inner: Any = self.inner
        return inner.estimator

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """NaN where the model cannot place an item."""
        return turned(self.inner.encode_items(catalog), self.turn)

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """All zeros where the model has nothing to say."""
        return turned(self.inner.encode_queries(queries), self.turn)

    def save(self, folder: Path) -> None:
        """The model as it would be saved without, and the turn beside it."""
        self.inner.save(folder)
        table = self.frame.table
        arrays = {"turn": self.turn, "frame": table.vectors, "counts": self.frame.counts}
        save_arrays(folder / TURN, arrays | words_arrays("ids", table.ids.ids))

    @classmethod
    def load(cls, inner: Encoder, folder: Path) -> "TurnedEncoder":
        """What `save` wrote, once the model is read.

        Raises:
            ArtifactError: the file is damaged.
        """
        arrays = load_arrays(folder / TURN)
        try:
            table = Embeddings(Vocabulary(words_of("ids", arrays)), arrays["frame"])
            return cls(inner, arrays["turn"], Frame(table, arrays["counts"]))
        except KeyError as error:
            raise ArtifactError(f"{error} expected in {folder / TURN}: train again") from error


def turned(
    vectors: Float32[ndarray, "n dim"], turn: Float64[ndarray, "dim dim"]
) -> Float32[ndarray, "n dim"]:
    """Each vector times the matrix, in doubles; a row with a NaN is one of NaN.

    >>> turned(np.array([[1, 2]], np.float32), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    array([[-2.,  1.]], dtype=float32)
    """
    out = np.full(vectors.shape, np.nan, dtype=np.float32)
    for start in range(0, len(vectors), BLOCK):
        some = vectors[start : start + BLOCK]
        placed = np.isfinite(some).all(axis=1)
        out[start : start + BLOCK][placed] = some[placed].astype(np.float64) @ turn
    return out


def plain(encoder: Encoder) -> Encoder:
    """The model without its turn: what reads texts, has parts, or can be exported."""
    return encoder.inner if isinstance(encoder, TurnedEncoder) else encoder
