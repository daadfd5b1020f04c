"""Items on a plane, so that people can look at a space: those that point the same way lie together.

Pure functions of arrays. No plane can hold all of it: how much of who is nearest whom it keeps is
measured, and told with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray
from scipy.spatial import KDTree

from bowerbird.errors import ConfigError
from bowerbird.index.chosen import CHEAP, exact_index
from bowerbird.index.index import Hits, Index
from bowerbird.index.partitioned import PartitionedIndex

METHODS = ("tsne", "pca")
NEAR = 10
"""Neighbours that are counted, and by which others are placed."""
FEW = 60
"""Items below which there is nothing to unfold: two directions show them."""
PERPLEXITY = 15
"""Neighbours that each item holds on to, about; three times as many are looked at."""
EARLY, AGAIN = 250, 250
"""Steps while clusters are pulled together, and where another map was begun with."""
LATE, LATE_OF_MANY = 250, 500
"""Steps after the early ones; more of them keep no more neighbours of few items."""
PULL = 12
"""How much stronger neighbours attract one another in the early steps."""
OFTEN = 25
"""Steps between two news."""
JUDGED = 2_000
"""Items of which neighbours are counted, at most."""
KNOWN = 30
"""Items that another map must have placed, to be begun with."""
REMEDY = "pip install 'bowerbird[map]'"

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Ways:
    """How a map is made."""

    method: str | None = None  # tsne or pca; None: tsne where it is installed
    seed: int = 0
    sample: int = 100_000  # laid out by themselves; others are placed among them
    threads: int = -1  # where there are many items; -1: all cores
    say: Say = field(default=lambda news: None, repr=False)

    def __post_init__(self) -> None:
        if self.method not in (None, *METHODS):
            raise ConfigError(f"method {' or '.join(METHODS)} expected, {self.method!r} came")
        if self.sample < FEW:
            raise ConfigError(f"sample ≥ {FEW} expected, {self.sample} came")

    def chosen(self, n: int) -> str:
        """The method for so many items."""
        if n < FEW:
            return "pca"
        return self.method or ("tsne" if has_tsne() else "pca")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where items are, and how far that may be believed."""

    places: Float32[ndarray, "n 2"]  # NaN where an item has no vector
    method: str
    laid: int  # items that were laid out by themselves, not among others
    kept: float  # share of the nearest in the space that are among the nearest here; NaN: too few
    begun_with: int = 0  # items that began where another map has them


def laid_out(
    vectors: Float32[ndarray, "n dim"],
    ways: Ways = Ways(),
    start: Float32[ndarray, "n 2"] | None = None,
) -> Layout:
    """A place for each item that has a direction, by who is nearest to it by cosine.

    Args:
        vectors: of the items; a row of NaN or zeros has no place.
        ways: how.
        start: where another map of the same method has these items, NaN for those it has not: they
            begin there, and stay where their neighbours do.

    Raises:
        ConfigError: t-SNE was asked for and is not installed.

    Cost: O(n·√n·dim) for neighbours, O(n) a step; a minute or two for 10⁵ items on two cores.
    Source: van der Maaten & Hinton 2008 (t-SNE); Linderman et al. 2019 (its steps in O(n));
    Poličar, Stražar & Zupan 2024 (openTSNE).
    """
    length = np.linalg.norm(vectors, axis=1)
    rows = np.flatnonzero(np.isfinite(length) & (length > 0))
    unit = vectors[rows] / length[rows, None]
    some = _sampled(len(rows), ways)
    method = _method(ways, len(some))
    places = np.full((len(vectors), 2), np.nan, dtype=np.float32)
    begin = _begin(unit[some], None if start is None else start[rows[some]])
    ways.say(f"{len(some):,} items by {method}")
    laid = _pca(unit[some]) if method == "pca" else _tsne(unit[some], ways, begin)
    if begin is not None:
        laid = _onto(laid, begin)
    own = np.full((len(rows), 2), np.nan, dtype=np.float32)
    own[some] = laid
    others = np.flatnonzero(np.isnan(own[:, 0]))
    if len(others):
        ways.say(f"{len(others):,} items among them")
        own[others] = placed_among(unit[others], unit[some], laid)
    places[rows] = own
    ways.say("counting neighbours that are kept")
    known = 0 if begin is None else len(begin.there)
    return Layout(places, method, len(some), _kept(unit, own, ways.seed), known)


