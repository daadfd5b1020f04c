"""Which parts a blend is better with: weighed on some people, judged on the others.

Apart from the contest, in which every model stands for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.index.index import Hits
from bowerbird.retrieval.weighing import Evidence
from bowerbird.runs.contest import Contest, Tried

GAIN = 0.003
"""A part stays if the blend is better by this share; below it chance and cost decide."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What a blend is made from: who was tried, and what every part says of every candidate."""

    contest: Contest
    evidence: Evidence
    placing: list[int]  # parts that place what nobody has met


@dataclass(frozen=True, slots=True)
class Mixed:
    """A blend of some of those tried, and what it reached on people its weights were not from."""

    parts: tuple[int, ...]
    slope: bool
    hits: Hits
    values: Float64[ndarray, "b"]

    @property
    def score(self) -> float:
        """Mean NDCG@k."""
        return float(np.nanmean(self.values))


def select(pool: Pool, parts: Sequence[Tried]) -> Mixed:
    """Forward: the best alone, then each that makes the blend better, then log popularity.

    The first part that places what is new stays even if it makes nothing better, as long as it
    makes nothing worse: what people have met cannot say what it is good for.
    """
    contest = pool.contest
    order = sorted(range(len(parts)), key=lambda place: -parts[place].score)
    first = parts[order[0]]
    kept = Mixed((order[0],), False, first.hits, first.values)
    for place in order[1:]:
        if contest.spent() > contest.budget_s and place != order[1]:
            contest.skipped[f"a blend with {parts[place].name}"] = "no time was left"
            continue
        contest.news(f"weighing {parts[place].name}")
        more = _mixed(pool, (*kept.parts, place), False)
        first_to_place = place in pool.placing and not set(pool.placing) & set(kept.parts)
        least = 1 - GAIN if first_to_place else 1 + GAIN
        kept = more if more.score > kept.score * least else kept
    if len(kept.parts) > 1:
        sloped = _mixed(pool, kept.parts, True)
        kept = sloped if sloped.score > kept.score * (1 + GAIN) else kept
    return kept


def everything(pool: Pool, slope: float | None) -> Mixed:
    """Every part that was asked for, with log popularity if it is not given and helps."""
    places = tuple(range(pool.evidence.said.shape[1] - 1))
    plain = _mixed(pool, places, False)
    if slope is not None:
        return plain
    sloped = _mixed(pool, places, True)
    return sloped if sloped.score > plain.score * (1 + GAIN) else plain


def _mixed(pool: Pool, parts: tuple[int, ...], slope: bool) -> Mixed:
    """Weights from one half of the people, judged on the other, and the other way round."""
    contest, evidence, k = pool.contest, pool.evidence, pool.contest.terms.k
    fold = np.random.default_rng(contest.terms.seed).random(evidence.queries) < 0.5
    lists = []
    for people in (~fold, fold):
        weights = evidence.weights(parts, people, slope)
        lists.append(evidence.lists(weights, k, evidence.unmet(weights, pool.placing)))
    rows = np.where(fold[:, None], lists[0].rows, lists[1].rows)
    scores = np.where(fold[:, None], lists[0].scores, lists[1].scores)
    hits = _filled(contest, Hits(rows, scores))
    return Mixed(parts, slope, hits, ndcg(Judged.of(hits, contest.holdout.relevant), k))


def _filled(contest: Contest, hits: Hits) -> Hits:
    """Those about whom no part knows anything get what the first one tried gives them."""
    empty = (hits.rows[:, :1] < 0) & np.ones_like(hits.rows, dtype=bool)
    other = contest.tried[0].hits
    return Hits(np.where(empty, other.rows, hits.rows), np.where(empty, other.scores, hits.scores))
