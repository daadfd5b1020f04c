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
    Definition(
        name="lists_served",
        title="Lists served",
        words="lists that went out",
        kind="count",
        unit="count",
    ),
    Definition(
        name="lists_seen",
        title="Lists seen",
        words="those of which a place was seen",
        kind="count",
        unit="count",
        better="more",
    ),
    Definition(
        name="ctr_list",
        title="Lists clicked",
        words="clicked lists / seen lists",
        kind="share",
        unit="share",
        numerator="clicked lists; several clicks on a list are one",
        denominator="seen lists",
        better="more",
    ),
    Definition(
        name="ctr_slot",
        title="Places clicked",
        words="clicked places / seen places",
        kind="share",
        unit="share",
        numerator="clicked places",
        denominator="seen places",
        better="more",
    ),
    Definition(
        name="conversion_rate:TYPE:LEVEL",
        title="People with a TYPE",
        words="users with a conversion credited to a list / users who saw a list",
        kind="users",
        unit="share",
        numerator="users with a conversion credited to a list",
        denominator="users who saw a list",
        better="more",
    ),
    Definition(
        name="conversions:TYPE:LEVEL",
        title="Events: TYPE",
        words="carts, purchases",
        kind="count",
        unit="count",
        better="more",
    ),
    Definition(
        name="revenue:CURRENCY:LEVEL",
        title="Revenue, CURRENCY",
        words="value of purchases less refunds, of the line and not of the order",
        kind="money",
        unit="money",
        better="more",
    ),
    Definition(
        name="revenue_per_list:CURRENCY",
        title="Revenue of a list, CURRENCY",
        words="attributed revenue / seen lists",
        kind="ratio",
        unit="money",
        numerator="attributed revenue",
        denominator="seen lists",
        better="more",
    ),
    Definition(
        name="revenue_per_session:CURRENCY",
        title="Revenue of a session, CURRENCY",
        words="attributed revenue / sessions in which a list was seen; 30 minutes without "
        "anything end a session",
        kind="ratio",
        unit="money",
        numerator="attributed revenue",
        denominator="sessions in which a list was seen",
        better="more",
    ),
    Definition(
        name="median_ms_to_click",
        title="Time to the first click",
        words="from a list to its first click, the middle of all clicked lists",
        kind="median",
        unit="ms",
        denominator="clicked lists",
        better="fewer",
    ),
    Definition(
        name="hide_rate",
        title="Places hidden",
        words="hidden or disliked places / seen places",
        kind="share",
        unit="share",
        numerator="hidden or disliked places",
        denominator="seen places",
        better="fewer",
    ),
    Definition(
        name="repeat_rate",
        title="Places seen again",
        words="seen places whose item the person had seen in an earlier list / seen places of "
        "known people",
        kind="share",
        unit="share",
        numerator="seen places with an item seen before",
        denominator="seen places of known people",
    ),
    Definition(
        name="fallback_share",
        title="Lists of the fallback",
        words="lists that came from a rung that is not personal (`segment`, `popular`, `baked`) / "
        "served lists",
        kind="share",
        unit="share",
        numerator="lists of a rung that is not personal",
        denominator="served lists",
        better="fewer",
    ),
    Definition(
        name="unreported_share",
        title="Lists nobody reported",
        words="lists of which no exposure was ever reported / served lists",
        kind="share",
        unit="share",
        numerator="lists without a report of exposure",
        denominator="served lists",
        better="fewer",
    ),
    Definition(
        name="items_served",
        title="Items served",
        words="different items that went out",
        kind="distinct",
        unit="count",
        better="more",
    ),
    Definition(
        name="items_seen",
        title="Items seen",
        words="different items that were seen",
        kind="distinct",
        unit="count",
        better="more",
    ),
    Definition(
        name="coverage",
        title="Share of the catalog seen",
        words="different items seen / items of the catalog, where its size is given",
        kind="distinct",
        unit="share",
        numerator="different items seen",
        denominator="items of the catalog",
        better="more",
    ),
)
HOLDOUT = (
    Definition(
        name="ctr_list",
        title="Lists clicked",
        words="clicked lists / seen lists of the people of an arm",
        kind="share",
        unit="share",
        numerator="clicked lists",
        denominator="seen lists",
        better="more",
    ),
    Definition(
        name="buyers",
        title="People who bought",
        words="people who bought something after their first list, credited or not / people drawn",
        kind="users",
        unit="share",
        numerator="people who bought",
        denominator="people drawn",
        better="more",
    ),
    Definition(
        name="revenue_per_person:CURRENCY",
        title="Revenue of a person, CURRENCY",
        words="purchases less refunds since their first list, credited or not / people drawn",
        kind="ratio",
        unit="money",
        numerator="value of purchases less refunds",
        denominator="people drawn",
        better="more",
    ),
)
"""What is compared with a holdout."""
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
    'People with a TYPE'
    """
    return next(one for one in DEFINITIONS if one.fits(metric))


def definitions() -> dict[str, Any]:
    """All of it, as plain JSON values."""
    told, held = (
        [{**asdict(one), "interval": INTERVAL_OF[one.kind]} for one in some]
        for some in (DEFINITIONS, HOLDOUT)
    )
    return {
        "attribution": ATTRIBUTION,
        "few": FEW,
        "metrics": told,
        "holdout": held,
        "levels": LEVELS,
        "groups": GROUPS,
        "intervals": INTERVALS,
    }
