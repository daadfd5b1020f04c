"""A named surface of the shop, in the recipe: what is asked, which steps, which rules.

[scenarios.home] in a recipe is one; a file of [[rules]] is read here, too.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from bowerbird.data.moments import seconds
from bowerbird.errors import ConfigError, DataError
from bowerbird.ranking.explore import Way
from bowerbird.ranking.rules import Action, Rule, RuleFault
from bowerbird.surfaces.strict import Strict

Surface = Literal[
    "for-you", "similar", "goes-with", "next", "search", "popular", "new", "trending", "audience"
]
SURFACES: tuple[str, ...] = get_args(Surface)

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Diversify(Strict):
    """Mmr or Dpp, by the model's vectors or by a category or list column."""

    step: Literal["mmr", "dpp"]
    weight: Annotated[float, Field(ge=0, le=1)] = 0.7
    column: str | None = None


class Calibrated(Strict):
    """Categories in the shares of the history."""

    step: Literal["calibrate"]
    column: str
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5


class Quotas(Strict):
    """At least and at most so many of a category."""

    step: Literal["quota"]
    column: str
    most: dict[str, int] = Field(default_factory=dict)
    least: dict[str, int] = Field(default_factory=dict)
    each: int | None = None


class RecentFirst(Strict):
    """New items further up."""

    step: Literal["recent"]
    weight: Weight = 0.2
    half_life: str = "7d"


class TiredOf(Strict):
    """What was shown lately further down."""

    step: Literal["tired"]
    weight: Weight = 0.3
    half_life: str = "1d"


class Rotated(Strict):
    """Another part of the best at each period."""

    step: Literal["rotate"]
    every: str = "1d"
    among: Annotated[int, Field(ge=1)] = 30
    keep: Annotated[int, Field(ge=0)] = 3


class Reranked(Strict):
    """The learned second stage of the run (`bowerbird rerank`)."""

    step: Literal["rerank"]


Steps = Reranked | Diversify | Calibrated | Quotas | RecentFirst | TiredOf | Rotated
StepTable = Annotated[Steps, Field(discriminator="step")]
STEPS: tuple[type[Strict], ...] = get_args(Steps)


class Exploration(Strict):
    """Places that are drawn (`ranking.explore`)."""

    way: Way = "slots"
    epsilon: Annotated[float, Field(ge=0, le=1)] = 0.1
    slots: tuple[int, ...] = ()
    temperature: Annotated[float, Field(gt=0)] = 0.1
    among: Annotated[int, Field(ge=1)] = 50


class RecentlyShown(Strict):
    """Left out for a while: what was shown so often."""

    times: Annotated[int, Field(ge=1)] = 3
    within: str = "1d"


class RuleTable(Strict):
    """One [[rules]] table."""

    name: str
    do: Action
    items: str | None = None
    ids: tuple[str, ...] = ()
    position: int = 1
    by: float = 0.5
    least: int = 0
    most: int | None = None
    start: Annotated[str | datetime | date | None, Field(alias="from")] = None
    stop: Annotated[str | datetime | date | None, Field(alias="until")] = None
    audience: str | None = None

    def rule(self) -> Rule:
        """The rule it says.

        Raises:
            ConfigError: it means nothing, or a moment cannot be read.
        """
        told = self.model_dump()
        for name, key in (("start", "from"), ("stop", "until")):
            if told[name] is not None:
                told[name] = self._moment(told[name], key)
        return Rule(**told)

    def _moment(self, told: object, key: str) -> int:
        try:
            return seconds(str(told))
        except (ConfigError, DataError) as error:
            raise RuleFault(self.name, key, f"from, until: {error}") from None


ONLY = {
    "across": ("goes-with",),
    "types": ("goes-with",),
    "idle": ("next",),
    "days": ("popular", "trending"),
    "segment": ("popular", "new", "trending"),
    "discount": ("for-you", "next"),
    "holdout": ("for-you", "next", "similar", "goes-with"),
}
"""Settings that only some surfaces have."""


