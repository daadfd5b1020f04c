"""What a set of lists does to the catalog: who is shown, how well known, how varied, how fitting.

A list is a row of item rows, -1 where there is none. Values of one list are NaN for an empty one.
"""

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.evaluation.metrics import Judged

HEAD_SHARE = 5
"""One item in five is popular: the short head of Abdollahpouri et al. 2019."""

SMOOTHING = 0.01
"""Steck 2018, section 3: enough to keep the divergence finite, too little to change its order."""

BLOCK = 4096
PRODUCTS = 3e8
"""Multiplications spent on diversity, about five seconds; past it only every 2ⁿ-th list is read."""


def head_items(counts: Int64[ndarray, "n"]) -> Bool[ndarray, "n"]:
    """The top fifth of the items that have an interaction, by count; ties go to the lower row.

    >>> head_items(np.array([5, 9, 0, 1, 1, 1]))
    array([False,  True, False, False, False, False])
    """
    head = np.zeros(len(counts), dtype=bool)
    size = max(1, np.count_nonzero(counts) // HEAD_SHARE)
    head[np.argsort(-counts, kind="stable")[:size]] = True
    return head


def shown_counts(rows: Int32[ndarray, "b k"], n: int) -> Int64[ndarray, "n"]:
    """In how many lists each of n items stands."""
    return np.bincount(rows[rows >= 0], minlength=n).astype(np.int64)


def coverage(shown: Int64[ndarray, "n"], counts: Int64[ndarray, "n"]) -> float:
    """Distinct items shown / items that have a training interaction.

    Above 1 is possible: a recommender may show cold items as well.

    Source: Ge, Delgado-Battenfeld & Jannach 2010 (catalog coverage).
    """
    return int(np.count_nonzero(shown)) / max(1, int(np.count_nonzero(counts)))


def catalog_coverage(shown: Int64[ndarray, "n"], allow: Bool[ndarray, "n"] | None) -> float:
    """Distinct items shown / items that may be shown, cold ones included.

    Source: Ge, Delgado-Battenfeld & Jannach 2010 (catalog coverage).
    """
    showable = len(shown) if allow is None else int(allow.sum())
    return int(np.count_nonzero(shown)) / max(1, showable)


def gini(shown: Int64[ndarray, "n"], counts: Int64[ndarray, "n"]) -> float:
    """How unevenly places are dealt out: 0 all items alike, 1 everything to one item.

    Over the items with a training interaction, and cold ones where they are shown.
    Σᵢ (2i - n - 1) xᵢ / (n Σ xᵢ), x ascending.

    Source: Gini 1912; for recommendations, Fleder & Hosanagar 2009.
    """
    x = _dealt(shown, counts)
    if not x.sum():
        return 1.0
    return float((2 * np.arange(1, len(x) + 1) - len(x) - 1).dot(x) / (len(x) * x.sum()))


def lorenz(
    shown: Int64[ndarray, "n"], counts: Int64[ndarray, "n"], points: int = 51
) -> Float64[ndarray, "points"]:
    """The share of all places that the least shown 0 %, 2 %, … 100 % of the items get.

    Source: Lorenz 1905. The Gini index is twice the area between it and the diagonal.
    """
    x = np.concatenate([[0], np.cumsum(_dealt(shown, counts))])
    share = x / max(1, x[-1])
    curve: ndarray = np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(x)), share)
    return curve


def popreo(judged: Judged, k: int, head: Bool[ndarray, "n"]) -> float:
    """How unequally well the head and the rest are found when they are wanted.

    std / mean over the two groups g of P(shown | relevant, g); 0 is fair, 1 means that one group is
    never found. NaN where nothing is found, or only one group is wanted.

    Source: Zhu, Wang & Caverlee 2020 (ranking-based equal opportunity).
    """
    rates = []
    for group in (head, ~head):
        part = judged.within(group)
        if wanted := int(part.sizes().sum()):
            rates.append(part.hit[:, :k].sum() / wanted)
    mean = float(np.mean(rates)) if len(rates) == 2 else 0.0
    return float(np.std(rates)) / mean if mean else float("nan")


def arp(rows: Int32[ndarray, "b k"], counts: Int64[ndarray, "n"]) -> Float64[ndarray, "b"]:
    """The mean number of training interactions of what a list shows.

    Σ_{i ∈ list} count(i) / |list|.

    Source: Abdollahpouri et al. 2019 (average recommendation popularity).
    """
    return _list_means(rows, counts)


def aplt(rows: Int32[ndarray, "b k"], head: Bool[ndarray, "n"]) -> Float64[ndarray, "b"]:
    """The share of a list that is long tail, that is not in the head.

    |list ∖ head| / |list|.

    Source: Abdollahpouri et al. 2019 (average percentage of long tail items).
    """
    return _list_means(rows, ~head)


def novelty(rows: Int32[ndarray, "b k"], counts: Int64[ndarray, "n"]) -> Float64[ndarray, "b"]:
    """The mean of -log₂ p(i) over a list, in bits; p(i) = interactions of i / all interactions.

    A cold item counts as if it had one interaction, for it would be infinitely new.

    Source: Zhou et al. 2010 (self-information); Vargas & Castells 2011.
    """
    return _list_means(rows, -np.log2(np.maximum(counts, 1) / max(1, counts.sum())))


