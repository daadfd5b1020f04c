"""Several models, one split: each tuned on validation, fitted, judged on what it has not seen."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bowerbird.data.dataset import Dataset
from bowerbird.data.split import Holdout, Rule, Split
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.encoders.popularity import Popularity, PopularityEncoder
from bowerbird.encoders.session import Session
from bowerbird.errors import BowerbirdError, DataError
from bowerbird.evaluation.background import Background
from bowerbird.evaluation.frontier import Frontier
from bowerbird.evaluation.health import Health, Limits, health_of
from bowerbird.evaluation.leaderboard import Leaderboard, leaderboard
from bowerbird.evaluation.learning_curve import LearningCurve, learning_curve
from bowerbird.evaluation.offline import evaluate
from bowerbird.evaluation.report import Report
from bowerbird.ranking.recommender import Recommender
from bowerbird.retrieval.blend import Blend, fit_with, takes_session
from bowerbird.retrieval.retriever import Retriever
from bowerbird.runs.auto import as_is, chosen, named_estimator
from bowerbird.runs.run import Stopwatch
from bowerbird.runs.tune import Choice, Half, Terms, choose_fallback, halves, settings_of
from bowerbird.runs.turning import USERS, measured
from bowerbird.surfaces.assemble import recommender_of

Tell = Callable[[str, str], None]
"""Told (model, what is being done)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the models are compared."""

    models: tuple[str, ...]
    inner: Rule  # cuts the validation holdout out of the training data
    ks: tuple[int, ...] = (10, 20, 100)
    seed: int = 0
    tune: bool = True
    refit: bool = True  # on validation too, once the settings are chosen
    baseline: str = "popularity"
    fallback: Popularity = Popularity()  # noqa: RUF009  frozen, so sharing it is safe
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # asked for, by model
    estimators: Mapping[str, Estimator] = field(default_factory=dict)  # of these names, as they are
    budget_s: float | None = None  # for each model that is trained, and for auto
    dial: bool = False  # measure the popularity dial: fits what is quick to fit once more
    limits: Limits = Limits()  # noqa: RUF009  of health; frozen


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it."""

    board: Leaderboard
    reports: Mapping[str, Report]
    choices: Mapping[str, Choice]
    fitted: Mapping[str, Encoder | Retriever]
    fallback: Popularity  # what stands behind every model
    seconds: Mapping[str, Mapping[str, float]]  # model → choose, fit, evaluate
    skipped: Mapping[str, str]  # model → why
    health: Mapping[str, Health]  # of the models that are vectors
    newcomers: Mapping[str, LearningCurve]  # where people have histories long enough
    frontiers: Mapping[str, Frontier]  # of the popularity dial, on validation; if it was asked for

    def alarms(self) -> tuple[str, ...]:
        """Which limit of health which model does not keep, a sentence each; none: all are well."""
        told = {name: health.alarms() for name, health in self.health.items()}
        return tuple(f"{name}: {alarm}" for name, alarms in told.items() for alarm in alarms)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "leaderboard": self.board.to_json(),
            "reports": {name: report.to_json() for name, report in self.reports.items()},
            "settings": {name: choice.to_json() for name, choice in self.choices.items()},
            "fallback": settings_of(self.fallback),
            "seconds": dict(self.seconds),
            "skipped": dict(self.skipped),
            "health": {name: one.to_json() for name, one in self.health.items()},
            "newcomers": {name: one.to_json() for name, one in self.newcomers.items()},
            "dial": {name: one.to_json() for name, one in self.frontiers.items()},
        }


def compare(split: Split, plan: Plan, tell: Tell | None = None) -> Comparison:
    """Judge every model of the plan on the split's holdout; one that refuses the data is skipped.

    Raises:
        DataError: all refuse.
    """
    tell = tell or (lambda model, what: None)
    names = ("report", "choice", "fitted", "seconds", "health", "newcomers", "dial")
    parts: dict[str, dict[str, Any]] = {name: {} for name in names}
    skipped: dict[str, str] = {}
    train = split.train if plan.refit else plan.inner.split(split.train).train
    background = Background.of(split.train)
    if plan.tune:
        tell("popularity", "choosing how to count what is popular")
        terms = choose_fallback(split.train, plan.inner, Terms(plan.seed, plan.ks[0]))
        plan = replace(plan, fallback=terms.fallback)
    for name in plan.models:
        try:
            for part, value in _judge(name, split, train, background, plan, tell).items():
                parts[part][name] = value
        except BowerbirdError as error:
            skipped[name] = str(error)
            tell(name, f"skipped: {error}")
    reports = parts["report"]
    if not reports:
        reasons = "; ".join(f"{name}: {why}" for name, why in skipped.items())
        raise DataError(f"no model could be judged: {reasons}")
    baseline = plan.baseline if plan.baseline in reports else next(iter(reports))
    board = leaderboard(reports, baseline, seed=plan.seed)
    made = (parts["choice"], parts["fitted"], plan.fallback, parts["seconds"])
    looked = (parts["health"], parts["newcomers"], parts["dial"])
    return Comparison(board, reports, *made, skipped, *looked)


