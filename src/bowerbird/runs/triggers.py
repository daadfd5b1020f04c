"""What makes a retrain due: reasons, each with its value of now and its limit; one is enough.

schedule        so long since the last one, or a time of the day
new events      as many as are worth learning from
unknown items   a share of them is of items that the model has never met
decay           lists are surely clicked less than in the four weeks before
drift           events are unlike those that were learned from
interrupted     one was begun and did not end
manual          «bowerbird retrain», `POST /v1/retrain`: whenever somebody wants it
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.artifacts import save_json
from bowerbird.data.dataset import Dataset
from bowerbird.data.moments import moment_text
from bowerbird.errors import DataError
from bowerbird.evaluation.drift import drifts
from bowerbird.online.intervals import wilson
from bowerbird.online.report import report
from bowerbird.online.rules import Rules
from bowerbird.runs.plan import Plan
from bowerbird.runs.snapshot import catalog_of_now
from bowerbird.store.identity import Identity
from bowerbird.store.store import Store
from bowerbird.store.written import written
from bowerbird.surfaces.live_log import LiveLog, since_of
from bowerbird.surfaces.progress import PROGRESS, TRIGGERS, told_in, under_way
from bowerbird.surfaces.registry import Registry
from bowerbird.surfaces.retrain_file import OFF, TriggersTable
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.strict import seconds_of
from bowerbird.surfaces.type_weights import weights_of

DAY_S, HOUR_MS = 86_400, 3_600_000
RECENT_DAYS, TRAILING_DAYS = 7, 28
FEW_LISTS = 100
"""Lists seen, before what is clicked of them is compared."""
REFERENCE = 8
"""Windows of the same length before the new events, that these are compared with."""
ENDS = ("promoted", "kept champion", "refused")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A reason."""

    name: str
    value: float | None  # None: there is none yet
    limit: float | None  # None: it is off, or has none
    fired: bool
    words: str


