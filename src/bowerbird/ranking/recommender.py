"""The engine: what is eligible, then the best of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.index.index import Hits, Ragged
from bowerbird.retrieval.backfill import Backfill


@dataclass(frozen=True, slots=True)
class Recommender:
    """A retriever that always answers, and the rules of what it may answer with."""

    retriever: Backfill
    allow: Bool[ndarray, "n"] | None = None  # items that may be shown; None is all
    repeats: bool = False  # may an item of the history be recommended again?

    def recommend(self, queries: Queries, k: int) -> Hits:
        """The k best a query, best first; fewer only where fewer are eligible."""
        seen = None if self.repeats else history(queries, len(self.retriever.popularity))
        return self.retriever.retrieve(queries, k, self.allow, seen)


def history(queries: Queries, n_items: int) -> Ragged:
    """What each history holds, liked or only seen, as exclusions."""
    inside = queries.where((queries.items >= 0) & (queries.items < n_items))
    return Ragged(np.ascontiguousarray(inside.items), inside.offsets)
