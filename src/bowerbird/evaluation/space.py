"""What a set of vectors is like as a whole: the directions it uses, its spread, its hubs.

Pure functions of arrays. A figure that has no meaning (no vectors, nothing varies) is NaN.
"""

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64
from numpy import ndarray
from scipy.special import hyp0f1

from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Ragged

ROWS_AT_ONCE = 65_536
PAIRS_AT_ONCE = 512
EVEN = 1e-4
"""Norms that differ by less than this share are one length and rounding."""


def effective_rank(vectors: Float32[ndarray, "n dim"]) -> float:
    """How many directions the vectors use: RankMe = exp(-Σ p log p), p = σ / Σσ.

    σ are the singular values. From 1 (all on a line) to min(n, dim).

    Source: Garrido et al. 2023, eq. 1-2; Roy & Vetterli 2007.

    >>> round(effective_rank(np.eye(8, dtype=np.float32)), 6)
    8.0
    """
    values = np.sqrt(_variances(vectors, np.zeros(vectors.shape[1])))
    if not values.sum():
        return float("nan")
    p = values[values > 0] / values.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def top_share(vectors: Float32[ndarray, "n dim"]) -> float:
    """The share of the variance in the direction that has most of it; 1 / dim is even.

    >>> top_share(np.array([[3, 0], [-3, 0], [0, 1], [0, -1]], np.float32))
    0.9
    """
    if not len(vectors):
        return float("nan")
    values = _variances(vectors, vectors.mean(axis=0, dtype=np.float64))
    return float(values.max() / values.sum()) if values.sum() else float("nan")


def uniformity(vectors: Float32[ndarray, "n dim"]) -> float:
    """Uniformity: log E e^(-2 ‖x - y‖²) over all pairs at length 1; the lower, the more spread.

    0 is one point; no set of vectors is, in expectation, below `uniformity_bound`.

    Cost: O(n²·dim): give it a sample.
    Source: Wang & Isola 2020, section 4.1, t = 2.
    """
    unit = units(vectors)
    n = len(unit)
    if n < 2:
        return float("nan")
    total = 0.0
    for start in range(0, n, PAIRS_AT_ONCE):
        cosines = (unit[start : start + PAIRS_AT_ONCE] @ unit.T).astype(np.float64)
        total += float(np.exp(4 * cosines - 4).sum())  # ‖x - y‖² = 2 - 2 x·y
    return float(np.log((total - n) / (n * (n - 1))))


def uniformity_bound(dim: int) -> float:
    """The uniformity of points spread evenly on the sphere S^(dim-1), the least there is.

    -4 + log ₀F₁(dim/2; 4), which is -4 + log Γ(d/2) + (d/2 - 1) log(2/4) + log I_{d/2-1}(4), but
    does not overflow.

    Source: the normalising constant of von Mises & Fisher's distribution, κ = 4.

    >>> round(uniformity_bound(64), 4)
    -3.8752
    """
    return float(-4 + np.log(hyp0f1(dim / 2, 4.0)))


def mean_cosine(vectors: Float32[ndarray, "n dim"]) -> float:
    """The mean cosine of all pairs: 0 where no direction is preferred, 1 where there is only one.

    Of unit vectors Σ_{i≠j} x·y = ‖Σx‖² - n, so no pair is ever formed.

    >>> round(mean_cosine(np.array([[1, 0], [0, 2], [-3, 0]], np.float32)), 6)
    -0.333333
    """
    unit = units(vectors)
    n = len(unit)
    if n < 2:
        return float("nan")
    total = unit.sum(axis=0, dtype=np.float64)
    return float((total @ total - n) / (n * (n - 1)))


def mean_share(vectors: Float32[ndarray, "n dim"]) -> float:
    """Length of the mean vector / mean length: 0 balanced, 1 all in one direction."""
    length = float(np.linalg.norm(vectors, axis=1).mean()) if len(vectors) else 0.0
    middle = vectors.mean(axis=0, dtype=np.float64) if length else np.zeros(1)
    return float(np.linalg.norm(middle)) / length if length else float("nan")


def reached(rows: Int32[ndarray, "b k"], n: int) -> Int64[ndarray, "n"]:
    """N_k: in how many of the lists each of n items stands; -1 is no item."""
    return np.bincount(rows[rows >= 0], minlength=n).astype(np.int64)


