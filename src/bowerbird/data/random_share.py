"""A random part of everyone's events as the answers: validation where the data has no order."""

from dataclasses import dataclass, replace

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.data.split import Split, fixed


@dataclass(frozen=True, slots=True)
class RandomShare:
    """Of each user's liked events a random share, at least one, is asked for.

    How the fixed collaborative-filtering splits were made; says nothing about time.
    """

    share: float = 0.2
    seed: int = 42
    repeats: bool = False

    def split(self, data: Dataset) -> Split:
        """Train on the rest, ask for the share."""
        liked = np.flatnonzero(data.log.weights > 0)
        users = data.log.users[liked]
        chance = np.random.default_rng(self.seed).random(len(liked))
        by = np.lexsort((chance, users))
        counts = np.bincount(users, minlength=len(data.users))
        rank = np.arange(len(by)) - (np.cumsum(counts) - counts)[users[by]]
        wanted = np.maximum(1, np.round(self.share * counts)).astype(np.int64)
        held = np.zeros(len(data.log), dtype=bool)
        held[liked[by[rank < wanted[users[by]]]]] = True
        return fixed(data.with_log(data.log.where(~held)), data.log.where(held), self.repeats)

    def inner(self) -> "RandomShare":
        """Another draw."""
        return replace(self, seed=self.seed + 1)
