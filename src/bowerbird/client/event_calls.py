"""Calls that tell what happened, and one that looks at what has come in."""

from collections.abc import Mapping, Sequence
from typing import Any

from bowerbird.client.calls import Call, path_of
from bowerbird.client.messages import Event, Exposure
from bowerbird.client.replies import Tail, Taken


def done(events: Sequence[Event]) -> Call[Taken]:
    """What people did; one that has no id or time is given them, so that it counts once."""
    return Call("POST", path_of("events"), Taken, body={"events": events}, facts=("events",))


def seen(exposures: Sequence[Exposure]) -> Call[Taken]:
    """What people saw."""
    body = {"exposures": exposures}
    return Call("POST", path_of("exposures"), Taken, body=body, facts=("exposures",))


def collect(
    events: Sequence[Mapping[str, Any]], exposures: Sequence[Mapping[str, Any]]
) -> Call[Taken]:
    """Both kinds in one request."""
    body = {"events": events, "exposures": exposures}
    return Call("POST", path_of("collect"), Taken, body=body, facts=("events", "exposures"))


def newest(limit: int | None = None, before: int | None = None) -> Call[Tail]:
    """The events that came in last, newest first; `before` is that of the page before."""
    return Call("GET", path_of("events"), Tail, {"limit": limit, "before": before})
