"""Two lists for the same person, side by side: what a change of a scenario would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bowerbird.data.queries import Queries
from bowerbird.ranking.rules import Rules
from bowerbird.surfaces.surface import Surface


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of a list, and where the same item stands in the other one."""

    rank: int
    item: str
    score: float
    other: int | None  # rank; None: it is not there
    by: tuple[str, ...] = ()  # rules that moved it in this list
    hidden: str | None = None  # the rule that keeps it out of the other one


@dataclass(frozen=True, slots=True)
class Pair:
    """The list of somebody before a change, and after it."""

    rung: str
    before: tuple[Spot, ...]
    after: tuple[Spot, ...]
    held: tuple[str, ...] = ()  # rules that hold for them, after the change

    @property
    def changed(self) -> bool:
        """Is any place another?"""
        return [one.item for one in self.before] != [one.item for one in self.after]


@dataclass(frozen=True, slots=True)
class Summary:
    """Many pairs in figures."""

    lists: int
    changed: int  # lists
    moved: int  # places whose item stood elsewhere
    came: int  # places whose item was not there
    went: int
    score: float | None  # share of the scores that the change gains; below 0: that it costs
    rules: Mapping[str, int] = field(default_factory=dict)  # lists that each rule touches


@dataclass(frozen=True, slots=True)
class _Told:
    """One list, and the rules it was made by."""

    items: Sequence[Mapping[str, Any]]
    rung: str
    rules: Rules | None = None
    held: tuple[int, ...] = ()  # places of the rules that hold

    @property
    def names(self) -> tuple[str, ...]:
        """Of the rules that hold."""
        return tuple(self.rules.rules[at].name for at in self.held) if self.rules else ()

    def hides(self, item: str) -> str | None:
        """The rule that keeps this item out."""
        if self.rules is None:
            return None
        row = int(self.rules.catalog.items.rows([item])[0])
        every = [(self.rules.rules[at], self.rules.rows[at]) for at in self.held]
        return next(
            (r.name for r, rows in every if r.do == "hide" and row >= 0 and rows[row]), None
        )


def compared(before: Surface | None, after: Surface, query: Queries, seed: int) -> Pair:
    """What one person gets from both, drawn by the same seed; no surface: an empty list.

    Raises:
        ConfigError: a rule or a step does not fit who asks.
    """
    old = _Told((), "none") if before is None else _told(before, query, seed)
    new = _told(after, query, seed)
    return Pair(new.rung, _spots(old, new), _spots(new, old), new.names)


def summed(pairs: Sequence[Pair]) -> Summary:
    """What the change does to all of them."""
    spots = [(one, pair) for pair in pairs for one in pair.after]
    touched: dict[str, int] = {}
    for pair in pairs:
        names = {name for one in pair.after for name in one.by}
        names |= {one.hidden for one in pair.before if one.hidden is not None}
        for name in names:
            touched[name] = touched.get(name, 0) + 1
    was = sum(one.score for pair in pairs for one in pair.before)
    now = sum(one.score for one, _ in spots)
    size = sum(abs(one.score) for pair in pairs for one in pair.before)
    return Summary(
        len(pairs),
        sum(pair.changed for pair in pairs),
        sum(one.other is not None and one.other != one.rank for one, _ in spots),
        sum(one.other is None for one, _ in spots),
        sum(one.other is None for pair in pairs for one in pair.before),
        round((now - was) / size, 6) if size else None,
        dict(sorted(touched.items())),
    )


def _told(surface: Surface, query: Queries, seed: int) -> _Told:
    (told,) = surface.explained(query, np.array([seed]), deep=False)
    rules = surface.rules
    holds = [] if rules is None else np.flatnonzero(rules.holding(query, surface.now)[0]).tolist()
    return _Told(told["items"], told["rung"], rules, tuple(holds))


def _spots(these: _Told, others: _Told) -> tuple[Spot, ...]:
    ranks = {one["item"]: one["rank"] for one in others.items}
    return tuple(
        Spot(
            one["rank"],
            one["item"],
            one["score"],
            ranks.get(one["item"]),
            _rules(one["moved"]),
            None if one["item"] in ranks else others.hides(one["item"]),
        )
        for one in these.items
    )


def _rules(moved: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    names = (move["by"].partition(" ") for move in moved)
    return tuple(dict.fromkeys(name for kind, _, name in names if kind in ("rule", "pin")))
