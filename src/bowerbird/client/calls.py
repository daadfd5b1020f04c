"""One call of the service, described: what is sent, and as what the answer is read.

The description is all there is to say; the two clients send it, each in its own way.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from bowerbird.client.replies import read
from bowerbird.errors import DataError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call whose answer is a T."""

    method: str
    path: str
    into: type[T]
    query: Mapping[str, str | int | None] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    facts: tuple[str, ...] = ()  # parts of the body that are events, each with a name of its own
    repeatable: bool = True  # may it be sent again when nobody knows whether it arrived?


def path_of(*parts: str) -> str:
    """A path of the service, ids and all.

    >>> path_of("items", "a/b c", "similar")
    '/v1/items/a%2Fb%20c/similar'
    """
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def content_of(call: Call[Any], now_ms: int) -> bytes | None:
    """The body as it is sent, every time it is tried: events have their names and times by now.

    Raises:
        DataError: JSON cannot hold it.
    """
    if call.body is None:
        return None
    named = {part: [stamped(row, now_ms) for row in call.body[part]] for part in call.facts}
    return encoded({**call.body, **named})


def stamped(row: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """An event with an id and a time: sent twice, it is known to be one.

    >>> stamped({"item": "50", "event_id": "e1"}, 7)
    {'event_id': 'e1', 'time': 7, 'item': '50'}
    """
    return {"event_id": str(uuid4()), "time": now_ms, **row}


def answer_of(call: Call[T], body: bytes) -> T:
    """What these bytes say.

    Raises:
        DataError: it is no answer to this call.
    """
    try:
        told = None if call.into is NoneType else json.loads(body)
    except ValueError:
        came = f"JSON expected of {call.path}, {body[:60]!r} came"
        raise DataError(f"{came}: is this the address of a bowerbird service?") from None
    answer: T = read(call.into, told)
    return answer


def encoded(body: Mapping[str, Any]) -> bytes:
    """As JSON.

    Raises:
        DataError: JSON cannot hold it.
    """
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError) as error:
        raise DataError(f"plain JSON values expected: {error}") from None


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever json does not know
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.isoformat()
    if isinstance(value, datetime):
        raise TypeError(f"a time with its zone expected, {value} has none: add tzinfo=UTC")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} came; text, numbers, lists and tables are taken")
