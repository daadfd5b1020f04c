"""A catalog as one table in memory: how it stands with each item, what lists did for it.

Made aside from requests where it takes long, and laid over the snapshot that answers; a page is
then masks and one sort.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Int8, Int64
from numpy import ndarray

from bowerbird.data.columns import NO_TIME
from bowerbird.data.dataset import AVAILABLE_FROM, AVAILABLE_UNTIL, Catalog
from bowerbird.online.per_item import FIGURES, per_item
from bowerbird.online.rules import DAY_MS, Rules
from bowerbird.serving.made_aside import MadeAside
from bowerbird.serving.snapshot import Snapshot, hidden_in
from bowerbird.store.store import FactLog
from bowerbird.surfaces.item_states import Learned, Reach, counted, learned, reach_of, states
from bowerbird.surfaces.ruled_items import Ruled, ruled

DAYS = 28
ASK_S = 20.0
"""How long people are asked whom a model would show what."""
COUNTED_S, REACHED_S = 5.0, 3600.0
"""What lists did is counted anew after so long, at the earliest; who is in a list looked at."""


class Figures(NamedTuple):
    """What lists did for items in `DAYS` days, until a moment."""

    as_of: int  # ms
    by_day: pl.DataFrame  # as `online.per_item` gives it


@dataclass(frozen=True)
class Table:
    """A snapshot's catalog, and what is known of its items."""

    snapshot: Snapshot
    learned: Learned
    rules: tuple[Ruled, ...]
    faults: tuple[str, ...]  # rules that cannot be read
    figures: Figures | None
    reach: Reach | None

    @property
    def catalog(self) -> Catalog:
        """The items."""
        return self.snapshot.catalog

    @cached_property
    def deleted(self) -> Bool[ndarray, "n"]:
        """Which were taken out of lists."""
        return hidden_in(self.snapshot, len(self.catalog))

    @cached_property
    def totals(self) -> Mapping[str, Int64[ndarray, "n"]]:
        """`FIGURES` of each item, of all days together; zeros where nothing is counted yet."""
        n, made = len(self.catalog), {name: np.zeros(0, np.int64) for name in FIGURES}
        if self.figures is None:
            return {name: np.zeros(n, np.int64) for name in made}
        summed = self.figures.by_day.group_by("item").agg(pl.col(FIGURES).sum())
        rows = self.catalog.items.rows(summed["item"].to_list())
        for name in made:
            made[name] = np.zeros(n, np.int64)
            made[name][rows[rows >= 0]] = summed[name].to_numpy()[rows >= 0]
        return made

    def hidden(self, now: int) -> Bool[ndarray, "n"]:
        """Which cannot be shown at this moment, or are hidden by a rule."""
        hidden, may = self.deleted.copy(), self.catalog.available(now)
        if may is not None:
            hidden |= ~may
        for each in self.rules:
            if each.hides(now):
                hidden |= each.rows
        return hidden

    def states(self, now: int) -> Int8[ndarray, "n"]:
        """Places in `surfaces.item_states.STATES`."""
        served = None if self.figures is None else self.totals["served"]
        return states(self.learned, self.hidden(now), self.reach, served)

    def why(self, row: int, state: str, now: int) -> str:
        """Why it stands so with an item, in a sentence."""
        if state == "hidden":
            return self._hidden(row, now)
        met, model = int(self.learned.met[row]), self.snapshot.model
        way = (
            "places it by what is written on it" if self.learned.placed[row] else "cannot place it"
        )
        if state == "new":
            return f"it came after {model} was trained, which {way}"
        if state == "cold":
            return f"nobody had met it when {model} was trained, which {way}"
        if state == "dead" and self.reach is not None:
            people, places = f"{self.reach.people:,}", self.reach.places
            return (
                f"of {people} people that {model} was asked for, none has it among the first "
                + (f"{places}, and no list of {DAYS} days held it")
            )
        return f"met {met:,} {'time' if met == 1 else 'times'} when {model} was trained"

    def _hidden(self, row: int, now: int) -> str:
        if self.deleted[row]:
            return "it was taken out of all lists"
        for name, word in ((AVAILABLE_FROM, "not before"), (AVAILABLE_UNTIL, "no more since")):
            column = self.catalog.fields.get(name)
            at = NO_TIME if column is None else int(column.values[row])
            if at != NO_TIME and (at > now) == (name == AVAILABLE_FROM):
                return f"{word} {np.datetime64(at, 's')} UTC ({name})".replace("T", " ")
        by = [f"«{one.rule.name}» of {one.scenario}" for one in self._hiding(row, now)]
        return f"hidden by {' and '.join(by)}"

    def _hiding(self, row: int, now: int) -> list[Ruled]:
        return [one for one in self.rules if one.rows[row] and one.hides(now)]


