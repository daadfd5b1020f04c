"""What every figure means, said once: the page, the docs and the interface tell it from here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bowerbird.online.metrics import Kind
from bowerbird.online.rules import ATTRIBUTION

FEW = 30
"""Of fewer people a figure says too little: intervals rest on large numbers."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric: its name (TYPE, LEVEL and CURRENCY stand for any), and what is divided by what."""

    name: str
    title: str
    words: str
    kind: Kind  # says which interval it has
    unit: Literal["count", "share", "money", "ms"]
    numerator: str | None = None
    denominator: str | None = None
    better: Literal["more", "fewer"] | None = None  # None: it depends

    def fits(self, metric: str) -> bool:
        """Is this the metric's?

        >>> DEFINITIONS[2].name, DEFINITIONS[2].fits("ctr_list")
        ('ctr_list', True)
        """
        pairs = list(zip(self.name.split(":"), metric.split(":"), strict=False))
        same = all(one == other or one.isupper() for one, other in pairs)
        return same and self.name.count(":") == metric.count(":")


DEFINITIONS = (
    Definition("lists_served", "Lists served", "lists that went out", "count", "count"),
    Definition(
        *("lists_seen", "Lists seen", "those of which a place was seen", "count", "count"),
        better="more",
    ),
    Definition(
        *("ctr_list", "Lists clicked", "clicked lists / seen lists", "share", "share"),
        *("clicked lists; several clicks on a list are one", "seen lists", "more"),
    ),
    Definition(
        *("ctr_slot", "Places clicked", "clicked places / seen places", "share", "share"),
        *("clicked places", "seen places", "more"),
    ),
    Definition(
        "conversion_rate:TYPE:LEVEL",
        "People who converted",
        "users with a conversion credited to a list / users who saw a list",
        *("users", "share"),
        *("users with a conversion credited to a list", "users who saw a list", "more"),
    ),
    Definition(
        "conversions:TYPE:LEVEL", "Conversions", "carts, purchases", "count", "count", better="more"
    ),
    Definition(
        "revenue:CURRENCY:LEVEL",
        "Revenue",
        "value of purchases less refunds, of the line and not of the order",
        *("money", "money"),
        better="more",
    ),
    Definition(
        "revenue_per_list:CURRENCY",
        "Revenue of a seen list",
        "attributed revenue / seen lists",
        *("ratio", "money", "attributed revenue", "seen lists", "more"),
    ),
    Definition(
        "revenue_per_session:CURRENCY",
        "Revenue of a session",
        "attributed revenue / sessions in which a list was seen; 30 minutes without anything end a "
        "session",
        *("ratio", "money", "attributed revenue", "sessions in which a list was seen", "more"),
    ),
    Definition(
        "median_ms_to_click",
        "Time to the first click",
        "from a list to its first click, the middle of all clicked lists",
        *("median", "ms", None, "clicked lists", "fewer"),
    ),
    Definition(
        *("hide_rate", "Places hidden", "hidden or disliked places / seen places"),
        *("share", "share", "hidden or disliked places", "seen places", "fewer"),
    ),
    Definition(
        "repeat_rate",
        "Places seen again",
        "seen places whose item the person had seen in an earlier list / seen places of known "
        "people",
        *("share", "share", "seen places with an item seen before", "seen places of known people"),
    ),
    Definition(
        "fallback_share",
        "Lists of the fallback",
        "lists that came from a rung that is not personal (`segment`, `popular`, `baked`) / served "
        "lists",
        *("share", "share", "lists of a rung that is not personal", "served lists", "fewer"),
    ),
    Definition(
        "unreported_share",
        "Lists nobody reported",
        "lists of which no exposure was ever reported / served lists",
        *("share", "share", "lists without a report of exposure", "served lists", "fewer"),
    ),
    Definition(
        *("items_served", "Items served", "different items that went out", "distinct", "count"),
        better="more",
    ),
    Definition(
        *("items_seen", "Items seen", "different items that were seen", "distinct", "count"),
        better="more",
    ),
    Definition(
        "coverage",
        "Share of the catalog seen",
        "different items seen / items of the catalog, where its size is given",
        *("distinct", "share", "different items seen", "items of the catalog", "more"),
    ),
)
INTERVAL_OF: Mapping[Kind, str] = {
    **{"count": "total", "money": "total", "share": "ratio", "ratio": "ratio"},
    **{"users": "Wilson", "median": "order statistics", "distinct": "distinct"},
}
INTERVALS = {
    "ratio": "delta method: Var(R) = (s²_Y - 2R·s_XY + R²·s²_X) / (n·x̄²) over users (Deng et al. "
    "2018). Where all users agree that is 0 and says nothing: shares then have Wilson's interval "
    "for so many users, money has none",
    "Wilson": "of a share of users (Wilson 1927)",
    "total": "T ± z·√(n·s²) over the users of the group; none where all users agree",
    "order statistics": "the k-th smallest and largest value that hold the median in at least 95 % "
    "of draws; none below six values",
    "distinct": "S ± z·√(S·(1 - S/S_est)), S_est = S + f₁²/2f₂ with f₁ items met once, f₂ twice "
    "(Colwell et al. 2012)",
}
LEVELS = {
    "direct": "the event names the list, and belongs to it",
    "click": "the list of the person's last click on the same item: 7 days, carts 24 hours",
    "view": "the list in which the person last saw the item; off unless it is asked for",
    "attributed": "credited to some list: the sum of direct, click and view",
    "none": "credited to no list",
    "total": "all there was: attributed and none",
}
GROUPS = {
    "surface": "the scenario that was asked",
    "model": "the run that answered",
    "segment": "people of one kind, where what is popular has kinds",
    "rung": "how far down the ladder the answer stood",
    "day": "the UTC date of the list",
    "position": "the place in the list, from 1",
    "item": "what stood there",
    "arm:EXPERIMENT": "the variant that the person was drawn for",
}


def definition_of(metric: str) -> Definition:
    """Of a metric by the name it has in a report.

    >>> definition_of("conversion_rate:purchase:click").title
    'People who converted'
    """
    return next(one for one in DEFINITIONS if one.fits(metric))


def definitions() -> dict[str, Any]:
    """All of it, as plain JSON values."""
    told = [{**asdict(one), "interval": INTERVAL_OF[one.kind]} for one in DEFINITIONS]
    return {
        "attribution": ATTRIBUTION,
        "few": FEW,
        "metrics": told,
        "levels": LEVELS,
        "groups": GROUPS,
        "intervals": INTERVALS,
    }
