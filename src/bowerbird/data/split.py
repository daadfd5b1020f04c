"""Past | future: what may be learned from, and what is asked afterwards.

Apart from the dataset because these are the judge's rules, not the data's. Nothing cold is dropped:
people without a past and items without an event stay in the questions and in the answers.

A rule is a frozen object: `ByTime().split(data)` gives `Split(train, holdout)`, and
`rule.inner().split(split.train)` gives the validation split inside the training data.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int32, Int64
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.dataset import Dataset, Interactions
from bowerbird.data.moments import moment_text
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError, DataError

TIES = "score ties go to the lower row; event ties keep (time, order, source row)"


@dataclass(frozen=True, slots=True)
class Holdout:
    """Questions from before the cut, and what came after it."""

    users: Int32[ndarray, "b"]  # rows of the dataset's users
    queries: Queries  # b histories, asked at the cut
    relevant: csr_array  # (b, n_items), gain > 0
    repeats: bool = False  # may an item of the history be the answer again?
    allow: Bool[ndarray, "n"] | None = None  # the items that are ranked; None is the whole catalog
    rules: dict[str, str] = field(default_factory=dict)  # printed with every result

    def __len__(self) -> int:
        return len(self.users)


class Split(NamedTuple):
    """What may be learned from, and what is asked afterwards."""

    train: Dataset
    holdout: Holdout


@runtime_checkable
class Rule(Protocol):
    """How a dataset is cut in two."""

    def split(self, data: Dataset) -> Split:
        """Training data and the questions about the rest."""

    def inner(self) -> "Rule":
        """The rule that cuts a validation holdout out of this rule's training data."""


@dataclass(frozen=True, slots=True)
class ByTime:
    """One moment for everybody: learn from what was before, ask about what came after.

    The honest default: no model has seen anybody's future. Everyone with an event at or after the
    cut is asked at the cut, with the history before it (possibly none). Relevant is what they liked
    (weight > 0) afterwards, with the largest weight as gain; what the history already holds, liked
    or only seen, counts when `repeats` says so.
    """

    test_share: float = 0.1  # share of the events, the newest ones
    at: int | str | None = None  # seconds since 1970 UTC or an ISO time; goes before test_share
    repeats: bool = False

    def __post_init__(self) -> None:
        _check_share("test_share", self.test_share)

    def split(self, data: Dataset) -> Split:
        """Train on the log before the cut, ask at the cut.

        Raises:
            ConfigError: the times of this data are no moments.
            DataError: nothing lies before the cut, or nothing after it.
        """
        _need_dates(data, "a split by time")
        log, cut = data.log, self._cut(data.log.times)
        late = log.times >= cut
        if late.all() or not late.any():
            side = "before" if late.all() else "at or after"
            raise DataError(
                f"events on both sides of the cut {moment_text(cut)} expected, none came {side}"
                " it: choose another «at» or test_share, or split by leave-one-out"
            )
        past, answers = log.where(~late), log.where(late)
        users = np.unique(answers.users)
        now = np.full(len(users), cut, dtype=np.int64)
        holdout = _ask(data, past, answers, (users, now), self.repeats)
        holdout = replace(holdout, allow=data.catalog.available(cut))
        named = {"split": "time: one cut for everybody", "cut": moment_text(cut)}
        return Split(data.with_log(past), _ruled(holdout, named))

    def inner(self) -> "ByTime":
        """The newest `test_share` of what is left."""
        return replace(self, at=None)

    def _cut(self, times: Int64[ndarray, "n"]) -> int:
        if isinstance(self.at, str):
            return _seconds(self.at)
        if self.at is not None:
            return self.at
        if not len(times):
            raise DataError("events to split expected, an empty log came: check the source file")
        place = min(int(np.ceil(len(times) * (1 - self.test_share))), len(times) - 1)
        return int(np.partition(times, place)[place])


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """The last thing each user liked is the answer; what was before it is the history.

    The liked event (weight > 0) that is `back`-th from the end is asked for, and neither it nor
    anything after it is learned from: back=1 is the test, back=2 the validation. Whoever liked only
    one thing is asked with an empty history. Other people's later events do train: flattering
    compared with `ByTime`. Where the data has no order, a random liked event of each user takes the
    place of the last one.
    """

    back: int = 1
    repeats: bool = False
    seed: int = 42  # for data without an order

    def __post_init__(self) -> None:
        if self.back < 1:
            raise ConfigError(f"back ≥ 1 expected, {self.back} came: 1 is test, 2 is validation")

    def split(self, data: Dataset) -> Split:
        """Train on everyone's events before their answer, ask for the answer."""
        log = data.log
        places, ranks = self._ranked(data)
        answers = log.where(np.sort(places[ranks == self.back - 1]))
        if data.ordered:
            left = places[ranks < self.back]
            first = np.full(len(data.users), len(log), dtype=np.int64)
            np.minimum.at(first, log.users[left], left)
            keep = np.arange(len(log)) < first[log.users]
        else:
            keep = np.ones(len(log), dtype=bool)
            keep[places[ranks < self.back]] = False
        past = log.where(keep)
        users = answers.users
        now = answers.times if data.ordered else data.queries().now[users]
        holdout = _ask(data, past, answers, (users, now), self.repeats)
        named = {"split": f"leave-one-out: {self._which(data.ordered)}", "cut": "none: one a user"}
        seed = None if data.ordered else self.seed
        return Split(data.with_log(past), _ruled(holdout, named, seed))

    def inner(self) -> "LeaveOneOut":
        """The last but one."""
        return self

    def _which(self, ordered: bool) -> str:
        if not ordered:
            return "a seeded random liked event of each user (the data has no order)"
        which = "the last" if self.back == 1 else f"number {self.back} from the end"
        return f"each user's liked events, {which}"

    def _ranked(self, data: Dataset) -> tuple[ndarray, ndarray]:
        """Where the liked events are, and each one's rank within its user, 0 = first to go."""
        places = np.flatnonzero(data.log.weights > 0)[::-1]
        if not data.ordered:
            chance = np.random.default_rng(self.seed).random(len(places))
            places = places[np.lexsort((chance, -data.log.users[places].astype(np.int64)))]
        return places, _ranks(data.log.users[places])


