"""Retrieval the other way round: who an item is for, and who is like somebody."""

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from bowerbird.data.exposures import exposed
from bowerbird.data.queries import Queries
from bowerbird.encoders.text import unit
from bowerbird.errors import ConfigError
from bowerbird.index.index import NONE, Hits, pack
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.retriever import Retriever, Scorer, VectorRetriever

BLOCK = 4_096
"""People looked at together."""


def audience(
    retriever: Retriever,
    people: Queries,
    row: int,
    k: int,
    allow: Bool[ndarray, "b"] | None = None,
) -> Hits:
    """The k people with the highest score of one item; rows are theirs.

    Args:
        retriever: what scores.
        people: everybody's history.
        row: the item.
        k: how many.
        allow: who may be among them; None is all. Who has met the item is not.

    Raises:
        ConfigError: the retriever cannot score single items.
    """
    retriever = _vectors(retriever)
    scores = np.full(len(people), NONE)
    for start in range(0, len(people), BLOCK):
        stop = min(start + BLOCK, len(people))
        scores[start:stop] = _scores(retriever, people.take(np.arange(start, stop)), row)
    met = (people.items == row) & ~exposed(people)
    scores[people.owners()[met]] = NONE
    return _best(scores, k, allow)


def similar_people(
    retriever: Retriever,
    people: Queries,
    one: int,
    k: int,
    allow: Bool[ndarray, "b"] | None = None,
) -> Hits:
    """The k people whose vectors point most nearly where this one's does; scores are cosines.

    Args:
        retriever: of vectors.
        people: everybody's history.
        one: row of the person among them, who is left out.
        k: how many.
        allow: who may be among them; None is all.

    Raises:
        ConfigError: the retriever has no vectors.
    """
    retriever = _vectors(retriever)
    if not isinstance(retriever, VectorRetriever):
        raise ConfigError(
            "people alike: a model of vectors expected (als, content, sequence, two-tower, or a"
            " blend of these), a model without came: train another"
        )
    own = unit(retriever.encoder.encode_queries(people.take(np.array([one]))))[0]
    scores = np.full(len(people), NONE)
    if own.any():
        for start in range(0, len(people), BLOCK):
            some = people.take(np.arange(start, min(start + BLOCK, len(people))))
            vectors = unit(retriever.encoder.encode_queries(some))
            scores[start : start + BLOCK] = np.where(np.any(vectors, axis=1), vectors @ own, NONE)
    scores[one] = NONE
    return _best(scores, k, allow)


def _vectors(retriever: Retriever) -> Retriever:
    """Of a blend its vectors, where it has some: what is fused with them compares items only."""
    own = retriever.main if isinstance(retriever, Fused) else None
    return retriever if own is None else own


def _scores(retriever: Retriever, people: Queries, row: int) -> Float32[ndarray, "b"]:
    if isinstance(retriever, VectorRetriever):
        vector = retriever.vectors[row]
        vectors = retriever.encoder.encode_queries(people)
        known = np.any(vectors, axis=1) & bool(np.isfinite(vector).all())
        return np.where(known, vectors @ np.nan_to_num(vector), NONE)
    if isinstance(retriever, Scorer):
        return retriever.scores(people, np.full((len(people), 1), row, dtype=np.int32))[:, 0]
    raise ConfigError(
        "audience: a model that scores single items expected (any but a blend without vectors),"
        " another came: train one"
    )


def _best(scores: Float32[ndarray, "b"], k: int, allow: ndarray | None) -> Hits:
    there = scores > NONE if allow is None else (scores > NONE) & allow
    rows = np.flatnonzero(there)
    return pack(np.zeros(len(rows), np.int64), rows, scores[rows], 1, k)