class CatalogFacts:
    """Keeps the table of the snapshot that answers."""

    def __init__(self, facts: FactLog, aside: Executor, reports: Executor) -> None:
        """Nothing is counted yet.

        Args:
            facts: what lists did.
            aside: where the model is asked.
            reports: where facts are read, one reader after another.
        """
        self._facts, self._aside, self._reports = facts, aside, reports
        self._figures = MadeAside[Figures](COUNTED_S)
        self._reach = MadeAside[Reach | None](REACHED_S)
        self._met: tuple[str, int, ndarray] | None = None
        self._table: Table | None = None
        self._words: tuple[Catalog, pl.Series] | None = None

    async def table(self, snapshot: Snapshot, now_ms: int) -> Table:
        """Of the snapshot that answers; what is still being counted is not there yet."""
        run = asyncio.get_running_loop().run_in_executor

        async def count() -> Figures:
            return await run(self._reports, _figures, self._facts, now_ms)

        async def look() -> Reach | None:
            return await run(self._aside, _reach, snapshot, now_ms // 1000)

        figures = await self._figures.got("all", count)
        reach = await self._reach.got(snapshot.model, look)
        return await run(self._aside, self._laid, snapshot, figures, reach)

    def words(self, catalog: Catalog) -> pl.Series:
        """Each item's id, title and texts in small letters, for a search."""
        kept = self._words
        if kept is None or kept[0] is not catalog:
            texts = {
                name: column.words()
                for name, column in catalog.fields.items()
                if column.kind == "text" or name in ("title", "name")
            }
            frame = pl.DataFrame({" id": catalog.items.ids, **texts})
            told = frame.select(pl.concat_str(pl.all(), separator="\n").str.to_lowercase())
            kept = self._words = (catalog, told.to_series())
        return kept[1]

    def _laid(self, snapshot: Snapshot, figures: Figures | None, reach: Reach | None) -> Table:
        kept = self._table
        if kept is not None and kept.snapshot is snapshot:
            if kept.figures is figures and kept.reach is reach:
                return kept
            made = Table(snapshot, kept.learned, kept.rules, kept.faults, figures, reach)
        else:
            catalog = snapshot.catalog
            main = snapshot.plain.retriever.main
            known = learned(*self._counted(snapshot), main, len(catalog))
            rules, faults = ruled(snapshot.scenarios, catalog, snapshot.mask)
            made = Table(snapshot, known, tuple(rules), tuple(faults), figures, reach)
        self._table = made
        return made

    def _counted(self, snapshot: Snapshot) -> tuple[int, ndarray]:
        """Counts of a run do not change while it answers."""
        kept = self._met
        if kept is None or kept[0] != snapshot.model:
            kept = self._met = (snapshot.model, *counted(snapshot.run))
        return kept[1], kept[2]


def _figures(facts: FactLog, now_ms: int) -> Figures:
    rules = Rules(as_of=now_ms, since=max(now_ms - DAYS * DAY_MS, 0))
    since = max(rules.since - rules.closing_ms, 0)
    return Figures(now_ms, per_item(facts.frames(since, now_ms + 1), rules))


def _reach(snapshot: Snapshot, now: int) -> Reach | None:
    ends = time.monotonic() + ASK_S
    among, may = ~hidden_in(snapshot, len(snapshot.catalog)), snapshot.catalog.available(now)
    among = among if may is None else among & may
    main = snapshot.plain.retriever.main
    return reach_of(snapshot.run, main, among, lambda: time.monotonic() < ends)
