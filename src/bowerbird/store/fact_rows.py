"""Facts ↔ rows of their tables, and the hash by which a repeated event is known again."""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any

from bowerbird.data.facts import SCHEMAS, Done, Seen, Served, Slot
from bowerbird.errors import DataError
from bowerbird.store.database import Row

SERVED = (*SCHEMAS["served"], "slots")
SEEN, DONE = tuple(SCHEMAS["seen"]), tuple(SCHEMAS["done"])
SLOT = ("item", "score", "propensity", "source")

_SHORT = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_DELIVERY = {"time", "arrived", "trust"}  # when and how it came: no part of what it says
_SAID = {
    columns: itemgetter(*(at for at, name in enumerate(columns) if name not in _DELIVERY))
    for columns in (SEEN, DONE)
}
_SERVED_OF, _SEEN_OF, _DONE_OF = (attrgetter(*columns) for columns in (SERVED, SEEN, DONE))
_ARMS, _SLOTS = SERVED.index("arms"), SERVED.index("slots")
_CONTEXT = DONE.index("context")


def short_json(value: Any) -> str:  # noqa: ANN401  whatever JSON can hold
    """JSON in its shortest form, keys sorted.

    >>> short_json({"b": 1, "a": None})
    '{"a":null,"b":1}'

    Raises:
        DataError: JSON cannot hold it.
    """
    try:
        return _SHORT.encode(value)
    except (TypeError, ValueError) as error:
        came = f"plain JSON values expected, {error}"
        raise DataError(f"{came}: numbers that are finite, text, lists and tables") from None


def served_row(one: Served) -> Row:
    """As in the columns `SERVED`."""
    row = list(_SERVED_OF(one))
    row[_ARMS], row[_SLOTS] = _table(one.arms), slots_text(one.slots)
    return tuple(row)


def served_of(row: Row) -> Served:
    """The list of such a row."""
    slots = json.loads(row[_SLOTS])
    places = zip(*(slots[name] for name in SLOT), strict=True)
    given = dict(zip(SERVED, row, strict=True))
    given |= {"arms": json.loads(row[_ARMS]), "slots": tuple(Slot(*place) for place in places)}
    return Served(**given)


def slots_text(slots: tuple[Slot, ...]) -> str:
    """One JSON object with a list for each column, as Polars reads it at once."""
    return short_json(
        {
            "item": [slot.item for slot in slots],
            "score": [float(slot.score) for slot in slots],
            "propensity": [float(slot.propensity) for slot in slots],
            "source": [slot.source for slot in slots],
        }
    )


def event_row(event: Seen | Done) -> Row:
    """As in the columns `SEEN` or `DONE`."""
    if isinstance(event, Seen):
        if event.share is not None:
            event = replace(event, share=float(event.share))  # 1 and 1.0 are the same
        seen: Row = _SEEN_OF(event)
        return seen
    row = list(_DONE_OF(event))
    row[_CONTEXT] = _table(event.context)
    return tuple(row)


def digest(columns: tuple[str, ...], row: Row) -> bytes:
    """Of what an event says, not of how and when it came: the same for the same payload.

    Its time is left out: where the client tells none, or what its clock showed when it sent, the
    same event has another time each time it is sent.
    """
    return blake2b(short_json(_SAID[columns](row)).encode("utf-8"), digest_size=16).digest()


def done_of(row: Row) -> Done:
    """The event of a row of `DONE`."""
    given = dict(zip(DONE, row, strict=True))
    return Done(**given | {"context": json.loads(row[_CONTEXT])})


def _table(values: Mapping[str, str]) -> str:
    return short_json(dict(values)) if values else "{}"
