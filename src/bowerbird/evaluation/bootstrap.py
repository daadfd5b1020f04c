"""How sure a mean over users is: users drawn again, with replacement, many times.

Source: Efron 1979; percentile intervals, Efron & Tibshirani 1993, section 13.3.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

CONFIDENCE = 0.95
CELLS = 1 << 22
"""Drawn users held at a time: 32 MiB, however many users and draws there are."""


def resampled_means(
    values: Float64[ndarray, "n m"], seed: int = 0, draws: int = 2000
) -> Float64[ndarray, "draws m"]:
    """The mean of every column, each time over n users drawn with replacement; NaN is left out.

    All columns see the same draws, so differences of columns are paired.

    Cost: O(draws·n·m) in matrix products; memory does not grow with n or draws.
    """
    random = np.random.default_rng(seed)
    n = len(values)
    there = np.isfinite(values)
    filled = np.where(there, values, 0.0)
    out = np.full((draws, values.shape[1]), np.nan)
    step = max(1, CELLS // max(1, n))
    for start in range(0, draws if n else 0, step):
        size = min(step, draws - start)
        drawn = random.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
        times = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
        sums, sizes = times @ filled, times @ there.astype(np.float64)
        np.divide(sums, sizes, out=out[start : start + size], where=sizes > 0)
    return out


def intervals(
    values: Float64[ndarray, "n m"], seed: int = 0, draws: int = 2000
) -> Float64[ndarray, "2 m"]:
    """The lower and the upper end of the 95 % interval of every column's mean."""
    ends = np.full((2, values.shape[1]), np.nan)
    for column, drawn in enumerate(resampled_means(values, seed, draws).T):
        drawn = drawn[np.isfinite(drawn)]
        if len(drawn):
            ends[:, column] = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return ends


def mean(values: Float64[ndarray, "n"]) -> float:
    """The mean of what is there; NaN where nothing is.

    >>> mean(np.array([1.0, np.nan, 0.0]))
    0.5
    """
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")
