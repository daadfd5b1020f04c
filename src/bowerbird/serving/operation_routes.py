"""Routes about the service: health, metrics, keys, lists that went out."""

from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.guard import new_key
from bowerbird.serving.kept_current import kept_current
from bowerbird.serving.messages import Id, Moment, Strict, Word, millis
from bowerbird.serving.no_run import NONE
from bowerbird.serving.problems import Problem
from bowerbird.serving.roles import Role, role_of, scopes_of
from bowerbird.serving.script import TYPE as JAVASCRIPT
from bowerbird.serving.script import script
from bowerbird.serving.telemetry import TYPE
from bowerbird.store.store import Key
from bowerbird.surfaces.books import entries, note
from bowerbird.surfaces.live_log import held_by_reason


class Health(Struct):
    """How it is."""

    status: str
    model: str | None = None
    store: str | None = None


class NewKey(Strict):
    """A key to be made."""

    kind: Literal["public", "secret"]
    name: Id
    scopes: list[Word] | None = None
    role: Role | None = None  # or a name for several scopes
    expires: Moment | None = None


class Shown(Struct):
    """A key as it may be shown."""

    id: str
    kind: str
    scopes: list[str]
    name: str
    made: int
    expires: int | None
    revoked: int | None
    used: int | None
    role: str | None = None  # none: scopes that were chosen one by one
    maker: str | None = None  # id of a key; none: the command line, or long ago
    key: str | None = None  # once, when it is made


class KeyList(Struct):
    """All keys there ever were."""

    keys: list[Shown] = field(default_factory=list)


class Held(Struct):
    """Events of an item that do not count, for one reason."""

    reason: str
    item: str
    events: int
    users: int


class Quarantine(Struct):
    """Of the events since the run was trained those that do not count in what is popular."""

    as_of: int | None  # ms; none: nothing was counted yet
    events: int  # that arrived since
    quarantined: dict[str, int]  # by reason
    items: list[Held]  # those with the most events first


class Most(Struct, forbid_unknown_fields=True):
    """How many rows, at most."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


async def live(call: Call) -> Reply:
    """Does the process run?"""
    return Reply(Health("ok"))


async def ready(call: Call) -> Reply:
    """May it be sent requests? A store that is away does not keep lists from being made."""
    service = call.service
    model = service.current.snapshot.model
    if service.stopping:
        return Reply(Health("stopping", model), 503, {"Retry-After": "1"})
    if not service.current.there:
        raise Problem(503, NONE, headers={"Retry-After": "10"})
    return Reply(Health("ok", model, service.breaker.state))


async def metrics(call: Call) -> Reply:
    """For Prometheus."""
    service = call.service
    service.telemetry.waiting.set(len(service.lists))
    service.telemetry.dropped.set(service.lists.dropped)
    service.telemetry.breaker.set(service.breaker.state != "closed")
    await service.aside(kept_current, service)
    return Reply(service.telemetry.text(), type=TYPE)


async def served(call: Call) -> Reply:
    """A list that went out, as it was."""
    id = call.named("rec_id")
    found = await call.service.aside(call.service.store.facts.served, id)
    if found is None:
        raise Problem(404, "a list that was served expected, there is none of this rec_id")
    return Reply(found)


async def quarantine(call: Call) -> Reply:
    """What is left out of what is popular, and why. The events themselves are kept."""
    found = call.service.current.snapshot.live
    reasons = held_by_reason(found)
    if found is None:
        return Reply(Quarantine(None, 0, reasons, []))
    held = [Held(*row) for row in found.held.head(call.query.limit).iter_rows()]
    return Reply(Quarantine(found.as_of, found.events, reasons, held))


async def keys(call: Call) -> Reply:
    """All keys, without what opens."""
    store = call.service.store
    found = await call.service.aside(store.keys.all)
    books = await call.service.aside(entries, store.papers)
    makers = {entry.about: entry.who for entry in books if entry.what == "key made"}
    return Reply(KeyList([_shown(key, makers.get(key.id)) for key in found]))


async def make_key(call: Call) -> Reply:
    """A new one; it is shown this once."""
    body, service = call.body, call.service
    expires = None if body.expires is None else millis(body.expires)
    if body.scopes is None and body.role is None:
        raise Problem(422, "scopes or a role expected, neither came", "$.scopes")
    scopes = body.scopes or []
    if body.role is not None:
        scopes = scopes_of(body.role, scopes, body.kind == "public")
    told, key = new_key(body.kind, scopes, body.name, call.now_ms, expires)
    await service.aside(service.store.keys.add, key)
    service.guard.forget()
    about = {"name": key.name, "kind": key.kind, "scopes": list(key.scopes), "expires": key.expires}
    await _noted(call, "key made", key.id, about)
    return Reply(_shown(key, call.who.id, told), 201)


async def revoke_key(call: Call) -> Reply:
    """It opens nothing from now on; other servers know it some seconds later."""
    id, service = call.named("key"), call.service
    if not await service.aside(service.store.keys.revoke, id, call.now_ms):
        raise Problem(404, "an open key expected, there is none of this id")
    service.guard.forget()
    await _noted(call, "key revoked", id, None)
    return Reply(b"", 204)


async def _noted(call: Call, what: str, id: str, after: dict[str, Any] | None) -> None:
    """In the books: who did it."""
    told = partial(note, about=id, after=after)
    await call.service.aside(told, call.service.store.papers, call.now_ms, call.who.id, what)


def _shown(key: Key, maker: str | None, told: str | None = None) -> Shown:
    given = {name: getattr(key, name) for name in ("id", "kind", "name", "made", "expires")}
    role = role_of(key.scopes)
    return Shown(
        **given,
        scopes=list(key.scopes),
        revoked=key.revoked,
        used=key.used,
        role=role,
        maker=maker,
        key=told,
    )


KEY = {"kind": "public", "scopes": ["recs:read", "events:write"], "name": "shop page"}
ROUTES = (
    Route("GET", "/v1/health/live", None, live, "Does it run?", Health),
    Route("GET", "/v1/health/ready", None, ready, "May it be asked?", Health),
    Route("GET", "/metrics", "metrics:read", metrics, "For Prometheus"),
    Route("GET", "/v1/bowerbird.js", None, script, "A script for pages", media=JAVASCRIPT,
          public=True),
    Route("GET", "/v1/lists/{rec_id}", "metrics:read", served, "A list that went out", dict),
    Route("GET", "/v1/quarantine", "people:read", quarantine, "Events that do not count",
          Quarantine, query=Most),
    Route("GET", "/v1/keys", "admin", keys, "All keys", KeyList),
    Route("POST", "/v1/keys", "admin", make_key, "A new key", Shown, NewKey, status=201,
          example=KEY),
    Route("DELETE", "/v1/keys/{key}", "admin", revoke_key, "Revoke a key", status=204),
)  # fmt: skip
