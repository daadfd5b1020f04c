"""Item-item: what follows what. No vectors, hence a retriever and not an encoder.

The strongest model without training on short, fresh histories; every learned one is quoted
beside it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray
from scipy.sparse import csr_array, vstack

from bowerbird.data.artifacts import matrix_arrays, matrix_of
from bowerbird.data.dataset import Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.encoders.stored import store, stored
from bowerbird.errors import ConfigError
from bowerbird.index.exact import in_blocks
from bowerbird.index.index import NONE, Hits, Ragged, best
from bowerbird.retrieval.retriever import picked, silence, within

PAIRS_AT_ONCE = 4_000_000
"""Pairs counted at a time: 16 bytes each, twice."""
KEPT_ENTRIES = 80_000_000
"""Counts held before the weakest of each item are let go: 8 bytes each, so 640 MB."""
ROWS_AT_ONCE = 4096
EVIDENCE = float(np.finfo(np.float32).tiny)
"""The least score that is not «nothing is known»."""
FADED = 1e-6
"""An event that counts less than this beside the newest is not looked at: a history of hundreds
of events then costs no more than one of forty."""
DENSE_SHARE = 0.2
"""Fuller than this, a product with the dense matrix is faster than one with the sparse."""


@dataclass(frozen=True, slots=True)
class CoOccurrence:
    """Score(q, i) = c_i^-discount Σ_{j in q} decay^age(j) c_j^-damping (F + backward Fᵀ)[j, i].

    F[a, b] = Σ weight(b) / distance over all places where b follows a within `window` events of one
    history; c counts an item's events; age is 0 for the newest event of a history. Without an order
    F counts the pairs of a history, whoever came first, and nothing decays.

    Cost: O(events · window) to fit; 8 bytes a pair of items that met.
    Prefer: Ease where histories have no order and the catalog is below some 20,000 items.
    """

    damping: float = 0.3  # how much less a popular item of the history says
    backward: float = 0.3  # how much it says about what came before it
    decay: float = 0.5
    discount: float = 0.0  # of popular items in the list
    window: int = 50
    neighbours: int = 2000  # kept for each item, the strongest

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1:
            raise ConfigError(f"decay in (0, 1] expected, {self.decay} came")
        if not (self.damping >= 0 and self.backward >= 0 and self.discount >= 0):
            came = f"{self.damping}, {self.backward} and {self.discount} came"
            raise ConfigError(f"damping, backward and discount ≥ 0 expected, {came}")
        if self.window < 1 or self.neighbours < 1:
            came = f"{self.window} and {self.neighbours} came"
            raise ConfigError(f"window and neighbours ≥ 1 expected, {came}")

    def fit(self, data: Dataset) -> "CoOccurrenceRetriever":
        """Count what follows what."""
        return next(self.fit_each(data, (self,)))

    def fit_each(
        self, data: Dataset, variants: tuple["CoOccurrence", ...]
    ) -> Iterator["CoOccurrenceRetriever"]:
        """The same for several settings: what they share is counted once."""
        popularity = np.maximum(data.item_counts(), 1).astype(np.float32)
        counts: dict[int, csr_array] = {}
        weights: dict[CoOccurrence, csr_array] = {}
        for variant in variants:
            if variant.window not in counts:
                counts.clear()
                counts[variant.window] = follow_counts(data, variant.window, self.neighbours)
            settled = variant if data.ordered else replace(variant, decay=1.0, backward=0.0)
            same = replace(settled, decay=1.0)  # the weights know nothing of decay
            if same not in weights:
                weights.clear()
                weights[same] = settled._weights(counts[variant.window], popularity)
            yield CoOccurrenceRetriever(settled, weights[same])

    def variants(self, data: Dataset) -> tuple["CoOccurrence", ...]:
        """Settings worth trying on validation, these first."""
        decays, backwards = ((0.3, 0.5, 0.7), (0.0, 0.3)) if data.ordered else ((1.0,), (0.0,))
        grid = (
            replace(self, damping=damping, decay=decay, backward=backward, discount=discount)
            for damping, backward, discount, decay in product(
                (0.3, 0.7), backwards, (0.0, 0.2), decays
            )
        )
        return (self, *(variant for variant in grid if variant != self))

    def _weights(self, forward: csr_array, popularity: ndarray) -> csr_array:
        sources, targets = popularity**-self.damping, popularity**-self.discount
        before = csr_array(np.float32(self.backward) * forward.T) if self.backward else None
        parts = []  # a few rows at a time: all of both directions, unpruned, would be the peak
        for start in range(0, len(popularity), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            part = forward[some] if before is None else csr_array(forward[some] + before[some])
            part.data *= np.repeat(sources[some], np.diff(part.indptr))
            part.data *= targets[part.indices]
            parts.append(strongest(part, self.neighbours))
        return csr_array(vstack(parts, format="csr"))

    def load(self, folder: Path) -> "CoOccurrenceRetriever":
        """What `fit` had made, read back from a folder."""
        estimator, arrays = stored(folder, "cooccurrence", CoOccurrence)
        n = len(arrays["weights.indptr"]) - 1
        return CoOccurrenceRetriever(estimator, matrix_of("weights", arrays, (n, n)))


@dataclass(frozen=True, slots=True)
class CoOccurrenceRetriever:
    """Fitted: row j of the weights says what j makes likely."""

    estimator: CoOccurrence
    weights: csr_array  # (n, n), float32

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The items the history makes likely; only those with some evidence."""
        n = self.weights.shape[0]
        allow, exclude = within(n, allow, exclude)
        dense = self._dense(queries)

        def block(start: int, stop: int) -> Hits:
            scores = dense(start, stop)
            return best(scores, k, allow, exclude and exclude.block(start, stop), EVIDENCE)

        hits = in_blocks(block, len(queries), 4 * n, k)
        return silence(hits, queries.known(n).lengths() > 0)

    def scores(self, queries: Queries, rows: Int32[ndarray, "b m"]) -> Float32[ndarray, "b m"]:
        """The same evidence for these rows; -inf where there is none."""
        found = picked(self._dense(queries), rows, self.weights.shape[0])
        return np.where(found >= EVIDENCE, found, NONE)

    def _dense(self, queries: Queries) -> Callable[[int, int], Float32[ndarray, "some n"]]:
        """What gives the full rows of scores of queries start to stop - 1."""
        n = self.weights.shape[0]
        known = queries.known(n)
        fading = np.float32(self.estimator.decay) ** known.ages().astype(np.float32)
        known, fading = known.where(fading >= FADED), fading[fading >= FADED]
        shape = (len(known), n)
        profile = csr_array((fading * known.weights, known.items, known.offsets), shape=shape)
        crowded = self.weights.nnz > DENSE_SHARE * n * n
        weights = self.weights.toarray() if crowded else self.weights

        def dense(start: int, stop: int) -> Float32[ndarray, "some n"]:
            product = profile[start:stop] @ weights
            scores: ndarray = product if crowded else product.toarray()
            return scores

        return dense

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """What each item makes likely, next."""
        one_each = np.arange(len(rows) + 1, dtype=np.int64)
        ones = np.ones(len(rows), np.float32)
        asked = Queries(rows, one_each[:-1], ones, one_each, one_each[1:])
        return self.retrieve(asked, k, allow, Ragged(rows, one_each))

    def save(self, folder: Path) -> None:
        """Hyperparameters and weights."""
        store(folder, "cooccurrence", self.estimator, matrix_arrays("weights", self.weights))


