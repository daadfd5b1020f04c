"""How far two distributions are apart, and how far chance alone puts them: PSI and MMD.

Events of one person belong together, so a thousand events say less than a thousand people; the
laws here count people.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray
from scipy.sparse import csr_array
from scipy.special import chdtri

from bowerbird.errors import DataError

BINS = 10
SMOOTHING = 0.5
"""Added to every count (Jeffreys): an empty bin is a small share, not an infinite distance."""
SAMPLE = 2000
"""Vectors of each side that are compared, at most: what these cannot tell apart is no alarm."""
PERMUTATIONS = 1000
"""Enough for p < .001."""
AT_ONCE = 250


def psi(
    expected: Float64[ndarray, "bins"],
    actual: Float64[ndarray, "bins"],
    smoothing: float = SMOOTHING,
) -> float:
    """The population stability index Σ (a - e)·ln(a / e) of two histograms.

    0 is no change; .01 is a coin that falls 55 to 45 instead of even, .09 one that falls 65 to 35.

    Args:
        expected: counts of the reference.
        actual: counts of what is compared.
        smoothing: added to every count; 0 for shares.

    >>> round(psi(np.array([.5, .3, .2]), np.array([.4, .35, .25]), smoothing=0.0), 6)
    0.041179
    """
    e, a = (_shares(counts, smoothing) for counts in (expected, actual))
    return float(((a - e) * np.log(a / e)).sum())


def quantile_edges(values: Float64[ndarray, "n"], bins: int = BINS) -> Float64[ndarray, "edges"]:
    """Where bins of about equally many of these values begin; fewer where many values are equal.

    `np.searchsorted(edges, values, side="right")` is the bin of each value.

    >>> quantile_edges(np.arange(1.0, 101.0), bins=4)
    array([25.75, 50.5 , 75.25])
    """
    there = values[np.isfinite(values)]
    if not len(there):
        return np.zeros(0)
    edges: ndarray = np.unique(np.quantile(there, np.arange(1, bins) / bins))
    return edges


class Law(NamedTuple):
    """PSI where nothing but chance is at work: scale · χ²(freedom)."""

    scale: float
    freedom: float

    def limit(self, p: float) -> float:
        """What is exceeded by chance with this probability."""
        return float(self.scale * chdtri(self.freedom, p)) if self.freedom > 0 else 0.0


def independent_law(n: int, m: int, bins: int) -> Law:
    """PSI of n and m independent draws of one distribution: (1/n + 1/m) · χ²(bins - 1).

    Source: Yurdakul 2018, section 3.

    >>> round(independent_law(5000, 5000, 10).limit(.01), 5)
    0.00867
    """
    return Law(1 / n + 1 / m, float(bins - 1))


@dataclass(frozen=True, slots=True)
class Counted:
    """A histogram by person: of each event who and which bin."""

    people: Int64[ndarray, "n"]
    bins: Int64[ndarray, "n"]

    def counts(self, bins: int) -> Float64[ndarray, "bins"]:
        """Events in each bin."""
        return np.bincount(self.bins, minlength=bins).astype(np.float64)


def clustered_law(old: Counted, new: Counted, bins: int) -> Law:
    """PSI by chance where events of one person belong together, on both sides.

    To first order PSI is Σ d²/p, d the difference of shares. Its covariance V is summed over
    people: a person adds (own counts - own events · shares) / all events, of the new side minus of
    the old. Σ d²/p is then a sum of χ²(1) weighed by the eigenvalues of M = D^-½ V D^-½; scale
    tr M² / tr M and freedom (tr M)² / tr M² give its mean and variance. One event a person makes it
    `independent_law`.

    Source: Rao & Scott 1981; Satterthwaite 1946.

    Args:
        old: the reference; a number is one person on both sides.
        new: what is compared.
        bins: how many there are.
    """
    people, who = np.unique(np.concatenate([old.people, new.people]), return_inverse=True)
    parts, loads, shares = [], [], []
    for side, ids in ((old, who[: len(old.people)]), (new, who[len(old.people) :])):
        n = max(len(ids), 1)
        cells = (np.full(len(ids), 1 / n), (ids, side.bins))
        parts.append(csr_array(cells, shape=(len(people), bins)))
        loads.append(np.bincount(ids, minlength=len(people)) / n)
        shares.append(side.counts(bins) / n)
    differences = csr_array(parts[1] - parts[0])
    load, mean = np.stack([loads[1], loads[0]], axis=1), np.stack([shares[1], -shares[0]])
    cross = np.asarray((differences.T @ load) @ mean)
    square = np.asarray((differences.T @ differences).todense())
    v = square - cross - cross.T + mean.T @ (load.T @ load) @ mean
    p = _shares(old.counts(bins) + new.counts(bins), SMOOTHING)
    m = v / np.sqrt(p[:, None] * p[None]) * len(people) / max(len(people) - 1, 1)
    trace, squared = float(np.trace(m)), float((m**2).sum())
    return Law(squared / trace, trace**2 / squared) if trace > 0 and squared > 0 else Law(0.0, 0.0)


def mmd2(one: Float32[ndarray, "n dim"], other: Float32[ndarray, "m dim"]) -> float:
    """The unbiased squared maximum mean discrepancy: 0 in expectation where both are alike.

    Kernel exp(-‖x - y‖² / 2σ²), σ the median distance of all vectors.

    Source: Gretton et al. 2012, eq. 3 and section 8 (median heuristic).
    """
    kernel = _kernel(one, other)
    return float(_mmd2(kernel, np.arange(len(kernel))[None] < len(one))[0])


def mmd_limit(
    one: Float32[ndarray, "n dim"],
    other: Float32[ndarray, "m width"],
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> tuple[float, float]:
    """MMD², and the largest that so many permutations of who is on which side have.

    Above it p ≤ 1 / (permutations + 1): of vectors that are exchangeable one in so many.

    Args:
        one: vectors of one space; at most SAMPLE of them are drawn.
        other: of the same space.
        permutations: random ones.
        seed: of samples and permutations.

    Raises:
        DataError: fewer than two vectors on a side, or of another length.

    Cost: permutations · (n + m)² products; 64 MB for two samples of 2,000.
    """
    if min(len(one), len(other)) < 2 or one.shape[1] != other.shape[1]:
        raise DataError(
            f"two or more vectors of one length on both sides expected, {one.shape} and"
            f" {other.shape} came: compare vectors of one space"
        )
    random = np.random.default_rng(seed)
    one, other = (_drawn(some, random) for some in (one, other))
    kernel, n = _kernel(one, other), len(one)
    sides = np.arange(len(kernel)) < n
    figure = float(_mmd2(kernel, sides[None])[0])
    largest = -np.inf
    for start in range(0, permutations, AT_ONCE):
        size = min(AT_ONCE, permutations - start)
        drawn = random.permuted(np.tile(sides, (size, 1)), axis=1)
        largest = max(largest, float(_mmd2(kernel, drawn).max()))
    return figure, largest


def _shares(counts: ndarray, smoothing: float) -> ndarray:
    raised = counts + smoothing
    shares: ndarray = raised / raised.sum()
    return shares


def _drawn(vectors: ndarray, random: np.random.Generator) -> ndarray:
    if len(vectors) <= SAMPLE:
        return vectors
    rows: ndarray = vectors[np.sort(random.choice(len(vectors), SAMPLE, replace=False))]
    return rows


def _kernel(one: ndarray, other: ndarray) -> ndarray:
    vectors = np.concatenate([one, other]).astype(np.float32)
    vectors = vectors - vectors.mean(axis=0)  # so that rounding is of distances, not of places
    square = (vectors**2).sum(axis=1)
    distances = np.maximum(square[:, None] + square[None] - 2 * (vectors @ vectors.T), 0)
    np.fill_diagonal(distances, 0)
    median = float(np.median(distances[np.triu_indices(len(vectors), 1)]))
    kernel: ndarray = np.exp(-distances / (2 * median or 1.0))
    return kernel


def _mmd2(kernel: ndarray, first: ndarray) -> Float64[ndarray, "sides"]:
    """For each row of `first`, which says who is on the first side."""
    ones = first.astype(kernel.dtype)
    n, m = int(ones[0].sum()), len(kernel) - int(ones[0].sum())
    to_first = (ones @ kernel).astype(np.float64)
    within = np.where(first, to_first, 0).sum(axis=1)
    between = np.where(first, 0, to_first).sum(axis=1)
    others = float(kernel.sum(dtype=np.float64)) - within - 2 * between
    alike = (within - n) / (n * (n - 1)) + (others - m) / (m * (m - 1))
    figures: ndarray = alike - 2 * between / (n * m)
    return figures