@dataclass(frozen=True, slots=True)
class Look:
    """All reasons as of a moment."""

    as_of: int  # seconds since 1970 UTC
    due: bool
    cooling_until: int | None  # seconds: none is heeded before
    triggers: tuple[Trigger, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as RUNS/triggers.json has it."""
        return asdict(self)

    def fired(self) -> list[str]:
        """Names of what speaks for it."""
        return [trigger.name for trigger in self.triggers if trigger.fired]


def looked(
    registry: Registry, before: Run, store: Store, identity: Identity, plan: Plan, now: int
) -> Look:
    """Every trigger with its value of now.

    Args:
        registry: of the runs.
        before: the run that answers.
        store: what a server has taken since.
        identity: of that server.
        plan: limits, and how far events are believed.
        now: seconds since 1970 UTC.
    """
    told = told_in(registry.folder / PROGRESS)
    table = plan.triggers
    found = [
        _schedule(registry, before, table, now),
        *_of_events(before, store, identity, plan, now),
        _decay(store, table, now),
        _interrupted(told),
        Trigger("manual", None, None, False, "«bowerbird retrain» or POST /v1/retrain, any time"),
    ]
    cooling = None
    if table.cooldown != OFF and "began" in told:
        until = int(told["began"] + seconds_of(table.cooldown, "cooldown"))
        cooling = until if until > now else None
    heeded = [t for t in found if t.fired and (cooling is None or t.name == "interrupted")]
    return Look(now, bool(heeded) and not under_way(told), cooling, tuple(found))


def keep(runs: Path, look: Look) -> None:
    """As RUNS/triggers.json, for services to show.

    Raises:
        ArtifactError: it cannot be written.
    """
    with written(runs / TRIGGERS) as partial:
        save_json(partial, look.to_json())


def _schedule(registry: Registry, before: Run, table: TriggersTable, now: int) -> Trigger:
    """Since the last retrain that came to an end, whatever that was."""
    ends = [line.at for line in registry.audit() if line.who == "retrain" and line.what in ENDS]
    last = max(ends, default=int(before.facts.get("trained_at") or 0))
    if table.at_s is not None:
        begins = now - (now - table.at_s) % DAY_S  # the last time that it was so late
        words = f"every day at {table.at} UTC; the last one ended {moment_text(last)}"
        return Trigger("schedule", float(now - last), float(now - begins), last < begins, words)
    if table.every == OFF:
        return _off("schedule")
    every = seconds_of(table.every, "every")
    words = f"every {table.every}; the last one ended {moment_text(last)}"
    return Trigger("schedule", float(now - last), every, now - last >= every, words)


def _of_events(
    before: Run, store: Store, identity: Identity, plan: Plan, now: int
) -> Iterable[Trigger]:
    """What new events say, as they are believed."""
    table, since = plan.triggers, since_of(before) // 1000
    catalog, _, _ = catalog_of_now(before, store)
    known = replace(before, data=replace(before.data, catalog=catalog))
    log = LiveLog(store, identity, plan.rules)
    data = log.behind(known, weights_of(before.folder), (), now * 1000).data
    new = data.with_log(data.log.where(data.log.times >= since))
    old = before.data.with_log(before.data.log.where(before.data.log.times < since))
    yield _new_events(old, new, table)
    yield _unknown_items(before.learned, new, table)
    yield _drift(old, new, table, now - since)


def _new_events(old: Dataset, new: Dataset, table: TriggersTable) -> Trigger:
    if not table.new_events:
        return _off("new events")
    came, limit = len(new.log), max(table.new_events * len(old.log), table.least_events)
    words = f"{came:,} new events, {limit:,.0f} are worth a retrain"
    return Trigger("new events", float(came), float(limit), came >= limit, words)


def _unknown_items(learned: Dataset, new: Dataset, table: TriggersTable) -> Trigger:
    """Surely more than the limit: the lower end of a 95 % interval is above it."""
    if not table.unknown_items:
        return _off("unknown items")
    met = np.zeros(len(new.catalog), bool)
    met[: len(learned.catalog)] = learned.item_counts() > 0
    strange = np.array([np.count_nonzero(~met[new.log.items])], dtype=float)
    share, low, _ = (float(end[0]) for end in wilson(strange, np.array([float(len(new.log))])))
    if not len(new.log):
        return Trigger("unknown items", None, table.unknown_items, False, "no new events")
    words = f"{share:.1%} of new events are of items that the model has never met"
    fired = low > table.unknown_items
    return Trigger("unknown items", share, table.unknown_items, fired, words)


def _drift(old: Dataset, new: Dataset, table: TriggersTable, span: int) -> Trigger:
    if not table.drift:
        return _off("drift")
    newest = old.newest() if old.dated and len(old.log) else 0
    some = old.with_log(old.log.where(old.log.times > newest - REFERENCE * max(span, DAY_S)))
    try:
        found = drifts(some, new)
    except DataError as error:
        return Trigger("drift", None, 0.0, False, str(error))
    alarms = [drift.light.sentence() for drift in found if drift.light.ok is False]
    words = " ".join(alarms) or "new events are like those before"
    return Trigger("drift", float(len(alarms)), 0.0, bool(alarms), words)


def _decay(store: Store, table: TriggersTable, now: int) -> Trigger:
    """Clicks a list that was seen: surely fewer lately, the end of the interval below the limit.

    The newest hour is left out, since its clicks are still to come.
    """
    if not table.decay:
        return _off("decay")
    end = now * 1000 - HOUR_MS
    cut, begin = (max(end - days * DAY_S * 1000, 0) for days in _spans())
    facts = store.facts.frames(begin, now * 1000 + 1)
    recent, trailing = (
        _clicked(report(facts, Rules(as_of=now * 1000, since=since, until=until), ()))
        for since, until in ((cut, end), (begin, cut))
    )
    least = min(recent["denominator"] or 0, trailing["denominator"] or 0)
    if least < FEW_LISTS or not trailing["value"]:
        words = f"{least:,} lists seen, {FEW_LISTS} of each time are compared"
        return Trigger("decay", None, table.decay, False, words)
    lost = 1 - recent["value"] / trailing["value"]
    sure = 1 - (recent["high"] or 0) / trailing["value"]
    words = (
        f"{recent['value']:.2%} of lists seen were clicked in the last {RECENT_DAYS} days, "
        f"{trailing['value']:.2%} in the {TRAILING_DAYS} before"
    )
    return Trigger("decay", lost, table.decay, sure > table.decay, words)


def _spans() -> tuple[int, int]:
    return RECENT_DAYS, RECENT_DAYS + TRAILING_DAYS


def _clicked(told: dict[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = told["groups"][0]["figures"]["ctr_list"]
    return figures


def _interrupted(told: dict[str, Any]) -> Trigger:
    state = told.get("state")
    if state == "running" and not under_way(told):
        return Trigger("interrupted", 1.0, None, True, "one was killed, and goes on where it was")
    words = "one is under way" if state == "running" else "none is half done"
    return Trigger("interrupted", 0.0, None, False, words)


def _off(name: str) -> Trigger:
    return Trigger(name, None, None, False, OFF)
