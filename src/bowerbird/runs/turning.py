"""The popularity dial at a whole recommender: turned, and what each position buys on validation.

Apart from the comparison because it also serves who only asks: `recommend --discount`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.encoders.popularity import Popularity
from bowerbird.evaluation.background import Background
from bowerbird.evaluation.frontier import POSITIONS, Frontier, frontier
from bowerbird.evaluation.offline import judge
from bowerbird.index.index import Hits, Ragged
from bowerbird.ranking.recommender import history
from bowerbird.retrieval.dial import Dial
from bowerbird.runs.tune import Half, sampled
from bowerbird.surfaces.assemble import recommender_of

USERS = 2_000
"""People who judge the positions, at most; coverage is of their lists."""
NEWEST = 0.1
"""Of the training events: an item first met in this part is new."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A retriever of lists that are there already."""

    hits: Hits

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        return self.hits.top(k)

    def similar(self, rows: ndarray, k: int, allow: ndarray | None = None) -> Hits:
        raise NotImplementedError  # nobody asks

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def measured(
    half: Half,
    fallback: Popularity,
    k: int = 10,
    seed: int = 0,
    positions: tuple[float, ...] = POSITIONS,
) -> Frontier:
    """Accuracy, coverage and popularity of the lists at each position, on validation.

    The model is asked once; each position orders the same candidates anew.

    Args:
        half: a model that has not seen the validation events, and who judges it.
        fallback: how popularity is counted, for places left open.
        k: length of the lists.
        seed: of the sample of people, and of the bootstrap over them.
        positions: values of α; 0 must be among them.
    """
    train, holdout = half.train, sampled(half.holdout, seed, USERS)
    engine = recommender_of(half.fitted, train, fallback, holdout.repeats)
    engine = replace(engine, allow=holdout.allow)
    dial = Dial.over(engine.retriever.main, train)
    seen = None if holdout.repeats else history(holdout.queries, len(dial.level))
    candidates = dial.candidates(holdout.queries, k, holdout.allow, seen)
    background, reports = Background.of(train), {}
    for alpha in positions:
        listed = _Listed(dial.with_alpha(alpha).turned(candidates, k))
        filled = replace(engine, retriever=replace(engine.retriever, main=listed))
        reports[alpha] = judge(filled.recommend(holdout.queries, k), holdout, background, (k,))
    return frontier(reports, f"ndcg@{k}", new=new_items(train), seed=seed)


def new_items(train: Dataset) -> Bool[ndarray, "n"] | None:
    """Those first met in the newest tenth of the events, or never; None without dates."""
    if not train.dated or not len(train.log):
        return None
    first = np.full(len(train.catalog), np.inf)
    np.minimum.at(first, train.log.items, train.log.times)
    since = np.quantile(train.log.times, 1 - NEWEST)
    new: ndarray = first >= since
    return new
