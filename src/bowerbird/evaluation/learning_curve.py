"""How soon a model knows a newcomer: the same people and answers, with more and more revealed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.data.split import Holdout
from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.bootstrap import intervals, mean
from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.evaluation.offline import Recommend
from bowerbird.evaluation.report import plain

REVEALED = (0, 1, 2, 5, 10, 20)
ASKED = 2_000
"""People asked at each step: the steps are compared person by person."""


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """NDCG@k after so many events, for people who had at least the most of them."""

    revealed: tuple[int, ...]
    values: Float64[ndarray, "steps b"]
    k: int

    def means(self) -> list[float]:
        """One a step."""
        return [mean(row) for row in self.values]

    def to_json(self, seed: int = 0) -> dict[str, object]:
        """Plain data: for each step its mean and 95 % interval, and the share of the last step."""
        low, high = intervals(self.values.T, seed, 2000)
        last = self.means()[-1]
        return {
            "metric": f"ndcg@{self.k}",
            "users": self.values.shape[1],
            "steps": [
                {
                    "events": events,
                    "mean": plain(value),
                    "low": plain(float(low[step])),
                    "high": plain(float(high[step])),
                    "share of the last": plain(value / last) if last else None,
                }
                for step, (events, value) in enumerate(
                    zip(self.revealed, self.means(), strict=True)
                )
            ],
        }


def learning_curve(
    recommend: Recommend,
    holdout: Holdout,
    revealed: Sequence[int] = REVEALED,
    k: int = 10,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> LearningCurve:
    """Ask the same people as if they had come just now, then 1, 2, … events ago.

    Only those are asked whose history holds at least the largest number of events and who have
    something to find; of their history the newest events are revealed. What they met before that is
    unknown to the model: an item of it in the list is a place lost, as it would be for a newcomer.

    Args:
        recommend: answers at most k items a query.
        holdout: the questions, and what came after.
        revealed: numbers of events, 0 or more.
        k: length of the lists.
        seed: of the sample of people.
        progress: called with the number of steps done.

    Raises:
        ConfigError: a negative number of events, or none.
        DataError: nobody has a history so long.
    """
    steps = tuple(sorted(set(revealed)))
    if not steps or steps[0] < 0:
        raise ConfigError(f"numbers of events ≥ 0 expected, {list(revealed)} came")
    people = _long_enough(holdout, steps[-1], seed)
    values = np.empty((len(steps), len(people)))
    queries, relevant = holdout.queries.take(people), holdout.relevant[people]
    for step, events in enumerate(steps):
        asked = queries.where(queries.ages() < events)
        values[step] = ndcg(Judged.of(recommend(asked, k), relevant), k)
        if progress is not None:
            progress(step + 1)
    return LearningCurve(steps, values, k)


def _long_enough(holdout: Holdout, most: int, seed: int) -> ndarray:
    there = (holdout.queries.lengths() >= most) & (np.diff(holdout.relevant.indptr) > 0)
    people = np.flatnonzero(there)
    if not len(people):
        longest = int(holdout.queries.lengths().max(initial=0))
        raise DataError(
            f"people with {most} events before the cut expected, the longest history has {longest}:"
            " reveal fewer"
        )
    if len(people) > ASKED:
        people = np.sort(np.random.default_rng(seed).choice(people, ASKED, replace=False))
    return people
