"""Which index: settings are tried on real queries, and the one that reads least is built.

Apart from the indexes because it compares them; by vectors read, not by the clock, so that the same
vectors and queries always get the same index.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numpy import ndarray

from bowerbird.errors import ConfigError
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Hits, Index
from bowerbird.index.partitioned import PartitionedIndex
from bowerbird.index.pruned import PrunedIndex

CHEAP = 20_000
"""Vectors a query that may be read without a thought: below, lists stay exact."""
COSINES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
PROBES = (2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Drawers opened, at first; then some between the last that are too few and the first that are not.
"""
NEARLY = 1.05
"""How many more than too few is about right."""
SURELY = 2
"""Standard errors by which recall has to be above what is asked for."""
ASKED = 200
"""Queries that settings are tried on; as many others confirm the choice."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An index as it was tried. NaN is a figure that was not measured."""

    kind: str
    setting: float  # its cosine, or the drawers opened
    recall: float  # mean share of the exact list
    read: float  # mean number of vectors a query
    ms: float = float("nan")  # median of single queries
    error: float = 0.0  # of the recall: its standard error


@dataclass(frozen=True, slots=True)
class Chosen:
    """An index, how it was chosen, and what it finds for queries it was not chosen on."""

    index: Index
    trials: tuple[Trial, ...]
    pick: int  # its place in trials
    recall: float
    target: float
    k: int

    def to_json(self) -> dict[str, object]:
        """Plain data, for a run folder."""
        names = ("kind", "setting", "recall", "error", "read", "ms")
        rows = [{n: None if (v := getattr(t, n)) != v else v for n in names} for t in self.trials]
        told = {"target": self.target, "k": self.k, "recall": round(self.recall, 5)}
        return {"kind": self.trials[self.pick].kind, **told, "pick": self.pick, "trials": rows}


def chosen(
    vectors: Float32[ndarray, "n dim"],
    queries: Float32[ndarray, "b dim"],
    recall: float = 0.95,
    k: int = 100,
    seed: int = 0,
    clock: Callable[[Index, ndarray], float] | None = None,
    free: int = CHEAP,
) -> Chosen:
    """The index that reads least among those that find enough.

    Where an exact answer reads no more than `free` vectors a query, lists are exact. Else
    approximate settings are tried on half of the queries; the one that reads least among those that
    reach `recall` by two standard errors is asked the other half.

    Args:
        vectors: what is to be found.
        queries: real ones, in an order that means nothing; 400 are enough.
        recall: share of the exact list, on average, that is enough.
        k: length of the list.
        seed: of where drawers are put.
        clock: milliseconds of a query to an index, for those who want to see them.
        free: vectors that may be read without a thought.

    Raises:
        ConfigError: recall outside (0, 1], or k below 1.
    """
    if not 0 < recall <= 1 or k < 1:
        raise ConfigError(f"recall in (0, 1] and k ≥ 1 expected, {recall} and {k} came")
    if len(vectors) <= free:
        exact = exact_index(vectors)
        ms = float("nan") if clock is None else clock(exact, queries[:ASKED])
        return Chosen(
            exact, (Trial("exact", 1.0, 1.0, float(len(vectors)), ms),), 0, 1.0, recall, k
        )
    asked, others = queries[:ASKED], queries[ASKED : 2 * ASKED]
    pruned = PrunedIndex.over(vectors)
    tried: list[tuple[Index, Trial]] = [(pruned, Trial("pruned", 1.0, 1.0, pruned.read(asked, k)))]
    if tried[0][1].read > free:
        truth = pruned.search(asked, k)
        tried += _ended_early(pruned, asked, truth)
        tried += _partitioned(vectors, asked, truth, recall, seed)
    if clock is not None:
        tried = [(index, replace(trial, ms=clock(index, asked))) for index, trial in tried]
    trials = tuple(trial for _, trial in tried)
    enough = [place for place, trial in enumerate(trials) if _reaches(trial, recall)]
    pick = min(enough, key=lambda place: trials[place].read)
    index, confirmed = tried[pick][0], others if len(others) else asked
    found = recall_of(one_by_one(index, confirmed, k), pruned.search(confirmed, k))
    return Chosen(index, trials, pick, found, recall, k)