@dataclass(frozen=True, slots=True)
class ColdItems:
    """Items nobody has met in training: their whole log is held out.

    Everyone who liked a held-out item is asked, with a history that lacks these items. Not a split
    in time: such a history may hold events later than the answer.
    """

    by: Literal["random", "newest", "listed"] = "random"
    share: float = 0.2  # of the catalog (random), of the items with an event (newest)
    items: tuple[str, ...] = ()  # ids, when listed
    candidates: Literal["all", "cold"] = "all"  # what is ranked: the catalog, or held-out items
    seed: int = 42

    def __post_init__(self) -> None:
        _check_share("share", self.share)
        if (self.by == "listed") != bool(self.items):
            raise ConfigError(f"item rows expected with by='listed' only, by={self.by!r} came")

    def split(self, data: Dataset) -> Split:
        """Train without the cold items, ask for them.

        Raises:
            ConfigError: the newest items are asked for and times are no moments.
            DataError: a listed row is not in the catalog.
        """
        cold = self._cold(data)
        out = cold[data.log.items]
        past, answers = data.log.where(~out), data.log.where(out)
        users = np.unique(answers.users[answers.weights > 0])
        now = data.queries().now[users]
        holdout = _ask(data, past, answers, (users, now), False)
        holdout = replace(holdout, allow=cold if self.candidates == "cold" else None)
        named = {"split": f"cold items: {int(cold.sum())} held out, {self.by}", "cut": "none"}
        seed = self.seed if self.by == "random" else None
        return Split(data.with_log(past), _ruled(holdout, named, seed))

    def inner(self) -> "ColdItems":
        """Another draw of items; a list has no second, so a random draw follows it."""
        by: Literal["random", "newest"] = "newest" if self.by == "newest" else "random"
        return replace(self, by=by, items=(), seed=self.seed + 1)

    def _cold(self, data: Dataset) -> Bool[ndarray, "n"]:
        n, log = len(data.catalog), data.log
        if self.by == "random":
            rows = np.random.default_rng(self.seed).permutation(n)[: int(n * self.share)]
        elif self.by == "listed":
            rows = data.catalog.items.rows(self.items)
            if (rows < 0).any():
                unknown = self.items[int(np.argmax(rows < 0))]
                raise DataError(f"items of the catalog expected in «items», {unknown!r} came")
        else:
            _need_dates(data, "the newest items")
            first = np.full(n, np.iinfo(np.int64).max)
            np.minimum.at(first, log.items, log.times)
            met = np.flatnonzero(np.bincount(log.items, minlength=n))
            newest = met[np.argsort(first[met], kind="stable")]
            rows = newest[len(newest) - int(len(newest) * self.share) :]
        cold = np.zeros(n, dtype=bool)
        cold[rows] = True
        return cold


@dataclass(frozen=True, slots=True)
class ColdUsers:
    """People nobody has met in training, of whom the first few events are revealed.

    Who has no more than `reveal` events is asked too and has nothing to find. Not a split in time:
    the others' later events do train.
    """

    share: float = 0.2  # of the users with an event
    reveal: int = 0
    repeats: bool = False
    seed: int = 42

    def __post_init__(self) -> None:
        _check_share("share", self.share)
        if self.reveal < 0:
            raise ConfigError(f"reveal ≥ 0 events expected, {self.reveal} came")

    def split(self, data: Dataset) -> Split:
        """Train without these users, ask with their first events for the rest.

        Raises:
            ConfigError: some events are to be revealed and the data has no order.
        """
        if self.reveal and not data.ordered:
            raise ConfigError("first events need an order, and this data has none: use reveal 0")
        active = np.unique(data.log.users)
        drawn = np.random.default_rng(self.seed).permutation(active)
        users = np.sort(drawn[: int(len(active) * self.share)])
        new = np.isin(data.log.users, users)
        train, log = data.log.where(~new), data.log.where(new)
        ranks = _ranks(log.users)
        past, answers = log.where(ranks < self.reveal), log.where(ranks >= self.reveal)
        now = data.queries().now[users]
        asked, firsts = np.unique(answers.users, return_index=True)
        now[np.searchsorted(users, asked)] = answers.times[firsts]
        holdout = _ask(data, past, answers, (users, now), self.repeats)
        named = {"split": f"cold users: first {self.reveal} events revealed", "cut": "none"}
        return Split(data.with_log(train), _ruled(holdout, named, self.seed))

    def inner(self) -> "ColdUsers":
        """Another draw, from the users that are left."""
        return self


