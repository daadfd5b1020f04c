"""What happened live, as three facts that are only ever added to: served, seen, done.

On the ground since serving writes them and training reads them. A person is a key here, never the
id that the shop gave: whoever writes has turned it into one. Times are milliseconds since 1970 UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

Trust = Literal["secret", "public", "import"]
"""Who sent an event: the shop's own server, somebody's browser, or a file."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a list that was served."""

    item: str
    score: float
    propensity: float  # of this item at this place, given all that stands before it
    source: str  # personal, session, item, segment, popular, explore, rule, …


@dataclass(frozen=True, slots=True)
class Served:
    """A list went out."""

    rec_id: str  # UUIDv7: sorted by time
    request: str  # what the client called its request, else what we called it
    time: int
    surface: str  # the scenario
    model: str  # the run that answered
    config: str  # hash of the scenario's settings
    rung: str
    slots: tuple[Slot, ...]
    user: str | None = None  # key; None: nobody was named
    session: str | None = None
    index: str | None = None
    reason: str | None = None  # why the rung is not the first
    policy: str = "fixed"  # how places were drawn
    seed: int = 0
    segment: str | None = None
    arms: Mapping[str, str] = field(default_factory=dict)  # experiment → arm
    latency_us: int = 0
    # None in what follows: not kept by the version that served it, but where it says more
    asked: str | None = None  # what was asked, but who asked: JSON
    change: int | None = None  # of items, the last that was known
    counted: int | None = None  # until when live events were; None: those of the run alone
    past: int | None = None  # hash of what the store told of the person; None: nothing


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody had an item of a list before their eyes."""

    event_id: str
    rec_id: str
    item: str
    time: int
    arrived: int
    position: int | None = None  # from 1
    user: str | None = None
    session: str | None = None
    visible_ms: int | None = None
    share: float | None = None  # of the item that was visible, 0 … 1
    trust: Trust = "secret"


@dataclass(frozen=True, slots=True)
class Done:
    """Somebody did something with an item: click, cart, purchase, hide, refund and so on."""

    event_id: str
    user: str
    item: str
    type: str
    time: int
    arrived: int
    rec_id: str | None = None
    session: str | None = None
    value: int | None = None  # of the line, in minor units of the currency; a refund's is negative
    currency: str | None = None
    quantity: int | None = None
    refers: str | None = None  # the event that this one takes back
    context: Mapping[str, str] = field(default_factory=dict)  # device, country, …
    trust: Trust = "secret"


@dataclass(frozen=True, slots=True)
class Merge:
    """Two names were found to be the same person."""

    user: str  # who was nameless
    into: str
    time: int


@dataclass(frozen=True, slots=True)
class Frames:
    """All facts as tables, in no particular order; the columns are those of `SCHEMAS`."""

    served: pl.DataFrame
    slots: pl.DataFrame
    seen: pl.DataFrame
    done: pl.DataFrame
    merges: pl.DataFrame


_TEXT, _WHOLE, _REAL = pl.String(), pl.Int64(), pl.Float64()
SCHEMAS: Mapping[str, Mapping[str, pl.DataType]] = {
    "served": {
        "rec_id": _TEXT,
        "request": _TEXT,
        "time": _WHOLE,
        "user": _TEXT,
        "session": _TEXT,
        "surface": _TEXT,
        "model": _TEXT,
        "index": _TEXT,
        "config": _TEXT,
        "rung": _TEXT,
        "reason": _TEXT,
        "policy": _TEXT,
        "seed": _WHOLE,
        "segment": _TEXT,
        "arms": _TEXT,  # JSON
        "latency_us": _WHOLE,
        "asked": _TEXT,  # JSON
        "change": _WHOLE,
        "counted": _WHOLE,
        "past": _WHOLE,
    },
    "slots": {
        "rec_id": _TEXT,
        "position": _WHOLE,  # from 1
        "item": _TEXT,
        "score": _REAL,
        "propensity": _REAL,
        "source": _TEXT,
    },
    "seen": {
        "event_id": _TEXT,
        "rec_id": _TEXT,
        "item": _TEXT,
        "position": _WHOLE,
        "time": _WHOLE,
        "arrived": _WHOLE,
        "user": _TEXT,
        "session": _TEXT,
        "visible_ms": _WHOLE,
        "share": _REAL,
        "trust": _TEXT,
    },
    "done": {
        "event_id": _TEXT,
        "user": _TEXT,
        "item": _TEXT,
        "type": _TEXT,
        "time": _WHOLE,
        "arrived": _WHOLE,
        "rec_id": _TEXT,
        "session": _TEXT,
        "value": _WHOLE,
        "currency": _TEXT,
        "quantity": _WHOLE,
        "refers": _TEXT,
        "context": _TEXT,  # JSON
        "trust": _TEXT,
    },
    "merges": {"user": _TEXT, "into": _TEXT, "time": _WHOLE},
}
"""Columns of the tables, in the store, in Parquet files and in `Frames`."""
LATER = ("asked", "change", "counted", "past")
"""Of `served`, that Parquet files of former versions lack."""
