"""Models against each other on one holdout, each within its share of the time.

Apart from `tune`, which chooses the settings of one model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.data.split import Holdout, LeaveOneOut, Rule
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.errors import BowerbirdError, ConfigError
from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.index.index import Hits
from bowerbird.retrieval.blend import fit_with, takes_session
from bowerbird.retrieval.retriever import Retriever
from bowerbird.runs.tune import Progress, Terms, asked, fits, variants_of

TRYING = 0.4
"""Share of the budget for the models that only count and solve; the trained ones share the rest."""
ALONE = 0.6
"""The same where there is none to train."""
FIRST = 2.0
"""Share of the first of those that are trained, where each of the others has 1."""
LEAST_S = 5.0
"""Less time than this is none to train in."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One model with the best settings found, fitted without the validation events."""

    name: str
    estimator: Estimator
    fitted: Encoder | Retriever
    hits: Hits
    values: Float64[ndarray, "b"]  # NDCG@k of each query
    settings: int  # tried
    seconds: float
    fit_s: float  # of one fit

    @property
    def score(self) -> float:
        """Mean NDCG@k."""
        return float(np.nanmean(self.values))


@dataclass(slots=True)
class Contest:
    """One choice while it goes on: the two halves of the data, the clock, and who was tried."""

    train: Dataset
    holdout: Holdout
    terms: Terms
    say: Progress
    budget_s: float
    rule: Rule = LeaveOneOut()  # noqa: RUF009  that cut the halves; frozen
    again: float = 1.0  # how many times as long as one fit here one on everything takes
    started: float = 0.0
    tried: list[Tried] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.terms.session.clock()

    def left(self) -> float:
        """Seconds until the budget is spent, less what fitting everything again will take."""
        return self.budget_s - self.spent() - self.again * sum(each.fit_s for each in self.tried)

    def spent(self) -> float:
        """Seconds since it began."""
        return self.terms.session.clock() - self.started

    def news(self, what: str) -> None:
        """Say what is being done, who leads, and how much time is left."""
        lead = max(self.tried, key=lambda each: each.score, default=None)
        best = "" if lead is None else f"; best so far {lead.name} {lead.score:.4f}"
        self.say(f"{what}{best}; {_clock(max(self.left(), 0.0))} left")

    def attempt(self, name: str, estimator: Estimator, until_s: float) -> None:
        """Try a model; after `until_s` seconds no further settings of it."""
        began = self.spent()
        if self.tried and self.left() <= 0:
            self.skipped[name] = "no time was left"
            return
        try:
            done = self._trained(name, estimator, until_s) if takes_session(estimator) else None
            done = done or self._counted(name, estimator, began + until_s)
        except BowerbirdError as error:
            self.skipped[name] = str(error)
            return
        self.tried.append(replace(done, seconds=round(self.spent() - began, 2)))

    def _counted(self, name: str, estimator: Estimator, deadline: float) -> Tried:
        variants = variants_of(estimator, self.train, ())
        best: Tried | None = None
        last = self.spent()
        for number, fitted in enumerate(fits(estimator, self.train, variants)):
            fit_s = self.spent() - last
            done = self._judged(name, variants[number], fitted, number + 1, fit_s)
            first = done.fit_s if best is None else best.fit_s  # later ones share its work
            best = done if best is None or done.score > best.score else best
            best = replace(best, settings=number + 1, fit_s=first)
            self.news(f"{name}: settings {number + 1} of {len(variants)}")
            last = self.spent()
            if last > deadline:
                break
        if best is None:
            raise ConfigError(f"{name} has no settings to try")
        return best

    def _trained(self, name: str, estimator: Estimator, until_s: float) -> Tried:
        if until_s < LEAST_S:
            raise ConfigError(f"{LEAST_S:g} s to train in expected, {until_s:.0f} s are left")
        session = replace(self.terms.session, say=self.news).part(name)
        session = replace(session, validation=self.holdout, budget_s=until_s)
        began = self.spent()
        fitted = fit_with(estimator, self.train, session)
        return self._judged(name, fitted.estimator, fitted, 1, self.spent() - began)

    def _judged(
        self,
        name: str,
        estimator: Estimator,
        fitted: Encoder | Retriever,
        settings: int,
        fit_s: float,
    ) -> Tried:
        hits = asked(fitted, self.train, self.holdout, self.terms)
        values = ndcg(Judged.of(hits, self.holdout.relevant), self.terms.k)
        return Tried(name, estimator, fitted, hits, values, settings, 0.0, fit_s)


def try_all(contest: Contest, parts: Mapping[str, Estimator]) -> None:
    """The quick ones within their share of the budget, the trained ones within the rest."""
    quick = [name for name, part in parts.items() if not takes_session(part)]
    slow = [name for name in parts if name not in quick]
    share = contest.budget_s * (TRYING if slow else ALONE)
    for place, name in enumerate(quick):
        contest.news(f"{name}: fitting")
        contest.attempt(name, parts[name], (share - contest.spent()) / (len(quick) - place))
    for place, name in enumerate(slow):
        contest.news(f"{name}: training")
        # as long again to fit it on everything, and a little to weigh and to write
        part = 1 / (len(slow) - place) if place else FIRST / (FIRST + len(slow) - 1)
        until_s = 0.9 * contest.left() * part / (1 + contest.again)
        contest.attempt(name, parts[name], until_s)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}m {int(seconds) % 60:02}s"
