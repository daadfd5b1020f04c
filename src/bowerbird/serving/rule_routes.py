"""Routes for whoever writes rules: what they mean now, what is wrong, what they would change.

Nothing here is kept: no list counts as served, and no scenario becomes another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct, field

from bowerbird.data.columns import Column
from bowerbird.errors import ConfigError, DataError
from bowerbird.retrieval.expression import given
from bowerbird.retrieval.searched import TEXT
from bowerbird.serving.answers import NEEDS_ITEMS, UNASKED
from bowerbird.serving.call import Call, Reply, Route, checked
from bowerbird.serving.histories import LAST
from bowerbird.serving.messages import Id, K, Strict, Thing
from bowerbird.serving.problems import Problem
from bowerbird.serving.rule_people import STRANGER, Somebody, drawn, named
from bowerbird.serving.scenario_routes import checks
from bowerbird.serving.snapshot import Snapshot, row_of, tried
from bowerbird.store.store import Past
from bowerbird.surfaces.live_scenarios import Edited, scenario_from
from bowerbird.surfaces.preview import Pair, Spot, compared, summed
from bowerbird.surfaces.rule_checks import Looked
from bowerbird.surfaces.scenario import Scenario, scenarios_in, tables_of
from bowerbird.surfaces.surface import Surface

EXAMPLES = 5
"""Items of each rule that are told."""
VALUES = 100
"""Values of each column that are told, those of most rows first."""
SHOWN = ("title", "name")
"""Columns that an item is told by."""


class Fault(Struct):
    """What is wrong, in which key of a rule; no key: in all of it."""

    detail: str
    field: str | None


class RuleNow(Struct):
    """A rule, and what it means at this moment."""

    rule: dict[str, Any]
    state: str | None  # on, waiting, over
    items: int | None  # how many it means
    examples: list[Thing]
    people: int | None  # of those the run knows, in its audience; none: everybody
    faults: list[Fault]


class Columns(Struct):
    """A column that can be asked in a filter, and what stands in it."""

    name: str
    kind: str
    values: list[str] = field(default_factory=list)
    low: float | None = None
    high: float | None = None


class RulesNow(Struct):
    """The rules of a scenario, and what can be asked in new ones."""

    scenario: str
    edit: int  # number of its last change; 0: none is known
    edited: bool  # else it is as the recipe has it
    now: int  # ms
    table: dict[str, Any]  # all that it says
    recipe: dict[str, Any] | None  # as the recipe has it
    file: str | None  # of rules, where the recipe names one
    rules: list[RuleNow]
    items: list[Columns]
    people: list[Columns]


class Told(Strict):
    """A scenario, as it is to be."""

    scenario: dict[str, Any]


class Looks(Struct):
    """What is wrong with a scenario as a whole, and each of its rules."""

    now: int  # ms
    detail: str | None  # none: it can be meant
    rules: list[RuleNow]


class Try(Strict):
    """A scenario as it is to be, and on whom it is tried."""

    scenario: dict[str, Any]
    users: Annotated[list[Id], Meta(max_length=100)] = field(default_factory=list)
    people: Annotated[int, Meta(ge=0, le=100)] = 20  # who are drawn, where no users are named
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0
    items: Annotated[list[Id], Meta(max_length=100)] = field(default_factory=list)
    text: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    k: K | None = None
    fields: Annotated[list[str], Meta(max_length=50)] = field(default_factory=list)


class PlaceTold(Struct):
    """A place of a list, and where the same item stands in the other one."""

    rank: int
    item: str
    score: float
    other: int | None
    by: list[str]  # rules that moved it in this list
    hidden: str | None  # the rule that keeps it out of the other list
    fields: dict[str, Any]


class PersonTold(Struct):
    """Somebody's list before and after."""

    user: str | None  # none: not by an id
    key: str | None  # none: somebody of whom nothing is known
    rung: str
    items: list[str]  # that were asked about
    changed: bool
    rules: list[str]  # that hold for them
    before: list[PlaceTold]
    after: list[PlaceTold]


class SumTold(Struct):
    """All lists in figures."""

    lists: int
    changed: int
    moved: int
    came: int
    went: int
    score: float | None  # share of the scores that is gained; below 0: lost
    rules: dict[str, int]  # lists that each rule touches


