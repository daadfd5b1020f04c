"""Calls about the service: how it is, what can be asked, which run answers, who may ask."""

from collections.abc import Sequence
from types import NoneType
from typing import Unpack

from bowerbird.client.calls import Call, path_of
from bowerbird.client.messages import Met, NewKey
from bowerbird.client.replies import Health, Key, Keys, Models, Progress, Scenarios, Vectors


def ready() -> Call[Health]:
    """May it be asked?"""
    return Call("GET", path_of("health", "ready"), Health)


def vectors(
    users: Sequence[str] = (),
    sessions: Sequence[Sequence[str | Met]] = (),
    items: Sequence[str] = (),
) -> Call[Vectors]:
    """Vectors of people, of sessions as lists of items, and of items; up to 100 of each."""
    body = {"users": list(users), "sessions": [list(s) for s in sessions], "items": list(items)}
    return Call("POST", path_of("vectors"), Vectors, body=body)


def scenarios() -> Call[Scenarios]:
    """What can be asked, and how each is set."""
    return Call("GET", path_of("scenarios"), Scenarios)


def models() -> Call[Models]:
    """Runs that could answer."""
    return Call("GET", path_of("models"), Models)


def use_model(name: str) -> Call[Health]:
    """Let another run answer."""
    return Call("PUT", path_of("models", "current"), Health, body={"model": name})


def retrain() -> Call[Progress]:
    """Begin a retrain, unless one is under way."""
    return Call("POST", path_of("retrain"), Progress)


def retraining() -> Call[Progress]:
    """How far a retrain is, or what came of the last one."""
    return Call("GET", path_of("retrain"), Progress)


def keys() -> Call[Keys]:
    """All keys, without what opens."""
    return Call("GET", path_of("keys"), Keys)


def make_key(**key: Unpack[NewKey]) -> Call[Key]:
    """A new key; what opens is shown this once."""
    return Call("POST", path_of("keys"), Key, body={**key}, repeatable=False)


def revoke_key(id: str) -> Call[None]:
    """It opens nothing from now on."""
    return Call("DELETE", path_of("keys", id), NoneType)
