"""What a service answers, read from JSON. What a newer one says besides is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from bowerbird.errors import DataError

_REMEDY = "is this the address of a bowerbird service, and not of a much older one?"
_hints = cache(get_type_hints)


@dataclass(frozen=True, slots=True)
class Because:
    """An item of the history that speaks for this one."""

    item: str
    share: float


@dataclass(frozen=True, slots=True)
class ListItem:
    """One place of a list."""

    rank: int
    item: str
    score: float
    source: str
    reason: str
    propensity: float = 1.0
    because: tuple[Because, ...] = ()
    moved: tuple[Mapping[str, Any], ...] = ()
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RecList:
    """A list, and what it came from. `rec_id` goes into the events that belong to it."""

    rec_id: str
    scenario: str
    rung: str
    items: tuple[ListItem, ...]
    model: str
    index: str | None = None
    reason: str | None = None
    trace: Mapping[str, Any] | None = None

    def __iter__(self) -> Iterator[ListItem]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class RecLists:
    """Lists, in the order they were asked for."""

    lists: tuple[RecList, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One of an audience."""

    rank: int
    user: str
    score: float


@dataclass(frozen=True, slots=True)
class Audience:
    """People whom an item fits best."""

    item: str
    model: str
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Vectors:
    """In the order they were asked for; None where the model has nothing to go by."""

    space: str
    dim: int
    model: str
    users: tuple[tuple[float, ...] | None, ...]
    sessions: tuple[tuple[float, ...] | None, ...]
    items: tuple[tuple[float, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a batch that was not simply taken, by its number from 0."""

    row: int
    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch."""

    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Tail:
    """Events as they are kept, newest first: people are keys."""

    events: tuple[Mapping[str, Any], ...]
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    """An item, or a person, and what is known of it."""

    id: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the items, and behind which one the next page begins; None: this was the last."""

    things: tuple[Thing, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many were written."""

    written: int


@dataclass(frozen=True, slots=True)
class Merged:
    """Whether it was news."""

    merged: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What went of a person, for the records."""

    deleted: bool
    rows: Mapping[str, int]
    at: int
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """How a service is."""

    status: str
    model: str | None = None
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Scenarios:
    """What can be asked, and how each is set."""

    scenarios: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Model:
    """A run that could answer."""

    name: str
    model: str
    made: str | None
    current: bool


@dataclass(frozen=True, slots=True)
class Models:
    """All of them."""

    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a retrain is, or what came of the last one."""

    state: str  # none, running, promoted, kept champion, refused, failed
    step: str | None
    news: str | None
    steps: tuple[Mapping[str, Any], ...]
    run: str | None
    words: tuple[str, ...]
    began: int | None  # seconds since 1970 UTC
    ended: int | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Key:
    """A key; `key` is what opens, shown once, when it is made."""

    id: str
    kind: str
    scopes: tuple[str, ...]
    name: str
    made: int
    expires: int | None = None
    revoked: int | None = None
    used: int | None = None
    role: str | None = None
    maker: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys there ever were."""

    keys: tuple[Key, ...]


def read(kind: Any, told: Any, where: str = "$") -> Any:  # noqa: ANN401  what the type says
    """A JSON value as this type.

    >>> read(Counted, {"written": 2, "a_later_field": True})
    Counted(written=2)

    Raises:
        DataError: a promised part is missing, or of another form.
    """
    if isinstance(kind, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
        return None if told is None else read(kind, told, where)
    if is_dataclass(kind):
        return _record(kind, told, where)
    if get_origin(kind) is tuple:
        each, _ = get_args(kind)
        parts = enumerate(_of_kind(list, told, where))
        return tuple(read(each, one, f"{where}[{place}]") for place, one in parts)
    if kind is dict or get_origin(kind) is not None:
        return _of_kind(dict, told, where)
    return told


def _record(kind: Any, told: Any, where: str) -> Any:  # noqa: ANN401  what JSON holds
    _of_kind(dict, told, where)
    hints, given = _hints(kind), {}
    for field in fields(kind):
        if field.name in told:
            given[field.name] = read(hints[field.name], told[field.name], f"{where}.{field.name}")
        elif field.default is MISSING:
            raise DataError(f"a reply with {where}.{field.name} expected, it has none: {_REMEDY}")
    return kind(**given)


def _of_kind(kind: type, told: Any, where: str) -> Any:  # noqa: ANN401  what JSON holds
    if not isinstance(told, kind):
        came = f"{kind.__name__} expected at {where} of a reply, {type(told).__name__} came"
        raise DataError(f"{came}: {_REMEDY}")
    return told
