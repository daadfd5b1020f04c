"""Vectors with names: what encoders make, indexes search, and runs keep on disk."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import DataError


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Row r is the vector of id r; a row of NaN is an item that cannot be placed."""

    ids: Vocabulary
    vectors: Float32[ndarray, "n dim"]

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.vectors):
            raise DataError(f"{len(self.ids)} vectors expected, {len(self.vectors)} came")

    def take(self, ids: Sequence[str]) -> Float32[ndarray, "m dim"]:
        """The vector of each id; a row of NaN where there is none.

        >>> Embeddings(Vocabulary.of(["a"]), np.ones((1, 2), np.float32)).take(["z"])
        array([[nan, nan]], dtype=float32)
        """
        if ids is self.ids.ids:
            return self.vectors
        out = np.full((len(ids), self.vectors.shape[1]), np.nan, dtype=np.float32)
        rows = self.ids.rows(ids)
        out[rows >= 0] = self.vectors[rows[rows >= 0]]
        return out
