"""The popularity dial: how much the popular are held back, turned with a question, not in training.

Apart from the models because nothing is learned here: whatever retrieves can be turned.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import NONE, Hits, Ragged
from bowerbird.retrieval.discounted import log_popularity, root_of_covariance
from bowerbird.retrieval.least_exposure import LeastExposure
from bowerbird.retrieval.retriever import Retriever, VectorRetriever, silence, within

FETCH = 100
"""Candidates of a list of at most 25; four times its length above. What is not among the best of a
query is never put into its list, however rare it is."""
ASKED = 512
"""Histories, at most, that tell how far scores lie apart."""
LISTED = 4_096
"""Histories, at most, whose lists tell which items nobody would be shown."""
STEEPEST = 30.0
"""Of an exponent: e³⁰ times as likely is sure."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What a difference of scores means. Lifts of a model of vectors are over its whole catalog."""

    typical: float  # one query's standard deviation, mean over people; 0: scores do not differ
    middle: Float64[ndarray, "dim"] | None = None  # the mean item vector; None: there are none
    spread: Float64[ndarray, "dim dim"] | None = None  # S with ‖u S‖ the deviation of u's scores

    def lifts(
        self, scores: Float32[ndarray, "b m"], vectors: Float32[ndarray, "b dim"] | None
    ) -> Float32[ndarray, "b m"]:
        """How many times likelier each is than the average item; 0 where the score is -inf.

        A unit of likelihood is a `typical` of score, e times as likely. The average is over the
        catalog where there are vectors, taking the scores of a query as normal: the mean of e^x is
        then e^(μ + σ²/2). It is over the items that came where there are none.
        """
        x = scores.astype(np.float64) / self.typical
        if vectors is None or self.middle is None or self.spread is None:
            top = np.where(np.isfinite(x[:, :1]), x[:, :1], 0)
            likely = np.exp(x - top)
            there = np.maximum(np.isfinite(x).sum(axis=1, keepdims=True), 1)
            mean = likely.sum(axis=1, keepdims=True) / there
            lifts = np.divide(likely, mean, out=np.zeros_like(likely), where=mean > 0)
        else:
            middle = vectors @ self.middle / self.typical
            sigma = np.linalg.norm(vectors @ self.spread, axis=1) / self.typical
            lifts = np.exp(np.minimum(x - (middle + sigma**2 / 2)[:, None], STEEPEST))
        narrow: ndarray = lifts.astype(np.float32)
        return narrow


