"""Routes that give lists."""

import time
from typing import Annotated

from msgspec import Meta, Struct, field, structs

from bowerbird.serving.call import Call, Handler, Reply, Route, checked
from bowerbird.serving.messages import Ask, Asks, Id, K, Met, RecList, RecLists, Word
from bowerbird.serving.problems import Problem
from bowerbird.serving.rec_id import rec_id
from bowerbird.serving.snapshot import counted
from bowerbird.surfaces.people import people_for

LEAST_MS, MOST_MS = 1, 10_000
"""Deadlines that a client may ask for."""


class Asked(Struct, forbid_unknown_fields=True):
    """What may stand in the address of a list."""

    k: K | None = None
    scenario: Word | None = None
    user: Id | None = None
    visitor: Id | None = None
    session: Id | None = None
    filter: Annotated[str, Meta(max_length=4_000)] | None = None
    never: list[Id] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    explain: bool = False


class Searched(Asked, kw_only=True):
    """A list for words."""

    text: Annotated[str, Meta(min_length=1, max_length=500)]


class About(Asked):
    """A list about items."""

    items: list[Id] = field(default_factory=list)


class People(Struct, forbid_unknown_fields=True):
    """Whom an item fits."""

    k: K | None = None
    filter: Annotated[str, Meta(max_length=4_000)] | None = None
    scenario: Word = "audience"


class Person(Struct):
    """One of an audience."""

    rank: int
    user: str
    score: float


class Audience(Struct):
    """People whom an item fits best."""

    item: str
    model: str
    people: list[Person]


async def recommend(call: Call) -> Reply:
    """Any scenario, asked in the body."""
    return Reply(await _listed(call, call.body))


async def batch(call: Call) -> Reply:
    """Several lists; each costs as one."""
    asks = call.body.requests
    call.service.guard.spend(call.who, float(len(asks) - 1))
    return Reply(RecLists([await _listed(call, ask) for ask in asks]))


async def for_user(call: Call) -> Reply:
    """A person's list, by an address."""
    if call.who.kind == "public":
        raise Problem(403, "a secret key expected to ask for a user: a page asks for a visitor")
    ask = _of(call.query, call.query.scenario or "for-you")
    return Reply(await _listed(call, structs.replace(ask, user=call.named("user"), visitor=None)))


async def similar(call: Call) -> Reply:
    """What is like an item."""
    ask = _of(call.query, call.query.scenario or "similar")
    return Reply(await _listed(call, structs.replace(ask, items=[call.named("item")])))


async def complements(call: Call) -> Reply:
    """What goes with the items of a basket."""
    ask = _of(call.query, call.query.scenario or "goes-with")
    items: list[str | Met] = list(call.query.items)
    return Reply(await _listed(call, structs.replace(ask, items=items)))


async def search(call: Call) -> Reply:
    """What fits words."""
    ask = _of(call.query, call.query.scenario or "search")
    return Reply(await _listed(call, structs.replace(ask, text=call.query.text)))


def _fixed(surface: str) -> Handler:
    """A surface that asks nothing of who asks."""

    async def answer(call: Call) -> Reply:
        return Reply(await _listed(call, _of(call.query, call.query.scenario or surface)))

    return answer


async def audience(call: Call) -> Reply:
    """Whom an item fits."""
    snapshot, item = call.service.current.snapshot, call.named("item")
    scenario = snapshot.scenario(call.query.scenario)
    if item not in snapshot.catalog.items:
        raise Problem(404, f"an item of the catalog expected, {item!r} came")
    k, gone = call.query.k or scenario.k, snapshot.histories.forgotten
    asked = (counted(snapshot), scenario, None, [item], k + len(gone), call.query.filter)
    found = await call.service.aside(people_for, *asked)
    key = call.service.identity.user
    there = [one for one in found if gone.isdisjoint((one["user"], key(one["user"])))]
    people = [Person(rank, one["user"], one["score"]) for rank, one in enumerate(there[:k], 1)]
    return Reply(Audience(item, snapshot.model, people))


async def _listed(call: Call, ask: Ask) -> RecList:
    """The best list there is time for.

    Raises:
        Problem: what is asked cannot be meant, or not by this key.
    """
    service = call.service
    if ask.user is not None and call.who.kind == "public":
        told = "a secret key expected with a user; with a public one send visitor"
        raise Problem(403, told, "$.user")
    if ask.vector is not None and call.who.kind == "public":
        raise Problem(403, "a secret key expected with a vector", "$.vector")
    if ask.user is not None and ask.visitor is not None:
        raise Problem(422, "user or visitor expected, both came", "$.visitor")
    for name in ("user", "visitor", "session", "request"):
        if (id := getattr(ask, name)) is not None:
            checked(id, f"$.{name}")
    within = _deadline(call) / 1000
    made = rec_id(call.now_ms)
    until = time.monotonic() + within
    question = service.answers.question(ask, made, call.now_ms, until, ask.request or call.id)
    return await service.best(question)


def _deadline(call: Call) -> int:
    told = call.request.headers.get("x-deadline-ms")
    if told is None:
        return call.service.settings.deadline_ms
    if not told.isdecimal() or not LEAST_MS <= int(told) <= MOST_MS:
        raise Problem(
            422,
            f"{LEAST_MS} to {MOST_MS} milliseconds expected, {told[:20]!r} came",
            "X-Deadline-Ms",
        )
    return int(told)


def _of(asked: Asked, scenario: str) -> Ask:
    """An address as a question."""
    return Ask(
        scenario=scenario,
        user=asked.user,
        visitor=asked.visitor,
        session=asked.session,
        k=asked.k,
        filter=asked.filter,
        never=asked.never,
        fields=asked.fields,
        explain=asked.explain,
    )


FOR_YOU = {"user": "42", "k": 10}
ROUTES = (
    Route("POST", "/v1/recommend", "recs:read", recommend, "A list of any scenario", RecList, Ask,
          public=True, example=FOR_YOU),
    Route("POST", "/v1/recommend/batch", "recs:read", batch, "Several lists", RecLists, Asks,
          example={"requests": [FOR_YOU]}),
    Route("GET", "/v1/users/{user}/recommendations", "recs:read", for_user, "A person's list",
          RecList, query=Asked),
    Route("GET", "/v1/items/{item}/similar", "recs:read", similar, "Items like this one", RecList,
          query=Asked, public=True),
    Route("GET", "/v1/items/{item}/audience", "people:read", audience, "Whom this item fits",
          Audience, query=People),
    Route("GET", "/v1/complements", "recs:read", complements, "What goes with these items", RecList,
          query=About, public=True),
    Route("GET", "/v1/search", "recs:read", search, "Items that fit words", RecList,
          query=Searched, public=True),
    Route("GET", "/v1/popular", "recs:read", _fixed("popular"), "What is popular", RecList,
          query=Asked, public=True),
    Route("GET", "/v1/new", "recs:read", _fixed("new"), "What is new", RecList, query=Asked,
          public=True),
    Route("GET", "/v1/trending", "recs:read", _fixed("trending"), "What is trending", RecList,
          query=Asked, public=True),
)  # fmt: skip
