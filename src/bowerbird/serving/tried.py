"""A list that is tried: any run, settings that nobody keeps, the whole way of the list; no fact.

The code that answers requests makes it; what goes out of here is counted and kept nowhere.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bowerbird.errors import BowerbirdError, ConfigError
from bowerbird.ranking.explain import explained
from bowerbird.ranking.recommender import Recommender
from bowerbird.ranking.traced import traced
from bowerbird.retrieval.dial import Dial
from bowerbird.retrieval.fuse import unfused
from bowerbird.retrieval.retriever import Retriever, VectorRetriever
from bowerbird.serving.answers import Answers, Meant, Question, item_of, rung_of
from bowerbird.serving.beside import Beside
from bowerbird.serving.ladder import laid_over
from bowerbird.serving.messages import Ask
from bowerbird.serving.rec_id import rec_id
from bowerbird.serving.snapshot import Snapshot, trying
from bowerbird.serving.tried_messages import Attempt, Gate, Part, Stage, Trace, TriedItem, TriedList
from bowerbird.surfaces.live_scenarios import scenario_from
from bowerbird.surfaces.scenario import Scenario

DIALS = 3
"""Dials kept, of the runs tried last."""


@dataclass(frozen=True)
class Trying:
    """Makes lists that are only looked at. Every method may be called from any thread."""

    answers: Answers
    current: Callable[[], Snapshot]
    place: Callable[[str], Path]  # the folder of a run that is there
    runs: Beside
    _dials: dict[str, tuple[Retriever, Dial]] = field(default_factory=dict)  # by run

    def list(self, attempt: Attempt, now_ms: int) -> TriedList:
        """The list, why each item is in it, and how it came about.

        Raises:
            Problem: what is asked cannot be meant.
            ConfigError: a setting cannot be meant, or does not fit the run.
            ArtifactError: there is no such run, or it is damaged.
        """
        snapshot = self.snapshot(attempt.model)
        scenario = said(attempt, snapshot)
        trial = self.trial(snapshot, attempt.scenario, scenario, now_ms)
        ask = Ask(**{name: getattr(attempt, name) for name in Ask.__struct_fields__})
        made = rec_id(now_ms, attempt.seed)
        question = self.answers.question(ask, made, now_ms, math.inf, "")
        meant = self.answers.meant(question, trial, self.answers.late())
        return _answered(question, meant, trial, scenario)

    def snapshot(self, model: str | None) -> Snapshot:
        """The run that answers, or another one opened beside it.

        Raises:
            ArtifactError: there is no such run, or it is damaged.
            ConfigError: there is no room for it.
        """
        now = self.current()
        return now if model in (None, now.model) else self.runs.of(self.place(str(model)))

    def trial(self, snapshot: Snapshot, name: str, scenario: Scenario, now_ms: int) -> Snapshot:
        """A run with a scenario that is not kept.

        Raises:
            ConfigError: the scenario does not fit the run.
        """
        if name in snapshot.scenarios:
            with suppress(BowerbirdError):  # as it is kept it may fail, and be right as it is tried
                snapshot.surface(name, None, now_ms // 1000, wait=True)
        return trying(snapshot, name, scenario, self._dial(snapshot, scenario))

    def _dial(self, snapshot: Snapshot, scenario: Scenario) -> Dial | None:
        if not scenario.discount:
            return None
        main = snapshot.plain.retriever.main
        of, dial = self._dials.get(snapshot.model, (None, None))
        if of is not main or dial is None:
            dial = Dial.over(main, snapshot.run.data, 1.0)
            self._dials.pop(snapshot.model, None)
            self._dials[snapshot.model] = (main, dial)
            while len(self._dials) > DIALS:
                self._dials.pop(next(iter(self._dials)), None)
        return dial


def said(attempt: Attempt, snapshot: Snapshot) -> Scenario:
    """The scenario that an attempt says: its own table, or one by name; the dials laid over it.

    Raises:
        ConfigError: it cannot be meant.
    """
    if attempt.table is None:
        kept = snapshot.scenario(attempt.scenario)
        if attempt.discount is attempt.diversity is attempt.explore is None:
            return kept
        told = kept.model_dump(mode="json", exclude_unset=True, by_alias=True)
    else:
        told = dict(attempt.table)
    if attempt.discount is not None and (attempt.discount or told.get("discount")):
        told["discount"] = attempt.discount
    if attempt.diversity is not None:
        told["steps"] = _diverse(told.get("steps") or [], attempt.diversity, snapshot)
    if attempt.explore is not None:
        told["explore"] = _exploring(told.get("explore") or {}, attempt.explore)
    file = (
        told.pop("rules") if attempt.table is None and isinstance(told.get("rules"), str) else None
    )
    made = scenario_from(told, attempt.scenario)
    # a file of rules is the recipe's: nobody may name one from outside
    return made if file is None else made.model_copy(update={"rules": file})


def _diverse(steps: Any, share: float, snapshot: Snapshot) -> Any:  # noqa: ANN401  any JSON
    """The steps with one that spreads the list: the one there is, or a last one."""
    if not isinstance(steps, list | tuple) or not all(isinstance(s, Mapping) for s in steps):
        return steps  # what is wrong with them is said where they are read
    weight = round(1 - share, 4)
    spreads = [step for step in steps if step.get("step") in ("mmr", "dpp")]
    if not share:
        return [step for step in steps if step not in spreads]
    if spreads:
        low = min(weight, 0.99) if spreads[-1]["step"] == "dpp" else weight
        last = {**spreads[-1], "weight": low}
        return [last if step is spreads[-1] else step for step in steps]
    by = {} if _has_vectors(snapshot.plain.retriever.main) else {"column": _column(snapshot)}
    return [*steps, {"step": "mmr", "weight": weight, **by}]


def _has_vectors(model: Retriever) -> bool:
    return isinstance(unfused(model), VectorRetriever)


def _column(snapshot: Snapshot) -> str:
    """By what items are alike where the model has no vectors.

    Raises:
        ConfigError: the catalog has no such column.
    """
    fields = snapshot.catalog.fields
    for kind in ("category", "list"):
        for name, column in fields.items():
            if column.kind == kind:
                return name
    came = f"{snapshot.model} has none of them"
    raise ConfigError(
        f"diversity: a model of vectors, or a category or list column, expected, {came}"
    )


def _exploring(explore: Any, share: float) -> Any:  # noqa: ANN401  any JSON
    """Places of the list that are drawn."""
    if not share:
        return None
    slots = (
        explore if isinstance(explore, Mapping) and explore.get("way") != "plackett-luce" else {}
    )
    return {**slots, "way": "slots", "epsilon": share}


def _answered(question: Question, meant: Meant, trial: Snapshot, scenario: Scenario) -> TriedList:
    surface, seeds = meant.surface, np.array([meant.wish.seed])
    ((_, engine, lists),) = surface.answered(meant.query, seeds)
    (told,) = explained(engine, meant.query, lists, surface.origin)
    way = traced(engine, meant.query, lists)
    met = told["removed"].get("already met or shown", 0)
    gates = _gates(trial, meant, question.now_ms // 1000, engine, met)
    items = [
        _item(one, trial, question.ask.fields, places, parts)
        for one, places, parts in zip(told["items"], way.places, way.parts, strict=True)
    ]
    stages = [Stage(one.name, one.hits, one.moved) for one in way.stages[1:]]
    found = way.stages[0].hits
    index, of, filled = told["index"], str(told["model"]), found - way.own
    trace = Trace(len(trial.catalog), gates, found, way.own, filled, of, index, stages)
    return TriedList(
        question.ask.scenario,
        scenario.said(),
        trial.model,
        rung_of(told["rung"], question, meant),
        items,
        trace,
        len(meant.query.items),
        meant.known.lacks,
    )


def _item(
    told: dict[str, Any],
    trial: Snapshot,
    names: list[str],
    places: dict[str, int],
    parts: list[Any],
) -> TriedItem:
    of_model = [
        Part(name, value, "score") for name, value in told["parts"].items() if math.isfinite(value)
    ]
    more = [Part(part.name, part.value, part.scale) for part in parts]
    known = msgspec.structs.asdict(item_of(told, trial, names))
    return TriedItem(**known, places=places, parts=[*of_model, *more])


def _gates(trial: Snapshot, meant: Meant, now: int, engine: Recommender, met: int) -> list[Gate]:
    """What kept items out, in the order in which it does, and how many were left by each."""
    left, gates = len(trial.catalog), []

    def gate(name: str, now_left: int) -> None:
        nonlocal left
        gates.append(Gate(name, left - now_left, now_left))
        left = now_left

    for name, out in meant.surface.origin.removed.items():
        gate("filter of the scenario" if name == "filter" else name, left - out)
    surface = trial.surface(meant.wish.scenario, meant.wish.k, now)
    if trial.hidden is not None:
        gate("deleted", _allowed(surface.engine, left))
    for name, rows in laid_over(trial, meant.wish):
        surface = surface.among(rows)
        gate(name, _allowed(surface.engine, left))
    if surface.rules is not None or surface.across is not None:
        gate("rules" if surface.across is None else "rules and categories", _allowed(engine, left))
    if not engine.repeats or engine.recently is not None:
        gate("already met or shown", left - met)
    return gates


def _allowed(engine: Recommender, all_of_them: int) -> int:
    return all_of_them if engine.allow is None else int(np.count_nonzero(engine.allow))