def one_by_one(
    index: Index,
    queries: Float32[ndarray, "b dim"],
    k: int,
    allow: Bool[ndarray, "n"] | None = None,
) -> Hits:
    """Each query asked alone, as a server asks: together they may find more."""
    hits = [index.search(query[None], k, allow) for query in queries]
    empty = index.search(queries[:0], k, allow)
    return Hits(*(np.concatenate(each) for each in zip(empty, *hits, strict=True)))


def exact_index(vectors: Float32[ndarray, "n dim"]) -> ExactIndex | PrunedIndex:
    """Brute force where that is nothing; else what ends early, with the same answers."""
    return ExactIndex(vectors) if len(vectors) <= CHEAP else PrunedIndex.over(vectors)


def recall_of(hits: Hits, exact: Hits) -> float:
    """Mean share of the exact lists that is found; 1 where nothing is to be found.

    >>> some = np.zeros((1, 2), np.float32)
    >>> recall_of(Hits(np.array([[1, 9]]), some), Hits(np.array([[1, 2]]), some))
    0.5
    """
    shares = shares_of(hits, exact)
    return float(shares.mean()) if len(shares) else 1.0


def shares_of(hits: Hits, exact: Hits) -> Float64[ndarray, "b"]:
    """Of each exact list, the share that is found; 1 where nothing is to be found."""
    found = [
        np.isin(truth[truth >= 0], rows).mean() if (truth >= 0).any() else 1.0
        for rows, truth in zip(hits.rows, exact.rows, strict=True)
    ]
    return np.array(found, dtype=np.float64)


def _ended_early(pruned: PrunedIndex, asked: ndarray, truth: Hits) -> Iterator[tuple[Index, Trial]]:
    """The index that ends early, told to end earlier and earlier."""
    for cosine in COSINES:
        yield _tried("pruned", cosine, replace(pruned, cosine=cosine), asked, truth)


def _partitioned(
    vectors: ndarray, asked: ndarray, truth: Hits, recall: float, seed: int
) -> list[tuple[Index, Trial]]:
    """Drawers, more and more of them opened; most often around as many as are just enough."""
    drawers = PartitionedIndex.over(vectors, seed=seed)

    def opened(probes: int) -> tuple[Index, Trial]:
        index = replace(drawers, probes=probes)
        return _tried("partitioned", float(probes), index, asked, truth)

    k = truth.rows.shape[1]
    tried: dict[int, tuple[Index, Trial]] = {}
    for probes in PROBES:
        if probes > drawers.lists.nlist:
            break
        if replace(drawers, probes=probes).read(asked, k) > len(vectors) / 2:
            continue  # so few that lists come out short, and all are opened; or too many
        tried[probes] = opened(probes)
        if tried[probes][1].recall > 0.999:
            break
    few = max((p for p in tried if not _reaches(tried[p][1], recall)), default=0)
    many = min((p for p in tried if p > few), default=0)
    while many - few > 1 and many > NEARLY * few > 0:
        between = (few + many) // 2
        tried[between] = opened(between)
        if _reaches(tried[between][1], recall):
            many = between
        else:
            few = between
    return [tried[probes] for probes in sorted(tried)]


def _reaches(trial: Trial, recall: float) -> bool:
    """Surely: by so many standard errors."""
    return trial.recall - SURELY * trial.error >= recall


def _tried(
    kind: str, setting: float, index: PrunedIndex | PartitionedIndex, asked: ndarray, truth: Hits
) -> tuple[Index, Trial]:
    k = truth.rows.shape[1]
    shares = shares_of(one_by_one(index, asked, k), truth)
    count = max(len(shares), 1)
    mean = float(shares.mean()) if len(shares) else 1.0
    error = float(shares.std()) / count**0.5 if len(shares) else 0.0
    return index, Trial(kind, setting, round(mean, 5), index.read(asked, k), error=round(error, 5))
