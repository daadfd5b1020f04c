"""Who stands beside whom in two versions of a space: how much of it stayed, and who moved most.

Neighbours are by cosine, so a space that was turned or scaled as a whole has not changed. Both
versions are asked among the items that the one before places and the one after knows: what came or
left is no movement, what lost its vector is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.errors import DataError
from bowerbird.evaluation.lights import Light, percent
from bowerbird.evaluation.space import units
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Ragged

K = 10
ANCHORS = 2000
"""Items whose neighbours are looked at, at most."""
SLACK = 0.1
"""Below what another seed alone leaves, so much more may change."""


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """The neighbours of the same items in two versions; rows are those of `ids`."""

    ids: tuple[str, ...]
    anchors: Int64[ndarray, "m"]
    before: Int32[ndarray, "m k"]  # -1 is none
    after: Int32[ndarray, "m k"]

    @property
    def overlap(self) -> float:
        """The mean over anchors of |before ∩ after| / k; NaN without anchors."""
        each = self.overlaps()
        return float(each.mean()) if len(each) else float("nan")

    @property
    def rbo(self) -> float:
        """The mean rank-biased overlap: as `overlap`, but the first places count more."""
        each = rank_biased_overlap(self.before, self.after)
        return float(each.mean()) if len(each) else float("nan")

    def overlaps(self) -> Float64[ndarray, "m"]:
        """|before ∩ after| / k of each anchor."""
        return overlaps(self.before, self.after)

    def light(self, floor: float) -> Light:
        """Is more changed than another seed changes?

        Args:
            floor: the overlap of the version before with itself, trained again on the same data
                with another seed.
        """
        least, share = floor - SLACK, self.overlap
        return Light(
            "Neighbours kept",
            f"{percent(share)} (rank-biased {percent(self.rbo)})",
            f"at least {percent(least)} ({percent(floor)} with another seed alone)",
            None if share != share else share >= least,
            "How many of an item's nearest items stayed",
            "look at what moved most, and check that vectors and ids are in one order",
        )


@dataclass(frozen=True, slots=True)
class Mover:
    """An item whose neighbourhood changed, and what changed in the log and in the catalog."""

    item: str
    overlap: float
    before: tuple[str, ...]  # nearest first
    after: tuple[str, ...]
    events: tuple[int, int]  # of the item, in the log before and after
    together: tuple[int, int]  # people who met it and an item that arrived beside it
    retold: tuple[str, ...]  # columns of the catalog that say something else of it now

    def sentence(self) -> str:
        """In one line."""
        kept = round(self.overlap * len(self.before))
        new = [id for id in self.after if id not in self.before]
        retold = f"; {', '.join(self.retold)} changed" if self.retold else ""
        return (
            f"{self.item}: {kept} of {len(self.before)} neighbours kept;"
            f" {self.events[0]:,} → {self.events[1]:,} events;"
            f" {self.together[0]:,} → {self.together[1]:,} people met it and one of"
            f" {', '.join(new[:3])}{' …' if len(new) > 3 else ''}"
            f"{retold}"
        )

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {**asdict(self), "says": self.sentence()}


def neighbourhoods(
    before: Embeddings, after: Embeddings, k: int = K, most: int = ANCHORS, seed: int = 0
) -> Neighbourhoods:
    """The k nearest items, in both versions, of the same items.

    An item whose vector is zeros or NaN after has no neighbours then, and is in nobody's list.

    Args:
        before: the version that is served.
        after: the one that may replace it; its dim may be another.
        k: neighbours of each.
        most: anchors.
        seed: of their sample.

    Raises:
        DataError: the versions have no item in common.
    """
    placed = np.flatnonzero(_sound(before.vectors)).tolist()
    ids = tuple(id for id in (before.ids.ids[row] for row in placed) if id in after.ids)
    if not ids:
        raise DataError(
            f"items that both versions know expected, none of {len(before.ids):,} and"
            f" {len(after.ids):,} came: compare versions of one catalog"
        )
    anchors = np.arange(len(ids))
    if len(ids) > most:
        anchors = np.sort(np.random.default_rng(seed).choice(len(ids), most, replace=False))
    lists = [_nearest(version.take(ids), anchors, k) for version in (before, after)]
    return Neighbourhoods(ids, anchors, *lists)


def overlaps(one: Int32[ndarray, "m k"], other: Int32[ndarray, "m k"]) -> Float64[ndarray, "m"]:
    """|one ∩ other| / k of each row, k the places that are filled in either; -1 is none.

    >>> overlaps(np.array([[1, 2, 3, 4]], np.int32), np.array([[4, 5, 1, 6]], np.int32))
    array([0.5])
    """
    same = (one[:, :, None] == other[:, None, :]) & (one >= 0)[:, :, None]
    filled = np.maximum((one >= 0).sum(axis=1), (other >= 0).sum(axis=1))
    share: ndarray = same.sum(axis=(1, 2)) / np.maximum(filled, 1)
    return share


def rank_biased_overlap(
    one: Int32[ndarray, "m k"], other: Int32[ndarray, "m k"], p: float = 0.9
) -> Float64[ndarray, "m"]:
    """How alike two lists are, where a reader goes on from each place with probability p.

    RBO = (1-p)/p · Σ_{d=1}^k X_d/d · p^d + X_k/k · p^k, X_d what the first d of both have in
    common: beyond k the lists are taken to go on as they were. From 0 to 1; -1 is no item.

    Source: Webber, Moffat & Zobel 2010, eq. 30 (RBO_ext) for lists of one length.

    >>> swapped = rank_biased_overlap(np.array([[1, 2]], np.int32), np.array([[2, 1]], np.int32))
    >>> round(float(swapped[0]), 6)
    0.9
    """
    same = (one[:, :, None] == other[:, None, :]) & (one >= 0)[:, :, None]
    depth = np.arange(1, one.shape[1] + 1)
    within = same.cumsum(axis=1).cumsum(axis=2)
    agreed = within[:, depth - 1, depth - 1] / depth
    weighed = (1 - p) / p * (agreed * p**depth).sum(axis=1)
    total: ndarray = weighed + agreed[:, -1] * p ** one.shape[1]
    return total


def movers(
    near: Neighbourhoods, before: Dataset, after: Dataset, most: int = 10
) -> tuple[Mover, ...]:
    """The anchors that kept least, the most met first among equals.

    Args:
        near: their neighbours.
        before: the data the version before was learned from.
        after: those of the version after.
        most: movers, at most.
    """
    shares = near.overlaps()
    events = [_counts(data, near.ids) for data in (before, after)]
    order = np.lexsort((near.anchors, -events[1][near.anchors], shares))[:most]
    moved = [place for place in order.tolist() if shares[place] < 1]
    sets = [_met(data, near.ids) for data in (before, after)]
    found = []
    for place in moved:
        row = int(near.anchors[place])
        lists = [near.before[place], near.after[place]]
        lists = [some[some >= 0] for some in lists]
        new = np.setdiff1d(lists[1], lists[0])
        found.append(
            Mover(
                item=near.ids[row],
                overlap=float(shares[place]),
                before=_named(near.ids, lists[0]),
                after=_named(near.ids, lists[1]),
                events=(int(events[0][row]), int(events[1][row])),
                together=(_together(sets[0], row, new), _together(sets[1], row, new)),
                retold=_retold(before.catalog, after.catalog, near.ids[row]),
            )
        )
    return tuple(found)


def _sound(vectors: Float32[ndarray, "n dim"]) -> Bool[ndarray, "n"]:
    sound: ndarray = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
    return sound


def _nearest(vectors: ndarray, anchors: ndarray, k: int) -> Int32[ndarray, "m k"]:
    """Rows of the nearest by cosine; none for an anchor without a direction."""
    sound = _sound(vectors)
    rows = np.flatnonzero(sound)
    place = np.full(len(vectors), -1, dtype=np.int32)
    place[rows] = np.arange(len(rows))
    asked = place[anchors]
    there = asked >= 0
    out = np.full((len(anchors), k), -1, dtype=np.int32)
    if not there.any():
        return out
    unit = units(vectors[rows])
    itself = Ragged(asked[there], np.arange(there.sum() + 1, dtype=np.int64))
    hits = ExactIndex(unit).search(unit[asked[there]], k, exclude=itself).rows
    out[there] = np.where(hits >= 0, rows[hits], -1)
    return out


def _counts(data: Dataset, ids: Sequence[str]) -> Int64[ndarray, "n"]:
    rows = data.catalog.items.rows(ids)
    counts: ndarray = np.where(rows >= 0, data.item_counts()[rows], 0)
    return counts


def _met(data: Dataset, ids: Sequence[str]) -> csr_array:
    """(n, users): who met these items."""
    rows = data.catalog.items.rows(ids)
    met = csr_array(data.matrix().T)[np.maximum(rows, 0)]
    met.data[:] = 1
    return csr_array(met.multiply((rows >= 0)[:, None]))


def _together(met: csr_array, row: int, others: ndarray) -> int:
    """How many people met this item and one of the others."""
    if not len(others):
        return 0
    either = met[others].sum(axis=0) > 0
    return int(either[met.indices[met.indptr[row] : met.indptr[row + 1]]].sum())


def _retold(before: Catalog, after: Catalog, item: str) -> tuple[str, ...]:
    """Columns that say something else of an item after than before."""
    then, now = (_told(catalog, item) for catalog in (before, after))
    return tuple(name for name in {**then, **now} if then.get(name, "") != now.get(name, ""))


def _told(catalog: Catalog, item: str) -> dict[str, str]:
    row = catalog.items.rows([item])
    return {name: column.take(row).words()[0] for name, column in catalog.fields.items()}


def _named(ids: Sequence[str], rows: ndarray) -> tuple[str, ...]:
    return tuple(ids[row] for row in rows.tolist())
