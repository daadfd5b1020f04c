"""What is asked, in TOML: typed, unknown keys are errors. Options make the same object."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bowerbird.data.importing import Inputs
from bowerbird.data.schema import TYPE_WEIGHTS, EventSchema, TableSchema
from bowerbird.data.split import RULES, Rule
from bowerbird.data.tables import Source
from bowerbird.encoders.encoder import Estimator
from bowerbird.errors import ConfigError
from bowerbird.retrieval.models import MODELS
from bowerbird.runs.auto import Auto, named_estimator
from bowerbird.surfaces.scenario import Scenario, scenario_part, scenarios_of
from bowerbird.surfaces.strict import Strict, seconds_of

Settings = TypeVar("Settings")


class EventsTable(Strict):
    """[events]: where they are, which column is what, how much an event counts."""

    path: str
    database: str | None = None
    user: str | None = None
    item: str | None = None
    timestamp: str | None = None
    order: str | None = None
    type: str | None = None
    weight: str | None = None
    value: str | None = None
    rating: str | None = None
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    context: tuple[str, ...] = ()
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict
    )


class CatalogTable(Strict):
    """[items] or [users]: where they are, the id column, kinds of the others."""

    path: str
    database: str | None = None
    id: str | None = None
    kinds: dict[str, str] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()


class QualityTable(Strict):
    """[quality]: how strict to be with broken rows."""

    unknown_items: Literal["error", "keep"] = "error"
    max_broken: Annotated[float, Field(ge=0, le=1)] = 0.0
    quarantine: str = "quarantine.jsonl"


class SplitTable(BaseModel):
    """[split]: the rule by name, and its settings."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str = "time"


class ModelTable(BaseModel):
    """[model]: the model by name, and its settings."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = "cooccurrence"
    tune: bool = True
    budget: str | None = None  # 90s, 10m, 1h: for auto, and for what is trained


class Recipe(Strict):
    """Everything that is asked: what to read, what to learn, how to judge."""

    events: EventsTable
    items: CatalogTable | None = None
    users: CatalogTable | None = None
    quality: QualityTable = QualityTable()
    model: ModelTable = ModelTable()
    split: SplitTable = SplitTable()
    scenarios: dict[str, Scenario] = Field(default_factory=dict)
    seed: Annotated[int, Field(ge=0)] = 0

    def inputs(self, now: int | None = None) -> Inputs:
        """What the importer needs."""
        events = self.events
        named = events.model_dump(exclude={"path", "database", "weights"})
        schema = EventSchema(**named, type_weights={**TYPE_WEIGHTS, **events.weights})
        return Inputs(
            events=Source(events.path, events.database),
            items=_source(self.items),
            users=_source(self.users),
            event_schema=schema,
            item_schema=_schema(self.items),
            user_schema=_schema(self.users),
            unknown_items=self.quality.unknown_items,
            max_broken=self.quality.max_broken,
            quarantine=Path(self.quality.quarantine),
            now=now,
        )

    def budget_s(self) -> float | None:
        """How long choosing and fitting may take, in seconds.

        Raises:
            ConfigError: it is no length of time.
        """
        return None if self.model.budget is None else seconds_of(self.model.budget)

    def estimator(self) -> Estimator | Auto:
        """The model, not yet fitted.

        Raises:
            ConfigError: no such model, or it has no such setting.
        """
        settings = dict(self.model.model_extra or {})
        estimator = named_estimator(self.model.name, self.seed, **settings)
        made: Estimator | Auto = _typed(
            type(estimator), asdict(estimator), f"model {self.model.name}"
        )
        return made

    def rule(self) -> Rule:
        """How the data is split.

        Raises:
            ConfigError: no such rule, or it has no such setting.
        """
        return rule_of(self.split.kind, **dict(self.split.model_extra or {}))

    def scenario(self, name: str) -> Scenario:
        """The scenario of this name; a surface that is not among them has its defaults.

        Raises:
            ConfigError: there is none.
        """
        every = scenarios_of(self.scenarios)
        if name not in every:
            raise ConfigError(f"scenario: one of {', '.join(every)} expected, {name!r} came")
        return every[name]

    def seen_from(self, folder: Path) -> "Recipe":
        """The same for a file in this folder: the paths of a recipe are relative to its own."""
        tables = {name: getattr(self, name) for name in ("events", "items", "users")}
        moved = {
            name: table.model_copy(update={"path": os.path.relpath(table.path, folder)})
            for name, table in tables.items()
            if table and not table.database and not os.path.isabs(table.path)
        }
        scenarios = {
            name: scenario.model_copy(update={"rules": os.path.relpath(scenario.rules, folder)})
            if isinstance(scenario.rules, str) and not os.path.isabs(scenario.rules)
            else scenario
            for name, scenario in self.scenarios.items()
        }
        return self.model_copy(update={**moved, "scenarios": scenarios})

    def text(self) -> str:
        """As TOML, without the password of a database: set PGPASSWORD to use it again."""
        told = self.model_dump(exclude_none=True, mode="json", by_alias=True)
        for table in (told.get(name, {}) for name in ("events", "items", "users")):
            if "database" in table:
                bare = re.sub(r"(://[^:/@]*):.*@", r"\1@", table["database"])
                table["database"] = re.sub(r"password=[^&]*&?", "", bare)
            for name in [name for name, value in table.items() if value in ({}, [])]:
                del table[name]
        told["scenarios"] = {  # what was said and no more: some settings fit some surfaces only
            name: scenario.model_dump(exclude_unset=True, exclude_none=True, mode="json")
            for name, scenario in self.scenarios.items()
        }
        if not self.scenarios:
            del told["scenarios"]
        return tomli_w.dumps(told)


def read_recipe(path: Path) -> Recipe:
    """A recipe file; its paths are relative to its own folder.

    Raises:
        ConfigError: it is missing, is no TOML, or says something unknown.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: a readable recipe expected: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: valid TOML expected: {error}") from error
    for name in ("events", "items", "users"):
        table = told.get(name)
        if isinstance(table, dict) and "path" in table and "database" not in table:
            table["path"] = str(path.parent / str(table["path"]))
    scenarios = told.get("scenarios")
    for table in scenarios.values() if isinstance(scenarios, dict) else ():
        if isinstance(table, dict) and "rules" in table:
            table["rules"] = str(path.parent / str(table["rules"]))
    return recipe_of(told, str(path))


