"""Lists that change: new items further up, and another part of what is good at each time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from bowerbird.data.columns import NO_TIME
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.step import ordered, relevance, reordered


@dataclass(frozen=True, slots=True, eq=False)
class Recent:
    """Orders by relevance + weight · ½^(age / half_life_s); no age: nothing is added.

    Relevance is the score brought to 0 … 1 in each query.
    """

    since: Int64[ndarray, "n"]  # seconds since 1970 UTC, NO_TIME where it is not known
    now: int  # a query's own moment, where that is later
    weight: float = 0.2
    half_life_s: float = 7 * 86_400.0

    def __post_init__(self) -> None:
        if not self.weight >= 0 or not self.half_life_s > 0:
            came = f"{self.weight} and {self.half_life_s} came"
            raise ConfigError(f"recent: weight ≥ 0 and half-life > 0 s expected, {came}")

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The same hits, the new ones further up."""
        young = self.youth(self.since[hits.rows], queries.now[:, None])
        return ordered(hits, (relevance(hits) + self.weight * young).astype(np.float32))

    def youth(
        self, since: Int64[ndarray, "..."], asked: Int64[ndarray, "b 1"] | int = 0
    ) -> Float64[ndarray, "..."]:
        """½^(age / half_life_s) of what is there since these moments, by when it is asked."""
        age = np.maximum(np.maximum(self.now, asked) - since.astype(np.float64), 0)
        faded: ndarray = np.where(since == NO_TIME, 0.0, 0.5 ** (age / self.half_life_s))
        return faded


@dataclass(frozen=True, slots=True)
class Rotate:
    """Another part of the best `among` at each period; the first `keep` stay where they are.

    At period p = ⌊now / every_s⌋ the hits keep … among - 1 begin at the (p · (k - keep))-th and go
    round, so that all of them are shown within ⌈(among - keep) / (k - keep)⌉ periods.
    """

    now: int  # a query's own moment, where that is later
    every_s: int = 86_400
    among: int = 30
    keep: int = 3
    k: int = 10

    def __post_init__(self) -> None:
        if self.every_s < 1 or not 0 <= self.keep < min(self.k, self.among):
            came = f"{self.every_s}, {self.keep} and {self.among} came"
            expected = "every ≥ 1 s and 0 ≤ keep < k and among expected"
            raise ConfigError(f"rotate: {expected}, {came}")

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The same hits, those in the middle turned on."""
        m = hits.rows.shape[1]
        wide = np.clip((hits.rows >= 0).sum(axis=1), self.keep, min(self.among, m)) - self.keep
        turn = np.maximum(self.now, queries.now) // self.every_s * (self.k - self.keep)
        place = np.tile(np.arange(m), (len(hits.rows), 1))
        inside = (place >= self.keep) & (place < self.keep + wide[:, None])
        turned = self.keep + (place - self.keep + turn[:, None]) % np.maximum(wide, 1)[:, None]
        places = np.where(inside, turned, place)
        there = np.take_along_axis(hits.rows, places, 1) >= 0
        return reordered(hits, np.where(there, places, -1).astype(np.int32))
