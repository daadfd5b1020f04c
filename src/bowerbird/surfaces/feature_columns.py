"""Features as they were when lists were made, as columns to write beside the lists."""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.index.index import Hits
from bowerbird.ranking.features import Features

MARK = "f_"
"""What the name of a feature's column begins with."""
BLOCK = 1024
"""Queries whose features are held at a time."""


def feature_columns(
    features: Features, queries: Queries, candidates: Hits, shown: Hits
) -> dict[str, Float32[ndarray, "places"]]:
    """A column a feature, a value for each place that holds an item, list after list.

    Args:
        features: of the catalog.
        queries: who asked.
        candidates: what the list was made from: scores and places are of these.
        shown: the lists; what is not among the candidates has no features.
    """
    parts = [np.zeros((0, len(features.names)), dtype=np.float32)]
    for start in range(0, len(queries), BLOCK):
        some = slice(start, start + BLOCK)
        these = Hits(candidates.rows[some], candidates.scores[some])
        values = features(queries.take(np.arange(start, start + len(these.rows))), these)
        listed = shown.rows[some]
        query, place = np.nonzero(listed >= 0)
        same = these.rows[query] == listed[query, place][:, None]
        found = values[query, same.argmax(axis=1)]
        parts.append(np.where(same.any(axis=1)[:, None], found, np.float32(np.nan)))
    columns = np.concatenate(parts)
    return {f"{MARK}{name}": columns[:, f] for f, name in enumerate(features.names)}
