"""The index of a run: chosen on its own people, kept in its folder.

RUN/index/   what `index.stored` writes, and chosen.json: the settings tried and what they found
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy import ndarray

from bowerbird.data.artifacts import save_json, whole
from bowerbird.data.dataset import Dataset
from bowerbird.encoders.encoder import Encoder
from bowerbird.errors import ArtifactError
from bowerbird.index.chosen import ASKED, CHEAP, Chosen, chosen
from bowerbird.index.index import Index
from bowerbird.index.stored import save_index
from bowerbird.retrieval.models import encoder_of
from bowerbird.retrieval.retriever import Retriever

RECALL, K = 0.95, 100
"""What an index is to find where nobody says otherwise: share of the exact list, and its length."""


def built(
    fitted: Encoder | Retriever,
    data: Dataset,
    target: tuple[float, int] = (RECALL, K),
    seed: int = 0,
    clock: Callable[[Index, ndarray], float] | None = None,
    free: int = CHEAP,
) -> tuple[Chosen, ndarray] | None:
    """The index of the model's vectors, and people's vectors it was asked with.

    Args:
        fitted: None is returned for models without vectors.
        data: the catalog, and people whose histories ask; those with none are not among them.
        target: share of the exact list that is to be found, and its length.
        seed: of the sample of people, and of where drawers are put.
        clock: milliseconds of a query to an index, where they are to be told.
        free: vectors that may be read without a thought: up to so many, lists are exact.
    """
    found = vectors_of(fitted, data, seed)
    if found is None:
        return None
    vectors, asked = found
    return chosen(vectors, asked, *target, seed=seed, clock=clock, free=free), asked


def vectors_of(
    fitted: Encoder | Retriever, data: Dataset, seed: int = 0
) -> tuple[ndarray, ndarray] | None:
    """Of the items, and of some people of the log to ask with; None for models without vectors."""
    encoder = encoder_of(fitted)
    if encoder is None:
        return None
    queries = data.queries()
    known = np.flatnonzero(queries.lengths())
    known = np.random.default_rng(seed).permutation(known)[: 2 * ASKED]
    asked = encoder.encode_queries(queries.take(known))
    asked = np.ascontiguousarray(asked[np.any(asked, axis=1)])
    return encoder.encode_items(data.catalog), asked


def keep_index(run: Path, found: Chosen, asked: ndarray) -> None:
    """Into the run's folder, in place of the index that is there.

    Raises:
        ArtifactError: it cannot be written.
    """
    try:
        with whole(run / "index") as partial:
            partial.mkdir()
            save_index(found.index, partial, asked)
            save_json(partial / "chosen.json", found.to_json())
    except OSError as error:
        raise ArtifactError(f"{run / 'index'}: cannot be written: {error}") from error
