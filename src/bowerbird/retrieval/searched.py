"""Asked with words instead of a history: what is written like that."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.encoders.blend import BlendEncoder
from bowerbird.encoders.encoder import Encoder
from bowerbird.encoders.turned import plain
from bowerbird.errors import DataError
from bowerbird.index.index import Hits, Ragged
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.retriever import Retriever, VectorRetriever, silence

TEXT = "text"
"""The context column that holds what is looked for."""


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """An encoder of items that also places texts among them."""

    def encode_texts(self, texts: list[str]) -> Float32[ndarray, "b dim"]:
        """Their vectors; zeros for a text of which it knows no word."""


@dataclass(frozen=True, slots=True)
class Searched:
    """Items by the text in the queries' context, whatever their histories are."""

    encoder: TextEncoder
    main: VectorRetriever  # of the same encoder

    @classmethod
    def over(cls, encoder: TextEncoder, catalog: Catalog) -> "Searched":
        """Over everything in the catalog."""
        return cls(encoder, VectorRetriever.over(encoder, catalog))

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The items written most like each text; scores are cosines.

        Raises:
            DataError: the queries have no text.
        """
        column = queries.context.get(TEXT)
        if column is None or column.kind != "text":
            raise DataError("queries with a text expected, there is none in their context")
        vectors = self.encoder.encode_texts(column.words())
        return silence(self.main.index.search(vectors, k, allow, exclude), np.any(vectors, axis=1))

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """By what is written on them."""
        return self.main.similar(rows, k, allow)

    def save(self, folder: Path) -> None:
        """The encoder."""
        self.encoder.save(folder)


def asked_for(texts: list[str]) -> Queries:
    """Queries of people without a history, each looking for a text.

    >>> len(asked_for(["a red lamp", "jazz"]))
    2
    """
    queries = Queries.of([[] for _ in texts])
    return Queries(
        queries.items,
        queries.times,
        queries.weights,
        queries.offsets,
        queries.now,
        {TEXT: Column.text(texts)},
    )


def text_encoder(fitted: Encoder | Retriever) -> TextEncoder | None:
    """The part of a fitted model that can read; None where it has none."""
    if isinstance(fitted, Fused):
        return None if fitted.main is None else text_encoder(fitted.main.encoder)
    own = plain(fitted) if isinstance(fitted, Encoder) else fitted
    parts = own.parts if isinstance(own, BlendEncoder) else (own,)
    return next((part for part in parts if isinstance(part, TextEncoder)), None)
