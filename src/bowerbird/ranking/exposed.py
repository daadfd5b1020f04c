"""What people were shown before: left out for a while, or held back the more the fresher.

An exposure is an event of the history whose type says so. It is no sign of liking, and it does not
take an item out of lists for good, as having met it does.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from bowerbird.data.exposures import exposed
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits, Ragged
from bowerbird.ranking.step import ordered, relevance


@dataclass(frozen=True, slots=True)
class Recently:
    """Leaves out what was shown `times` times within the last `within_s` seconds."""

    now: int  # a query's own moment, where that is later
    within_s: float = 86_400.0
    times: int = 3

    def __post_init__(self) -> None:
        if not self.within_s > 0 or self.times < 1:
            came = f"{self.within_s} and {self.times} came"
            raise ConfigError(f"recently shown: within > 0 s and times ≥ 1 expected, {came}")

    def rows(self, queries: Queries, n: int) -> Ragged:
        """The rows of each query, of a catalog of n items."""
        shown = _shown(queries, n)
        ages = np.maximum(shown.now[shown.owners()], self.now) - shown.times
        late = shown.where(ages <= self.within_s)
        cells, counts = np.unique(late.owners() * np.int64(n) + late.items, return_counts=True)
        owners, rows = np.divmod(cells[counts >= self.times], np.int64(max(n, 1)))
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(queries)))])
        return Ragged(rows.astype(np.int32), offsets.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Tired:
    """Orders by relevance - weight · Σ ½^(age / half_life_s) over the exposures of the item.

    Relevance is the score brought to 0 … 1 in each query.
    """

    n: int  # items of the catalog
    now: int  # a query's own moment, where that is later
    weight: float = 0.3
    half_life_s: float = 86_400.0

    def __post_init__(self) -> None:
        if not self.weight >= 0 or not self.half_life_s > 0:
            came = f"{self.weight} and {self.half_life_s} came"
            raise ConfigError(f"tired: weight ≥ 0 and half-life > 0 s expected, {came}")

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The same hits, those shown lately further down."""
        shown = _shown(queries, self.n)
        ages = np.maximum(shown.now[shown.owners()], self.now) - shown.times
        ages = np.maximum(ages, 0)
        fresh = 0.5 ** (ages / self.half_life_s)
        cells = (fresh, (shown.owners(), shown.items))
        summed = csr_array(cells, shape=(len(queries), self.n))
        each = np.arange(len(hits.rows))[:, None]
        faded = summed[each, np.maximum(hits.rows, 0)].toarray()
        return ordered(hits, (relevance(hits) - self.weight * faded).astype(np.float32))


def _shown(queries: Queries, n: int) -> Queries:
    """Only the exposures of items there are."""
    return queries.where(exposed(queries) & (queries.items >= 0) & (queries.items < n))
