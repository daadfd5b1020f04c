"""Routes for whoever looks at lists: one that is tried, people to try it for, what they did."""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from bowerbird.serving.call import Call, Reply, Route, checked
from bowerbird.serving.finding import found_people, past_of
from bowerbird.serving.guard import OPEN
from bowerbird.serving.messages import TERMS, Id, Whole
from bowerbird.serving.problems import Problem
from bowerbird.serving.tried_messages import Attempt, TriedList
from bowerbird.surfaces.registry import runs_in


class Which(Struct, forbid_unknown_fields=True):
    """People whose id begins so, page by page; or some by chance."""

    prefix: Annotated[str, Meta(max_length=256)] = ""
    after: Annotated[str, Meta(max_length=256)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 20
    draw: Whole | None = None  # a seed: not the first, but some of all


class Found(Struct):
    """Somebody."""

    id: str
    events: int  # that are known of them
    last: int | None  # ms; when the last one was


class People(Struct):
    """Some, by id."""

    people: list[Found]
    after: str | None  # ask with it for the next; none: this was the last


class Of(Struct, forbid_unknown_fields=True):
    """Whose history."""

    user: Id | None = None
    visitor: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 20
    fields: Annotated[list[str], Meta(max_length=TERMS)] = field(default_factory=list)


class Did(Struct):
    """Something they did."""

    item: str
    type: str | None  # none: the run does not tell types apart
    time: int | None  # ms; none: its log has no dates
    fields: dict[str, Any]


class History(Struct):
    """What a model is told of somebody, the newest first."""

    events: int  # all of them
    newest: list[Did]


async def attempt(call: Call) -> Reply:
    """A list of any run with any settings; nothing of it is kept."""
    body, service = call.body, call.service
    for name in ("user", "visitor", "session", "request"):
        if (id := getattr(body, name)) is not None:
            checked(id, f"$.{name}")
    if (body.user or body.visitor) is not None:
        _needs(call, "people:read", "try a list for somebody")
    if body.model not in (None, service.current.snapshot.model):
        _needs(call, "admin", "open another run beside the one that answers")
        if body.model not in await service.aside(runs_in, service.current.runs.place):
            raise Problem(404, f"a run that is there expected, {body.model!r} came", "$.model")
    return Reply(await service.aside(service.trying.list, body, call.now_ms))


async def people(call: Call) -> Reply:
    """Somebody to try lists for."""
    asked, service = call.query, call.service
    told = (service, asked.prefix, asked.after, asked.limit, asked.draw)
    found, after = await service.aside(found_people, *told)
    return Reply(People([Found(*one) for one in found], after))


async def history(call: Call) -> Reply:
    """What somebody did, as lists go by it."""
    asked, service = call.query, call.service
    if (asked.user is None) == (asked.visitor is None):
        raise Problem(422, "user or visitor expected, one of them", "query: user")
    told = (service, asked.user, asked.visitor, call.now_ms, asked.limit, asked.fields)
    events, newest = await service.aside(past_of, *told)
    return Reply(History(events, [Did(*one) for one in newest]))


def _needs(call: Call, scope: str, what: str) -> None:
    """May they?

    Raises:
        Problem: they may not.
    """
    if call.who is not OPEN and not call.who.may(scope):
        raise Problem(403, f"a key with the scope {scope} expected to {what}")


OTHERWISE = {"user": "42", "k": 10, "discount": 1.0, "diversity": 0.3}
ROUTES = (
    Route("POST", "/v1/try", "recs:read", attempt, "A list with other settings, kept nowhere",
          TriedList, Attempt, example=OTHERWISE),
    Route("GET", "/v1/users", "people:read", people, "People by the beginning of their id", People,
          query=Which),
    Route("GET", "/v1/history", "people:read", history, "What a person or a visitor did last",
          History, query=Of),
)  # fmt: skip
