"""Rules looked at one by one: what is wrong and in which key, which items each means, is it on.

Apart from `scenario` because whoever writes rules wants to know of all faults, not of the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int32
from numpy import ndarray
from pydantic import ValidationError

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.errors import ConfigError, DataError
from bowerbird.ranking.rules import Rule, RuleFault, Rules
from bowerbird.retrieval.eligible import named
from bowerbird.retrieval.expression import parsed
from bowerbird.surfaces.scenario import RuleTable

State = Literal["on", "waiting", "over"]
KEYS = {name: field.alias or name for name, field in RuleTable.model_fields.items()}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, in which key of which rule; no rule: the scenario itself."""

    detail: str
    rule: int | None = None  # from 0
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """A rule, looked at."""

    told: Mapping[str, Any]
    state: State | None = None  # None: it cannot be read
    rows: Int32[ndarray, "m"] | None = None  # the items it means; None: that cannot be read
    people: int | None = None  # of those the run knows, in its audience; None: everybody
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Checks:
    """What rules are looked at with."""

    catalog: Catalog
    traits: Mapping[str, Column] = field(default_factory=dict)  # what is known of people
    people: int = 0  # of whom it is known
    now: int = 0
    k: int = 10  # length of the lists

    def of(self, tables: Sequence[Any]) -> list[Looked]:
        """Each rule by itself, and whether its name is there twice."""
        names = [table.get("name") for table in tables if isinstance(table, Mapping)]
        looked = [self._looked(place, table) for place, table in enumerate(tables)]
        return [
            one if names.count(one.told.get("name")) < 2 or not one.told.get("name")
            else _more(one, Fault("a name that no other rule has expected", place, "name"))
            for place, one in enumerate(looked)
        ]  # fmt: skip

    def _looked(self, place: int, table: Any) -> Looked:  # noqa: ANN401  whatever was sent
        if not isinstance(table, Mapping):
            return Looked({}, faults=(Fault("a table expected", place),))
        rule, faults = _read(place, table)
        rows, people = None, None
        try:
            rows = self._rows(table)
        except (ConfigError, DataError) as error:
            key = "ids" if table.get("ids") else "items"
            faults.append(Fault(_plain(error), place, key))
        try:
            people = self._people(table.get("audience"))
        except ConfigError as error:
            faults.append(Fault(_plain(error), place, "audience"))
        if rule is not None and not faults:
            faults += self._unfit(place, rule)
        state = None if rule is None else state_of(rule, self.now)
        return Looked(table, state, rows, people, tuple(faults))

    def _rows(self, table: Mapping[str, Any]) -> Int32[ndarray, "m"] | None:
        ids, items = table.get("ids"), table.get("items")
        mask: Bool[ndarray, n]
        if isinstance(ids, Sequence) and not isinstance(ids, str) and ids:
            mask = named(self.catalog, [str(id) for id in ids])
        elif isinstance(items, str):
            mask = parsed(items).mask(self.catalog.fields, len(self.catalog))
        else:
            return None
        return np.flatnonzero(mask).astype(np.int32)

    def _people(self, audience: object) -> int | None:
        if not isinstance(audience, str):
            return None
        return int(np.count_nonzero(parsed(audience).mask(self.traits, self.people)))

    def _unfit(self, place: int, rule: Rule) -> Iterator[Fault]:
        try:
            Rules.over([rule], self.catalog).step(0, self.k)
        except ConfigError as error:
            yield Fault(_plain(error), place, "least")


def refused(looked: Sequence[Looked], name: str) -> None:
    """Nothing, if there is no fault.

    Raises:
        ConfigError: the first one.
    """
    for fault in (fault for one in looked for fault in one.faults):
        where = f"rules.{fault.rule}" + (f".{fault.field}" if fault.field else "")
        raise ConfigError(f"scenario {name}: {where}: {fault.detail}")


def state_of(rule: Rule, now: int) -> State:
    """Does it hold now, will it, or did it?"""
    if rule.active(now):
        return "on"
    return "waiting" if rule.start is not None and now < rule.start else "over"


def _read(place: int, table: Mapping[str, Any]) -> tuple[Rule | None, list[Fault]]:
    try:
        return RuleTable.model_validate(table).rule(), []
    except RuleFault as error:
        return None, [Fault(error.told, place, error.field)]
    except ValidationError as error:
        faults: dict[str, Fault] = {}
        for one in error.errors():
            key = KEYS.get(str(one["loc"][0]), str(one["loc"][0]))
            said = one["msg"].removeprefix("Value error, ")
            came = "" if one["type"] == "missing" else f", {one['input']!r} came"
            detail = f"{said[:1].lower()}{said[1:]}{came}"
            faults.setdefault(key, Fault(detail, place, key))
        return None, list(faults.values())


def _plain(error: Exception) -> str:
    """Without what the place says already."""
    return str(error).removeprefix("filter: ")


def _more(one: Looked, fault: Fault) -> Looked:
    return Looked(one.told, one.state, one.rows, one.people, (*one.faults, fault))
