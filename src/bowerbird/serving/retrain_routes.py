"""Routes about retraining: begin one, how far it is, what makes it due, what to know of it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from bowerbird.serving.call import Call, Reply, Route


class Trigger(Struct):
    """What would make a retrain begin."""

    name: str
    value: float | None
    limit: float | None
    fired: bool
    words: str


class Progress(Struct):
    """How far a retrain is, or what came of the last one."""

    state: str  # none, running, promoted, kept champion, refused, failed
    step: str | None = None
    news: str | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    run: str | None = None
    words: list[str] = field(default_factory=list)
    began: int | None = None
    ended: int | None = None
    why: str | None = None


class Due(Struct):
    """Is a retrain due, and why?"""

    as_of: int | None = None  # seconds; None: nobody has looked yet
    due: bool = False
    cooling_until: int | None = None
    triggers: list[Trigger] = field(default_factory=list)


class Alert(Struct):
    """What somebody should know."""

    at: int
    kind: str
    run: str | None
    text: str


class Alerts(Struct):
    """The newest first."""

    alerts: list[Alert]


class Most(Struct, forbid_unknown_fields=True):
    """How many, at most."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


async def retrain(call: Call) -> Reply:
    """In a process of its own; while one is under way, no other."""
    key = call.request.headers.get("idempotency-key")
    retraining = call.service.retraining
    await call.service.aside(retraining.start, key)
    return Reply(_told(await call.service.aside(retraining.progress)), 202)


async def progress(call: Call) -> Reply:
    """As the process has written it."""
    return Reply(_told(await call.service.aside(call.service.retraining.progress)))


async def due(call: Call) -> Reply:
    """As of the last look: of the timer, or of «bowerbird triggers»."""
    found = await call.service.aside(call.service.retraining.triggers)
    triggers = [Trigger(**one) for one in found.pop("triggers", [])]
    return Reply(Due(**found, triggers=triggers))


async def alerts(call: Call) -> Reply:
    """What was written down, whether it could be sent or not."""
    found = await call.service.aside(call.service.retraining.alerts, call.query.limit)
    return Reply(Alerts(msgspec.convert([one for one in found if "kind" in one], list[Alert])))


def _told(found: dict[str, Any]) -> Progress:
    return Progress(**{name: found[name] for name in Progress.__struct_fields__ if name in found})


ROUTES = (
    Route("GET", "/v1/retrain", "metrics:read", progress, "How far a retrain is", Progress),
    Route("POST", "/v1/retrain", "admin", retrain, "Begin a retrain", Progress, status=202),
    Route("GET", "/v1/retrain/triggers", "metrics:read", due, "Is a retrain due?", Due),
    Route("GET", "/v1/alerts", "metrics:read", alerts, "What somebody should know", Alerts,
          query=Most),
)  # fmt: skip
