"""The options that say where the data is and what its columns mean, shared by the commands."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

from typer import Option

from bowerbird.errors import ConfigError

_COLUMNS = 'Columns (recognised by their usual names; "" for: there is none)'
_DATA = "Data"


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Where the tables are, and what their columns mean."""

    events: Annotated[
        str | None,
        Option(help="Events: .parquet, .csv, .jsonl, a folder, or SQL.", rich_help_panel=_DATA),
    ] = None
    items: Annotated[
        str | None, Option(help="Items: id, type, texts, …", rich_help_panel=_DATA)
    ] = None
    users: Annotated[str | None, Option(help="Users: id and traits.", rich_help_panel=_DATA)] = None
    database: Annotated[
        str | None,
        Option(
            help="Database URL (postgresql://, sqlite:///, duckdb:///): the three above are then "
            "queries or table names.",
            rich_help_panel=_DATA,
        ),
    ] = None
    unknown_items: Annotated[
        str | None,
        Option(help="Events of items the item table lacks: error | keep.", rich_help_panel=_DATA),
    ] = None
    max_broken: Annotated[
        float | None,
        Option(help="Share of broken rows to go on without (0).", rich_help_panel=_DATA),
    ] = None
    quarantine: Annotated[
        str | None,
        Option(help="Where broken rows go (quarantine.jsonl).", rich_help_panel=_DATA),
    ] = None
    user_column: Annotated[str | None, Option(rich_help_panel=_COLUMNS)] = None
    item_column: Annotated[str | None, Option(rich_help_panel=_COLUMNS)] = None
    time_column: Annotated[
        str | None, Option(help="ISO text or epoch, s to ns.", rich_help_panel=_COLUMNS)
    ] = None
    order_column: Annotated[
        str | None,
        Option(help="Order within a user; breaks ties of time.", rich_help_panel=_COLUMNS),
    ] = None
    type_column: Annotated[
        str | None, Option(help="view, cart, purchase, …", rich_help_panel=_COLUMNS)
    ] = None
    weight_column: Annotated[str | None, Option(help="0 or more.", rich_help_panel=_COLUMNS)] = None
    value_column: Annotated[
        str | None, Option(help="Money or quantity.", rich_help_panel=_COLUMNS)
    ] = None
    rating_column: Annotated[str | None, Option(rich_help_panel=_COLUMNS)] = None
    context_column: Annotated[
        list[str] | None,
        Option(help="Device, surface, …; may be repeated.", rich_help_panel=_COLUMNS),
    ] = None
    threshold: Annotated[
        float | None,
        Option(help="Ratings below it are seen, not liked.", rich_help_panel=_COLUMNS),
    ] = None
    weight: Annotated[
        list[str] | None,
        Option(
            help="How much an event type counts: --weight view=1 --weight purchase=5.",
            rich_help_panel=_COLUMNS,
        ),
    ] = None
    kind: Annotated[
        list[str] | None,
        Option(
            help="Kind of an item column: --kind title=text (text, category, list, number, time, "
            "url, vector).",
            rich_help_panel=_COLUMNS,
        ),
    ] = None

    def tables(self) -> dict[str, dict[str, Any]]:
        """The same as the tables of a recipe, only what was given."""
        events = {
            "path": self.events,
            "user": self.user_column,
            "item": self.item_column,
            "timestamp": self.time_column,
            "order": self.order_column,
            "type": self.type_column,
            "weight": self.weight_column,
            "value": self.value_column,
            "rating": self.rating_column,
            "context": self.context_column or None,
            "threshold": self.threshold,
            "weights": {n: _number(n, v) for n, v in _pairs("--weight", self.weight)} or None,
        }
        items = {"path": self.items, "kinds": dict(_pairs("--kind", self.kind)) or None}
        quality = {
            "unknown_items": self.unknown_items,
            "max_broken": self.max_broken,
            "quarantine": self.quarantine,
        }
        tables: dict[str, dict[str, Any]] = {
            "events": events,
            "items": items,
            "users": {"path": self.users},
            "quality": quality,
        }
        for name in ("events", "items", "users"):
            if tables[name]["path"] is not None:
                tables[name]["database"] = self.database
        given = {n: {k: v for k, v in t.items() if v is not None} for n, t in tables.items()}
        return {name: table for name, table in given.items() if table}


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose dataclass parameters become one option a field: what typer understands."""
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    hints = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        if not is_dataclass(hint):
            parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hint))
            continue
        groups[parameter.name] = hint  # type: ignore[assignment]  # a class, not an instance
        of = get_type_hints(hint, include_extras=True)
        parameters += [
            inspect.Parameter(
                f.name, parameter.KEYWORD_ONLY, default=f.default, annotation=of[f.name]
            )
            for f in fields(hint)
        ]

    def call(**given: Any) -> None:  # noqa: ANN401  whatever typer has parsed
        for name, cls in groups.items():
            given[name] = cls(**{f.name: given.pop(f.name) for f in fields(cls)})
        command(**given)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__doc__, call.__name__ = command.__doc__, command.__name__
    return call


def _pairs(option: str, told: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for pair in told or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"{option}: name=value expected, {pair!r} came")
        pairs.append((name, value))
    return pairs


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ConfigError(f"--weight: a number expected for {name!r}, {value!r} came") from None


def settings(told: list[str] | None, option: str = "--setting") -> dict[str, Any]:
    """Settings as a recipe would hold them: numbers where they are numbers."""
    return {name: _value(value) for name, value in _pairs(option, told)}


def _value(told: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(told)
        except ValueError:
            continue
    return told
