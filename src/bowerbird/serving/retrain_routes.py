"""Routes about retraining: begin one, and how far it is."""

from typing import Any

from msgspec import Struct, field

from bowerbird.serving.call import Call, Reply, Route


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


async def retrain(call: Call) -> Reply:
    """In a process of its own; while one is under way, no other."""
    key = call.request.headers.get("idempotency-key")
    retraining = call.service.retraining
    await call.service.aside(retraining.start, key)
    return Reply(_told(await call.service.aside(retraining.progress)), 202)


async def progress(call: Call) -> Reply:
    """As the process has written it."""
    return Reply(_told(await call.service.aside(call.service.retraining.progress)))


def _told(found: dict[str, Any]) -> Progress:
    return Progress(**{name: found[name] for name in Progress.__struct_fields__ if name in found})


ROUTES = (
    Route("GET", "/v1/retrain", "metrics:read", progress, "How far a retrain is", Progress),
    Route("POST", "/v1/retrain", "admin", retrain, "Begin a retrain", Progress, status=202),
)
