"""Always an answer: the best rung that can be reached in time, and why it is not a better one.

personal  the model, with all that is known of a person
session   the model, with what the request says or the run remembers
segment   what people of one kind like
popular   what everybody likes
baked     a list that was made when the run was loaded; needs nothing but memory
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.errors import BowerbirdError, StoreDown
from bowerbird.retrieval.backfill import Nothing
from bowerbird.retrieval.expression import all_of
from bowerbird.serving.snapshot import Snapshot
from bowerbird.surfaces.surface import Surface

RUNGS = ("personal", "session", "segment", "popular", "baked")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a list shall be, whoever it is for."""

    scenario: str
    k: int | None
    filter: str | None = None
    only: Sequence[str] | None = None
    never: Sequence[str] = ()
    explain: bool = False
    seed: int = 0


def surface_for(snapshot: Snapshot, wish: Wish, now: int) -> Surface:
    """The scenario with the wish's filters laid over its own.

    Raises:
        ConfigError: there is no such scenario, or a filter cannot be read.
    """
    surface = snapshot.surface(wish.scenario, wish.k, now)
    for _, rows in laid_over(snapshot, wish):
        surface = surface.among(rows)
    return surface


def laid_over(snapshot: Snapshot, wish: Wish) -> Iterator[tuple[str, Bool[ndarray, "n"]]]:
    """The wish's own filters: the name of each, and the items it leaves.

    Raises:
        ConfigError: a filter cannot be read.
    """
    if wish.filter is not None:
        yield "filter", snapshot.mask(wish.filter)
    if wish.only is not None:
        yield "only", _rows(snapshot, wish.only)
    if wish.never:
        yield "never", ~_rows(snapshot, wish.never)


def asked(surface: Surface, query: Queries, wish: Wish) -> dict[str, Any]:
    """The list, and where each place of it came from."""
    seeds = np.array([wish.seed])
    (told,) = surface.explained(query, seeds, deep=wish.explain)
    return told


def popular(surface: Surface, query: Queries, wish: Wish) -> dict[str, Any]:
    """The same surface without its model: what stands behind it answers, with the same masks."""
    engine = surface.engine
    bare = replace(
        engine, retriever=replace(engine.retriever, main=Nothing()), steps={}, explore=None
    )
    return asked(replace(surface, engine=bare, across=None), query, wish)


def baked(snapshot: Snapshot, wish: Wish, now: int) -> dict[str, Any]:
    """The most popular that pass all filters; nothing is computed over the catalog.

    Raises:
        ConfigError: there is no such scenario, or a filter cannot be read.
    """
    scenario, rows = snapshot.scenario(wish.scenario), snapshot.baked
    catalog = snapshot.catalog.take(rows)
    keep = np.ones(len(rows), bool)
    told = all_of(scenario.filter, wish.filter)
    for mask in (
        None if told is None else told.mask(catalog.fields, len(rows)),
        catalog.available(now),
        None if snapshot.hidden is None else ~snapshot.hidden[rows],
        None if wish.only is None else np.isin(catalog.items.ids, list(wish.only)),
        ~np.isin(catalog.items.ids, list(wish.never)),
        _unruled(snapshot, wish.scenario, rows, now),
    ):
        if mask is not None:
            keep &= mask
    best = [catalog.items.ids[place] for place in np.flatnonzero(keep)[: wish.k or scenario.k]]
    items = [
        {"rank": rank, "item": item, "score": float(-rank), "source": "baked", "propensity": 1.0}
        for rank, item in enumerate(best, 1)
    ]
    return {"rung": "baked" if items else "none", "items": items}


def _unruled(snapshot: Snapshot, name: str, rows: ndarray, now: int) -> Bool[ndarray, "m"] | None:
    """Which of these rows no rule of the scenario hides now; None: it has no rules."""
    try:
        rules = snapshot.surface(name, None, now).rules
    except StoreDown:  # it is being opened; it cannot be told yet what its rules hide
        return None if snapshot.scenario(name).rules is None else np.zeros(len(rows), bool)
    if rules is None:
        return None
    keep = np.ones(len(rows), bool)
    for rule, of in zip(rules.rules, rules.rows, strict=True):
        if rule.do == "hide" and rule.active(now):  # whoever asks: rather too few than wrong
            keep &= ~of[rows]
    return keep


def _rows(snapshot: Snapshot, ids: Sequence[str]) -> Bool[ndarray, "n"]:
    """Which rows these are; what the catalog does not know (any more) is no fault of who asks."""
    rows = snapshot.catalog.items.rows(ids)
    mask = np.zeros(len(snapshot.catalog), bool)
    mask[rows[rows >= 0]] = True
    return mask


def reason_of(error: Exception) -> str:
    """Why a rung could not be reached, for the reply: no more than its kind to strangers."""
    return str(error) if isinstance(error, BowerbirdError) else type(error).__name__
