"""Which model for this data? Tried on the data itself, within a budget of time.

Apart from `tune`, which chooses the settings of one model: here models stand against each other,
and beside their blend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.data.random_share import RandomShare
from bowerbird.data.split import LeaveOneOut, Rule
from bowerbird.encoders.encoder import Estimator
from bowerbird.errors import ConfigError
from bowerbird.retrieval.blend import Blend, as_scorer, parsed, placing, suited
from bowerbird.retrieval.models import MODELS, seeded
from bowerbird.retrieval.weighing import Evidence
from bowerbird.runs import verdict
from bowerbird.runs.contest import Contest, Tried, try_all
from bowerbird.runs.mixing import GAIN, Mixed, Pool, everything, select
from bowerbird.runs.new_items import new_items
from bowerbird.runs.tune import Choice, Half, Progress, Terms, again, choose, halves, settings_of

BUDGET_S = 600.0
USERS = 8_000
"""Validation users, at most: blends are judged on them many times."""


@dataclass(frozen=True, slots=True)
class Auto:
    """Try the models that suit the data, and their blend; keep what wins on validation.

    Chosen by `chosen`, not by fitting: what comes out is another estimator.
    """

    models: str = ""  # names, comma between; empty: those that suit the data
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.named():
            if name not in MODELS or name == "blend":
                valid = ", ".join(known for known in MODELS if known != "blend")
                raise ConfigError(f"models of auto among {valid} expected, {name!r} came")

    def named(self) -> list[str]:
        """What somebody asked to be tried."""
        return [name.strip() for name in self.models.split(",") if name.strip()]

    def candidates(self, data: Dataset) -> list[str]:
        """The names to try, cheap ones first."""
        if self.named():
            return list(dict.fromkeys(["popularity", *self.named()]))
        names = ["popularity", *suited(data)]
        trained = [*(["sequence"] if data.ordered else []), "two-tower"]
        return names + [n for n in trained if n in MODELS and find_spec("torch") is not None]


def named_estimator(name: str, seed: int, /, **settings: Any) -> Any:  # noqa: ANN401  each its own
    """`seeded`, which knows the models, and `auto`, which chooses among them."""
    if name != "auto":
        return seeded(name, seed, **settings)
    unknown = [setting for setting in settings if setting not in ("models", "seed")]
    if unknown:
        raise ConfigError(
            "settings of model auto among models, seed expected,"
            f" {', '.join(map(repr, unknown))} came"
        )
    return Auto(**{"seed": seed, **settings})


def as_is(estimator: Any) -> Any:  # noqa: ANN401  an estimator, or Auto
    """The estimator, where nothing is to be chosen.

    Raises:
        ConfigError: choosing is all it does.
    """
    if isinstance(estimator, Auto):
        raise ConfigError("model auto chooses on validation: leave out --no-tune, or name a model")
    return estimator


def chosen(
    estimator: Any,  # noqa: ANN401  an estimator, or Auto
    data: Dataset,
    rule: Rule,
    terms: Terms,
    progress: Progress | None = None,
) -> Choice:
    """The best settings of a model, of the parts of a blend, or the best of all models.

    Raises:
        ConfigError: a part of a blend refuses the data.
    """
    if isinstance(estimator, Auto):
        parts = {n: seeded(n, estimator.seed) for n in estimator.candidates(data)}
        return _contest(estimator, parts, data, rule, terms, progress)
    if isinstance(estimator, Blend) and not estimator.given():
        return _contest(estimator, estimator.estimators(data), data, rule, terms, progress)
    return choose(estimator, data, rule, terms, progress)


def _contest(
    estimator: Auto | Blend,
    parts: Mapping[str, Estimator],
    data: Dataset,
    rule: Rule,
    terms: Terms,
    progress: Progress | None,
) -> Choice:
    """Try each part, weigh them together, keep the best, and say why."""
    if not data.ordered and isinstance(rule, LeaveOneOut):
        rule = RandomShare(seed=terms.seed, repeats=rule.repeats)
    found = halves(data, rule, terms.seed, USERS)
    if found is None:
        return _too_little(estimator, data)
    budget_s = terms.session.budget_s or BUDGET_S
    longer = again(data, found[0])
    contest = Contest(*found, terms, progress or _silent, budget_s, rule, longer)
    try_all(contest, parts)
    if isinstance(estimator, Blend):
        if contest.skipped and parsed(estimator.parts):
            name, why = next(iter(contest.skipped.items()))
            raise ConfigError(f"part {name} of the blend: {why}")
        blend = estimator
    else:
        blend = Blend(seed=estimator.seed)
    return _settle(contest, blend, data, selecting=isinstance(estimator, Auto))


def _settle(contest: Contest, blend: Blend, data: Dataset, selecting: bool) -> Choice:
    """Weigh, decide, and write down what every part reached.

    Popularity is no part of a blend that is selected: its slope is.
    """
    if not contest.tried:
        reasons = "; ".join(f"{name}: {why}" for name, why in contest.skipped.items())
        raise ConfigError(f"no model could be tried: {reasons}")
    best = max(contest.tried, key=lambda each: each.score)
    parts = [each for each in contest.tried if each.name != "popularity" or not selecting]
    pool, mixed = _weighed(contest, parts, blend, selecting)
    # what was selected is already better than its best part, or as good and able to place the new
    least = best.score * (1 - GAIN)
    together = mixed is not None and len(mixed.parts) > 1 and mixed.score > least
    wins = together if selecting else mixed is not None
    made: Any = best.estimator
    if pool is not None and mixed is not None and wins:
        made = _made(blend, pool, mixed, parts)
    evidence = None if pool is None else pool.evidence
    made, new = new_items(contest, made, data)
    table = verdict.table(contest, evidence, mixed, parts)
    table |= {"won": "blend" if wins else best.name, "weights": _weights_told(made)}
    table["new items"] = new or None
    table |= {"words": verdict.words(table), "seconds": round(contest.spent(), 1)}
    scores = [(settings_of(each.estimator), each.score) for each in contest.tried]
    if mixed is not None and wins:
        scores.append((settings_of(made), mixed.score))
    half = _half(contest, made, best) if contest.terms.keep else None
    return Choice(made, tuple(scores), len(contest.holdout), contest.terms.k, table, half)


def _half(contest: Contest, made: Estimator, best: Tried) -> Half:
    """The winner as it was tried: nothing is fitted again."""
    winner = best.fitted
    if isinstance(made, Blend):
        fitted = {each.name: each.fitted for each in contest.tried}
        parts = [fitted[name] for name, _ in parsed(made.parts)]
        winner = made.assembled(parts, contest.train)
    return Half(winner, contest.train, contest.holdout)


def _weighed(
    contest: Contest, parts: list[Tried], blend: Blend, selecting: bool
) -> tuple[Pool | None, Mixed | None]:
    """What the parts say, and the blend of those that help (of all, where all were asked for)."""
    if len(parts) < 2:
        return None, None
    contest.news("weighing the parts")
    scorers = [as_scorer(each.fitted, contest.train) for each in parts]
    pool = Pool(
        contest,
        Evidence.of(scorers, contest.holdout, contest.train),
        placing([each.fitted for each in parts], contest.train),
    )
    return pool, (select(pool, parts) if selecting else everything(pool, blend.popularity))


def _made(blend: Blend, pool: Pool, mixed: Mixed, parts: list[Tried]) -> Blend:
    """The blend with weights from all the people."""
    everyone = np.ones(pool.evidence.queries, dtype=bool)
    weights = pool.evidence.weights(mixed.parts, everyone, mixed.slope)
    if not weights[:-1].any():  # nobody's choice was among the candidates
        weights[list(mixed.parts)] = 1
    unmet = pool.evidence.unmet(weights, pool.placing)
    slope = weights[-1] if blend.popularity is None else blend.popularity
    of = {each.name: each.estimator for each in parts}
    return blend.settled(of, [float(w) for w in weights[:-1]], float(slope), unmet)


def _weights_told(made: Estimator) -> dict[str, float] | None:
    """Part → weight; None where one model has won alone."""
    if not isinstance(made, Blend):
        return None
    names = [name for name, _ in parsed(made.parts)]
    return {**dict(zip(names, made.given(), strict=True)), "log popularity": made.popularity or 0.0}


def _too_little(estimator: Auto | Blend, data: Dataset) -> Choice:
    """Nothing to compare by: the first that suits the data, or the blend as it is."""
    if isinstance(estimator, Blend):
        return Choice(estimator)
    why = {"words": ["too few people with two events to compare models by: the first that suits"]}
    return Choice(seeded(suited(data)[0], estimator.seed), why=why)


def _silent(news: str) -> None:
    """Tell nobody."""
