"""One model minus another, over everybody and slice by slice, with bounds that hold together.

Percentile bootstrap for a single difference (Efron & Tibshirani 1993); for several, bounds from the
largest deviation of any of them (max-t, Romano & Wolf 2005), so that of many equal slices none
looks lost by chance.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.evaluation.bootstrap import CONFIDENCE, mean, resampled_means
from bowerbird.evaluation.report import plain

Pair = tuple[Float64[ndarray, "b"], Float64[ndarray, "b"]]
"""One value a person: the difference, and what the other model has."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference and its 95 % bounds."""

    name: str
    people: int
    other: float  # mean of the model that is compared with
    gain: float
    low: float
    high: float
    told: bool  # are there enough people to say something?

    @property
    def relative(self) -> float:
        """As a share of what the other has; NaN where it has nothing."""
        return self.gain / self.other if self.other > 0 else float("nan")

    def to_json(self) -> dict[str, object]:
        """Plain data; what cannot be said is None."""
        told = {n: plain(v) if isinstance(v, float) else v for n, v in asdict(self).items()}
        return {**told, "relative": plain(self.relative)}


def differences(
    pairs: Mapping[str, Pair], least: int = 2, seed: int = 0, draws: int = 2000
) -> tuple[Difference, ...]:
    """Each with its bounds; those of all that have enough people hold together.

    The order of the people changes nothing, not even the last bit.

    Args:
        pairs: by name, all of the same people in the same order; NaN is somebody who is not meant.
        least: people, below which one has bounds of its own and says nothing.
        seed: of the draws of people.
        draws: how many.
    """
    if not pairs:
        return ()
    matrix = np.stack([gained for gained, _ in pairs.values()], axis=1)
    matrix = matrix[np.lexsort(matrix.T)]  # by their values: equal rows are alike
    people = np.isfinite(matrix).sum(axis=0)
    drawn = resampled_means(matrix, seed, draws)
    means = np.array([mean(column) for column in matrix.T])
    told = people >= least
    low, high = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    if told.any():
        low[told], high[told] = _together(drawn[:, told], means[told])
    for place in np.flatnonzero(~told & (people > 0)):
        low[place], high[place] = _together(drawn[:, [place]], means[[place]]).ravel()
    return tuple(
        Difference(
            name,
            int(people[place]),
            mean(np.sort(other)),
            float(means[place]),
            float(low[place]),
            float(high[place]),
            bool(told[place]),
        )
        for place, (name, (_, other)) in enumerate(pairs.items())
    )


def _together(
    drawn: Float64[ndarray, "draws m"], means: Float64[ndarray, "m"]
) -> Float64[ndarray, "2 m"]:
    """Lower and upper bounds of all columns; of one column its percentile interval."""
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    if len(means) == 1:
        column = drawn[np.isfinite(drawn[:, 0]), 0]
        interval: ndarray = np.quantile(column, ends)[:, None]
        return interval
    errors = np.nanstd(drawn, axis=0)
    away = np.divide(drawn - means, errors, out=np.zeros_like(drawn), where=errors > 0)
    below, above = np.nanmin(away, axis=1), np.nanmax(away, axis=1)
    under, over = np.quantile(below, ends[0]), np.quantile(above, ends[1])
    return np.stack([means + under * errors, means + over * errors])
