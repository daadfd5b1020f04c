"""How runs are made again: RUNS/retrain.toml, all of it optional; unknown keys are errors."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, ValidationError, field_validator

from bowerbird.data.defence import Defence
from bowerbird.errors import ConfigError
from bowerbird.evaluation.health import Limits
from bowerbird.runs.policy import Policy
from bowerbird.surfaces.strict import Strict, seconds_of

FILE = "retrain.toml"
OFF = "off"
Kind = Literal["refused", "kept champion", "failed", "unknown items", "decay", "drift"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Share = Annotated[float, Field(ge=0, lt=1)]
T = TypeVar("T", bound=Strict)
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


class TriggersTable(Strict):
    """[triggers]: what makes a retrain due; a share of 0 and «off» leave one out."""

    every: str = "1d"
    at: str | None = None  # hour and minute, UTC: then, instead of `every`
    new_events: Share = 0.05  # of what was known
    least_events: Annotated[int, Field(ge=1)] = 10_000  # new ones, whatever the share
    unknown_items: Share = 0.05  # of new events
    decay: Share = 0.1  # of clicks a list, against the four weeks before
    drift: bool = True
    cooldown: str = "6h"  # after a retrain has begun

    @property
    def at_s(self) -> int | None:
        """Seconds since midnight UTC."""
        if self.at is None:
            return None
        hour, minute = map(int, self.at.split(":"))
        return 3600 * hour + 60 * minute

    @field_validator("at")
    @classmethod
    def _a_time(cls, told: str | None) -> str | None:
        if told is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", told):
            raise ValueError("a time of the day such as 02:00 expected")
        return told

    @field_validator("every", "cooldown")
    @classmethod
    def _a_length(cls, told: str) -> str:
        if told != OFF:
            try:
                seconds_of(told, "this")
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return told


class AlertsTable(Strict):
    """[alerts]: who is told what."""

    webhook: str | None = None
    on: tuple[Kind, ...] = KINDS

    @field_validator("webhook")
    @classmethod
    def _an_address(cls, told: str | None) -> str | None:
        if told is not None and not told.startswith(("https://", "http://")):
            raise ValueError("an address that begins with https:// expected")
        return told


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
    if not path.exists():
        return Plan()
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: readable TOML expected: {error}") from error
    return read_plan(told, str(path))


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
    table = _table(RetrainTable, told, "retrain", where)
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
        triggers=_table(TriggersTable, told, "triggers", where),
        alerts=_table(AlertsTable, told, "alerts", where),
    )


def _table(kind: type[T], told: Mapping[str, Any], name: str, where: str) -> T:
    try:
        return kind(**told.get(name, {}))
    except (ValidationError, TypeError) as error:
        raise ConfigError(f"{where}: [{name}]: {_first(error, kind)}") from error


def _first(error: Exception, kind: type[Strict]) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    one = error.errors()[0]
    keys = ", ".join(kind.model_fields)
    place = ".".join(map(str, one["loc"]))
    if one["type"] == "extra_forbidden":
        return f"a key among {keys} expected, {place!r} came"
    said = one["msg"].removeprefix("Value error, ")
    return f"{place}: {said[:1].lower()}{said[1:]}, {one['input']!r} came"
