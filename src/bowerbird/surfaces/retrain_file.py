"""RUNS/retrain.toml, of which people change two tables while a server runs: when, and who is told.

On this floor since retraining reads them and services write them, and neither may know the other.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, ValidationError, field_validator

from bowerbird.errors import ConfigError
from bowerbird.store.written import written
from bowerbird.surfaces.strict import Strict, seconds_of
from bowerbird.surfaces.toml_keys import with_keys

FILE = "retrain.toml"
OFF = "off"
Kind = Literal["refused", "kept champion", "failed", "unknown items", "decay", "drift"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Share = Annotated[float, Field(ge=0, lt=1)]
LONG_S = 3650 * 86_400
"""Between two retrains, at most: what is longer is meant as «off»."""
T = TypeVar("T", bound=Strict)


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
                long = seconds_of(told, "this") > LONG_S
            except ConfigError as error:
                raise ValueError(str(error)) from error
            if long:
                raise ValueError("ten years at most, or «off», expected")
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
        if told is not None and not re.fullmatch(r"https?://[!-~]+", told):
            raise ValueError("a whole address, without spaces or signs beyond ASCII, expected")
        return told


TABLES: dict[str, type[TriggersTable] | type[AlertsTable]] = {
    "triggers": TriggersTable,
    "alerts": AlertsTable,
}
"""Those that may be changed while a server runs."""


def told_in_file(path: Path) -> dict[str, Any]:
    """All that it says; nothing where it is not there.

    Raises:
        ConfigError: it is no TOML.
    """
    return _told(_text(path), path)


def table_of(kind: type[T], told: Mapping[str, Any], name: str, where: str) -> T:
    """The table of this name, checked; the defaults where there is none.

    Raises:
        ConfigError: a key is unknown, or a value cannot be meant.
    """
    try:
        return kind(**told.get(name, {}))
    except (ValidationError, TypeError) as error:
        raise ConfigError(f"{where}: [{name}]: {_first(error, kind)}") from error


def change(path: Path, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Say keys of these tables anew; all else, comments too, stays as somebody has written it.

    Args:
        path: the file; it need not be there yet.
        changes: values by key by table; None: the default.

    Returns:
        What was said of them until then, by table; None: the default. Only what has changed.

    Raises:
        ConfigError: a key is unknown, a value cannot be meant, or nobody but a person can change
            the file.
        ArtifactError: it cannot be written.
    """
    text, before = _text(path), {}
    told = _told(text, path)
    for name, keys in changes.items():
        _known(TABLES[name], keys, name, path)
        if not isinstance(told.get(name, {}), Mapping):
            raise ConfigError(f"{path.name}: a table [{name}] expected, {told[name]!r} came")
        table = {**told.get(name, {}), **keys}
        table = {key: value for key, value in table.items() if value is not None}
        table_of(TABLES[name], {name: table}, name, path.name)
        had = {key: told.get(name, {}).get(key) for key in keys}
        new = {key: value for key, value in keys.items() if value != had[key]}
        if new:
            text = with_keys(text, name, new)
            before[name] = {key: had[key] for key in new}
    if before:
        with written(path) as partial:
            partial.write_text(text, "utf-8")
    return before


def _known(
    kind: type[Strict], keys: Sequence[str] | Mapping[str, Any], name: str, at: Path
) -> None:
    wrong = [key for key in keys if key not in kind.model_fields]
    if wrong:
        valid = ", ".join(kind.model_fields)
        raise ConfigError(f"{at.name}: [{name}]: a key among {valid} expected, {wrong[0]!r} came")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.exists() else ""
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: readable TOML expected: {error}") from error


def _told(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}: readable TOML expected: {error}") from error


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
