"""Routes about what lists earned: figures, and the exact rows behind each."""

from typing import Annotated, Any

import polars as pl
from msgspec import Meta, Struct, field

from bowerbird.online.report import report
from bowerbird.online.rows import harmless, rows
from bowerbird.online.rules import Rules
from bowerbird.serving.call import LINES, Call, Reply, Route
from bowerbird.serving.messages import Moment, Whole, Word, millis
from bowerbird.serving.problems import Problem

CSV = "text/csv; charset=utf-8"
DAY_MS = 86_400_000
SENT_BACK_MS = 90 * DAY_MS
"""So long after a purchase a refund still finds it."""
USUAL_MS = 28 * DAY_MS
"""What is reported where nobody says since when."""


class Asked(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which facts count, and how."""

    since: Moment | None = None
    until: Moment | None = None
    as_of: Moment | None = None
    view_through_s: Annotated[int, Meta(ge=0, le=30 * 86_400)] = 0
    served_as_seen: bool = False


class Reported(Asked, kw_only=True):
    """Figures by group."""

    by: list[str] = field(default_factory=lambda: ["surface"])
    n_items: Whole | None = None


class Behind(Asked, kw_only=True):
    """The rows of one figure."""

    metric: Annotated[str, Meta(min_length=1, max_length=100)]
    where: list[str] = field(default_factory=list)
    format: Word = "ndjson"


async def online(call: Call) -> Reply:
    """What lists earned, with intervals."""
    n_items = call.query.n_items or len(call.service.current.snapshot.catalog)
    made = await call.service.reported(_report, call, _rules(call), call.query.by, n_items)
    return Reply(made)


async def behind(call: Call) -> Reply:
    """The rows that a figure is made of: their numerators and denominators add up to it."""
    where = {}
    for told in call.query.where:
        name, equals, value = told.partition(":")
        if not equals:
            raise Problem(422, f"name:value expected, {told!r} came", "query: where")
        where[name] = value or None
    form = call.query.format
    if form not in ("ndjson", "csv"):
        raise Problem(422, f"ndjson or csv expected, {form} came", "query: format")
    made = await call.service.reported(_rows, call, _rules(call), where)
    if form == "csv":
        return Reply(harmless(made).write_csv().encode(), type=CSV)
    return Reply(made.write_ndjson().encode(), type=LINES)


def _report(call: Call, rules: Rules, by: list[str], n_items: int) -> dict[str, Any]:
    facts = call.service.store.facts.frames(_before(rules), rules.as_of + 1)
    return report(facts, rules, by, n_items)


def _rows(call: Call, rules: Rules, where: dict[str, str | None]) -> pl.DataFrame:
    facts = call.service.store.facts.frames(_before(rules), rules.as_of + 1)
    return rows(facts, rules, call.query.metric, where)


def _before(rules: Rules) -> int:
    """Since when facts may be what later ones belong to: clicks, and what is sent back later."""
    return max(rules.since - max(rules.closing_ms, SENT_BACK_MS), 0)


def _rules(call: Call) -> Rules:
    query = call.query
    as_of = call.now_ms if query.as_of is None else millis(query.as_of)
    return Rules(
        as_of=as_of,
        since=max(as_of - USUAL_MS, 0) if query.since is None else millis(query.since),
        until=None if query.until is None else millis(query.until),
        view_through_s=query.view_through_s,
        served_as_seen=query.served_as_seen,
    )


ROUTES = (
    Route("GET", "/v1/metrics/online", "metrics:read", online, "What lists earned", dict,
          query=Reported),
    Route("GET", "/v1/metrics/online/rows", "metrics:read", behind, "The rows behind a figure",
          query=Behind),
)  # fmt: skip
