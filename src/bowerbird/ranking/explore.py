"""Places that are drawn, not ranked, with the exact probability of what was drawn.

Without them a catalog learns only about what it shows already, and no later count of clicks can be
corrected for what was shown (inverse propensity).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.step import relevance, reordered

Way = Literal["slots", "plackett-luce"]


@dataclass(frozen=True, slots=True)
class Explore:
    """Draws the first k of a query's hits; the propensity of a place is given those above it.

    slots           each place of `slots` (from 1; none named: all) is, with probability `epsilon`,
                    drawn evenly from all hits that are not above it; else it holds the best of
                    them: (1 - ε)·[best] + ε / left
    plackett-luce   item after item with probability e^(r/τ) / Σ e^(r/τ) over those left, τ
                    `temperature`, r the relevance (0 … 1, `step.relevance`); drawn as the largest
                    of r/τ + Gumbel noise

    The probability of a whole list is the product over its places.

    Source: Plackett 1975; Kool, van Hoof & Welling, ICML 2019 (Gumbel top-k).
    """

    way: Way = "slots"
    epsilon: float = 0.1
    slots: tuple[int, ...] = ()
    temperature: float = 0.1
    among: int = 50  # hits that can be drawn: the best so many

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1 or not self.temperature > 0 or self.among < 1:
            came = f"{self.epsilon}, {self.temperature} and {self.among} came"
            expected = "epsilon from 0 to 1, temperature > 0 and among ≥ 1 expected"
            raise ConfigError(f"explore: {expected}, {came}")
        if any(slot < 1 for slot in self.slots):
            raise ConfigError(f"explore: slots from 1 on expected, {min(self.slots)} came")

    def draw(
        self, hits: Hits, k: int, seeds: Int64[ndarray, "b"]
    ) -> tuple[Hits, Float64[ndarray, "b k"]]:
        """The k drawn of each query, and the propensity of each place; 1 where nothing is.

        The same hits and seed give the same list, in whatever batch.
        """
        width = max(k, min(self.among, hits.rows.shape[1]))
        noise = np.array([_uniform(int(seed), width, k) for seed in seeds])
        noise = noise.reshape(len(seeds), 2 * k + width)
        pool = Hits(hits.rows[:, :width], hits.scores[:, :width])
        drawn = self._slots if self.way == "slots" else self._plackett_luce
        places, propensity = drawn(pool, k, noise)
        return reordered(pool, places), propensity

    def _slots(self, hits: Hits, k: int, noise: ndarray) -> tuple[ndarray, ndarray]:
        free = hits.rows >= 0
        each = np.arange(len(free))
        places, propensity = np.full((len(free), k), -1, dtype=np.int32), np.ones((len(free), k))
        for place in range(min(k, free.shape[1])):
            left = free.sum(axis=1)
            best = np.argmax(free, axis=1)
            chance = self.epsilon if not self.slots or place + 1 in self.slots else 0.0
            nth = np.minimum((noise[:, k + place] * left).astype(np.int64), left - 1)
            drawn = np.argmax(np.cumsum(free, axis=1) == nth[:, None] + 1, axis=1)
            taken = np.where(noise[:, place] < chance, drawn, best)
            there = left > 0
            places[there, place] = taken[there]
            exact = (1 - chance) * (taken == best) + chance / np.maximum(left, 1)
            propensity[there, place] = exact[there]
            free[each[there], taken[there]] = False
        return places, propensity

    def _plackett_luce(self, hits: Hits, k: int, noise: ndarray) -> tuple[ndarray, ndarray]:
        there = hits.rows >= 0
        width = hits.rows.shape[1]
        utility = np.where(there, relevance(hits).astype(np.float64) / self.temperature, -np.inf)
        keys = utility - np.log(-np.log(noise[:, 2 * k : 2 * k + width]))
        order = np.argsort(-keys, axis=1, kind="stable")
        drawn = np.take_along_axis(utility, order, 1)
        left = np.logaddexp.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]
        known = np.isfinite(drawn)
        share = np.exp(np.where(known, drawn, 0) - np.where(known, left, 0))
        places, propensity = np.full((len(there), k), -1, np.int32), np.ones((len(there), k))
        shown = min(k, width)
        places[:, :shown] = np.where(known, order, -1)[:, :shown]
        propensity[:, :shown] = share[:, :shown]
        return places, propensity


def _uniform(seed: int, width: int, k: int) -> Float64[ndarray, "numbers"]:
    """All that a query can need, in (0, 1): for which places, which item, and noise an item."""
    numbers = np.random.default_rng(seed).random(2 * k + width)
    return np.clip(numbers, np.finfo(np.float64).tiny, None)