RULES: dict[str, type[ByTime] | type[LeaveOneOut] | type[ColdItems] | type[ColdUsers]] = {
    "time": ByTime,
    "leave-one-out": LeaveOneOut,
    "cold-items": ColdItems,
    "cold-users": ColdUsers,
}


def fixed(train: Dataset, answers: Interactions, repeats: bool = False) -> Split:
    """A split somebody else has made: training data, and a log of answers in the same rows.

    Raises:
        DataError: the answers name a user or an item row that the dataset does not have.
    """
    for name, rows, n in (
        ("user", answers.users, len(train.users)),
        ("item", answers.items, len(train.catalog)),
    ):
        if len(rows) and (rows.min() < 0 or rows.max() >= n):
            came = f"{rows.min()}…{rows.max()} came in the answers"
            raise DataError(f"{name} rows 0 to {n - 1} expected, {came}: read both with one import")
    users, firsts = np.unique(answers.users, return_index=True)
    held = np.bincount(train.log.users, minlength=len(train.users))[users] > 0
    now = np.where(held, train.queries().now[users], answers.times[firsts])
    holdout = _ask(train, train.log, answers, (users, now), repeats)
    named = {"split": "fixed: answers as given", "cut": "as given"}
    return Split(train, _ruled(holdout, named))


def _ask(
    data: Dataset,
    past: Interactions,
    answers: Interactions,
    asked: tuple[ndarray, ndarray],
    repeats: bool,
) -> Holdout:
    """The users asked, each at its moment, with their past; the liked answers are relevant."""
    users, now = asked
    queries = replace(data.with_log(past).queries().take(users), now=now)
    n = len(data.catalog)
    liked = answers.weights > 0
    key = np.searchsorted(users, answers.users[liked]) * n + answers.items[liked]
    order = np.argsort(key, kind="stable")
    pairs, starts = np.unique(key[order], return_index=True)
    gains = answers.weights[liked][order]
    if len(pairs):
        gains = np.maximum.reduceat(gains, starts)
    if not repeats and len(pairs):
        old = queries.owners() * n + queries.items
        place = np.searchsorted(pairs, old).clip(max=len(pairs) - 1)
        fresh = np.ones(len(pairs), dtype=bool)
        fresh[place[pairs[place] == old]] = False
        pairs, gains = pairs[fresh], gains[fresh]
    relevant = csr_array((gains, (pairs // max(n, 1), pairs % max(n, 1))), shape=(len(users), n))
    return Holdout(users, queries, relevant, repeats)


def _ruled(holdout: Holdout, named: dict[str, str], seed: int | None = None) -> Holdout:
    """The holdout with all its rules in words, in the order they are printed."""
    b, n = holdout.relevant.shape
    finding = int((np.diff(holdout.relevant.indptr) > 0).sum())
    ranked = n if holdout.allow is None else int(holdout.allow.sum())
    seen = "may be the answer again" if holdout.repeats else "neither ranked nor relevant"
    rules = {
        **named,
        "ties": TIES,
        "seen": f"items of the history, liked or only seen, {seen}",
        "gain": "the largest weight of the user's held-out events with the item; weight 0 is none",
        "repeats": "yes" if holdout.repeats else "no",
        "catalog": f"{n} items, {ranked} of them ranked",
        "users": f"{b} asked, {finding} of them have something to find",
        "seed": "none" if seed is None else str(seed),
    }
    return replace(holdout, rules=rules)


def _ranks(users: Int32[ndarray, "n"]) -> Int64[ndarray, "n"]:
    """0, 1, 2, … within each run of one user."""
    new = np.concatenate([[True], users[1:] != users[:-1]]) if len(users) else np.zeros(0, bool)
    starts = np.flatnonzero(new)
    return np.arange(len(users)) - np.repeat(starts, np.diff(np.append(starts, len(users))))


def _need_dates(data: Dataset, what: str) -> None:
    if not data.dated or not data.ordered:
        raise ConfigError(f"{what} needs timestamps, and this data has none: use leave-one-out")


def _check_share(name: str, share: float) -> None:
    if not 0 < share < 1:
        raise ConfigError(f"{name} between 0 and 1 expected, {share} came")


def _seconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        remedy = "write it like 2026-03-01 or 2026-03-01T12:00:00"
        raise ConfigError(f"an ISO time expected as «at», {text!r} came: {remedy}") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
