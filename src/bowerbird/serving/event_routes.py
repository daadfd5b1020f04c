"""Routes that take what happened: events, exposures, and both from a page."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from bowerbird.data.facts import Done, Seen, Trust
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.serving.call import JSON, LINES, Call, Reply, Route, checked, decoded
from bowerbird.serving.messages import (
    BATCH,
    Collected,
    Event,
    Events,
    Exposure,
    Exposures,
    Moment,
    Row,
    Taken,
    fault_of_id,
    millis,
)
from bowerbird.serving.problems import Problem
from bowerbird.store.store import Outcome

FUTURE_MS = 86_400_000
"""An event may not be later than this after it came in."""
SCANNED = 20
"""Thousands of events that are looked through for those that a filter names."""
SECONDS = range(10**8, 10**11)
"""As milliseconds these are of 1970 to 1973: whoever says so means seconds, of 1973 or later."""
SKEW_MS = 366 * 86_400_000
"""A client's clock that is further off tells nothing."""
Rows = list[Seen | Done | str]
"""Facts, and for rows that are none the reason why."""


class Batch(Struct):
    """The outside of a batch; its rows are read one by one, so that one bad row spoils no other."""

    events: list[Raw] | None = None
    exposures: list[Raw] | None = None
    sent_at: Moment | None = None