class Scenario(Strict):
    """One surface, and how its lists are made."""

    surface: Surface = "for-you"
    k: Annotated[int, Field(ge=1)] = 10
    fetch: Annotated[int, Field(ge=1)] = 200
    filter: str | None = None
    repeats: bool = False
    discount: float = 0.0
    steps: tuple[StepTable, ...] = ()
    explore: Exploration | None = None
    recently: RecentlyShown | None = None
    rules: str | tuple[RuleTable, ...] | None = None  # a file of [[rules]], or these
    days: Annotated[float, Field(gt=0)] = 7.0  # trending and popular: length of the window
    segment: str | None = None  # popular, new and trending: a category column of the users
    across: str | None = None  # goes-with: only items that differ in this column
    types: tuple[str, ...] = ()  # goes-with: only events of these types; none: all
    idle: str = "30m"  # next: a pause that ends a session
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.0  # share of people that get what is popular

    @model_validator(mode="after")
    def _fits(self) -> "Scenario":
        """A setting that this surface would not look at is a mistake, not a wish."""
        if self.surface == "audience":
            wrong = sorted(self.model_fields_set - {"surface", "k", "filter"})
            if wrong:
                raise ValueError(f"an audience has surface, k and filter only, {wrong[0]} came")
        for name, surfaces in ONLY.items():
            if name in self.model_fields_set and self.surface not in surfaces:
                told = " and ".join(surfaces)
                raise ValueError(f"{name} is a setting of {told}, {self.surface} came")
        return self


def scenarios_of(told: Mapping[str, Scenario]) -> dict[str, Scenario]:
    """Those of a recipe, and one of each surface under its own name where it has no such name."""
    every = {name: Scenario.model_validate({"surface": name}) for name in SURFACES}
    return {**every, **told}


def scenarios_in(run: Path) -> dict[str, Scenario]:
    """Those of the recipe that a run folder keeps, and one of each surface.

    Raises:
        ConfigError: the recipe cannot be read, or a scenario says something unknown.
    """
    path = run / "recipe.toml"
    try:
        told = tomllib.loads(path.read_text("utf-8")).get("scenarios", {}) if path.is_file() else {}
        found = {name: Scenario.model_validate(table) for name, table in told.items()}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{path}: scenarios expected: {first}; train again") from error
    folder = os.path.abspath(run)  # paths of a recipe are relative to its own
    placed = {
        name: some.model_copy(update={"rules": os.path.normpath(os.path.join(folder, some.rules))})
        if isinstance(some.rules, str)
        else some
        for name, some in found.items()
    }
    return scenarios_of(placed)


def scenario_part(place: Sequence[str]) -> type[Strict]:
    """The table at a place within a scenario: steps.0.mmr, explore, recently; else itself."""
    by_name: dict[str, type[Strict]] = {
        word: step for step in STEPS for word in get_args(step.model_fields["step"].annotation)
    }
    tables: dict[str, type[Strict]] = {**by_name, "explore": Exploration, "recently": RecentlyShown}
    return tables.get(place[-1], Scenario) if place else Scenario


def rules_of(scenario: Scenario) -> list[Rule] | None:
    """Its rules; a file of them is read anew. None: it has none.

    Raises:
        ConfigError: they cannot be read, or one means nothing.
    """
    told = scenario.rules
    if told is None or isinstance(told, str):
        return read_rules(Path(told)) if told else None
    return [table.rule() for table in told]


def tables_of(scenario: Scenario) -> list[RuleTable] | None:
    """Its rules as they are said; a file of them is read anew. None: it has none.

    Raises:
        ConfigError: they cannot be read.
    """
    told = scenario.rules
    if told is None or isinstance(told, str):
        return rule_tables(Path(told)) if told else None
    return list(told)


def read_rules(path: Path) -> list[Rule]:
    """A file of [[rules]].

    Raises:
        ConfigError: it is missing, is no TOML, or a rule says something unknown or meaningless.
    """
    tables = rule_tables(path)
    try:
        return [table.rule() for table in tables]
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def rule_tables(path: Path) -> list[RuleTable]:
    """The tables of a file of [[rules]].

    Raises:
        ConfigError: it is missing, is no TOML, or a table says something unknown.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        remedy = "the scenario names it; --rules FILE takes another"
        raise ConfigError(f"{path}: a file of [[rules]] expected: {error}; {remedy}") from error
    tables = told.get("rules")
    if not told:
        return []  # the last campaign is over
    if set(told) != {"rules"} or not isinstance(tables, list):
        came = ", ".join(told) or "nothing"
        raise ConfigError(f"{path}: [[rules]] tables and nothing else expected, {came} came")
    return [_rule(path, number, table) for number, table in enumerate(tables, 1)]


def _rule(path: Path, number: int, table: Any) -> RuleTable:  # noqa: ANN401  whatever TOML holds
    try:
        return RuleTable.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        came = "" if first["type"] == "missing" else f", {first['input']!r} came"
        told = f"{path}: rule {number}: {place}: {first['msg'].lower()}{came}"
        if first["type"] == "extra_forbidden":
            valid = ", ".join(field.alias or name for name, field in RuleTable.model_fields.items())
            told = f"{path}: rule {number}: unknown key {place!r}; the keys are {valid}"
        raise ConfigError(told) from error
