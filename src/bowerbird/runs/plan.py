"""How runs are made again: RUNS/retrain.toml, all of it optional; unknown keys are errors."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from bowerbird.data.defence import Defence
from bowerbird.errors import ConfigError
from bowerbird.evaluation.health import Limits
from bowerbird.runs.policy import Policy
from bowerbird.surfaces.retrain_file import (
    FILE,
    AlertsTable,
    TriggersTable,
    table_of,
    told_in_file,
)
from bowerbird.surfaces.strict import Strict, seconds_of

Training = Literal["full", "warm", "none"]
"""From the beginning, on from the run before, or its model as it is."""


class RetrainTable(Strict):
    """[retrain]: what is learned from, what judges, how many runs stay."""

    window: str = "1d"
    settings: Literal["as before", "chosen anew"] = "as before"
    training: Training = "full"
    warm_runs: Annotated[int, Field(ge=0)] = 7
    keep: Annotated[int, Field(ge=2)] = 5
    shadow: Annotated[int, Field(ge=0)] = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is made, judged and kept."""

    window_s: int = 86_400  # the newest events: what judges, and is not learned from
    anew: bool = False  # choose settings again, as the recipe says; else those of the run before
    keep: int = 5  # runs, the newest
    shadow: int = 200  # people who are asked for lists of both before one answers; 0: nobody
    training: Training = "full"
    warm_runs: int = 7  # in a row, then one is a full one
    accept: bool = False  # learn from the newest events whatever the check finds
    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    rules: Defence = field(default_factory=Defence)
    triggers: TriggersTable = field(default_factory=TriggersTable)
    alerts: AlertsTable = field(default_factory=AlertsTable)

    def to_json(self) -> dict[str, Any]:
        """For run.json: what makes it the same again. Nobody's address is in it."""
        told = asdict(self)
        return {name: told[name] for name in told if name not in ("triggers", "alerts")}


def plan_of(runs: Path) -> Plan:
    """What RUNS/retrain.toml says; the defaults where there is none.

    Raises:
        ConfigError: it cannot be read, or says what cannot be meant.
    """
    path = runs / FILE
    return read_plan(told_in_file(path), str(path))


def read_plan(told: Mapping[str, Any], where: str) -> Plan:
    """The plan that these tables say.

    Raises:
        ConfigError: a table or a key is unknown, or a value cannot be meant.

    >>> read_plan({"retrain": {"window": "12h"}, "gate": {"margin": 0.02}}, "here").window_s
    43200
    """
    valid = ("retrain", "gate", "health", "defence", "triggers", "alerts")
    for name, table in told.items():
        if name not in valid or not isinstance(table, Mapping):
            raise ConfigError(f"{where}: tables [{'], ['.join(valid)}] expected, {name!r} came")
    table = table_of(RetrainTable, told, "retrain", where)
    try:
        rules = Defence(**told.get("defence", {}))
    except TypeError as error:
        raise ConfigError(f"{where}: [defence]: {error}") from error
    return Plan(
        int(seconds_of(table.window, "window")),
        table.settings == "chosen anew",
        table.keep,
        table.shadow,
        table.training,
        table.warm_runs,
        policy=Policy.of(told.get("gate", {})),
        limits=Limits.of(told.get("health", {})),
        rules=rules,
        triggers=table_of(TriggersTable, told, "triggers", where),
        alerts=table_of(AlertsTable, told, "alerts", where),
    )
