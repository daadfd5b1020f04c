"""What the shop says: pin, boost, bury, hide and quota, each with its dates and its audience."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.pins import Pins
from bowerbird.ranking.quota import Quota
from bowerbird.ranking.recommender import Recommender
from bowerbird.ranking.step import Step, ordered, relevance
from bowerbird.retrieval.eligible import named
from bowerbird.retrieval.expression import parsed

Action = Literal["pin", "boost", "bury", "hide", "quota"]


class RuleFault(ConfigError):
    """A rule says something that cannot be meant; `field` is the key of it that says so."""

    def __init__(self, rule: str, field: str, told: str) -> None:
        super().__init__(f"rule {rule!r}: {told}")
        self.field, self.told = field, told


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it does, to which items, for whom, and when.

    pin      the item, or the first of several, at `position`; the others behind it
    boost    relevance (0 … 1) + `by`
    bury     relevance - `by`
    hide     not eligible
    quota    at least `least` and at most `most` in a list
    """

    name: str
    do: Action
    items: str | None = None  # an expression over the catalog's columns
    ids: tuple[str, ...] = ()
    position: int = 1
    by: float = 0.5
    least: int = 0
    most: int | None = None
    start: int | None = None  # seconds since 1970 UTC; None: since ever
    stop: int | None = None  # the first second in which it is over
    audience: str | None = None  # an expression over what is known of who asks

    def __post_init__(self) -> None:
        if (self.items is None) == (not self.ids):
            raise RuleFault(self.name, "items", "either items or ids expected")
        if self.do == "pin" and not self.ids:
            told = "ids of the items to pin expected, items came"
            raise RuleFault(self.name, "ids", told)
        for name, good, expected in (
            ("position", self.position >= 1, "≥ 1"),
            ("by", 0 <= self.by < np.inf, "a finite number ≥ 0"),
            ("least", self.least >= 0, "≥ 0"),
            ("until", self.stop is None or (self.start or 0) < self.stop, "later than from"),
        ):
            if not good:
                came = getattr(self, "stop" if name == "until" else name)
                raise RuleFault(self.name, name, f"{name} {expected} expected, {came} came")
        if self.do == "quota" and self.most is None and not self.least:
            raise RuleFault(self.name, "least", "least or most expected, neither came")

    def active(self, now: int) -> bool:
        """Is it on at this moment?"""
        return (self.start is None or self.start <= now) and (self.stop is None or now < self.stop)


@dataclass(frozen=True, slots=True, eq=False)
class Boost:
    """Orders by relevance + by, for these items."""

    rows: Bool[ndarray, "n"]
    by: float  # below 0 buries

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The same hits, these further up, or down."""
        more = np.float32(self.by) * self.rows[hits.rows]
        return ordered(hits, relevance(hits) + more)


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Rules over a catalog, in their order."""

    rules: tuple[Rule, ...]
    rows: tuple[Bool[ndarray, "n"], ...]  # the items of each
    catalog: Catalog

    @classmethod
    def over(cls, rules: Sequence[Rule], catalog: Catalog) -> "Rules":
        """Over this catalog.

        Raises:
            ConfigError: an expression does not fit its columns, or two rules have one name.
            DataError: an id is not in it.
        """
        names = [rule.name for rule in rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"rules: each name once expected, {', '.join(twice)} came twice")
        rows = [
            named(catalog, rule.ids)
            if rule.items is None
            else parsed(rule.items).mask(catalog.fields, len(catalog))
            for rule in rules
        ]
        return cls(tuple(rules), tuple(rows), catalog)

    def ruled(
        self, engine: Recommender, queries: Queries, now: int, k: int
    ) -> Iterator[tuple[Int64[ndarray, "q"], Recommender]]:
        """The engine with the rules that hold, for all queries for whom the same ones do.

        Args:
            engine: what recommends without them.
            queries: who asks; their context says which audience they belong to.
            now: the moment.
            k: length of the lists.

        Raises:
            ConfigError: an audience asks for a column that queries do not have.
        """
        kinds, which = np.unique(self.holding(queries, now), axis=0, return_inverse=True)
        for kind, held in enumerate(kinds):
            some = np.flatnonzero(which.reshape(-1) == kind)
            yield some, self._laid_over(engine, np.flatnonzero(held), k)

    def holding(self, queries: Queries, now: int) -> Bool[ndarray, "b rules"]:
        """Which rules hold for whom at this moment.

        Raises:
            ConfigError: an audience asks for a column that queries do not have.
        """
        holds = np.zeros((len(queries), len(self.rules)), dtype=bool)
        for place, rule in enumerate(self.rules):
            if rule.active(now):
                holds[:, place] = self._for(rule, queries)
        return holds

    def step(self, place: int, k: int) -> Step | None:
        """What the rule at a place does to hits of lists of k; None: it is no step.

        Raises:
            ConfigError: a quota does not fit lists of this length.
        """
        rule, rows = self.rules[place], self.rows[place]
        return None if rule.do in ("hide", "pin") else _step(rule, rows, k)

    def _for(self, rule: Rule, queries: Queries) -> Bool[ndarray, "b"]:
        if rule.audience is None:
            return np.ones(len(queries), dtype=bool)
        try:
            return parsed(rule.audience).mask(queries.context, len(queries))
        except ConfigError as error:
            raise ConfigError(f"rule {rule.name!r}: audience: {error}") from None

    def _laid_over(self, engine: Recommender, held: ndarray, k: int) -> Recommender:
        steps: dict[str, Step] = dict(engine.steps)
        allow, at = engine.allow, dict(engine.pins.at) if engine.pins else {}
        names: dict[int, str] = {}
        for place in held.tolist():
            rule, rows = self.rules[place], self.rows[place]
            if rule.do == "hide":
                allow = ~rows if allow is None else allow & ~rows
            elif rule.do == "pin":
                for more, row in enumerate(self.catalog.items.rows(rule.ids).tolist()):
                    if row not in at.values():  # the first rule wins
                        at[_free(at, rule.position - 1 + more)] = row
                        names[row] = rule.name
            else:
                steps[f"rule {rule.name}"] = _step(rule, rows, k)
        quotas = {name: step for name, step in steps.items() if isinstance(step, Quota)}
        steps = {name: steps[name] for name in steps if name not in quotas} | quotas
        pins = Pins(at, len(self.catalog), names) if at else None
        return replace(engine, allow=allow, steps=steps, pins=pins)


def _step(rule: Rule, rows: Bool[ndarray, "n"], k: int) -> Step:
    if rule.do != "quota":
        return Boost(rows, rule.by if rule.do == "boost" else -rule.by)
    codes = np.where(rows, 0, -1).astype(np.int32)
    most = {} if rule.most is None else {rule.name: rule.most}
    least = {rule.name: rule.least} if rule.least else {}
    return Quota(codes, (rule.name,), most, least, k=k)


def _free(at: Mapping[int, int], place: int) -> int:
    """The first place from here on that no other rule has taken."""
    while place in at:
        place += 1
    return place
