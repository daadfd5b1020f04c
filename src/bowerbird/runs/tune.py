"""Settings chosen on validation: a holdout inside the training data, never the test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.data.random_share import RandomShare
from bowerbird.data.split import Holdout, LeaveOneOut, Rule
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.encoders.popularity import Popularity
from bowerbird.encoders.session import Session
from bowerbird.errors import DataError
from bowerbird.evaluation.metrics import Judged, ndcg
from bowerbird.index.index import Hits
from bowerbird.retrieval.blend import fit_with, takes_session
from bowerbird.retrieval.retriever import Retriever
from bowerbird.runs.newcomers import for_newcomers
from bowerbird.surfaces.assemble import recommender_of

MAX_USERS = 12_000
"""Validation users. On amazon-beauty 6,000 still chose by chance among settings .001 apart."""
MIN_USERS = 30
"""With fewer, chance would choose."""
MAX_EVENTS = 3_000_000
"""Settings are compared on a sample of users that holds about so many events."""

DRAWS = 5
FEW_EVENTS = 200_000
SPARE = 0.05
"""Share of a budget for what is neither of the two fits: judging, and writing."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Half:
    """A model fitted without the validation events, and the people who judge it."""

    fitted: Encoder | Retriever
    train: Dataset
    holdout: Holdout


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings that won, and what the others reached."""

    estimator: Estimator
    scores: tuple[tuple[dict[str, Any], float], ...] = ()  # settings, validation NDCG@k
    users: int = 0
    k: int = 10
    why: Mapping[str, Any] = field(default_factory=dict)  # the table, where models were compared
    half: Half | None = field(default=None, compare=False, repr=False)  # if it was to be kept

    def metrics(self) -> dict[str, Any]:
        """What is known of how good the chosen settings are; None where nothing was tried."""
        best = max((score for _, score in self.scores), default=None)
        return {f"validation ndcg@{self.k}": best, "users": self.users}

    def to_json(self) -> dict[str, Any]:
        """For the run folder."""
        table = [{**settings, f"ndcg@{self.k}": score} for settings, score in self.scores]
        told = {"settings": settings_of(self.estimator), "users": self.users, "tried": table}
        return {**told, "why": dict(self.why)} if self.why else told


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms settings are chosen."""

    seed: int = 0
    k: int = 10  # they are judged by NDCG@k
    fallback: Popularity = Popularity()  # noqa: RUF009  frozen, so sharing it is safe
    fixed: tuple[str, ...] = ()  # settings that somebody has asked for: they stay
    session: Session = Session()  # noqa: RUF009  budget and clock of what takes long
    keep: bool = False  # keep what was fitted without the validation events, where a fit is long


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
    on a few thousand people one draw chooses by chance. A model that is trained is trained once,
    and stops when it no longer gets better there: that is the setting it finds.
    """
    if takes_session(estimator):
        return _trained(estimator, data, rule, terms, progress)
    variants, seed, k = variants_of(estimator, data, terms.fixed), terms.seed, terms.k
    if len(variants) < 2:
        return Choice(estimator)
    rules = [rule]
    if not data.ordered and isinstance(rule, LeaveOneOut):
        draws = DRAWS if len(data.log) < FEW_EVENTS else 1
        rules = [RandomShare(seed=seed + draw, repeats=rule.repeats) for draw in range(draws)]
    totals, users = np.zeros(len(variants)), 0
    for round_, cut in enumerate(rules):
        found = halves(data, cut, seed)
        if found is None:
            return Choice(estimator)
        train, holdout = found
        users = len(holdout)
        for number, fitted in enumerate(fits(estimator, train, variants)):
            if progress is not None:
                done, total = round_ * len(variants) + number + 1, len(rules) * len(variants)
                progress(f"settings {done} of {total}")
            hits = asked(fitted, train, holdout, terms)
            totals[number] += np.nanmean(ndcg(Judged.of(hits, holdout.relevant), k))
    scores = totals / len(rules)
    best = int(np.argmax(scores))  # the first of equals: the default stands first
    tried = ((settings_of(v), float(s)) for v, s in zip(variants, scores, strict=True))
    return Choice(variants[best], tuple(tried), users, k)


def choose_fallback(data: Dataset, rule: Rule, terms: Terms) -> Terms:
    """The same terms with popularity counted as it does best on validation.

    Over which time, by everyone's held-out events; among which people, by people held out whole.
    """
    free = replace(terms, fixed=())
    chosen = Popularity(**settings_of(choose(Popularity(), data, rule, free).estimator))
    return replace(terms, fallback=for_newcomers(chosen, _fewer(data, terms.seed), terms.seed))


def settings_of(estimator: Estimator) -> dict[str, Any]:
    """The hyperparameters by name."""
    return asdict(estimator)


def halves(
    data: Dataset, rule: Rule, seed: int, most: int = MAX_USERS
) -> tuple[Dataset, Holdout] | None:
    """What settings are fitted on and judged by; None where there is too little of it."""
    try:
        train, holdout = rule.split(_fewer(data, seed))
    except DataError:  # too little data to cut in two
        return None
    holdout = sampled(holdout, seed, most)
    return None if len(holdout) < MIN_USERS else (train, holdout)


def again(data: Dataset, train: Dataset) -> float:
    """How many times as long as a fit without the validation events one on everything takes."""
    return len(data.log) / max(len(train.log), 1)


def asked(
    fitted: Any,  # noqa: ANN401  an encoder or a retriever
    train: Dataset,
    holdout: Holdout,
    terms: Terms,
) -> Hits:
    """The lists of a fitted model, as people would get them."""
    engine = recommender_of(fitted, train, terms.fallback, holdout.repeats)
    return replace(engine, allow=holdout.allow).recommend(holdout.queries, terms.k)


def _trained(
    estimator: Estimator, data: Dataset, rule: Rule, terms: Terms, progress: Progress | None
) -> Choice:
    """How long it pays to train, told by the encoder that stopped there.

    Of a budget so much that the fit on everything, which takes as many epochs, has time as well.
    """
    began = terms.session.clock()
    found = halves(data, rule, terms.seed)
    if found is None:
        return Choice(estimator)
    train, holdout = found
    budget_s = terms.session.budget_s
    if budget_s is not None:
        left = (1 - SPARE) * budget_s - (terms.session.clock() - began)
        budget_s = max(left, 0) / (1 + again(data, train))
    session = replace(terms.session, validation=holdout, budget_s=budget_s)
    session = session if progress is None else replace(session, say=progress)
    fitted = fit_with(estimator, train, session)
    made: Any = fitted.estimator
    settled = replace(made, **{name: settings_of(estimator)[name] for name in terms.fixed})
    hits = asked(fitted, train, holdout, terms)
    score = float(np.nanmean(ndcg(Judged.of(hits, holdout.relevant), terms.k)))
    tried = ((settings_of(settled), score),)
    half = Half(fitted, train, holdout) if terms.keep else None
    return Choice(settled, tried, len(holdout), terms.k, half=half)


def variants_of(
    estimator: Estimator, data: Dataset, fixed: tuple[str, ...]
) -> tuple[Estimator, ...]:
    """The settings worth trying, with what is fixed as it is, each once."""
    if not hasattr(estimator, "variants"):
        return (estimator,)
    asked = {name: settings_of(estimator)[name] for name in fixed}
    tried: list[Any] = list(estimator.variants(data))
    return tuple(dict.fromkeys(replace(variant, **asked) for variant in tried))


def fits(estimator: Estimator, train: Dataset, variants: Sequence[Estimator]) -> Iterator[Any]:
    """Each variant fitted, one after the other; what they share is done once."""
    if hasattr(estimator, "fit_each"):
        yield from estimator.fit_each(train, variants)
    else:
        yield from (variant.fit(train) for variant in variants)


def sampled(holdout: Holdout, seed: int, most: int = MAX_USERS) -> Holdout:
    """At most so many of those who have something to find."""
    asked = np.flatnonzero(np.diff(holdout.relevant.indptr) > 0)
    if len(asked) > most:
        asked = np.sort(np.random.default_rng(seed).choice(asked, most, replace=False))
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