def hubness(reaches: Int64[ndarray, "n"]) -> float:
    """The skewness of N_k: about 1/√(mean N_k) by chance, far above it where few items are in
    everybody's list.

    Source: Radovanović, Nanopoulos & Ivanović 2010, eq. 1.

    >>> hubness(np.array([0, 0, 0, 4]))
    1.1547005383792515
    """
    even = len(reaches) < 3 or (reaches == reaches[0]).all()
    from scipy.stats import skew  # takes as long to import as all else together

    return float("nan") if even else float(skew(reaches))


def dead_by_chance(n: int, b: int, k: int) -> float:
    """The share of n items that b random lists of k different items would miss.

    >>> dead_by_chance(4, 2, 2)
    0.25
    """
    return float((1 - min(k, n) / max(n, 1)) ** b)


def norm_popularity(vectors: Float32[ndarray, "n dim"], counts: Int64[ndarray, "n"]) -> float:
    """Spearman's correlation of a vector's length with its item's interactions.

    NaN where all are equally long or equally popular.
    """
    length = np.linalg.norm(vectors, axis=1)
    if len(length) < 3 or np.ptp(length) <= EVEN * length.mean() or not np.ptp(counts):
        return float("nan")
    from scipy.stats import spearmanr  # as above

    return float(spearmanr(length, counts).statistic)


def norm_slope(vectors: Float32[ndarray, "n dim"], counts: Int64[ndarray, "n"]) -> float:
    """How steeply a vector's length grows with its item's interactions: d log ‖v‖ / d log count.

    Least squares over items with interactions and vectors not of zeros; where lengths are in the
    order of popularity already, Spearman's correlation cannot see that they grew apart.

    >>> steep = np.array([[1, 0], [0, 2], [4, 0]], np.float32)
    >>> round(norm_slope(steep, np.array([3, 6, 12])), 6)
    1.0
    """
    length = np.linalg.norm(vectors, axis=1)
    judged = (length > 0) & (counts > 0)
    x, y = np.log(counts[judged]), np.log(length[judged].astype(np.float64))
    if len(x) < 3 or not np.ptp(x):
        return float("nan")
    x = x - x.mean()
    return float(x @ y / (x @ x))


def category_agreement(
    vectors: Float32[ndarray, "n dim"],
    categories: Int32[ndarray, "n"],
    asked: Int64[ndarray, "m"],
    k: int = 10,
) -> tuple[float, float]:
    """How often a neighbour by cosine is of an item's own category, and how often by chance.

    Args:
        vectors: finite, none of zeros.
        categories: codes ≥ 0.
        asked: the rows whose neighbours are looked at.
        k: neighbours of each.
    """
    n = len(vectors)
    if n < 2 or not len(asked):
        return float("nan"), float("nan")
    itself = Ragged(asked.astype(np.int32), np.arange(len(asked) + 1, dtype=np.int64))
    unit = units(vectors)
    near = ExactIndex(unit).search(unit[asked], min(k, n - 1), exclude=itself).rows
    same = (categories[near] == categories[asked][:, None])[near >= 0]
    sizes = np.bincount(categories).astype(np.float64)
    chance = (sizes * (sizes - 1)).sum() / (n * (n - 1))
    return float(same.mean()), float(chance)


def tied_share(scores: Float32[ndarray, "b k"]) -> float:
    """The share of neighbouring places whose scores are equal; -inf is no place.

    >>> tied_share(np.array([[3, 2, 2, -np.inf]], np.float32))
    0.5
    """
    beside = np.isfinite(scores[:, :-1]) & np.isfinite(scores[:, 1:])
    if not beside.any():
        return float("nan")
    return float((scores[:, :-1] == scores[:, 1:])[beside].mean())


def units(vectors: Float32[ndarray, "n dim"]) -> Float32[ndarray, "m dim"]:
    """The vectors at length 1; those of zeros are left out."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    there = length[:, 0] > 0
    unit: ndarray = vectors[there] / length[there]
    return unit


def _variances(
    vectors: Float32[ndarray, "n dim"], middle: Float64[ndarray, "dim"]
) -> Float64[ndarray, "dim"]:
    """Σ (x - middle)² along each principal direction: the squares of the singular values."""
    products = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        block = vectors[start : start + ROWS_AT_ONCE] - middle
        products += block.T @ block
    values: ndarray = np.maximum(np.linalg.eigvalsh(products), 0)
    # rounding leaves about 1e-16 of the largest where there is nothing
    return np.where(values > values.max(initial=0) * 1e-14, values, 0)
