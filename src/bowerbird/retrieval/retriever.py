"""Where candidates come from: mostly encoder + index, but anything that answers will do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.encoders.encoder import Encoder
from bowerbird.index.chosen import exact_index
from bowerbird.index.exact import ExactIndex, in_blocks
from bowerbird.index.index import NONE, Hits, Index, Ragged
from bowerbird.index.live import grown


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


@runtime_checkable
class Scorer(Retriever, Protocol):
    """A retriever that can also be asked about items which others have found."""

    def scores(self, queries: Queries, rows: Int32[ndarray, "b m"]) -> Float32[ndarray, "b m"]:
        """What `retrieve` would say of these rows of each query, exactly; nothing is excluded.

        -inf where it knows nothing: of the query, of the item, or where the row is -1.
        """


@dataclass(frozen=True, slots=True)
class VectorRetriever:
    """Histories become vectors, vectors find rows."""

    encoder: Encoder
    vectors: Float32[ndarray, "n dim"]  # of the catalog's items
    index: Index

    @classmethod
    def over(
        cls, encoder: Encoder, catalog: Catalog, index: Index | None = None
    ) -> "VectorRetriever":
        """Over everything in the catalog.

        Args:
            encoder: fitted.
            catalog: what can be found.
            index: of the first items of the catalog, as this encoder places them; the others are
                put into it. None: an exact one of all.
        """
        vectors = encoder.encode_items(catalog)
        if index is None:
            return cls(encoder, vectors, exact_index(vectors))
        return cls(encoder, vectors, grown(index, vectors))

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
        itself = Ragged(rows, np.arange(len(rows) + 1, dtype=np.int64))
        return alike(ExactIndex(directions(self.vectors)), rows, k, allow, itself)

    def scores(self, queries: Queries, rows: Int32[ndarray, "b m"]) -> Float32[ndarray, "b m"]:
        """Inner products, whatever the index is; -inf for an item without a vector."""
        asked, n = self.encoder.encode_queries(queries), len(self.vectors)
        if rows.size <= n:  # as many vectors are gathered as there are at most
            known = (rows >= 0) & (rows < n) & np.any(asked, axis=1)[:, None]
            taken = self.vectors[np.where(known, rows, 0)]
            known &= np.isfinite(taken).all(axis=2)
            return np.where(known, np.einsum("bd,bmd->bm", asked, taken), NONE)
        placed = np.isfinite(self.vectors).all(axis=1)
        vectors = np.where(placed[:, None], self.vectors, np.float32(0))
        found = picked(lambda start, stop: asked[start:stop] @ vectors.T, rows, n)
        known = (rows >= 0) & (rows < n) & np.any(asked, axis=1)[:, None]
        known &= placed[np.where(known, rows, 0)]
        return np.where(known, found, NONE)

    def save(self, folder: Path) -> None:
        """The encoder; vectors and index follow from it."""
        self.encoder.save(folder)


def directions(vectors: Float32[ndarray, "n dim"]) -> Float32[ndarray, "n dim"]:
    """Each at length 1; NaN and zeros stay what they are."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: ndarray = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    unit[np.isnan(length[:, 0])] = np.nan
    return unit


def alike(
    index: Index,
    rows: Int32[ndarray, "b"],
    k: int,
    allow: Bool[ndarray, "n"] | None = None,
    exclude: Ragged | None = None,
) -> Hits:
    """The k rows that point most nearly where each of these does; one without a vector has none.

    Args:
        index: of `directions`.
        rows: asked about.
        k: how many.
        allow: rows that may be hits; None is all.
        exclude: rows that may not, query by query.
    """
    unit = index.take(rows)
    placed = np.isfinite(unit).all(axis=1)
    asked = np.where(placed[:, None], unit, np.float32(0))
    return silence(index.search(asked, k, allow, exclude), np.any(asked, axis=1))


def silence(hits: Hits, speak: ndarray) -> Hits:
    """The same hits, none at all for the queries (Bool, b) that have nothing to say."""
    rows = np.where(speak[:, None], hits.rows, np.int32(-1))
    return Hits(rows, np.where(speak[:, None], hits.scores, NONE))


def picked(
    dense: Callable[[int, int], Float32[ndarray, "some n"]], rows: Int32[ndarray, "b m"], n: int
) -> Float32[ndarray, "b m"]:
    """Of full rows of scores, made a block of queries at a time, the places asked for.

    -inf for rows that are not among the n.
    """

    def block(start: int, stop: int) -> Hits:
        some = rows[start:stop]
        inside = (some >= 0) & (some < n)
        taken = np.take_along_axis(dense(start, stop), np.where(inside, some, 0), axis=1)
        return Hits(some, np.where(inside, taken, NONE))

    return in_blocks(block, len(rows), 4 * n, rows.shape[1]).scores


def within(
    n: int, allow: Bool[ndarray, "m"] | None, exclude: Ragged | None
) -> tuple[Bool[ndarray, "n"] | None, Ragged | None]:
    """Eligibility for a model of n items, where the catalog has grown to m since it was fitted."""
    if allow is not None:
        allow = allow[:n]
    return allow, exclude and exclude.below(n)
