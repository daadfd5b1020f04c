"""Routes about items and people: what is known of them, one by one and in bulk."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, structs

from bowerbird.data.columns import Column
from bowerbird.data.facts import Merge
from bowerbird.serving.call import Call, Reply, Route, checked
from bowerbird.serving.messages import Fields, Id, Strict, Thing, Things
from bowerbird.serving.problems import Problem
from bowerbird.serving.snapshot import row_of
from bowerbird.store.store import Change
from bowerbird.surfaces.live_items import newer


class Body(Strict):
    """What is written on an item, or known of a person."""

    fields: Fields


class Merging(Strict):
    """A visitor who turned out to be this person."""

    visitor: Id | None = None
    user: Id | None = None


class Page(Struct, forbid_unknown_fields=True):
    """A part of all there are, in their order."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    after: str = ""


class Paged(Struct):
    """Some of them, and where the next page begins."""

    things: list[Thing]
    after: str | None  # ask with it for the next; none: this was the last


class Counted(Struct):
    """How many were written."""

    written: int


class Merged(Struct):
    """Whether it is news."""

    merged: bool


class Receipt(Struct):
    """What went of a person, for the records."""

    deleted: bool
    rows: dict[str, int]
    at: int
    models: list[str]  # runs that were trained while they were there


async def put_item(call: Call) -> Reply:
    """Replace or add one."""
    return await _put(call, [Thing(call.named("item"), call.body.fields)])


async def put_items(call: Call) -> Reply:
    """Replace or add many."""
    return await _put(call, call.body.things)


async def patch_item(call: Call) -> Reply:
    """Change some columns; a column that is null goes."""
    id, service = call.named("item"), call.service
    known = await service.aside(_item, call, id)
    if known is None:
        raise Problem(404, f"an item expected, {id!r} is not there: PUT makes it")
    fields = {**known, **call.body.fields}
    fields = {name: value for name, value in fields.items() if value is not None}
    return await _put(call, [Thing(id, fields)])


async def delete_item(call: Call) -> Reply:
    """Out of all lists, at once."""
    id, service = call.named("item"), call.service
    if await service.aside(_item, call, id) is None:
        raise Problem(404, f"an item expected, {id!r} is not there")
    change = Change(id, None, time=call.now_ms)
    service.current.hide(id, await service.aside(service.store.items.put, [change]))
    return Reply(b"", 204)


async def get_item(call: Call) -> Reply:
    """What is written on it."""
    id = call.named("item")
    known = await call.service.aside(_item, call, id)
    if known is None:
        raise Problem(404, f"an item expected, {id!r} is not there")
    return _tagged(call, Thing(id, known))


async def items(call: Call) -> Reply:
    """All that can be shown, the oldest first."""
    ids, limit = call.service.current.snapshot.catalog.items.ids, call.query.limit
    row = int(call.service.current.snapshot.catalog.items.rows([call.query.after])[0])
    if call.query.after and row < 0:
        raise Problem(422, "an item of the catalog expected, another id came", "query: after")
    found: list[Thing] = []
    for place in range(row + 1, len(ids)):
        fields = _row(call, ids[place])
        if fields is not None:
            found.append(Thing(ids[place], fields))
        if len(found) == limit:
            break
    return Reply(Paged(found, found[-1].id if len(found) == limit else None))


async def put_user(call: Call) -> Reply:
    """What is known of a person, in place of what was."""
    key = call.service.identity.user(call.named("user"))
    return await _put_people(call, [Change(key, call.body.fields, time=call.now_ms)])


async def put_users(call: Call) -> Reply:
    """Of many."""
    identity = call.service.identity
    for place, thing in enumerate(call.body.things):
        checked(thing.id, f"$.things[{place}].id")
    changes = [
        Change(identity.user(thing.id), thing.fields, time=call.now_ms)
        for thing in call.body.things
    ]
    return await _put_people(call, changes)


async def patch_user(call: Call) -> Reply:
    """Some columns; one that is null goes."""
    key, service = call.service.identity.user(call.named("user")), call.service
    change = Change(key, call.body.fields, time=call.now_ms)
    (there,) = await service.aside(service.store.users.patch, [change])
    if not there:
        raise Problem(404, "a person expected of whom something is known: PUT writes it")
    return Reply(Counted(1))


async def get_user(call: Call) -> Reply:
    """What is known of a person."""
    id, service = call.named("user"), call.service
    (found,) = await service.aside(service.store.users.get, [service.identity.user(id)])
    if found is None:
        raise Problem(404, "a person expected of whom something is known")
    return _tagged(call, Thing(id, dict(found.fields or {})))


async def export_user(call: Call) -> Reply:
    """All that is held of a person."""
    key, service = call.service.identity.user(call.named("user")), call.service
    return Reply(await service.aside(service.store.people.export, key))


async def delete_user(call: Call) -> Reply:
    """A person and all they did, from now on; a receipt of what went."""
    id, service = call.named("user"), call.service
    key = service.identity.user(id)
    names = [id, *await service.aside(service.store.people.names, key)]
    rows = await service.aside(service.store.people.delete, key, call.now_ms)
    snapshot = service.current.snapshot
    known = [n for n in names if service.current.there and n in snapshot.run.data.users]
    service.current.forget(names)
    models = [snapshot.model] if known else []
    return Reply(Receipt(any(rows.values()) or bool(known), dict(rows), call.now_ms, models))


