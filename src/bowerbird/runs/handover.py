"""The vectors of a run in an engine that others run, and what it finds of the exact lists there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from bowerbird.errors import ConfigError
from bowerbird.index.chosen import exact_index, one_by_one, recall_of
from bowerbird.index.index import Index
from bowerbird.index.postgres import PostgresIndex
from bowerbird.index.qdrant import QdrantIndex

SHARES = (1.0, 0.5, 0.1, 0.01, 0.001, 0.0001)
"""Of the items that a filter leaves, drawn at random."""
FOLDER = "qdrant:"
"""What stands before a folder of Qdrant's embedded edition."""


@dataclass(frozen=True, slots=True)
class Found:
    """How an engine answers while a filter leaves a share of the items."""

    share: float
    recall: float  # mean share of the exact list
    full: float  # share of the lists that are as long as the exact ones
    ms: float  # median of single queries


def hand_over(vectors: ndarray, to: str, name: str) -> Index:
    """An index of these vectors in the engine.

    Args:
        vectors: Float32 (n, dim), of the items.
        to: postgresql://USER@HOST/DATABASE, or qdrant:FOLDER.
        name: of the table.

    Raises:
        ConfigError: `to` is neither, or what it needs is not installed.
        DataError: there is something of this name that is not ours.
        ArtifactError: the engine does not answer, or refuses.
    """
    if to.startswith(FOLDER) and to != FOLDER:
        return QdrantIndex.over(Path(to.removeprefix(FOLDER)), vectors)
    if to.startswith(("postgresql://", "postgres://")):
        return PostgresIndex.over(to, name, vectors)
    came = "postgresql://USER@HOST/DATABASE or qdrant:FOLDER"
    raise ConfigError(f"{came} expected, {to.split('@')[-1]} came: say where the vectors shall go")


def measured(
    index: Index,
    vectors: ndarray,
    queries: ndarray,
    k: int,
    clock: Callable[[Index, ndarray, int, ndarray | None], float],
    seed: int = 0,
) -> list[Found]:
    """What the engine finds of the exact lists, without a filter and with filters of all kinds.

    Args:
        index: over the vectors.
        vectors: Float32 (n, dim), of the items.
        queries: Float32 (b, dim), real ones.
        k: length of the lists.
        clock: milliseconds of a query to an index, with this k and this filter.
        seed: of what the filters leave.
    """
    exact, rng, found = exact_index(vectors), np.random.default_rng(seed), []
    for share in SHARES:
        allow = None if share == 1 else rng.random(len(vectors)) < share
        truth, hits = exact.search(queries, k, allow), one_by_one(index, queries, k, allow)
        full = ((hits.rows >= 0).sum(axis=1) == (truth.rows >= 0).sum(axis=1)).mean()
        recall = recall_of(hits, truth)
        found.append(Found(share, recall, float(full), clock(index, queries, k, allow)))
    return found
