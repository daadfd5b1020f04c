"""Groups of new people who met nearly the same items: one hand with many names."""

import numpy as np
import polars as pl
from jaxtyping import UInt64
from numpy import ndarray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from bowerbird.data.defence import Defence

BANDS, ROWS = 10, 6
"""Of hashes. Two sets of Jaccard .9 share a band but once in 2,000 times, of .5 every seventh."""
NEAR = 4
"""Places of a sorted band across which two people are compared."""
PAIRS_AT_ONCE = 200_000


def lookalikes(met: pl.DataFrame, rules: Defence) -> pl.Series:
    """The people of such groups, sorted.

    Two are alike if the Jaccard index of what they met is at least `alike`, they met `alike_items`
    or more, and came within `new_s` of each other; a group is who is alike, and who is alike them.
    Candidates share a band of minimum hashes.

    Source: Broder 1997; bands as in Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, 3.4.

    Args:
        met: user, item, and when the user came (`first`, ms), for new people.
        rules: how alike, and how many.
    """
    pairs = met.unique(["user", "item"])
    pairs = pairs.filter(pl.len().over("user") >= rules.alike_items).sort("user", "item")
    people = pairs.group_by("user", maintain_order=True).agg(pl.len(), pl.col("first").min())
    if people.height < rules.alike_users:
        return people["user"].clear()
    offsets = np.concatenate([[0], people["len"].cum_sum().to_numpy()])
    items = (pairs["item"].rank("dense") - 1).to_numpy()
    sets = csr_array((np.ones(len(items), np.int32), items, offsets))
    ones, others = _candidates(sets, people["first"].to_numpy())
    near = _jaccard(sets, ones, others) >= rules.alike
    near &= np.abs(np.diff(people["first"].to_numpy()[np.stack([ones, others])], axis=0))[0] < (
        1_000 * rules.new_s
    )
    links = coo_array((near[near], (ones[near], others[near])), (people.height,) * 2)
    _, group = connected_components(links, directed=False)
    large = np.bincount(group)[group] >= rules.alike_users
    return people["user"].filter(pl.Series(large))


def _candidates(sets: csr_array, first: ndarray) -> tuple[ndarray, ndarray]:
    """Pairs of people that share a band and came after each other, each pair once."""
    found, items = [], np.arange(sets.shape[1], dtype=np.uint64)
    for number in range(BANDS):
        band = np.zeros(sets.shape[0], dtype=np.uint64)
        for row in range(ROWS):
            hashes = _mixed(items, number * ROWS + row)[sets.indices]
            band = _mixed(band ^ np.minimum.reduceat(hashes, sets.indptr[:-1]), 0)
        order = np.lexsort((first, band))
        for step in range(1, NEAR + 1):
            one, other = order[:-step], order[step:]
            same = band[one] == band[other]
            found.append(np.sort(np.stack([one[same], other[same]]), axis=0))
    pairs = np.unique(np.concatenate(found, axis=1), axis=1)
    return pairs[0], pairs[1]


def _jaccard(sets: csr_array, ones: ndarray, others: ndarray) -> ndarray:
    sizes = np.diff(sets.indptr)
    parts = [np.zeros(0)]
    for start in range(0, len(ones), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        both = sets[ones[some]].multiply(sets[others[some]]).sum(axis=1)
        parts.append(both / (sizes[ones[some]] + sizes[others[some]] - both))
    return np.concatenate(parts)


def _mixed(values: UInt64[ndarray, "n"], seed: int) -> UInt64[ndarray, "n"]:
    """Each number as another that looks drawn (the finaliser of splitmix64)."""
    mixed = values + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
