"""A run opened and asked as a service would, beside the one that answers, before it does."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from bowerbird.data.joining import retold
from bowerbird.data.queries import Queries
from bowerbird.errors import BowerbirdError
from bowerbird.index.index import Hits
from bowerbird.ranking.recommender import Recommender
from bowerbird.surfaces.assemble import recommender_in
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.scenario import Scenario
from bowerbird.surfaces.surface import Ask, Opened, asked_of

OF_PEOPLE = ("for-you", "next", "popular", "new", "trending")
"""Surfaces that a history asks; the others need an item, and are opened only."""
OTHERS = ("audience", "goes-with", "search")
"""They count and read, whatever the model is, and take long to open."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A run that can be asked by scenario."""

    run: Run
    plain: Recommender

    @classmethod
    def of(cls, run: Run) -> "_Open":
        return cls(run, recommender_in(run))

    def lists(self, scenario: Scenario, asked: Queries, now: int) -> list[set[str]]:
        """Ids of the items of each list; none where a scenario is not asked by a history."""
        surface = asked_of(Opened.of(self.run, scenario, self.plain, {}), Ask(now))
        if scenario.surface not in OF_PEOPLE:
            return []
        return named(self.run, surface.recommend(asked))


def shadowed(
    candidate: Run,
    champion: Run | None,
    scenarios: Mapping[str, Scenario],
    people: int,
    now: int,
) -> dict[str, Any]:
    """Whatever speaks against it (`faults`), and how far its lists are those of the champion.

    Every scenario that the model answers is opened; those for people are asked by whoever did
    something last.

    Args:
        candidate: what may answer soon.
        champion: what answers now.
        scenarios: as services ask them.
        people: who ask, at most.
        now: seconds since 1970 UTC.
    """
    rows = newest_people(candidate, people)
    asked = candidate.data.queries().take(rows)
    own, theirs = _Open.of(candidate), None if champion is None else _Open.of(champion)
    known = asked if champion is None else retold(candidate.data, champion.data).take(rows)
    faults: list[str] = []
    overlap: dict[str, float] = {}
    for name, scenario in scenarios.items():
        if scenario.surface in OTHERS:
            continue
        try:
            lists = own.lists(scenario, asked, now)
        except BowerbirdError as error:
            faults.append(f"scenario {name} cannot be opened: {error}")
            continue
        empty = sum(not one for one in lists)
        if empty:
            faults.append(f"scenario {name}: {empty} of {len(lists)} lists are empty")
        if theirs is not None and lists:
            with suppress(BowerbirdError):  # the champion may lack what this scenario needs
                before = theirs.lists(scenario, known.where(known.items >= 0), now)
                overlap[name] = shared(lists, before)
    return {"faults": faults, "people": len(rows), "overlap": overlap}


def named(run: Run, hits: Hits) -> list[set[str]]:
    """Ids of the items of each list."""
    ids = run.data.catalog.items.ids
    return [{ids[row] for row in one if row >= 0} for one in hits.rows]


def shared(lists: list[set[str]], before: list[set[str]]) -> float:
    """Share of the items of the second lists that are in the first ones, too."""
    shares = [len(a & b) / len(b) for a, b in zip(lists, before, strict=True) if b]
    return round(float(np.mean(shares)), 4) if shares else 0.0


def newest_people(run: Run, people: int) -> Int64[ndarray, "n"]:
    """Who did something last, the last first."""
    log = run.data.log
    newest = np.zeros(len(run.data.users), dtype=np.int64)
    np.maximum.at(newest, log.users, log.times)
    order = np.argsort(-newest, kind="stable")[:people]
    found: Int64[ndarray, n] = order[newest[order] > 0]
    return found
