"""What is told of a catalog: an item, a page of them, and all there is to say of one."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from bowerbird.serving.messages import Whole
from bowerbird.surfaces.item_states import State


class Wanted(Struct, forbid_unknown_fields=True):
    """Which items, in which order, and which part of them."""

    search: Annotated[str, Meta(max_length=500)] = ""  # words of id, title and texts
    filter: Annotated[str, Meta(max_length=4_000)] = ""
    state: State | Literal[""] = ""
    sort: Literal["catalog", "newest", "interactions", "served", "seen", "clicks", "purchases"] = (
        "catalog"
    )
    ascending: bool = False  # of figures, the least first
    skip: Whole = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class Counts(Struct):
    """What lists did for an item in 28 days; purchases are those credited to a list."""

    served: int
    seen: int
    clicks: int
    purchases: int


class CatalogItem(Struct, kw_only=True):
    """An item, and how it stands with it."""

    id: str
    title: str
    type: str | None
    state: str
    why: str
    placed: bool  # the model can say what it is like
    interactions: int  # that the model has learned from
    counts: Counts | None  # None: not counted yet, or not for this key
    fields: dict[str, Any]


class CatalogColumn(Struct):
    """A column of the catalog, and what it holds."""

    name: str
    kind: str


class CatalogPage(Struct):
    """Some of the catalog, and all of it in figures."""

    items: list[CatalogItem]
    found: int  # of all pages
    skip: int | None  # ask with it for the next; none: this was the last
    items_all: int
    states: dict[str, int]  # of the whole catalog
    columns: list[CatalogColumn]
    model: str
    as_of: int | None  # ms; until when lists are counted
    days: int
    people: int | None  # that were asked whom the model would show what; None: not yet, or nobody
    places: int | None  # of their lists that were looked at
    dead_by_chance: float | None  # share that lists drawn at random would miss


class CatalogDay(Struct):
    """What lists of a day did for an item."""

    day: str  # UTC
    served: int
    seen: int
    clicks: int
    purchases: int


class Touching(Struct):
    """A rule that an item is among."""

    scenario: str
    rule: str
    do: str
    active: bool
    position: int | None
    by: float | None
    start: int | None  # s
    stop: int | None
    audience: str | None


class Moved(Struct):
    """Who stood beside it in the run before, and who does now, as the retrain wrote it down."""

    run: str | None  # the one before
    before: list[str]
    after: list[str]
    titles: dict[str, str]


class CatalogCard(Struct):
    """All there is to say of an item."""

    item: CatalogItem
    days: list[CatalogDay]
    rules: list[Touching]
    filtered: list[str]  # scenarios whose filter leaves it out
    faults: list[str]  # rules that cannot be read
    moved: Moved | None
    as_of: int | None
    model: str
