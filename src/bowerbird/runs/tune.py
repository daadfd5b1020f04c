"""Settings chosen on validation: a holdout inside the training data, never the test."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.data.random_share import RandomShare
from bowerbird.data.split import Holdout, LeaveOneOut, Rule
from bowerbird.encoders.encoder import Estimator
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import DataError
from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.runs.assemble import recommender_of

MAX_USERS = 12_000
"""Validation users. On amazon-beauty 6,000 still chose by chance among settings .001 apart."""
MIN_USERS = 30
"""With fewer, chance would choose."""
MAX_EVENTS = 3_000_000
"""Settings are compared on a sample of users that holds about so many events."""

DRAWS = 5
FEW_EVENTS = 200_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings that won, and what the others reached."""

    estimator: Estimator
    scores: tuple[tuple[dict[str, Any], float], ...] = ()  # settings, validation NDCG@k
    users: int = 0
    k: int = 10

    def metrics(self) -> dict[str, Any]:
        """What is known of how good the chosen settings are; None where nothing was tried."""
        best = max((score for _, score in self.scores), default=None)
        return {f"validation ndcg@{self.k}": best, "users": self.users}

    def to_json(self) -> dict[str, Any]:
        """For the run folder."""
        table = [{**settings, f"ndcg@{self.k}": score} for settings, score in self.scores]
        return {"settings": settings_of(self.estimator), "users": self.users, "tried": table}


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms settings are chosen."""

    seed: int = 0
    k: int = 10  # they are judged by NDCG@k
    fallback: Popularity = Popularity()  # noqa: RUF009  frozen, so sharing it is safe
    fixed: tuple[str, ...] = ()  # settings that somebody has asked for: they stay


def choose(
    estimator: Estimator,
    data: Dataset,
    rule: Rule,
    terms: Terms = Terms(),
    progress: Progress | None = None,
) -> Choice:
    """The variant of this estimator with the best NDCG@k on holdouts that `rule` cuts from data.

    An estimator without variants, or data with too few people to judge by, keeps the settings.
    Small data without an order is cut several times, at random, and the scores are averaged, since
    on a few thousand people one draw chooses by chance.
    """
    variants, seed, k = _variants(estimator, data, terms.fixed), terms.seed, terms.k
    if len(variants) < 2:
        return Choice(estimator)
    rules = [rule]
    if not data.ordered and isinstance(rule, LeaveOneOut):
        draws = DRAWS if len(data.log) < FEW_EVENTS else 1
        rules = [RandomShare(seed=seed + draw, repeats=rule.repeats) for draw in range(draws)]
    totals, users = np.zeros(len(variants)), 0
    for round_, cut in enumerate(rules):
        try:
            train, holdout = cut.split(_fewer(data, seed))
        except DataError:  # too little data to cut in two
            return Choice(estimator)
        holdout = _sample(holdout, seed)
        if len(holdout) < MIN_USERS:
            return Choice(estimator)
        users = len(holdout)
        for number, fitted in enumerate(_fits(estimator, train, variants)):
            if progress is not None:
                done, total = round_ * len(variants) + number + 1, len(rules) * len(variants)
                progress(f"settings {done} of {total}")
            engine = recommender_of(fitted, train, terms.fallback, holdout.repeats)
            engine = replace(engine, allow=holdout.allow)
            hits = engine.recommend(holdout.queries, k)
            totals[number] += np.nanmean(ndcg(Judged.of(hits, holdout.relevant), k))
    scores = totals / len(rules)
    best = int(np.argmax(scores))  # the first of equals: the default stands first
    tried = ((settings_of(v), float(s)) for v, s in zip(variants, scores, strict=True))
    return Choice(variants[best], tuple(tried), users, k)


def choose_fallback(data: Dataset, rule: Rule, terms: Terms) -> Terms:
    """The same terms with popularity counted over the time that does best on validation."""
    free = replace(terms, fixed=())
    chosen = choose(Popularity(), data, rule, free).estimator
    return replace(terms, fallback=Popularity(**settings_of(chosen)))


def settings_of(estimator: Estimator) -> dict[str, Any]:
    """The hyperparameters by name."""
    return asdict(estimator)


def _variants(estimator: Estimator, data: Dataset, fixed: tuple[str, ...]) -> tuple[Estimator, ...]:
    """The settings worth trying, with what is fixed as it is, each once."""
    if not hasattr(estimator, "variants"):
        return (estimator,)
    asked = {name: settings_of(estimator)[name] for name in fixed}
    tried: list[Any] = list(estimator.variants(data))
    return tuple(dict.fromkeys(replace(variant, **asked) for variant in tried))


def _fits(estimator: Estimator, train: Dataset, variants: Sequence[Estimator]) -> Iterator[Any]:
    if hasattr(estimator, "fit_each"):
        yield from estimator.fit_each(train, variants)
    else:
        yield from (variant.fit(train) for variant in variants)


def _sample(holdout: Holdout, seed: int) -> Holdout:
    """At most MAX_USERS of those who have something to find."""
    asked = np.flatnonzero(np.diff(holdout.relevant.indptr) > 0)
    if len(asked) > MAX_USERS:
        asked = np.sort(np.random.default_rng(seed).choice(asked, MAX_USERS, replace=False))
    return replace(
        holdout,
        users=holdout.users[asked],
        queries=holdout.queries.take(asked),
        relevant=holdout.relevant[asked],
    )


def _fewer(data: Dataset, seed: int) -> Dataset:
    """The log of a random part of the users, where all would take too long."""
    share = MAX_EVENTS / max(len(data.log), 1)
    if share >= 1:
        return data
    kept = np.random.default_rng(seed).random(len(data.users)) < share
    return data.with_log(data.log.where(kept[data.log.users]))
