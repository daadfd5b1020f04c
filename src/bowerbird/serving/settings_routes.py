"""Routes about settings: who asks, how the server behaves, when a retrain is due, who is told."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.guard import OPEN
from bowerbird.serving.messages import Strict
from bowerbird.serving.problems import Problem
from bowerbird.serving.roles import ANY, PUBLIC, ROLES, SCOPES, Role, role_of
from bowerbird.serving.set_values import Setting, values
from bowerbird.surfaces.books import entries, note
from bowerbird.surfaces.retrain_file import FILE, TABLES
from bowerbird.surfaces.strict import seconds_of

HIDDEN = "…"
"""Stands for what an address holds behind its host: that may be a secret."""
Table = dict[str, Any]


class Me(Struct):
    """Who asks."""

    id: str  # open: nobody needs a key yet
    kind: str
    name: str
    scopes: list[str]
    role: str | None  # none: scopes that were chosen one by one
    expires: int | None  # ms


class Settings(Struct):
    """How the server behaves, and what keys may be made."""

    settings: list[Setting]
    scopes: tuple[str, ...] = SCOPES
    public: tuple[str, ...] = PUBLIC
    roles: dict[Role, tuple[str, ...]] = field(default_factory=ROLES.copy)


class Tables(Struct):
    """When a retrain is due and who is told: what the file says, and what holds where it does not.

    Of the address that alerts go to only the host is told.
    """

    file: str
    timer: str | None  # how often this server looks; none: it does not
    looked: int | None  # seconds; none: nobody has
    next: int | None  # seconds; none: this server does not
    triggers: Table
    alerts: Table
    defaults: dict[str, Table]


class NewTables(Strict):
    """Keys said anew; null: the default."""

    triggers: Annotated[Table, Meta(max_length=20)] = field(default_factory=dict)
    alerts: Annotated[Table, Meta(max_length=20)] = field(default_factory=dict)


class Entry(Struct):
    """Something that somebody did."""

    number: int
    at: int  # ms
    who: str  # id of a key
    what: str
    about: str | None  # id of a key
    before: Table | None
    after: Table | None


class Entries(Struct):
    """The newest first."""

    changes: list[Entry]


class Tried(Struct):
    """What came of a message."""

    sent: bool
    fault: str | None  # why not


class Most(Struct, forbid_unknown_fields=True):
    """How many, at most."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100


async def me(call: Call) -> Reply:
    """What this key may do; without keys whoever asks may do everything."""
    who = call.who
    name = "nobody needs a key yet" if who is OPEN else who.name
    return Reply(Me(who.id, who.kind, name, list(who.scopes), role_of(who.scopes), who.expires))


async def settings(call: Call) -> Reply:
    """What is set, by which option, and what cannot be set."""
    return Reply(Settings(values(call.service.settings)))


async def tables(call: Call) -> Reply:
    """As the file has it, which «bowerbird retrain» reads."""
    return Reply(await call.service.aside(_tables, call))


async def change(call: Call) -> Reply:
    """Checked as «bowerbird retrain» does; it holds from the next look on."""
    asked = {name: dict(getattr(call.body, name)) for name in TABLES}
    if str(asked["alerts"].get("webhook") or "").endswith(HIDDEN):
        raise Problem(
            422, "the whole address expected, one that was shown came", "$.alerts.webhook"
        )
    service = call.service
    before = await service.aside(service.retraining.change_tables, asked)
    for name, had in before.items():
        now = {key: asked[name][key] for key in had}
        told = partial(note, before=_masked(had), after=_masked(now))
        await service.aside(told, service.store.papers, call.now_ms, call.who.id, name)
    return Reply(await service.aside(_tables, call))


async def changes(call: Call) -> Reply:
    """Who made or revoked which key, and who changed what."""
    found = await call.service.aside(entries, call.service.store.papers)
    return Reply(Entries([Entry(**asdict(one)) for one in found[: call.query.limit]]))


async def try_alert(call: Call) -> Reply:
    """A message that nothing has happened, to the address that alerts go to."""
    service = call.service
    fault = await service.aside(service.retraining.try_alert, call.now_ms // 1000)
    told = partial(note, after={"sent": fault is None, "fault": fault})
    await service.aside(told, service.store.papers, call.now_ms, call.who.id, "alert tried")
    return Reply(Tried(fault is None, fault))


def _tables(call: Call) -> Tables:
    retraining, timer = call.service.retraining, call.service.settings.retrain
    told = retraining.tables()
    looked = retraining.triggers().get("as_of")
    after = None
    if timer is not None and looked is not None:
        after = max(looked + int(seconds_of(timer)), call.now_ms // 1000)
    defaults = {name: kind().model_dump() for name, kind in TABLES.items()}
    return Tables(FILE, timer, looked, after, told["triggers"], _masked(told["alerts"]), defaults)


def _masked(table: Mapping[str, Any]) -> Table:
    """Of an address only where it leads to."""
    if not table.get("webhook"):
        return dict(table)
    try:
        parts = urlsplit(str(table["webhook"]))
        where = f"{parts.scheme}://{parts.hostname or ''}"
    except ValueError:  # as of a host in brackets that is none
        where = ""
    return {**table, "webhook": f"{where}/{HIDDEN}"}


EVERY = {"triggers": {"every": "12h", "at": None}}
ROUTES = (
    Route("GET", "/v1/me", ANY, me, "What this key may do", Me),
    Route("GET", "/v1/settings", "metrics:read", settings, "How the server behaves", Settings),
    Route("GET", "/v1/settings/retrain", "metrics:read", tables, "When a retrain is due", Tables),
    Route("PATCH", "/v1/settings/retrain", "admin", change, "Say when a retrain is due", Tables,
          NewTables, example=EVERY),
    Route("GET", "/v1/settings/changes", "metrics:read", changes, "Who changed which setting",
          Entries, query=Most),
    Route("POST", "/v1/alerts/test", "admin", try_alert, "Try where alerts go", Tried),
)  # fmt: skip