def diversity(rows: Int32[ndarray, "b k"], features: csr_array) -> Float64[ndarray, "b"]:
    """1 - the mean cosine of all pairs in a list; items without features are passed over.

    With unit rows f, Σ_{i≠j} fᵢ·fⱼ = ‖Σ fᵢ‖² - m, so no pair is ever formed. Where even that is
    too much (PRODUCTS), every second, fourth, … list is read and the others are NaN.

    Args:
        rows: the lists.
        features: (n, f), rows of length 1, or empty.

    Source: Smyth & McClave 2001; Ziegler et al. 2005 (intra-list similarity).
    """
    sizes = np.diff(features.indptr)
    step = diversity_step(rows, features)
    read = np.where(rows[::step] >= 0, rows[::step], -1)
    m = _list_sums(read, sizes > 0)
    length = np.concatenate(
        [
            _row_sums(block := _lists(read[start : start + BLOCK], len(sizes)) @ features, block)
            for start in range(0, max(1, len(read)), BLOCK)
        ]
    )
    pairs = m * (m - 1)
    values = np.full(len(rows), np.nan)
    cosine = np.divide(length - m, pairs, out=np.full(len(m), np.nan), where=pairs > 0)
    values[::step] = np.clip(1 - cosine, 0, None)  # rounding must not make it negative
    return values


def diversity_step(rows: Int32[ndarray, "b k"], features: csr_array) -> int:
    """Every how many-th list `diversity` reads: a power of two, 1 for all."""
    work = float(_list_sums(rows, np.diff(features.indptr)).sum())
    return 1 << max(0, int(np.ceil(np.log2(max(1.0, work / PRODUCTS)))))


def calibration(
    rows: Int32[ndarray, "b k"], history: csr_array, shares: csr_array
) -> Float64[ndarray, "b"]:
    """How far the labels of a list are from those of the history: KL(p ‖ q̃), 0 is calibrated.

    p and q are the means of the items' shares over history (by weight) and list (alike), and
    q̃ = (1 - α) q + α p with α = .01. NaN where history or list has no label.

    Args:
        rows: the lists.
        history: (b, n) weights of the items each query has met.
        shares: (n, labels), rows that sum to 1, or empty.

    KL(p ‖ q̃) = Σ_g p(g) log(p(g) / q̃(g)).

    Source: Steck 2018, section 3.
    """
    parts = []
    for start in range(0, max(1, len(rows)), BLOCK):
        block = slice(start, start + BLOCK)
        met = _unit_sums(history[block] @ shares)
        listed = _unit_sums(_lists(rows[block], shares.shape[0]) @ shares)
        parts.append(_divergence(met, listed))
    return np.concatenate(parts)


def _divergence(p: csr_array, q: csr_array) -> Float64[ndarray, "b"]:
    seen = csr_array((np.ones(p.nnz), p.indices, p.indptr), shape=p.shape)
    # α·p > 0 wherever p is stored, so the smoothed q has exactly the places of p, in their order
    smooth = csr_array(q.multiply(seen)) * (1 - SMOOTHING) + p * SMOOTHING
    smooth.sort_indices()
    terms = p.data * np.log(p.data / smooth.data)
    owners = np.repeat(np.arange(p.shape[0]), np.diff(p.indptr))
    values = np.bincount(owners, weights=terms, minlength=p.shape[0])
    labelled = (np.diff(p.indptr) > 0) & (np.diff(q.indptr) > 0)
    return np.where(labelled, np.maximum(values, 0), np.nan)


def _dealt(shown: Int64[ndarray, "n"], counts: Int64[ndarray, "n"]) -> Int64[ndarray, "m"]:
    dealt = shown[shown > 0]
    idle = max(0, int(np.count_nonzero(counts)) - len(dealt))
    return np.concatenate([np.zeros(idle, dtype=np.int64), np.sort(dealt)])


def _lists(rows: Int32[ndarray, "b k"], n: int) -> csr_array:
    there = rows >= 0
    ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return csr_array((np.ones(ends[-1]), rows[there], ends), shape=(len(rows), n))


def _list_sums(rows: Int32[ndarray, "b k"], of_item: ndarray) -> Float64[ndarray, "b"]:
    sums: ndarray = (of_item[rows] * (rows >= 0)).sum(axis=1).astype(np.float64)
    return sums


def _list_means(rows: Int32[ndarray, "b k"], of_item: ndarray) -> Float64[ndarray, "b"]:
    sizes = (rows >= 0).sum(axis=1)
    means = np.full(len(rows), np.nan)
    np.divide(_list_sums(rows, of_item), sizes, out=means, where=sizes > 0)
    return means


def _row_sums(left: csr_array, right: csr_array) -> Float64[ndarray, "b"]:
    owners = np.repeat(np.arange(left.shape[0]), np.diff(left.indptr))
    sums = np.bincount(owners, weights=left.data * right.data, minlength=left.shape[0])
    return sums.astype(np.float64)  # of no entries at all bincount makes whole numbers


def _unit_sums(sums: csr_array) -> csr_array:
    sums = csr_array(sums)
    sums.eliminate_zeros()
    sums.sort_indices()
    total = np.asarray(sums.sum(axis=1), dtype=np.float64).ravel()
    data = sums.data / np.repeat(total, np.diff(sums.indptr))
    return csr_array((data, sums.indices, sums.indptr), shape=sums.shape)
