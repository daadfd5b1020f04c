"""What goes over the wire, as it is decoded and checked. Nothing else is taken."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Id = Annotated[str, Meta(min_length=1, max_length=256, description="Printable text, 256 signs.")]
Word = Annotated[str, Meta(pattern=r"^[\w.:-]{1,64}$", description="Letters, digits, _ . : -")]
MOST_K = 500
"""Items of a list, at most."""
K = Annotated[int, Meta(ge=1, le=MOST_K)]
Moment = datetime | Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""ISO text with a time zone, or milliseconds since 1970 UTC."""
Minor = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217, as EUR.")]
Whole = Annotated[int, Meta(ge=0, le=2**53 - 1)]
BATCH = 1_000
"""Events, items or people in one request, at most."""
LISTS = 100
"""Lists in one request, at most."""
TERMS = 50
"""Items named in one filter, at most; traits and columns of an item as well."""
LONG = 20_000
"""Signs of a text, at most."""

Value = (
    Annotated[str, Meta(max_length=LONG)]
    | int
    | float
    | bool
    | Annotated[list[Annotated[str, Meta(max_length=256)] | float], Meta(max_length=4096)]
    | None
)
"""What a column of an item or a person may hold: text, a number, a list of words, a vector."""
Vector = Annotated[list[float], Meta(min_length=1, max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Fields = Annotated[dict[Name, Value], Meta(max_length=TERMS)]


class Strict(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A message of which all fields are known."""


class Met(Strict):
    """Something a person did, told in the request."""

    item: Id
    type: Word | None = None
    time: Moment | None = None


class Ask(Strict):
    """What is asked of a scenario."""

    scenario: Word = "for-you"
    user: Id | None = None
    visitor: Id | None = None
    session: Id | None = None
    items: Annotated[list[Id | Met], Meta(max_length=BATCH)] = field(default_factory=list)
    text: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    traits: Annotated[dict[str, str | float], Meta(max_length=TERMS)] = field(default_factory=dict)
    k: K | None = None
    filter: Annotated[str, Meta(max_length=4_000)] | None = None
    only: Annotated[list[Id], Meta(max_length=BATCH)] | None = None
    never: Annotated[list[Id], Meta(max_length=BATCH)] = field(default_factory=list)
    fields: Annotated[list[str], Meta(max_length=TERMS)] = field(default_factory=list)
    explain: bool = False
    request: Id | None = None  # the client's own name for it
    vector: Vector | None = None  # in place of a user
    space: Word | None = None  # that the vector is of


class Asks(Strict):
    """Several lists at once."""

    requests: Annotated[list[Ask], Meta(min_length=1, max_length=LISTS)]


class Because(Strict):
    """An item of the history that speaks for this one."""

    item: str
    share: float


class ListItem(Strict, omit_defaults=False):
    """One place of a list."""

    rank: int
    item: str
    score: float
    source: str
    reason: str
    propensity: float
    because: list[Because] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


class RecList(Strict, omit_defaults=False):
    """A list, and what it came from."""

    rec_id: str
    scenario: str
    rung: str
    items: list[ListItem]
    model: str
    index: str | None = None
    reason: str | None = None
    trace: dict[str, Any] | None = None


class RecLists(Strict):
    """Lists, in the order they were asked for."""

    lists: list[RecList]


class AskVectors(Strict):
    """Whose vectors are asked for."""

    users: Annotated[list[Id], Meta(max_length=LISTS)] = field(default_factory=list)
    sessions: Annotated[
        list[Annotated[list[Id | Met], Meta(max_length=BATCH)]],
        Meta(max_length=LISTS),
    ] = field(default_factory=list)
    items: Annotated[list[Id], Meta(max_length=LISTS)] = field(default_factory=list)


class Vectors(Strict, omit_defaults=False):
    """In the order they were asked for; null where the model has nothing to go by."""

    space: str
    dim: int
    model: str
    users: list[list[float] | None]
    sessions: list[list[float] | None]
    items: list[list[float] | None]


class Event(Strict):
    """Somebody did something with an item."""

    item: Id
    type: Word
    user: Id | None = None
    visitor: Id | None = None
    event_id: Id | None = None
    time: Moment | None = None
    rec_id: Id | None = None
    session: Id | None = None
    value: Minor | None = None  # of the line, in minor units: 1999 is 19.99
    currency: Currency | None = None
    quantity: Whole | None = None
    refers: Id | None = None
    context: Annotated[
        dict[Name, Annotated[str, Meta(max_length=256)]],
        Meta(max_length=10),
    ] = field(default_factory=dict)


class Exposure(Strict):
    """Somebody had an item of a list before their eyes."""

    rec_id: Id
    item: Id
    event_id: Id | None = None
    user: Id | None = None
    visitor: Id | None = None
    session: Id | None = None
    time: Moment | None = None
    position: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    visible_ms: Whole | None = None
    share: Annotated[float, Meta(ge=0, le=1)] | None = None


class Events(Strict):
    """A batch; `sent_at` is the client's clock when it was sent, to correct its times by."""

    events: Annotated[list[Event], Meta(max_length=BATCH)]
    sent_at: Moment | None = None


class Exposures(Strict):
    """A batch of exposures."""

    exposures: Annotated[list[Exposure], Meta(max_length=BATCH)]
    sent_at: Moment | None = None


class Collected(Strict):
    """What a page sends: both kinds together."""

    exposures: Annotated[list[Exposure], Meta(max_length=BATCH)] = field(default_factory=list)
    events: Annotated[list[Event], Meta(max_length=BATCH)] = field(default_factory=list)
    sent_at: Moment | None = None


class Row(Strict):
    """A row of a batch that was not simply taken."""

    row: int
    outcome: Literal["duplicate", "conflict", "rejected"]
    reason: str | None = None


class Taken(Strict, omit_defaults=False):
    """What became of a batch."""

    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    rows: list[Row] = field(default_factory=list)


class Thing(Strict):
    """An item, or a person, and what is known of it."""

    id: Id
    fields: Fields = field(default_factory=dict)


class Things(Strict):
    """A batch of items, or of people."""

    things: Annotated[
        list[Thing],
        Meta(max_length=BATCH),
    ]


def millis(moment: datetime | int) -> int:
    """Milliseconds since 1970 UTC; a text without a zone is taken as UTC.

    >>> millis(datetime(1970, 1, 1, 0, 0, 1))
    1000
    """
    if isinstance(moment, int):
        return moment
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def fault_of_id(id: str) -> str | None:
    r"""Why this cannot be an id; None: it can.

    >>> fault_of_id("B004756YJA") is None, fault_of_id("a\nb")
    (True, 'printable text expected')
    """
    if len(id.encode()) > 256:
        return "at most 256 bytes of UTF-8 expected"
    if not id.isprintable() or id != id.strip():
        return "printable text expected"
    if not unicodedata.is_normalized("NFC", id):
        return "Unicode in its composed form (NFC) expected"
    return None
