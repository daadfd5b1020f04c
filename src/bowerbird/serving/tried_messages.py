"""What goes over the wire of lists that are only tried."""

from typing import Annotated, Any

from msgspec import Meta, field

from bowerbird.serving.messages import Ask, Id, ListItem, Strict, Whole

Share = Annotated[float, Meta(ge=0, le=1)]


class Attempt(Ask):
    """A list to be tried: what is asked, and what shall be otherwise than it is kept."""

    table: dict[str, Any] | None = None  # a whole scenario, in place of the one of this name
    discount: Annotated[float, Meta(ge=-100, le=100)] | None = None  # popularity held back
    diversity: Share | None = None  # 0: none; the weight of the step is 1 less this
    explore: Share | None = None  # of places that are drawn
    model: Id | None = None  # a run of the folder; else the one that answers
    seed: Whole = 0  # of what is drawn


class Part(Strict, omit_defaults=False):
    """What something adds to an item."""

    name: str
    value: float
    scale: str  # score, lift, relevance, rank


class Gate(Strict, omit_defaults=False):
    """What kept items out."""

    name: str
    out: int
    left: int


class Stage(Strict, omit_defaults=False):
    """A step between candidates and list."""

    name: str
    hits: int  # left by it
    moved: int  # places of the list that hold something else than before it


class Trace(Strict, omit_defaults=False):
    """From the catalog to the list."""

    catalog: int
    filters: list[Gate]
    candidates: int
    own: int  # found by the model itself
    filled: int  # by what is popular
    found_by: str
    index: dict[str, Any] | None
    steps: list[Stage]


class TriedItem(ListItem, omit_defaults=False):
    """A place of a list that was tried."""

    places: dict[str, int] = field(default_factory=dict)  # rank after each step, candidates first
    parts: list[Part] = field(default_factory=list)


class TriedList(Strict, omit_defaults=False):
    """A list, and its whole way; it has no name, since it is kept nowhere."""

    scenario: str
    table: dict[str, Any]  # the scenario as it was tried, as PUT takes it
    model: str
    rung: str
    items: list[TriedItem]
    trace: Trace
    history: int  # events that spoke
    reason: str | None = None  # why not all that is known of somebody is there
