"""A list that went out, made once more from what it was made of: the same, or what is not so.

The run, the store as of then and the code that answers requests; nothing is answered in a second
way here. What the store no longer knows, the verdict names.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bowerbird.data.defence import Defence
from bowerbird.data.facts import Served, Slot
from bowerbird.errors import ArtifactError, ConfigError, DataError
from bowerbird.serving.answers import FAILED, NO_TIME, Answers, Question, ask_of
from bowerbird.serving.breaker import Breaker
from bowerbird.serving.circumstances import circumstances
from bowerbird.serving.histories import LAST
from bowerbird.serving.live_catalog import LiveCatalog
from bowerbird.serving.messages import Ask, RecList
from bowerbird.serving.problems import Problem
from bowerbird.serving.snapshot import SLOW, Snapshot, config_of, counting, with_scenarios
from bowerbird.store.as_of import AsOf, remembered
from bowerbird.store.identity import Identity
from bowerbird.store.opened import LiveStore
from bowerbird.surfaces.live_log import LiveLog
from bowerbird.surfaces.live_scenarios import Edited, scenario_from
from bowerbird.surfaces.registry import Registry

TIE = 1e-6
"""Scores that differ by less, as a share of them, are one: they are sums in single precision."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """The list as it went out, and as it is made now."""

    served: Served
    asked: Ask
    again: RecList  # with all reasons
    differs: list[str]  # place by place; empty: it is the same
    why: list[str]  # what may be behind that

    @property
    def same(self) -> bool:
        """The same items in the same order."""
        return not self.differs

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        told = {"rec_id": self.served.rec_id, "same": self.same}
        names = ("differs", "why", "asked", "served", "again")
        return {**told, **{name: msgspec.to_builtins(getattr(self, name)) for name in names}}


@dataclass(frozen=True)
class Recomputing:
    """Makes lists again. Each run is read once, however many lists it has made."""

    runs: Path
    store: LiveStore
    identity: Identity
    _loaded: dict[str, Snapshot] = field(default_factory=dict)

    def list(self, rec_id: str) -> Recomputed:
        """The list of this name.

        Raises:
            DataError: there is none of this name, or it was not kept what was asked.
            ArtifactError: the run that answered is not there any more, or damaged.
            ConfigError: what was asked cannot be asked of it any more.
        """
        served = self._served(rec_id)
        ask = msgspec.structs.replace(ask_of(served), explain=True)
        known = remembered(self.store.database, served, LAST)
        base = self._run(served)
        ids = base.catalog.items
        new = [slot.item for slot in served.slots if slot.item not in ids]
        then = AsOf(self.store.database, served, known.past, new)
        snapshot = self._snapshot(base, then, served)
        try:
            again = self._again(served, ask, snapshot, then)
        except Problem as error:
            came = f"{rec_id}: what can be asked of {served.model} expected, {error.detail}"
            raise ConfigError(f"{came}: was another run of this name made since?") from error
        differs = differing(served, again)
        why = circumstances(served, snapshot, self.store, known.exact) if differs else []
        return Recomputed(served, ask, again, differs, why)

    def _served(self, rec_id: str) -> Served:
        found = self.store.facts.served(rec_id)
        if found is not None:
            return found
        gone = len({user for user, _ in self.store.people.deleted()})
        came = f"a list that was served expected, the store has none of the name {rec_id}"
        told = "lists of a moment in which a server was killed were never written"
        if gone:
            told += f"; those of people who were deleted ({gone} names so far) went with them"
        raise DataError(f"{came}: {told}; is it the right --data or --store?")

    def _run(self, served: Served) -> Snapshot:
        """The run as a server loads it, what it fits first being fitted."""
        name = served.model
        if name not in self._loaded:
            self._loaded[name] = Snapshot.load(_folder(self.runs, name))
        snapshot = self._as_said(self._loaded[name], served)
        if snapshot.scenario(served.surface).surface in SLOW:
            snapshot.surface(served.surface, None, served.time // 1000)
        return snapshot

    def _as_said(self, snapshot: Snapshot, served: Served) -> Snapshot:
        """With the scenario as it was said then, if that is still in the books."""
        edited, name = Edited.of(self.store.papers), served.surface
        said = [table for e in edited.edits if e.scenario == name for table in (e.after, e.before)]
        if snapshot.configs.get(name) == served.config:
            return snapshot
        for one in (scenario_from(table, name) for table in said if table is not None):
            if config_of(one) == served.config:
                return with_scenarios(snapshot, {**snapshot.scenarios, name: one})
        return with_scenarios(snapshot, edited.over(snapshot.scenarios))

    def _snapshot(self, base: Snapshot, then: AsOf, served: Served) -> Snapshot:
        """As a server had it."""
        snapshot = LiveCatalog(then.items).followed(base)
        newest = base.run.data.newest() * 1000 if base.run.data.dated else 0
        gone = self.store.people.deleted(newest)
        if served.counted is not None:
            before = [key for key, at in gone if at <= served.counted]
            snapshot = snapshot.forgetting(before)
            known = snapshot.histories
            log = LiveLog(then, self.identity, Defence())
            live = log.behind(snapshot.run, known.weights, known.forgotten, served.counted)
            snapshot = counting(snapshot, live)
        return snapshot.forgetting([key for key, at in gone if at <= served.time])

    def _again(self, served: Served, ask: Ask, snapshot: Snapshot, then: AsOf) -> RecList:
        """On the rung that was reached then, for the reason there was."""
        answers = Answers(then.facts, self.identity, Breaker(time.monotonic))
        reason = served.reason or ""
        bare = reason == NO_TIME or reason.startswith(FAILED)
        names = self._names(snapshot, served.user)
        until = -math.inf if bare else math.inf
        asked = (served.rec_id, served.time, until, served.request, served.user, names)
        question = Question(ask, *asked)
        if served.rung == "baked":
            reply, _ = answers.baked(question, snapshot, reason)
        else:
            reply, _ = answers.best(question, snapshot)
        return reply

    def _names(self, snapshot: Snapshot, user: str | None) -> tuple[str, ...]:
        """Under which the run may know them: a person's own id is kept nowhere else."""
        if user is None:
            return ()
        ids = snapshot.run.data.users.ids
        return (*(id for id in ids if self.identity.user(id) == user), user)