@dataclass(frozen=True, slots=True)
class Dial:
    """The k of the best of q with the highest lift(q, i) - α · ℓᵢ / σ(ℓ); ℓᵢ = log(1 + count of i).

    The lift says how many times likelier i is for q than an average item (`Scale`). So α has no
    unit: an item one standard deviation more popular has to be α average items likelier. Where the
    model is sure (a lift of 100) the dial changes nothing; it decides between what is hardly
    likelier than the next. If lifts are right, no lists that give up as much popularity have more
    expected hits: the k largest of p - λ·ℓ solve max Σ p at a given Σ ℓ.
    Those chosen stand in the model's order: who stands first is no matter of popularity. A discount
    of scores (`Discounted`) holds sure items back as well and pays for it: on ml-1m it bought less
    than half at the same accuracy.

    Items that nobody would be shown get what they lack on top (`LeastExposure`): on ml-1m that is
    most of what coverage gains, and next to nothing of what accuracy loses.

    Linear terms on the query's side: nothing is built, and α may differ by request. At 0 the answer
    is that of `main`, score for score. Below 0 the popular are helped. A list of 10 need not be how
    a list of 20 begins.

    Source: Lagrange multipliers of max Σ p(q, i) subject to a mean of ℓ, and to least exposures.
    """

    main: Retriever
    level: Float32[ndarray, "n"]  # ℓ / σ(ℓ)
    scale: Scale
    alpha: float = 0.0
    exposure: LeastExposure | None = None
    shown: int | None = None  # length of the lists, where more are asked for to choose from

    def __post_init__(self) -> None:
        if not abs(self.alpha) < np.inf:
            raise ConfigError(f"a finite discount expected (0: none), {self.alpha} came")

    @classmethod
    def over(cls, main: Retriever, data: Dataset, alpha: float = 0.0) -> "Dial":
        """A dial at a retriever.

        Args:
            main: of the catalog of the data.
            data: its log says what is popular, its histories how far scores lie apart, and what
                nobody would be shown.
            alpha: how far the dial is turned; 0 is not at all.

        Raises:
            ConfigError: alpha is not finite.
        """
        level = log_popularity(data.item_counts())
        deviation = float(level.std(dtype=np.float64))
        level = level / np.float32(deviation) if deviation else np.zeros_like(level)
        queries = data.queries()
        dial = cls(main, level, _scale(main, _some(queries, ASKED), len(level)), alpha)
        return replace(dial, exposure=_exposure(dial, queries)) if dial.scale.typical else dial

    def with_alpha(self, alpha: float) -> "Dial":
        """The same, turned elsewhere."""
        return replace(self, alpha=alpha)

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The items that fit best, the popular held back; scores are lifts, unless α is 0."""
        if not self.alpha or not self.scale.typical:
            return self.main.retrieve(queries, k, allow, exclude)
        found = self.candidates(queries, k, allow, exclude)
        return self.turned(found, k) if self.shown is None else self._all(found, self.shown, k)

    def candidates(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """What `retrieve` chooses from, whatever α is, with lifts as scores."""
        fetch = max(FETCH, 4 * k)
        if not isinstance(self.main, VectorRetriever):
            hits = self.main.retrieve(queries, fetch, allow, exclude)
            return Hits(hits.rows, _none_where(hits.rows, self.scale.lifts(hits.scores, None)))
        vectors = self.main.encoder.encode_queries(queries)
        hits = self.main.index.search(vectors, fetch, allow, exclude)
        hits = silence(hits, np.any(vectors, axis=1))
        return Hits(hits.rows, _none_where(hits.rows, self.scale.lifts(hits.scores, vectors)))

    def turned(self, candidates: Hits, k: int) -> Hits:
        """The k to show of these candidates at this α, in their order. Ties go to the earlier."""
        places = np.sort(self._order(candidates, k)[:, :k], axis=1)
        return Hits(*(np.take_along_axis(each, places, axis=1) for each in candidates))

    def _all(self, candidates: Hits, shown: int, k: int) -> Hits:
        """Those to show in their order, then what would be shown next, for steps to choose from."""
        order = self._order(candidates, shown)
        places = np.hstack([np.sort(order[:, :shown], axis=1), order[:, shown:k]])
        return Hits(*(np.take_along_axis(each, places, axis=1) for each in candidates))

    def _order(self, candidates: Hits, k: int) -> Int64[ndarray, "b m"]:
        """Places of the candidates by what they are worth in a list of k, best first."""
        there = candidates.rows >= 0
        value = candidates.scores - np.float32(self.alpha) * self.level[candidates.rows]
        if self.exposure is not None and self.alpha > 0:
            value += self.exposure.prices(self.alpha, k, self.level)[candidates.rows]
        return np.argsort(-np.where(there, value, NONE), axis=1, kind="stable")

    def added(self, rows: Int32[ndarray, "m"], k: int) -> dict[str, Float32[ndarray, "m"]]:
        """What it adds to the lifts of these rows, by why: their popularity, and least exposure.

        Popularity is told against that of an average item, which changes nothing of the order.
        """
        if not self.alpha or not self.scale.typical:
            return {}
        shown = k if self.shown is None else self.shown
        above = self.level[rows] - self.level.mean(dtype=np.float64)
        found = {"popularity": (-self.alpha * above).astype(np.float32)}
        if self.exposure is not None and self.alpha > 0:
            found["least exposure"] = self.exposure.prices(self.alpha, shown, self.level)[rows]
        return found

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """Without a discount: who asks what is like an item asks about that item."""
        return self.main.similar(rows, k, allow)

    def save(self, folder: Path) -> None:
        """What it turns; the rest follows from the data and α."""
        self.main.save(folder)


def _some(queries: Queries, most: int) -> Queries:
    """As many of them, evenly spread."""
    rows = np.linspace(0, len(queries), min(most, len(queries)), endpoint=False)
    return queries.take(rows.astype(np.int64))


def _exposure(dial: Dial, queries: Queries) -> LeastExposure:
    """What these people's lists are made of; nobody is shown what they have."""
    asked = _some(queries, LISTED)
    _, seen = within(len(dial.level), None, Ragged(asked.items, asked.offsets))
    return LeastExposure(dial.candidates(asked, 1, None, seen), len(queries))


def _none_where(rows: Int32[ndarray, "b m"], lifts: ndarray) -> Float32[ndarray, "b m"]:
    """-inf where there is no item."""
    return np.where(rows >= 0, lifts, NONE)


def _scale(main: Retriever, asked: Queries, n: int) -> Scale:
    """From the histories of some people: the mean deviation of those whose scores differ."""
    if isinstance(main, VectorRetriever):
        placed = main.vectors[np.isfinite(main.vectors).all(axis=1)]
        dim = main.vectors.shape[1]
        middle = placed.mean(axis=0, dtype=np.float64) if len(placed) else np.zeros(dim)
        spread = root_of_covariance(placed)
        vectors = main.encoder.encode_queries(asked)
        return Scale(_typical(np.linalg.norm(vectors @ spread, axis=1)), middle, spread)
    _, seen = within(n, None, Ragged(asked.items, asked.offsets))
    scores = main.retrieve(asked, FETCH, None, seen).scores.astype(np.float64)
    scores[~np.isfinite(scores)] = np.nan
    some = np.isfinite(scores).sum(axis=1) > 1
    return Scale(_typical(np.nanstd(scores[some], axis=1)))


def _typical(deviations: Float64[ndarray, "b"]) -> float:
    differ = deviations[deviations > 0]
    return float(differ.mean()) if len(differ) else 0.0
