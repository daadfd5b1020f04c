"""The space of a run's vectors: people and items in it, and lists for vectors that were kept.

Runs that were turned onto one another share a space, and its name. Whoever has kept a vector may
ask any of them with it; one of another space is refused, since the answer would be noise.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.encoder import Encoder
from bowerbird.errors import DataError, SpaceError
from bowerbird.ranking.recommender import Recommender
from bowerbird.retrieval.dial import Dial
from bowerbird.retrieval.fuse import unfused
from bowerbird.retrieval.models import as_retriever, encoder_of, name_of
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from bowerbird.surfaces.run_folder import Run

Vector = Sequence[float] | Float[ndarray, "dim"]


def space_of(run: Run) -> str | None:
    """The name of the space that the run's vectors are in; None: it has none.

    What `runs.align` said when the run was made; else a hash of data and model, so a run that was
    trained alone has a space of its own.
    """
    told = run.facts.get("space")
    if told is not None:
        return None if told["id"] is None else str(told["id"])
    if encoder_of(run.fitted) is None:
        return None
    files = {name: hash for name, hash in run.facts["files"].items() if name.startswith("model/")}
    text = json.dumps([run.facts.get("data"), files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Given:
    """An encoder to which everybody is one vector."""

    inner: Encoder
    vector: Float32[ndarray, "dim"]

    @property
    def estimator(self) -> Any:  # noqa: ANN401  each model has its own
        """What the model was made by."""
        inner: Any = self.inner
        return inner.estimator

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """As the model says."""
        return self.inner.encode_items(catalog)

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """The vector, whatever the histories are."""
        return np.repeat(self.vector[None], len(queries), axis=0)

    def save(self, folder: Path) -> None:
        """The model; a vector is of a request."""
        self.inner.save(folder)


@dataclass(frozen=True, slots=True)
class Space:
    """What a run places, by name.

    Of a blend with parts that are no vectors it is the space of its vectors: those parts know
    histories only, so they have no say in what is asked with a vector.
    """

    id: str
    main: VectorRetriever
    items: Vocabulary

    @classmethod
    def of(cls, run: Run, main: Retriever | None = None) -> "Space":
        """Of a run.

        Args:
            run: with the catalog that is to be shown.
            main: the run's retriever over that catalog; None: it is made.

        Raises:
            SpaceError: its model has no single space of vectors.
        """
        main = as_retriever(run.fitted, run.data.catalog) if main is None else main
        own, id = unfused(main), space_of(run)
        if id is None or not isinstance(own, VectorRetriever):
            raise SpaceError(
                "a model of vectors expected (als, content, sequence, two-tower, or a blend with"
                f" one of these), {name_of(run.fitted)} came, which compares items: ask with the"
                " items of a history, or train another"
            )
        return cls(id, own, run.data.catalog.items)

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return int(self.main.vectors.shape[1])

    def of_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """Of each history; NaN where the model has nothing to go by."""
        vectors = self.main.encoder.encode_queries(queries)
        return np.where(np.any(vectors, axis=1)[:, None], vectors, np.float32(np.nan))

    def of_items(self, ids: Sequence[str]) -> Float32[ndarray, "n dim"]:
        """Of each item; NaN where it is not in the catalog, or cannot be placed."""
        rows = self.items.rows(ids)
        vectors = self.main.vectors[np.maximum(rows, 0)]
        return np.where((rows >= 0)[:, None], vectors, np.float32(np.nan))

    def checked(self, vector: Vector, id: str) -> Float32[ndarray, "dim"]:
        """A vector that was kept, if it belongs here.

        Raises:
            SpaceError: it is of another space.
            DataError: it has another length, or is not finite.
        """
        if id != self.id:
            raise SpaceError(
                f"a vector of space {self.id} expected, one of {id} came: its numbers mean"
                " something else here; ask for it anew, or ask with the history"
            )
        with np.errstate(over="ignore"):
            told = np.asarray(vector, dtype=np.float64).astype(np.float32)
        if told.shape != (self.dim,):
            raise DataError(f"a vector of {self.dim} numbers expected, {len(told)} came")
        if not np.isfinite(told).all():
            raise DataError("finite numbers in a vector expected, others came")
        return told

    def by_vector(self, engine: Recommender, vector: Vector, id: str) -> Recommender:
        """The same recommender, to which whoever asks is this vector; what they met stays left out.

        Args:
            engine: of the run: its model, or the model with the popular held back.
            vector: of a person, from this run or an earlier one of the same space.
            id: of its space.

        Raises:
            SpaceError: it is of another space.
            DataError: it has another length, or is not finite.
        """
        main: Retriever = replace(
            self.main, encoder=Given(self.main.encoder, self.checked(vector, id))
        )
        if isinstance(engine.retriever.main, Dial):
            main = replace(engine.retriever.main, main=main)
        return replace(engine, retriever=replace(engine.retriever, main=main))
