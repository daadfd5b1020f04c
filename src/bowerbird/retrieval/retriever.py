"""Where candidates come from: mostly encoder + index, but anything that answers will do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.encoders.encoder import Encoder
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import NONE, Hits, Index, Ragged


@runtime_checkable
class Retriever(Protocol):
    """Fitted. Eligibility is settled here, not later, so that k can be kept."""

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The k best candidates of each query among the rows allowed and not excluded.

        A query about which it knows nothing gets no hits (row -1), not a random list.
        """

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """The k items most like each of these, itself left out."""

    def save(self, folder: Path) -> None:
        """Arrays and JSON into this folder; `Estimator.load` reads them back."""


@dataclass(frozen=True, slots=True)
class VectorRetriever:
    """Histories become vectors, vectors find rows."""

    encoder: Encoder
    vectors: Float32[ndarray, "n dim"]  # of the catalog's items
    index: Index

    @classmethod
    def over(cls, encoder: Encoder, catalog: Catalog) -> "VectorRetriever":
        """The exact index over everything in the catalog."""
        vectors = encoder.encode_items(catalog)
        return cls(encoder, vectors, ExactIndex(vectors))

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The items whose vectors fit each query's best. A query vector of zeros finds nothing."""
        vectors = self.encoder.encode_queries(queries)
        return silence(self.index.search(vectors, k, allow, exclude), np.any(vectors, axis=1))

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """By cosine: how long a vector is says how popular its item is, not what it is like."""
        length = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        unit = np.divide(self.vectors, length, out=np.zeros_like(self.vectors), where=length > 0)
        unit[np.isnan(length[:, 0])] = np.nan
        placed = np.isfinite(unit[rows]).all(axis=1)
        asked = np.where(placed[:, None], unit[rows], np.float32(0))
        itself = Ragged(rows, np.arange(len(rows) + 1, dtype=np.int64))
        return silence(ExactIndex(unit).search(asked, k, allow, itself), np.any(asked, axis=1))

    def save(self, folder: Path) -> None:
        """The encoder; vectors and index follow from it."""
        self.encoder.save(folder)


def silence(hits: Hits, speak: ndarray) -> Hits:
    """The same hits, none at all for the queries (Bool, b) that have nothing to say."""
    rows = np.where(speak[:, None], hits.rows, np.int32(-1))
    return Hits(rows, np.where(speak[:, None], hits.scores, NONE))


def within(
    n: int, allow: Bool[ndarray, "m"] | None, exclude: Ragged | None
) -> tuple[Bool[ndarray, "n"] | None, Ragged | None]:
    """Eligibility for a model of n items, where the catalog has grown to m since it was fitted."""
    if allow is not None:
        allow = allow[:n]
    if exclude is None or not len(exclude.rows) or exclude.rows.max() < n:
        return allow, exclude
    old = exclude.rows < n
    counts = np.bincount(exclude.owners()[old], minlength=len(exclude.offsets) - 1)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return allow, Ragged(exclude.rows[old], offsets)
