"""What counts as what when lists are credited: types, windows, thresholds, and the moment."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bowerbird.errors import ConfigError

ATTRIBUTION = "attr_v1"
"""The version of the rules. A change of what they say is another version."""
HOUR_S = 3_600
DAY_S = 24 * HOUR_S
DAY_MS = 1_000 * DAY_S


@dataclass(frozen=True, slots=True)
class Rules:
    """How clicks and purchases find the list they belong to, as of one moment.

    Windows end with their last millisecond: what happens exactly then is inside.

    >>> [Rules(as_of=0).window_ms(type) // DAY_MS for type in ("cart", "purchase")]
    [1, 7]
    """

    as_of: int  # ms; facts that arrived later do not exist
    since: int = 0  # ms; lists of [since, until), and what is credited to them or else done then
    until: int | None = None
    clicks: tuple[str, ...] = ("click",)
    conversions: tuple[str, ...] = ("cart", "purchase")
    sales: tuple[str, ...] = ("purchase",)  # those of the conversions that bring money
    hides: tuple[str, ...] = ("hide", "dislike")
    refunds: tuple[str, ...] = ("refund",)
    click_through_s: int = 7 * DAY_S
    click_through_of: Mapping[str, int] = field(default_factory=lambda: {"cart": DAY_S})  # in s
    view_through_s: int = 0  # 0: off
    visible_ms: int = 1_000  # an exposure counts from here on; unknown counts
    share: float = 0.5  # likewise
    served_as_seen: bool = False  # every place of every list counts as seen
    grace_s: int = 48 * HOUR_S  # how late facts may arrive
    idle_s: int = 1_800  # ends a session
    fallback: tuple[str, ...] = ("segment", "popular", "baked")  # rungs that are not personal

    def __post_init__(self) -> None:
        if self.until is not None and self.until <= self.since:
            raise ConfigError(f"until after since ({self.since}) expected, {self.until} came")
        spans = [self.click_through_s, self.view_through_s, self.grace_s, self.idle_s]
        if min(*spans, *self.click_through_of.values(), 0) < 0:
            raise ConfigError("windows, grace and idle time of at least 0 s expected")
        told = [*self.clicks, *self.conversions, *self.hides, *self.refunds]
        twice = sorted({name for name in told if told.count(name) > 1})
        if twice:
            raise ConfigError(f"one meaning for each event type expected, {twice} have several")
        if not set(self.sales) <= set(self.conversions):
            raise ConfigError(f"sales among the conversions expected, {self.sales} came")

    @property
    def levels(self) -> tuple[str, ...]:
        """How a conversion can be credited, strongest first."""
        return ("direct", "click", "view") if self.view_through_s else ("direct", "click")

    @property
    def closing_ms(self) -> int:
        """How long after a day its windows close: the longest one and the grace."""
        windows = (self.click_through_s, self.view_through_s, *self.click_through_of.values())
        return 1_000 * (max(windows) + self.grace_s)

    def window_ms(self, type: str) -> int:
        """How long after a click a conversion of this type may come."""
        return 1_000 * self.click_through_of.get(type, self.click_through_s)

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        given = asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}