def run_recipe(run: Path) -> Recipe | None:
    """The recipe a run was made from; None if it was made without one."""
    path = run / "recipe.toml"
    return read_recipe(path) if path.is_file() and path.stat().st_size else None


def recipe_of(told: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from plain data.

    Raises:
        ConfigError: naming the key, what was expected and the valid keys.
    """
    try:
        return Recipe.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            valid = ", ".join(_keys(first["loc"]))
            raise ConfigError(f"{where}: unknown key {place!r}; the keys are {valid}") from error
        if first["type"] == "value_error":  # raised by the table itself, which says it all
            raise ConfigError(f"{where}: {place}: {first['ctx']['error']}") from error
        came = "" if first["type"] == "missing" else f", {first['input']!r} came"
        raise ConfigError(f"{where}: {place}: {first['msg'].lower()}{came}") from error


def rule_of(kind: str, **settings: Any) -> Rule:  # noqa: ANN401  each rule has its own settings
    """A split rule by name.

    Raises:
        ConfigError: no such rule, or it has no such setting.
    """
    if kind not in RULES:
        raise ConfigError(f"split: one of {', '.join(RULES)} expected, {kind!r} came")
    rule = RULES[kind]
    valid = list(rule.__dataclass_fields__)
    for name in settings:
        if name not in valid:
            raise ConfigError(
                f"split {kind}: unknown key {name!r}; the keys are {', '.join(valid)}"
            )
    if "items" in settings:  # one id or several, numbers or words
        told = settings["items"]
        ids = told if isinstance(told, list | tuple) else str(told).split(",")
        settings["items"] = tuple(str(id).strip() for id in ids)
    return _typed(rule, settings, f"split {kind}")


def _typed(cls: type[Settings], settings: Mapping[str, Any], where: str) -> Settings:
    """A dataclass from named values of the right types.

    Raises:
        ConfigError: naming the setting, what was expected and what came.
    """
    try:
        return TypeAdapter(cls).validate_python(settings)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":  # raised by the class itself, which says it all
            raise ConfigError(f"{where}: {first['ctx']['error']}") from error
        place = ".".join(str(part) for part in first["loc"])
        message = f"{where}: {place}: {first['msg'].lower()}, {first['input']!r} came"
        raise ConfigError(message) from error


def model_names(told: str) -> list[str]:
    """Comma-separated model names, checked.

    >>> model_names("ease, als")
    ['ease', 'als']
    """
    names = [name.strip() for name in told.split(",") if name.strip()]
    valid = (*MODELS, "auto")
    for name in names:
        if name not in valid:
            raise ConfigError(f"models: some of {', '.join(valid)} expected, {name!r} came")
    if not names:
        raise ConfigError(f"models: some of {', '.join(valid)} expected, none came")
    return names


def _keys(place: tuple[int | str, ...]) -> list[str]:
    """The valid keys of the table in which an unknown one was found."""
    tables: dict[str, type[BaseModel]] = {
        "events": EventsTable,
        "items": CatalogTable,
        "users": CatalogTable,
        "quality": QualityTable,
    }
    table = tables.get(str(place[0]), Recipe) if len(place) > 1 else Recipe
    if place[0] == "scenarios" and len(place) > 2:
        table = scenario_part([str(part) for part in place[2:-1]])
    return list(table.model_fields)


def _source(table: CatalogTable | None) -> Source | None:
    return None if table is None else Source(table.path, table.database)


def _schema(table: CatalogTable | None) -> TableSchema:
    if table is None:
        return TableSchema()
    return TableSchema(table.id, table.kinds, table.ignore)