class Previewed(Struct):
    """What a change would do."""

    scenario: str
    model: str
    now: int  # ms
    summary: SumTold
    people: list[PersonTold]


async def rules(call: Call) -> Reply:
    """The rules of a scenario as they are, and what they mean now."""
    return Reply(await call.service.aside(_rules, call, call.named("scenario")))


async def check(call: Call) -> Reply:
    """What the rules of a table would mean, and all that is wrong with them."""
    return Reply(await call.service.aside(_check, call, call.named("scenario")))


async def preview(call: Call) -> Reply:
    """Lists of real people before and after; nothing of it is kept."""
    for place, id in enumerate(call.body.users):
        checked(id, f"$.users[{place}]")
    call.service.guard.spend(call.who, float(len(call.body.users) or call.body.people))
    return Reply(await call.service.reported(_preview, call, call.named("scenario")))


def _rules(call: Call, name: str) -> RulesNow:
    service, snapshot = call.service, call.service.current.snapshot
    if name not in snapshot.scenarios:
        raise Problem(404, f"one of {', '.join(snapshot.scenarios)} expected, {name!r} came")
    scenario, edited = snapshot.scenarios[name], Edited.of(service.store.papers)
    tables = [one.said() for one in tables_of(scenario) or ()]
    looked = checks(snapshot, call.now_ms // 1000, scenario.k).of(tables)
    recipe = scenarios_in(snapshot.run.folder).get(name)
    file = scenario.rules if isinstance(scenario.rules, str) else None
    data = snapshot.run.data
    return RulesNow(
        name,
        edited.last(name),
        name in (edited.scenarios or {}),
        call.now_ms,
        scenario.said() | ({"rules": tables} if file else {}),
        None if recipe is None else recipe.said(),
        file,
        [_now(snapshot, one) for one in looked],
        [_column(*one) for one in data.catalog.fields.items() if one[1].kind != "vector"],
        [_column(*one) for one in data.traits.items() if one[1].kind != "vector"],
    )


def _check(call: Call, name: str) -> Looks:
    snapshot, table = call.service.current.snapshot, call.body.scenario
    detail, k = None, 10
    try:
        made = scenario_from(table, name)
        k = made.k
        if made.surface != "audience":
            tried(snapshot, made, call.now_ms // 1000)
    except (ConfigError, DataError) as error:
        detail = str(error)
    told = table.get("rules")
    tables = told if isinstance(told, list) else []
    looked = checks(snapshot, call.now_ms // 1000, k).of(tables)
    if detail is None:
        faults = [fault for one in looked for fault in one.faults]
        detail = faults[0].detail if faults else None
    return Looks(call.now_ms, detail, [_now(snapshot, one) for one in looked])


def _preview(call: Call, name: str) -> Previewed:
    service, body = call.service, call.body
    snapshot, now = service.current.snapshot, call.now_ms // 1000
    made = scenario_from(body.scenario, name)
    if made.surface == "audience":
        raise Problem(422, "a scenario that gives items expected, an audience came")
    if (made.surface == "search") != (body.text is not None):
        expected = "text expected" if made.surface == "search" else "no text expected"
        raise Problem(422, f"{name}: {expected}", "$.text")
    after = tried(snapshot, made, now, body.k)
    before = _before(snapshot, name, made, now, body.k)
    people = named(service, body.users) if body.users else None
    people = drawn(service, snapshot, body.people, body.seed) if people is None else people
    told, pairs = [], []
    for somebody, past in zip(people, _pasts(call, people), strict=True):
        items = _asked(snapshot, somebody, past, made, body.items)
        if items is None:
            continue  # nothing to be like
        pair = _pair(call, snapshot, (before, after), somebody, [*past, *_met(items, call.now_ms)])
        pairs.append(pair)
        told.append(_person(snapshot, somebody, items, pair, body.fields))
    return Previewed(name, snapshot.model, call.now_ms, SumTold(**asdict(summed(pairs))), told)


def _before(
    snapshot: Snapshot, name: str, made: Scenario, now: int, k: int | None
) -> Surface | None:
    """As it is; none where there is nothing to compare with."""
    old = snapshot.scenarios.get(name)
    if old is None or old.surface == "audience":
        return None
    if (old.surface == "search") != (made.surface == "search"):
        return None
    try:
        return snapshot.surface(name, k or old.k, now, wait=True)
    except (ConfigError, DataError):  # it is broken: that is why it is changed
        return None


def _pasts(call: Call, people: Sequence[Somebody]) -> list[list[Past]]:
    keys = [one.key for one in people if one.key is not None]
    found = dict(zip(keys, call.service.store.facts.histories(keys, LAST), strict=True))
    return [found.get(one.key, []) if one.key is not None else [] for one in people]


def _asked(
    snapshot: Snapshot,
    somebody: Somebody,
    past: Sequence[Past],
    made: Scenario,
    items: Sequence[str],
) -> list[str] | None:
    """Items that are asked about: where none are named, the last that somebody met."""
    if items or made.surface not in NEEDS_ITEMS:
        return list(items)
    query = snapshot.histories.query(somebody.names, past, 2**40)
    last = query.items[-1:].tolist()
    return [snapshot.catalog.items.ids[row] for row in last] or None


def _met(items: Sequence[str], now_ms: int) -> list[Past]:
    return [Past(item, "view", now_ms) for item in items]


def _pair(
    call: Call,
    snapshot: Snapshot,
    surfaces: tuple[Surface | None, Surface],
    somebody: Somebody,
    past: Sequence[Past],
) -> Pair:
    text = {} if call.body.text is None else {TEXT: Column.text([call.body.text])}
    now = call.now_ms // 1000
    query = snapshot.histories.query(somebody.names, past, now, text)
    return compared(*surfaces, query, call.body.seed)


def _person(
    snapshot: Snapshot, somebody: Somebody, items: list[str], pair: Pair, fields: list[str]
) -> PersonTold:
    names = fields or [name for name in SHOWN if name in snapshot.catalog.fields][:1]
    rung = "popular" if pair.rung in UNASKED else pair.rung
    if rung == "personal" and somebody is STRANGER:
        rung = "session"
    return PersonTold(
        somebody.user,
        somebody.key,
        rung,
        items,
        pair.changed,
        list(pair.held),
        [_place(snapshot, one, names) for one in pair.before],
        [_place(snapshot, one, names) for one in pair.after],
    )


def _place(snapshot: Snapshot, spot: Spot, names: list[str]) -> PlaceTold:
    row = int(snapshot.catalog.items.rows([spot.item])[0])
    written = row_of(snapshot.catalog, row, names)
    told = (spot.rank, spot.item, spot.score, spot.other, list(spot.by), spot.hidden)
    return PlaceTold(*told, written)


def _now(snapshot: Snapshot, looked: Looked) -> RuleNow:
    rows, catalog = looked.rows, snapshot.catalog
    if rows is not None and snapshot.hidden is not None:
        rows = rows[~snapshot.hidden[rows]]
    examples = [
        Thing(catalog.items.ids[row], row_of(catalog, row, SHOWN))
        for row in ([] if rows is None else rows[:EXAMPLES].tolist())
    ]
    faults = [Fault(one.detail, one.field) for one in looked.faults]
    count = None if rows is None else len(rows)
    return RuleNow(dict(looked.told), looked.state, count, examples, looked.people, faults)


def _column(name: str, column: Column) -> Columns:
    if column.kind in ("category", "list"):
        counts = np.bincount(column.values[column.values >= 0], minlength=len(column.labels))
        order = np.argsort(-counts, kind="stable")[:VALUES]
        return Columns(name, column.kind, [column.labels[code] for code in order.tolist()])
    if column.kind in ("number", "time"):
        values = column.values[given(column)]
        if len(values):
            return Columns(name, column.kind, [], float(values.min()), float(values.max()))
    return Columns(name, column.kind)


SALE: Mapping[str, Any] = {
    "scenario": {
        "surface": "for-you",
        "rules": [{"name": "no chairs", "do": "hide", "items": "category = 'chairs'"}],
    }
}
ROUTES = (
    Route("GET", "/v1/scenarios/{scenario}/rules", "catalog:read", rules,
          "What the rules of a scenario mean now", RulesNow),
    Route("POST", "/v1/scenarios/{scenario}/check", "catalog:read", check,
          "What is wrong with rules, and what they would mean", Looks, Told, example=SALE),
    Route("POST", "/v1/scenarios/{scenario}/preview", "people:read", preview,
          "Lists of real people before and after a change", Previewed, Try, example=SALE),
)  # fmt: skip
