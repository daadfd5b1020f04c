"""Does the index still find what it should? Exact lists of a few people, beside its own."""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.index.index import Hits
from bowerbird.retrieval.retriever import VectorRetriever
from bowerbird.serving.snapshot import Snapshot

PEOPLE, K = 16, 100
BLOCK = 65_536
"""Vectors that are read at a time."""


def recall(snapshot: Snapshot, seed: int = 0) -> float | None:
    """Mean share of the exact list that is found; None: there are no vectors, or no people."""
    main, queries = snapshot.plain.retriever.main, snapshot.histories.log
    known = np.flatnonzero(queries.lengths())
    if not isinstance(main, VectorRetriever) or not len(known):
        return None
    asked = np.random.default_rng(seed).permutation(known)[:PEOPLE]
    vectors = main.encoder.encode_queries(queries.take(asked))
    vectors = np.ascontiguousarray(vectors[np.any(vectors, axis=1)])
    if not len(vectors):
        return None
    found, scores = main.index.search(vectors, K), _scores(main, vectors)
    return _share(found, scores)


def _scores(main: VectorRetriever, asked: Float32[ndarray, "b dim"]) -> Float32[ndarray, "b n"]:
    """Of all items; -inf for those without a vector."""
    parts = []
    for start in range(0, len(main.vectors), BLOCK):
        scores = asked @ main.vectors[start : start + BLOCK].T
        parts.append(np.where(np.isnan(scores), np.float32(-np.inf), scores))
    return np.concatenate(parts, axis=1)


def _share(found: Hits, scores: Float32[ndarray, "b n"]) -> float:
    """Of the K best by score; a tie with the last of them is as good as it."""
    k = min(K, scores.shape[1])
    last = -np.partition(-scores, k - 1, axis=1)[:, k - 1]
    there = found.rows >= 0
    reached = np.take_along_axis(scores, np.maximum(found.rows, 0), axis=1)
    close = last[:, None] - 1e-3 * np.abs(last[:, None])  # an index may hold half precision
    good = (there & (reached >= close)).sum(axis=1)
    able = np.minimum(k, np.isfinite(scores).sum(axis=1))
    return float(np.mean(np.minimum(good / able, 1.0)))
