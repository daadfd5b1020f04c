"""How sure the figures of many groups are at once: 95 % intervals over users.

`group` says for each row which group it is of, 0 … n_groups - 1. Where there is nothing to say
(no denominator, too few users) an end is NaN. Rows come in one order, so sums are the same bits.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray
from scipy.special import bdtr, bdtrik

CONFIDENCE = 0.95
Z = 1.959963984540054
"""The normal quantile of (1 + CONFIDENCE) / 2."""


class Estimate(NamedTuple):
    """A figure of every group, and the ends of its interval."""

    value: Float64[ndarray, "groups"]
    low: Float64[ndarray, "groups"]
    high: Float64[ndarray, "groups"]


def ratio(
    group: Int64[ndarray, "rows"],
    top: Float64[ndarray, "rows"],
    bottom: Float64[ndarray, "rows"],
    n_groups: int,
    share: bool = False,
) -> Estimate:
    """Σ top / Σ bottom, a row a user, by the delta method.

    R = ΣY/ΣX; Var(R) = [s²_Y - 2R s_XY + R² s²_X] / (n x̄²), which is the variance of Y - R·X.

    A `share` lies in 0 … 1; where all users agree, so that the variance says nothing, its interval
    is Wilson's for so many users. Any other ratio has none there.

    Source: Deng et al. 2018, section 3.

    >>> ratio(np.zeros(2, int), np.array([1.0, 3.0]), np.array([2.0, 2.0]), 1).value
    array([1.])
    """
    tops, bottoms = np.bincount(group, top, n_groups), np.bincount(group, bottom, n_groups)
    n = np.bincount(group, minlength=n_groups).astype(np.float64)
    value = _over(tops, bottoms)
    expected = np.nan_to_num(value)[group] * bottom
    rest = np.where(np.isclose(top, expected, rtol=1e-12, atol=0), 0, (top - expected) ** 2)
    spread = np.bincount(group, rest, n_groups)
    half = Z * np.sqrt(_over(n * spread, (n - 1) * bottoms**2))
    if not share:
        half[spread == 0] = np.nan
        return Estimate(value, value - half, value + half)
    alike = wilson(value * n, n)
    low = np.where(spread > 0, np.maximum(value - half, 0), alike.low)
    high = np.where(spread > 0, np.minimum(value + half, 1), alike.high)
    return Estimate(value, low, high)


def wilson(found: Float64[ndarray, "groups"], n: Float64[ndarray, "groups"]) -> Estimate:
    """The share of users that did something.

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    Source: Wilson 1927; Newcombe 1998, method 3.

    >>> [round(float(end[0]), 4) for end in wilson(np.array([81.0]), np.array([263.0]))]
    [0.308, 0.2553, 0.3662]
    """
    p = _over(found, n)
    scale = 1 + _over(np.full_like(n, Z**2), n)
    middle = (p + _over(np.full_like(n, Z**2 / 2), n)) / scale
    half = Z * np.sqrt(_over(p * (1 - p), n) + _over(np.full_like(n, Z**2 / 4), n**2)) / scale
    low = np.where(p == 0, p, np.maximum(middle - half, 0))  # exact, where rounding is not
    return Estimate(p, low, np.where(p == 1, p, np.minimum(middle + half, 1)))


def total(
    group: Int64[ndarray, "rows"],
    top: Float64[ndarray, "rows"],
    n: Float64[ndarray, "groups"],
) -> Estimate:
    """Σ top over n users, of whom those without a row have 0: T ± z √(n s²).

    Where all users agree there is no interval.

    Source: Cochran 1977, section 2.9, without the correction for finite populations.
    """
    value = np.bincount(group, top, len(n))
    mean = _over(value, n)
    around = np.bincount(group, (top - mean[group]) ** 2, len(n))
    rest = n - np.bincount(group, minlength=len(n))
    spread = around + rest * mean**2
    half = Z * np.sqrt(_over(n * spread, n - 1))
    half[~((n > 1) & (spread > 0))] = np.nan
    return Estimate(value, value - half, value + half)


def median(
    group: Int64[ndarray, "rows"], values: Float64[ndarray, "rows"], n_groups: int
) -> Estimate:
    """The middle of the values, between two of them that hold it in 95 % of all draws.

    The lower end is the k-th smallest, the upper the k-th largest, where k is the largest with
    P(Binomial(n, ½) < k) ≤ 2.5 %; below six values there is none.

    Source: Conover 1999, section 3.2.
    """
    order = np.lexsort((values, group))
    values = np.append(values[order], np.nan)  # so that -1 is nothing
    n = np.bincount(group, minlength=n_groups)
    start = np.cumsum(n) - n
    none = n == 0
    lower, upper = (np.where(none, -1, start + part) for part in ((n - 1) // 2, n // 2))
    k = _rank(n)
    low = np.where(k > 0, start + k - 1, -1)
    high = np.where(k > 0, start + n - k, -1)
    return Estimate((values[lower] + values[upper]) / 2, values[low], values[high])


def distinct(
    group: Int64[ndarray, "rows"], times: Float64[ndarray, "rows"], n_groups: int
) -> Estimate:
    """How many different items there were, a row an item, met so many times.

    Var(S) = S (1 - S/S_est); S_est = S + f₁²/2f₂, or S + f₁(f₁-1)/2 where f₂ is 0: f₁ items were
    met once, f₂ twice.

    Source: Colwell et al. 2012, equations 5 and 15.
    """
    found = np.bincount(group, minlength=n_groups).astype(np.float64)
    once = np.bincount(group[times == 1], minlength=n_groups).astype(np.float64)
    twice = np.bincount(group[times == 2], minlength=n_groups).astype(np.float64)
    unmet = np.where(twice > 0, _over(once**2, 2 * twice), once * (once - 1) / 2)
    half = Z * np.sqrt(found * _over(unmet, found + unmet))
    return Estimate(found, np.maximum(found - half, 0), found + half)


def _rank(n: Int64[ndarray, "groups"]) -> Int64[ndarray, "groups"]:
    """The smallest k with P(Binomial(n, ½) ≤ k) ≥ 2.5 %, as a binomial's quantile is found."""
    tail = (1 - CONFIDENCE) / 2
    some = np.maximum(n, 1)
    guess = np.ceil(bdtrik(tail, some.astype(np.float64), 0.5))
    below = np.maximum(guess - 1, 0)
    exact: ndarray = np.where(bdtr(below, some, 0.5) >= tail, below, guess)
    return exact.astype(np.int64)


def _over(top: ndarray, bottom: ndarray) -> Float64[ndarray, "groups"]:
    """One by the other; NaN where that is nothing."""
    out = np.full(len(bottom), np.nan)
    np.divide(top, bottom, out=out, where=bottom > 0)
    return out