class Newest(Struct, forbid_unknown_fields=True):
    """A part of what came in, newest first."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    before: Annotated[int, Meta(ge=0)] | None = None
    type: str | None = None
    item: str | None = None
    user: str | None = None  # as the shop calls them


class Tail(Struct):
    """Events as they are kept: people are keys."""

    events: list[dict[str, Any]]
    before: int | None  # ask with it for older ones; none: there are none


async def events(call: Call) -> Reply:
    """One event, a batch, or a line each."""
    batch = _batch(call, "events")
    return Reply(await _taken(call, _read(call, batch.events or [], Event, batch.sent_at)))


async def exposures(call: Call) -> Reply:
    """One exposure, a batch, or a line each."""
    batch = _batch(call, "exposures")
    return Reply(await _taken(call, _read(call, batch.exposures or [], Exposure, batch.sent_at)))


async def collect(call: Call) -> Reply:
    """What a page sends when it is left: its content type is plain text, so that no other question
    has to be asked before.
    """
    batch = _decoded(call.raw, Batch)
    rows = _read(call, batch.exposures or [], Exposure, batch.sent_at)
    rows += _read(call, batch.events or [], Event, batch.sent_at)
    return Reply(await _taken(call, rows))


async def tail(call: Call) -> Reply:
    """The events that came in last; with a filter, those among the last many."""
    asked, more = call.query, call.query.before
    only = {name: getattr(asked, name) for name in ("type", "item") if getattr(asked, name)}
    if asked.user:
        only["user"] = call.service.identity.user(checked(asked.user, "query: user"))
    told: list[dict[str, Any]] = []
    for _ in range(SCANNED if only else 1):
        limit = 1_000 if only else asked.limit
        found = await call.service.aside(call.service.store.facts.newest, limit, more)
        for number, done in found:
            if len(told) < asked.limit and all(getattr(done, n) == v for n, v in only.items()):
                told.append(msgspec.to_builtins(done))
                more = number
        if len(found) < limit or len(told) == asked.limit:
            more = more if len(told) == asked.limit else None
            break
        more = found[-1][0]
    return Reply(Tail(told, more))


def _batch(call: Call, name: str) -> Batch:
    """The rows of the body, whichever of the three forms it has."""
    kind = call.request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind == LINES:
        lines = [Raw(line) for line in call.raw.splitlines() if line.strip()]
        _few(len(lines))
        return _only(name, lines)

    batch = _decoded(call.raw, Batch)
    if getattr(batch, name) is None:  # one alone
        return _only(name, [Raw(call.raw)])

    return batch


def _only(name: str, rows: list[Raw]) -> Batch:
    return Batch(events=rows) if name == "events" else Batch(exposures=rows)


def _decoded(raw: bytes, kind: type[Batch]) -> Batch:
    batch: Batch = decoded(raw, kind)
    _few(len(batch.events or ()) + len(batch.exposures or ()))
    return batch


def _few(count: int) -> None:
    if count > BATCH:
        raise Problem(413, f"at most {BATCH:,} rows expected, {count:,} came: send smaller batches")


def _read(
    call: Call, rows: Sequence[Raw], kind: type[Event] | type[Exposure], sent_at: Moment | None
) -> Rows:
    """Each row as a fact, or why it is none."""
    skew = 0 if sent_at is None else call.now_ms - millis(sent_at)
    skew = skew if abs(skew) <= SKEW_MS else 0
    public = call.who.kind == "public"
    out: Rows = []
    for row in rows:
        try:
            told = msgspec.json.decode(row, type=kind)
        except msgspec.MsgspecError as error:
            out.append(str(error))
            continue
        except (UnicodeDecodeError, RecursionError) as error:
            out.append(f"JSON expected: {error}")
            continue
        fault = _fault(told, public)
        out.append(fault if fault is not None else _fact(call, told, skew, public))
    return out


def _fault(told: Event | Exposure, public: bool) -> str | None:
    """Why a row cannot be taken."""
    for name in ("item", "user", "visitor", "event_id", "rec_id", "session", "refers"):
        id = getattr(told, name, None)
        if id is not None and (fault := fault_of_id(id)) is not None:
            return f"{name}: {fault}"
    if told.user is not None and told.visitor is not None:
        return "user or visitor expected, both came"
    if public and told.user is not None:
        return "visitor expected with a public key, user came"
    if isinstance(told, Exposure):
        return None
    if told.user is None and told.visitor is None:
        return "user or visitor expected, neither came"
    if (told.value is None) != (told.currency is None):
        return "value (in minor units) and currency together expected, one came"
    return None


def _fact(call: Call, told: Event | Exposure, skew: int, public: bool) -> Seen | Done | str:
    """As it is kept."""
    arrived = call.now_ms
    time = arrived if told.time is None else millis(told.time) + skew
    if time > arrived + FUTURE_MS:
        return "time: a moment in the past expected, a later one came"
    if time < 0:
        return "time: a moment since 1970 expected, an earlier one came"
    if isinstance(told.time, int) and told.time in SECONDS:
        return f"time: milliseconds since 1970 expected, {told.time} came: are these seconds?"
    identity, user = call.service.identity, None
    if told.user is not None:
        user = identity.user(told.user)
    elif told.visitor is not None:
        user = identity.visitor(told.visitor)
    trust: Trust = "public" if public else "secret"
    id = told.event_id or _derived(call.who.id, user, told, time)
    if isinstance(told, Exposure):
        seen = (told.position, user, told.session, told.visible_ms, told.share, trust)
        return Seen(id, told.rec_id, told.item, time, arrived, *seen)
    more = (told.rec_id, told.session, told.value, told.currency, told.quantity, told.refers)
    return Done(id, user or "", told.item, told.type, time, arrived, *more, told.context, trust)


def _derived(who: str, user: str | None, told: Event | Exposure, time: int) -> str:
    """The name of an event that has none: sent again as it was, it is the same."""
    kind = told.type if isinstance(told, Event) else "seen"
    parts = (who, user, told.item, kind, time, told.rec_id, told.session)
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


async def _taken(call: Call, rows: Rows) -> Taken:
    """On disk, and what became of each."""
    service = call.service
    if len(rows) > 1:
        service.guard.spend(call.who, (len(rows) - 1) / 100)
    facts = [(place, row) for place, row in enumerate(rows) if not isinstance(row, str)]
    outcomes = await service.record([row for _, row in facts]) if facts else []
    kinds = [type(fact).__name__.lower() for _, fact in facts]
    told = zip(kinds, outcomes, strict=True)
    for names, count in Counter(told).items():
        service.telemetry.events.labels(*names).inc(count)
    if service.current.there:
        catalog = service.current.snapshot.catalog.items
        for known, count in Counter(_known(facts, outcomes, catalog)).items():
            service.telemetry.met.labels("yes" if known else "no").inc(count)
    if facts:
        oldest = max(fact.arrived - fact.time for _, fact in facts)
        service.telemetry.delay.observe(max(oldest, 0) / 1000)
    became = dict(zip((place for place, _ in facts), outcomes, strict=True))
    return _counted(rows, became)


def _known(
    facts: Sequence[tuple[int, Seen | Done]], outcomes: Sequence[Outcome], catalog: Vocabulary
) -> list[bool]:
    """Of each event that was taken: is its item in the catalog?"""
    return [
        fact.item in catalog
        for (_, fact), outcome in zip(facts, outcomes, strict=True)
        if outcome == "accepted" and isinstance(fact, Done)
    ]


def _counted(rows: Rows, became: Mapping[int, Outcome]) -> Taken:
    """How many of each outcome, and a word on every row that was not simply taken."""
    taken, counts = Taken(), Counter(became.values())
    taken.accepted, taken.duplicate = counts["accepted"], counts["duplicate"]
    taken.conflict, taken.rejected = counts["conflict"], len(rows) - len(became)
    for place, row in enumerate(rows):
        if isinstance(row, str):
            taken.rows.append(Row(place, "rejected", row))
        elif (outcome := became[place]) == "conflict":
            reason = "another event has this event_id, and stays"
            taken.rows.append(Row(place, outcome, reason))
        elif outcome == "duplicate":
            taken.rows.append(Row(place, outcome))
    return taken


CLICK = {
    "visitor": "3f0c",
    "item": "50",
    "type": "click",
    "rec_id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
}
SHOWN = {
    "visitor": "3f0c",
    "item": "50",
    "rec_id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "position": 1,
    "visible_ms": 1500,
    "share": 1.0,
}
ROUTES = (
    Route("POST", "/v1/events", "events:write", events, "What people did", Taken, Event | Events,
          types=(JSON, LINES), public=True, raw=True, example={"events": [CLICK]}),
    Route("POST", "/v1/exposures", "events:write", exposures, "What people saw", Taken,
          Exposure | Exposures, types=(JSON, LINES), public=True, raw=True,
          example={"exposures": [SHOWN]}),
    Route("POST", "/v1/collect", "events:write", collect, "Both, from a page", Taken, Collected,
          types=("text/plain", JSON), public=True, raw=True,
          example={"exposures": [SHOWN], "events": [CLICK]}),
    Route("GET", "/v1/events", "people:read", tail, "What came in last", Tail, query=Newest),
)  # fmt: skip