async def merge_user(call: Call) -> Reply:
    """From now on two names are one person."""
    id, service = call.named("user"), call.service
    body, identity = call.body, call.service.identity
    if (body.visitor is None) == (body.user is None):
        raise Problem(422, "visitor or user expected, one of them")
    old = identity.visitor(body.visitor) if body.visitor is not None else identity.user(body.user)
    merge = Merge(old, identity.user(id), call.now_ms)
    (new,) = await service.aside(service.store.people.merge, [merge])
    return Reply(Merged(new))


async def _put(call: Call, things: list[Thing]) -> Reply:
    service = call.service
    kinds = service.current.snapshot.catalog.fields
    for place, thing in enumerate(things):
        checked(thing.id, f"$.things[{place}].id")
        for name, value in thing.fields.items():
            fault = _fault(kinds.get(name), value)
            if fault is not None:
                raise Problem(422, fault, f"$.things[{place}].fields.{name}")
    changes = [Change(thing.id, thing.fields, time=call.now_ms) for thing in things]
    await service.aside(newer, service.current.snapshot.catalog, changes)  # can they be read?
    await service.aside(service.store.items.put, changes)
    return Reply(Counted(len(things)))


async def _put_people(call: Call, changes: list[Change]) -> Reply:
    await call.service.aside(call.service.store.users.put, changes)
    return Reply(Counted(len(changes)))


def _fault(column: Column | None, value: Any) -> str | None:  # noqa: ANN401  any JSON value
    """Why a value does not fit the column that the run knows."""
    if column is None or value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    numbers = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    fits: Mapping[str, bool] = {
        "number": number,
        "time": isinstance(value, str | int),
        "list": isinstance(value, list | str),
        "vector": numbers and column.values.shape[1:] == (len(value),),
    }
    if fits.get(column.kind, isinstance(value, str | int | float | bool)):
        return None
    return f"a value of kind {column.kind} expected, {str(value)[:50]!r} came"


def _item(call: Call, id: str) -> dict[str, Any] | None:
    """As the store has it, else as the run does."""
    (found,) = call.service.store.items.get([id])
    return dict(found.fields) if found is not None and found.fields is not None else _row(call, id)


def _row(call: Call, id: str) -> dict[str, Any] | None:
    """As lists have it."""
    snapshot = call.service.current.snapshot
    row = int(snapshot.catalog.items.rows([id])[0])
    if row < 0 or (snapshot.hidden is not None and snapshot.hidden[row]):
        return None
    return row_of(snapshot.catalog, row, list(snapshot.catalog.fields))


def _tagged(call: Call, thing: Thing) -> Reply:
    """With an ETag; nothing but it for somebody who has it already."""
    body = msgspec.json.encode(structs.asdict(thing), order="sorted")
    tag = f'"{_digest(body)}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in call.request.headers.get("if-none-match", ""):
        return Reply(b"", 304, headers)
    return Reply(body, 200, headers)


def _digest(body: bytes) -> str:
    """16 hex digits of what was sent."""
    return hashlib.sha256(body).hexdigest()[:16]


ITEM = {"fields": {"title": "A chess set", "price": 19.99}}
PERSON = {"fields": {"country": "DE"}}
ROUTES = (
    Route("GET", "/v1/items", "catalog:read", items, "Items, page by page", Paged, query=Page),
    Route("POST", "/v1/items", "catalog:write", put_items, "Add or replace items", Counted, Things,
          example={"things": [{"id": "chess-set", **ITEM}]}),
    Route("GET", "/v1/items/{item}", "catalog:read", get_item, "An item", Thing),
    Route("PUT", "/v1/items/{item}", "catalog:write", put_item, "Add or replace an item", Counted,
          Body, example=ITEM),
    Route("PATCH", "/v1/items/{item}", "catalog:write", patch_item, "Change an item", Counted, Body,
          example={"fields": {"price": 14.99}}),
    Route("DELETE", "/v1/items/{item}", "catalog:write", delete_item, "Take an item out of lists",
          status=204),
    Route("POST", "/v1/users", "people:write", put_users, "Add or replace people", Counted, Things,
          example={"things": [{"id": "42", **PERSON}]}),
    Route("GET", "/v1/users/{user}", "people:read", get_user, "What is known of a person", Thing),
    Route("PUT", "/v1/users/{user}", "people:write", put_user, "Say what is known of a person",
          Counted, Body, example=PERSON),
    Route("PATCH", "/v1/users/{user}", "people:write", patch_user, "Change what is known", Counted,
          Body, example=PERSON),
    Route("DELETE", "/v1/users/{user}", "people:write", delete_user, "Erase a person", Receipt),
    Route("GET", "/v1/users/{user}/export", "people:read", export_user,
          "All that is held of a person", dict),
    Route("POST", "/v1/users/{user}/merge", "people:write", merge_user,
          "Say who a visitor is", Merged, Merging, example={"visitor": "3f0c"}),
)  # fmt: skip