def _judge(
    name: str, split: Split, train: Dataset, background: Background, plan: Plan, tell: Tell
) -> dict[str, Any]:
    watch = Stopwatch()
    told = plan.settings.get(name, {})
    choice = _chosen(name, split, plan, told, tell)
    settled = float(watch)
    tell(name, "fitting")
    session = Session(lambda news: tell(name, f"fitting: {news}"))
    fitted = fit_with(choice.estimator, train, session)
    fit = float(watch) - settled
    recommender = recommender_of(fitted, train, plan.fallback, split.holdout.repeats)
    recommender = replace(recommender, allow=split.holdout.allow)
    total = len(split.holdout)
    report = evaluate(
        recommender.recommend,
        split.holdout,
        background,
        plan.ks,
        lambda done: tell(name, f"evaluating {done:,} of {total:,} users"),
    )
    seconds = {"choose": settled, "fit": fit, "evaluate": float(watch) - settled - fit}
    seconds = {part: round(s, 2) for part, s in seconds.items()}
    made = {"report": report, "choice": choice, "fitted": fitted, "seconds": seconds}
    made |= _looked_at(name, fitted, train, recommender, split.holdout, plan.limits)
    if plan.dial and not isinstance(fitted, PopularityEncoder):
        tell(name, "turning the popularity dial")
        half = _half(choice, fitted, train, split, plan)
        with suppress(DataError):  # nobody has something to find
            made |= {} if half is None else {"dial": _measured(half, plan)}
    return made


def _measured(half: Half, plan: Plan) -> Frontier:
    return measured(half, plan.fallback, plan.ks[0], plan.seed)


def _half(
    choice: Choice, fitted: Encoder | Retriever, train: Dataset, split: Split, plan: Plan
) -> Half | None:
    """The model without the validation events; None where there is none and a fit would be long."""
    if choice.half is not None:
        return choice.half
    if not plan.refit:
        return Half(fitted, train, plan.inner.split(split.train).holdout)
    made = choice.estimator
    parts = made.estimators(split.train).values() if isinstance(made, Blend) else (made,)
    if any(map(takes_session, parts)):
        return None
    found = halves(split.train, plan.inner, plan.seed, USERS)
    return None if found is None else Half(made.fit(found[0]), *found)


def _looked_at(
    name: str,
    fitted: Encoder | Retriever,
    train: Dataset,
    recommender: Recommender,
    holdout: Holdout,
    limits: Limits,
) -> dict[str, Any]:
    """What is said beside the report: are the vectors well, how soon is a newcomer known."""
    more: dict[str, Any] = {}
    # one direction is all that popularity has
    if isinstance(fitted, Encoder) and not isinstance(fitted, PopularityEncoder):
        types = train.catalog.types()
        more["health"] = health_of(
            fitted.encode_items(train.catalog),
            fitted.encode_queries(train.queries()),
            train.item_counts(),
            None if types is None else types.values,
            limits,
        )
    with suppress(DataError):  # nobody has a history long enough
        more["newcomers"] = learning_curve(recommender.recommend, holdout)
    return more


def _chosen(name: str, split: Split, plan: Plan, told: Mapping[str, Any], tell: Tell) -> Choice:
    """The settings, or the model, that validation inside the training data speaks for."""
    if name in plan.estimators:
        return Choice(plan.estimators[name])
    estimator = named_estimator(name, plan.seed, **told)
    if not plan.tune:
        return Choice(as_is(estimator))
    what = "choosing on validation" if name == "auto" else "choosing settings on validation"
    tell(name, what)
    session = Session(budget_s=plan.budget_s)
    terms = Terms(plan.seed, plan.ks[0], plan.fallback, tuple(told), session, plan.dial)
    return chosen(
        estimator, split.train, plan.inner, terms, lambda news: tell(name, f"{what}: {news}")
    )
