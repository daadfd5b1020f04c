"""Routes about what lists earned: figures, what they mean, and the exact rows behind each."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Annotated, Any

import polars as pl
from msgspec import Meta, Struct, field

from bowerbird.online.change import change
from bowerbird.online.definitions import definitions
from bowerbird.online.holdout import Share, held_out
from bowerbird.online.report import report
from bowerbird.online.rows import harmless, rows
from bowerbird.online.rules import DAY_MS, Rules
from bowerbird.serving.call import JSON, LINES, Call, Reply, Route
from bowerbird.serving.messages import Moment, Whole, Word, millis
from bowerbird.serving.problems import Problem
from bowerbird.surfaces.live_scenarios import Edited

FORMATS = {
    "ndjson": LINES,
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "json": JSON,
}
PIECE = 20_000
"""Rows that are written at once: a file of millions is never in memory as text."""
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
    where: list[str] = field(default_factory=list)  # name:value; without a value: none


class Reported(Asked, kw_only=True):
    """Figures by group."""

    by: list[str] = field(default_factory=lambda: ["surface"])
    n_items: Whole | None = None


class Behind(Asked, kw_only=True):
    """The rows of one figure."""

    metric: Annotated[str, Meta(min_length=1, max_length=100)]
    format: Word = "ndjson"
    offset: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1)] | None = None


class Rows(Struct):
    """Some rows behind a figure, and the sums over all of them."""

    rows: list[dict[str, Any]]
    offset: int
    total: int
    numerator: int  # of a median this is no sum: its rows stand in order, it is their middle
    denominator: int
    as_of: int  # say it with the next page: then both are of the same facts


async def online(call: Call) -> Reply:
    """What lists earned, with intervals."""
    n_items = call.query.n_items or len(call.service.current.snapshot.catalog)
    asked = (_rules(call), call.query.by, n_items, _where(call))
    return Reply(await call.service.reported(_report, call, *asked))


async def changed(call: Call) -> Reply:
    """The same over all, beside the span before."""
    return Reply(await call.service.reported(_change, call, _rules(call), _where(call)))


async def held(call: Call) -> Reply:
    """People who are held out, against all others: what lists are worth."""
    return Reply(await call.service.reported(_held, call, _rules(call)))


async def meant(call: Call) -> Reply:
    """What each figure is: the same words as in the documentation."""
    return Reply(definitions())


async def behind(call: Call) -> Reply:
    """The rows that a figure is made of: their numerators and denominators add up to it."""
    form = call.query.format
    if form not in FORMATS:
        raise Problem(422, f"one of {', '.join(FORMATS)} expected, {form} came", "query: format")
    rules = _rules(call)
    made = await call.service.reported(_rows, call, rules, _where(call))
    start, limit = call.query.offset, call.query.limit
    some = made.slice(start, limit)
    if form == "json":
        top, bottom = (int(made[name].sum()) for name in ("numerator", "denominator"))
        return Reply(Rows(some.to_dicts(), start, made.height, top, bottom, rules.as_of))
    name = call.query.metric.replace(":", "-")
    kept = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    if form == "parquet":
        return Reply(await call.service.aside(_parquet, some), headers=kept, type=FORMATS[form])
    return Reply(_pieces(some, form), headers=kept, type=FORMATS[form])


def _pieces(made: pl.DataFrame, form: str) -> Iterator[bytes]:
    """The file, as it is written; without rows a CSV file has its head."""
    for start in range(0, max(made.height, 1), PIECE):
        some = made.slice(start, PIECE)
        if form == "csv":
            yield harmless(some).write_csv(include_header=start == 0).encode()
        else:
            yield some.write_ndjson().encode()


def _parquet(made: pl.DataFrame) -> bytes:
    made.write_parquet(file := BytesIO())
    return file.getvalue()


def _where(call: Call) -> dict[str, str | None]:
    """The group that is asked for.

    Raises:
        Problem: it is not said as name:value.
    """
    where = {}
    for told in call.query.where:
        of, _, rest = told.partition(":")
        name, equals, value = rest.partition(":") if of == "arm" else told.partition(":")
        if not equals:
            raise Problem(422, f"name:value expected, {told!r} came", "query: where")
        where[f"arm:{name}" if of == "arm" else name] = value or None
    return where


def _report(
    call: Call, rules: Rules, by: list[str], n_items: int, where: dict[str, str | None]
) -> dict[str, Any]:
    facts = call.service.store.facts.frames(_before(rules), rules.as_of + 1)
    return report(facts, rules, by, n_items, where)


def _change(call: Call, rules: Rules, where: dict[str, str | None]) -> dict[str, Any]:
    until = rules.as_of if rules.until is None else rules.until
    since = _before(rules) - max(until - rules.since, 0)
    facts = call.service.store.facts.frames(max(since, 0), rules.as_of + 1)
    return change(facts, rules, where)


def _held(call: Call, rules: Rules) -> dict[str, Any]:
    """From the last moment on at which somebody said what share is held out."""
    scenarios = call.service.current.snapshot.scenarios
    shares = {name: one.holdout for name, one in scenarios.items() if one.holdout}
    edits = Edited.of(call.service.store.papers).edits
    said = [
        e.at for e in edits if (e.before or {}).get("holdout") != (e.after or {}).get("holdout")
    ]
    rules = replace(rules, since=max(rules.since, *said, 0))
    same = len(set(shares.values())) == 1
    share = Share(next(iter(shares.values()))) if same else Share(None, "shares differ")
    facts = call.service.store.facts.frames(_before(rules), rules.as_of + 1)
    return {
        "set": shares,
        **held_out(facts, rules, share if shares else Share(None, "none is set")),
    }


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
    Route("GET", "/v1/metrics/definitions", "metrics:read", meant, "What each figure means", dict),
    Route("GET", "/v1/metrics/online", "metrics:read", online, "What lists earned", dict,
          query=Reported),
    Route("GET", "/v1/metrics/online/change", "metrics:read", changed,
          "What lists earned, against the span before", dict, query=Asked),
    Route("GET", "/v1/metrics/online/holdout", "metrics:read", held,
          "What lists are worth, against people who are held out", dict, query=Asked),
    Route("GET", "/v1/metrics/online/rows", "metrics:read", behind, "The rows behind a figure",
          query=Behind),
)  # fmt: skip