def differing(served: Served, again: RecList) -> list[str]:
    """Which places hold something else.

    Items of one score, to a millionth, may have changed places with each other: which of them
    stands first depends on where they lie in memory and how sums were rounded, and says nothing.
    """
    told = []
    if again.rung != served.rung:
        told.append(f"rung: {served.rung} went out, {again.rung} now")
    now = [item.item for item in again.items]
    before = _tied(served.slots, now)
    for place in range(max(len(before), len(now))):
        pair = [some[place] if place < len(some) else "nothing" for some in (before, now)]
        if pair[0] != pair[1]:
            told.append(f"place {place + 1}: {pair[0]} went out, {pair[1]} now")
    return told


def _tied(slots: Sequence[Slot], now: Sequence[str]) -> list[str]:
    """The items that went out; those of one score in the order of now, where they are the same."""
    before, start = [slot.item for slot in slots], 0
    for stop in range(1, len(slots) + 1):
        if stop < len(slots) and math.isclose(
            slots[stop - 1].score, slots[stop].score, rel_tol=TIE
        ):
            continue
        there = list(now[start:stop])
        if sorted(there) == sorted(before[start:stop]):
            before[start:stop] = there
        start = stop
    return before


def _folder(runs: Path, name: str) -> Path:
    """Of the run that answered.

    Raises:
        ArtifactError: it is not there.
    """
    if (runs / "run.json").is_file():
        if runs.name == name:
            return runs
        came = f"{runs}: the run {name} expected, which made the list, another came"
        raise ArtifactError(f"{came}: name the folder of runs that it is in")
    if (runs / name / "run.json").is_file():
        return runs / name
    lines = [line for line in Registry(runs).audit() if (line.what, line.run) == ("removed", name)]
    told = f"; it was removed by {lines[-1].who}: {lines[-1].why}" if lines else ""
    came = f"{runs}: the run {name} expected, which made the list, it is not there{told}"
    raise ArtifactError(f"{came}: put it back, and keep more runs ([retrain] keep)")
