"""Calls about items and people: what is known of each."""

from collections.abc import Mapping
from types import NoneType
from typing import Any

from bowerbird.client.calls import Call, path_of
from bowerbird.client.messages import Fields
from bowerbird.client.replies import Counted, Merged, Page, Receipt, Thing


class ThingCalls:
    """What items and people have in common."""

    def __init__(self, place: str) -> None:
        """Calls about `items` or `users`."""
        self._place = place

    def put(self, id: str, fields: Fields) -> Call[Counted]:
        """Add one, or replace what was known of it."""
        return Call("PUT", path_of(self._place, id), Counted, body={"fields": fields})

    def put_each(self, things: Mapping[str, Fields]) -> Call[Counted]:
        """Add or replace many, at most 1,000 in one call."""
        body = {"things": [{"id": id, "fields": fields} for id, fields in things.items()]}
        return Call("POST", path_of(self._place), Counted, body=body)

    def change(self, id: str, fields: Fields) -> Call[Counted]:
        """Change some of it; a field that is None goes."""
        return Call("PATCH", path_of(self._place, id), Counted, body={"fields": fields})

    def get(self, id: str) -> Call[Thing]:
        """What is known of it."""
        return Call("GET", path_of(self._place, id), Thing)


def page(limit: int | None = None, after: str | None = None) -> Call[Page]:
    """Items that can be shown; `after` is that of the page before."""
    return Call("GET", path_of("items"), Page, {"limit": limit, "after": after})


def delete_item(item: str) -> Call[None]:
    """Out of all lists, at once."""
    return Call("DELETE", path_of("items", item), NoneType)


def delete_user(user: str) -> Call[Receipt]:
    """Erase a person and all they did; what went."""
    return Call("DELETE", path_of("users", user), Receipt)


def export(user: str) -> Call[dict[str, Any]]:
    """All that is held of a person."""
    return Call("GET", path_of("users", user, "export"), dict)


def merge(user: str, *, visitor: str | None = None, other: str | None = None) -> Call[Merged]:
    """From now on this visitor, or this other user, is the same person."""
    told = {"visitor": visitor, "user": other}
    body = {name: value for name, value in told.items() if value is not None}
    return Call("POST", path_of("users", user, "merge"), Merged, body=body)