def follow_counts(data: Dataset, window: int, neighbours: int) -> csr_array:
    """F (n, n), float32: how often, and how soon, column follows row. The diagonal is empty."""
    n = len(data.catalog)
    if not data.ordered:
        met = data.matrix()
        met.data[:] = 1
        return _without_diagonal(csr_array(met.T @ met, dtype=np.float32))
    liked = data.log.where(data.log.weights > 0)
    stops = np.searchsorted(liked.users, liked.users, side="right")  # where each history ends
    ahead = np.minimum(stops - 1 - np.arange(len(liked)), window)  # events that follow each
    places = np.argsort(liked.items, kind="stable")  # item by item, so that a row is made at once
    first = np.searchsorted(liked.items[places], np.arange(n + 1))
    parts, entries = [csr_array((0, n), dtype=np.float32)], 0
    for start, stop in _blocks(np.bincount(liked.items, ahead, minlength=n)):
        part = _rows(liked, places[first[start] : first[stop]], ahead, (start, stop), n)
        entries += part.nnz
        if entries > KEPT_ENTRIES:
            parts = [strongest(made, neighbours) for made in (*parts, part)]
            entries = sum(made.nnz for made in parts)
        else:
            parts.append(part)
    return csr_array(vstack(parts, format="csr"))


def _blocks(pairs: ndarray) -> Iterator[tuple[int, int]]:
    """Stretches of items that begin about PAIRS_AT_ONCE pairs each."""
    total = np.cumsum(pairs)
    start = 0
    while start < len(pairs):
        before = total[start - 1] if start else 0
        stop = int(np.searchsorted(total, before + PAIRS_AT_ONCE, side="right"))
        stop = max(stop, start + 1)
        yield start, stop
        start = stop


def _rows(
    liked: Interactions, places: ndarray, ahead: ndarray, items: tuple[int, int], n: int
) -> csr_array:
    """F of these items: (items × events) @ (events × items); places are their events in the log."""
    sizes, (start, stop) = ahead[places], items
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    distance = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes) + 1
    place = np.repeat(places, sizes) + distance
    near = (liked.weights[place] / distance).astype(np.float32)
    following = csr_array((near, liked.items[place], offsets), shape=(len(places), n))
    events = np.searchsorted(liked.items[places], np.arange(start, stop + 1))
    ones = np.ones(len(places), dtype=np.float32)
    shape = (stop - start, len(places))
    sources = csr_array((ones, np.arange(len(places)), events), shape=shape)
    return _without_diagonal(csr_array(sources @ following), start)


def _without_diagonal(matrix: csr_array, first: int = 0) -> csr_array:
    """Row r is of item first + r."""
    matrix.sum_duplicates()
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    matrix.data[first + rows == matrix.indices] = 0
    matrix.eliminate_zeros()
    return matrix


def strongest(matrix: csr_array, per_row: int) -> csr_array:
    """Each row's `per_row` largest entries.

    >>> strongest(csr_array(np.array([[1.0, 3.0, 2.0]])), 2).toarray()
    array([[0., 3., 2.]])
    """
    sizes = np.diff(matrix.indptr)
    if sizes.max(initial=0) <= per_row:
        return matrix
    keep = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(sizes > per_row):
        here = slice(matrix.indptr[row], matrix.indptr[row + 1])
        weakest = np.argpartition(matrix.data[here], -per_row)[:-per_row]
        keep[here.start + weakest] = False
    indptr = np.concatenate([[0], np.cumsum(np.minimum(sizes, per_row))])
    return csr_array((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)
