"""Routes about scenarios: what can be asked, said anew while the service runs, and taken back."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from msgspec import Meta, Struct

from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.messages import Word
from bowerbird.serving.problems import Problem
from bowerbird.serving.snapshot import Snapshot, tried
from bowerbird.surfaces.live_scenarios import Edit as Kept
from bowerbird.surfaces.live_scenarios import Edited, Superseded, edit, scenario_from, undo
from bowerbird.surfaces.rule_checks import Checks, refused
from bowerbird.surfaces.scenario import Scenario


class Scenarios(Struct):
    """Scenarios by name, as they are asked."""

    scenarios: dict[str, dict[str, Any]]


class Edit(Struct):
    """Who said what of a scenario, and what was said until then; none: what the recipe says."""

    number: int
    at: int  # ms
    who: str  # id of a key
    scenario: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    undoes: int | None = None  # number of another edit


class Edits(Struct):
    """The newest first."""

    edits: list[Edit]


class Most(Struct, forbid_unknown_fields=True):
    """How many, at most, and of which scenario."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    scenario: Word | None = None


class Which(Struct, forbid_unknown_fields=True):
    """Of which scenario."""

    scenario: Word | None = None


async def scenarios(call: Call) -> Reply:
    """What can be asked, and how each is set."""
    snapshot = call.service.current.snapshot
    return Reply(Scenarios({n: s.said() for n, s in snapshot.scenarios.items()}))


async def scenario(call: Call) -> Reply:
    """One of them."""
    name, snapshot = call.named("scenario"), call.service.current.snapshot
    if name not in snapshot.scenarios:
        raise Problem(404, f"one of {', '.join(snapshot.scenarios)} expected, {name!r} came")
    edited = await call.service.aside(Edited.of, call.service.store.papers)
    return Reply(snapshot.scenarios[name].said(), headers=_tag(edited.last(name)))


async def put(call: Call) -> Reply:
    """Say how it is from now on; tried before it is kept. Other servers follow in seconds."""
    name = call.named("scenario")
    made = await call.service.aside(_tried, call, name, call.body)
    table = made.model_dump(mode="json", exclude_unset=True, by_alias=True)
    number = await _kept(call, name, table)
    return Reply(made.said(), headers=_tag(number))


async def delete(call: Call) -> Reply:
    """As the recipe of the run has it, from now on."""
    name = call.named("scenario")
    edited = await call.service.aside(Edited.of, call.service.store.papers)
    if name not in (edited.scenarios or {}):
        raise Problem(404, "a scenario that was changed expected, there is none of this name")
    await _kept(call, name, None)
    return Reply(b"", 204)


async def edits(call: Call) -> Reply:
    """Who changed what."""
    edited = await call.service.aside(Edited.of, call.service.store.papers)
    newest = edited.of_scenario(call.query.scenario)[: -call.query.limit - 1 : -1]
    return Reply(Edits([_edit(one) for one in newest]))


async def back(call: Call) -> Reply:
    """Take the last change back that was not taken back yet."""
    service = call.service
    told = (service.store.papers, call.who.id, call.now_ms, call.query.scenario, _seen(call))
    made = await _changed(call, undo, *told)
    if made is None:
        raise Problem(409, "a change that was not taken back yet expected, there is none")
    return Reply(_edit(made))


def _tried(call: Call, name: str, table: Mapping[str, Any]) -> Scenario:
    """It can be opened over the run that answers, and every rule of it can be meant.

    Raises:
        ConfigError: it says what cannot be meant, or does not fit the run.
    """
    made, snapshot = scenario_from(table, name), call.service.current.snapshot
    if made.surface != "audience":
        now = call.now_ms // 1000
        tried(snapshot, made, now)
        refused(checks(snapshot, now, made.k).of(table.get("rules") or ()), name)
    return made


def checks(snapshot: Snapshot, now: int, k: int) -> Checks:
    """What rules are looked at with, over the run that answers."""
    data = snapshot.run.data
    return Checks(data.catalog, data.traits, len(data.users), now, k)


async def _kept(call: Call, name: str, table: Mapping[str, Any] | None) -> int:
    """The number of the last edit, which is this one if it says anything new."""
    papers = call.service.store.papers
    made = await _changed(call, edit, papers, name, table, call.who.id, call.now_ms, _seen(call))
    if made is not None:
        return made.number
    return (await call.service.aside(Edited.of, papers)).last(name)


async def _changed(call: Call, work: Callable[..., Kept | None], *told: Any) -> Kept | None:  # noqa: ANN401  the work's
    service = call.service
    try:
        made = await service.aside(work, *told)
    except Superseded as error:
        raise Problem(412, str(error)) from error
    await service.aside(service.current.refresh)
    return made


def _seen(call: Call) -> int | None:
    """The last edit that the caller knows of: If-Match, as the ETag of a scenario was.

    Raises:
        Problem: it is none.
    """
    told = call.request.headers.get("if-match")
    if told is None or told.strip() == "*":
        return None
    number = told.strip().strip('"')
    if not number.isdecimal() or len(number) > 15:
        expected = "the ETag of a scenario, the number of its last edit, expected"
        raise Problem(422, f"{expected}, {told[:40]!r} came", "If-Match")
    return int(number)


def _tag(number: int) -> dict[str, str]:
    return {"ETag": f'"{number}"'}


def _edit(one: Kept) -> Edit:
    return Edit(**asdict(one))


HOME = {
    "surface": "for-you",
    "k": 10,
    "rules": [{"name": "no chairs", "do": "hide", "items": "category = 'chairs'"}],
}
ROUTES = (
    Route("GET", "/v1/scenarios", "catalog:read", scenarios, "What can be asked", Scenarios),
    Route("GET", "/v1/scenarios/{scenario}", "catalog:read", scenario, "One scenario", dict),
    Route("PUT", "/v1/scenarios/{scenario}", "rules:write", put, "Say how a scenario is", dict,
          dict[str, Any], example=HOME),
    Route("DELETE", "/v1/scenarios/{scenario}", "rules:write", delete,
          "A scenario as the recipe has it", status=204),
    Route("GET", "/v1/edits", "catalog:read", edits, "Who changed which scenario", Edits,
          query=Most),
    Route("POST", "/v1/edits/undo", "rules:write", back, "Take the last change back", Edit,
          query=Which),
)  # fmt: skip
