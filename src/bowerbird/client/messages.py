"""What a client says: the parts of a request, by the names that go over the wire."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Required, TypedDict

Moment = datetime | int
"""With a time zone, or milliseconds since 1970 UTC."""
Fields = Mapping[str, Any]
"""What is written on an item or known of a person: plain JSON values."""


class Met(TypedDict, total=False):
    """Something a person did, told in the question."""

    item: Required[str]
    type: str
    time: Moment


class Ask(TypedDict, total=False):
    """What is asked of a scenario; without one it is «for-you»."""

    scenario: str
    user: str
    visitor: str
    session: str
    items: Sequence[str | Met]
    text: str
    traits: Mapping[str, str | float]
    k: int
    filter: str
    only: Sequence[str]
    never: Sequence[str]
    fields: Sequence[str]
    explain: bool
    request: str
    vector: Sequence[float]  # in place of a user
    space: str  # that the vector is of


class More(TypedDict, total=False):
    """What any list may be asked for besides."""

    scenario: str
    user: str
    visitor: str
    session: str
    k: int
    filter: str
    never: Sequence[str]
    fields: Sequence[str]
    explain: bool


class Event(TypedDict, total=False):
    """Somebody did something with an item. An id and a time are given to it if it has none."""

    item: Required[str]
    type: Required[str]
    user: str
    visitor: str
    event_id: str
    time: Moment
    rec_id: str
    session: str
    value: int  # in minor units of the currency: 1999 is 19.99
    currency: str
    quantity: int
    refers: str
    context: Mapping[str, str]


class Exposure(TypedDict, total=False):
    """Somebody had an item of a list before their eyes."""

    rec_id: Required[str]
    item: Required[str]
    event_id: str
    user: str
    visitor: str
    session: str
    time: Moment
    position: int
    visible_ms: int
    share: float


class NewKey(TypedDict, total=False):
    """A key to be made."""

    kind: Required[Literal["public", "secret"]]
    name: Required[str]
    scopes: Sequence[str]
    role: Literal["viewer", "editor", "admin"]
    expires: Moment