def placed_among(
    unit: Float32[ndarray, "m dim"],
    among: Float32[ndarray, "n dim"],
    places: Float32[ndarray, "n 2"],
) -> Float32[ndarray, "m 2"]:
    """For each of these the mean place of its nearest, what is nearer counting more.

    Args:
        unit: vectors of length 1.
        among: vectors of length 1 of what has a place.
        places: of those.

    Source: Shepard 1968: weights are one over the squared distance.

    >>> axes = np.eye(2, dtype=np.float32)
    >>> placed_among(axes[:1], axes, np.array([[5, 7], [0, 0]], np.float32)).round(3)
    array([[5., 7.]], dtype=float32)
    """
    hits = _index(among).search(unit, min(NEAR, len(among)))
    weights = np.where(hits.rows >= 0, 1 / (2 - 2 * np.minimum(hits.scores, 1) + 1e-6), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    mean: ndarray = np.einsum("mk,mkd->md", weights, places[np.maximum(hits.rows, 0)])
    return mean.astype(np.float32)


def neighbours_kept(
    near: Hits, places: Float32[ndarray, "n 2"], asked: Int64[ndarray, "m"]
) -> float:
    """Mean share of the nearest of these rows in the space that are among the nearest on the plane.

    Args:
        near: their nearest rows in the space, themselves left out.
        places: of all rows.
        asked: which rows.
    """
    k = near.rows.shape[1]
    _, found = KDTree(places).query(places[asked], k=k + 1)
    shares = []
    for row, true, drawn in zip(asked.tolist(), near.rows, found, strict=True):
        beside = drawn[drawn != row][:k]
        shares.append(np.isin(true[true >= 0], beside).mean())
    return float(np.mean(shares))


def has_tsne() -> bool:
    """Can a map be unfolded here?"""
    from importlib.util import find_spec

    return find_spec("openTSNE") is not None


@dataclass(frozen=True, slots=True)
class _Begin:
    """Where items begin, and which of them another map has placed."""

    places: Float64[ndarray, "n 2"]
    there: Int64[ndarray, "known"]


def _sampled(n: int, ways: Ways) -> Int64[ndarray, "some"]:
    if n <= ways.sample:
        return np.arange(n)
    drawn: ndarray = np.random.default_rng(ways.seed).choice(n, ways.sample, replace=False)
    drawn.sort()
    return drawn


def _method(ways: Ways, n: int) -> str:
    if ways.method == "tsne" and not has_tsne():
        raise ConfigError(f"method tsne needs openTSNE: {REMEDY}, or take --method pca")
    return ways.chosen(n)


def _begin(unit: Float32[ndarray, "n dim"], start: ndarray | None) -> _Begin | None:
    """Places of another map, and of the others among them; None where it has too few of these."""
    if start is None:
        return None
    known = np.isfinite(start).all(axis=1)
    if known.sum() < KNOWN:
        return None
    places = start.astype(np.float64)
    if not known.all():
        places[~known] = placed_among(unit[~known], unit[known], start[known])
    return _Begin(places, np.flatnonzero(known))


def _index(unit: Float32[ndarray, "n dim"]) -> Index:
    """Of all, as many times as there are rows: an approximate one where there are many."""
    return exact_index(unit) if len(unit) <= CHEAP else PartitionedIndex.over(unit)


def _neighbours(unit: Float32[ndarray, "n dim"], k: int, asked: Int64[ndarray, "m"]) -> Hits:
    """The k nearest of these rows, themselves left out."""
    hits = _index(unit).search(unit[asked], k + 1)
    itself = hits.rows == asked[:, None]
    itself[~itself.any(axis=1), -1] = True  # others in the same place came before it
    shape = (len(asked), k)
    return Hits(hits.rows[~itself].reshape(shape), hits.scores[~itself].reshape(shape))


def _pca(unit: Float32[ndarray, "n dim"]) -> Float32[ndarray, "n 2"]:
    """The two directions of most variance; signs so that the largest part of each is positive."""
    middle = unit.mean(axis=0, dtype=np.float64)
    moments = (unit.T @ unit).astype(np.float64) - len(unit) * np.outer(middle, middle)
    axes = np.linalg.eigh(moments)[1][:, ::-1][:, :2]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    flat = ((unit - middle) @ axes).astype(np.float32)
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def _tsne(unit: Float32[ndarray, "n dim"], ways: Ways, begin: _Begin | None) -> ndarray:
    import openTSNE
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    n = len(unit)
    many = n > CHEAP
    threads = ways.threads if many else 1  # threads cost more than they save
    k = min(3 * PERPLEXITY, (n - 1) // 2)
    ways.say(f"the nearest of {n:,} items")
    near = _neighbours(unit, k, np.arange(n))
    far = np.sqrt(np.maximum(2 - 2 * near.scores.astype(np.float64), 0))
    holds = openTSNE.affinity.PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(near.rows.astype(np.int64), far),
        perplexity=k / 3,
        n_jobs=threads,
    )
    first = _small(_pca(unit)) if begin is None else begin.places
    way: Any = {"negative_gradient_method": "fft" if many else "bh", "n_jobs": threads}
    made = openTSNE.TSNEEmbedding(first, holds, random_state=ways.seed, **way)
    late = (LATE_OF_MANY if many else LATE, 1, 0.8)
    phases = [(EARLY, PULL, 0.5), late] if begin is None else [(AGAIN, 1, 0.8)]
    total, done = sum(steps for steps, *_ in phases), 0
    for steps, pull, momentum in phases:
        made.optimize(
            steps,
            exaggeration=pull,
            momentum=momentum,
            inplace=True,
            callbacks=_told(ways.say, done, total),
            callbacks_every_iters=OFTEN,
        )
        done += steps
    return np.asarray(made, dtype=np.float32)


def _told(say: Say, before: int, total: int) -> Callable[[int, float, ndarray], None]:
    def told(step: int, error: float, places: ndarray) -> None:
        say(f"step {before + step} of {total}")

    return told


def _small(places: Float32[ndarray, "n 2"]) -> Float64[ndarray, "n 2"]:
    """So small that all are still free to go anywhere, as t-SNE is begun."""
    wide = places.astype(np.float64)
    return wide * (1e-4 / max(float(wide[:, 0].std()), 1e-12))


def _onto(laid: Float32[ndarray, "n 2"], begin: _Begin) -> Float32[ndarray, "n 2"]:
    """Turned, moved and scaled as a whole, so that known items lie as near as can be to before."""
    new, old = laid[begin.there].astype(np.float64), begin.places[begin.there]
    x, y = new - new.mean(axis=0), old - old.mean(axis=0)
    left, sizes, right = np.linalg.svd(x.T @ y)
    scale = sizes.sum() / max(float((x**2).sum()), 1e-12)
    moved: ndarray = (laid - new.mean(axis=0)) @ (left @ right) * scale + old.mean(axis=0)
    return moved.astype(np.float32)


def _kept(unit: ndarray, places: ndarray, seed: int) -> float:
    if len(unit) < 2 * NEAR:
        return float("nan")
    rng = np.random.default_rng(seed)
    asked = np.sort(rng.permutation(len(unit))[:JUDGED])
    return neighbours_kept(_neighbours(unit, NEAR, asked), places, asked)
