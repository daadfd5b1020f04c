"""Items of a catalog in words: some of them for a page, one with all there is to say of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int8, Int64
from numpy import ndarray

from bowerbird.data.artifacts import load_json
from bowerbird.errors import ArtifactError
from bowerbird.online.per_item import FIGURES
from bowerbird.online.rules import DAY_S
from bowerbird.serving.catalog_facts import DAYS, Table
from bowerbird.serving.catalog_messages import (
    CatalogCard,
    CatalogDay,
    CatalogItem,
    Counts,
    Moved,
    Touching,
)
from bowerbird.serving.snapshot import Snapshot, row_of
from bowerbird.store.store import Table as Items
from bowerbird.surfaces.item_states import STATES
from bowerbird.surfaces.ruled_items import Ruled
from bowerbird.surfaces.run_reports import GATE, beside


def items_of(
    table: Table, rows: Int64[ndarray, "m"], codes: Int8[ndarray, "m"], now: int, tells: bool
) -> list[CatalogItem]:
    """These items, in this order.

    Args:
        table: of the catalog.
        rows: which.
        codes: how it stands with each, a place in `STATES`.
        now: the moment (s).
        tells: may it be told what lists did?
    """
    small, told = table.catalog.take(rows), list[CatalogItem]()
    names = [name for name, column in small.fields.items() if column.kind != "vector"]
    types = small.types()
    sorts = [""] * len(rows) if types is None else types.words()
    for n, (row, title) in enumerate(zip(rows.tolist(), small.titles(), strict=True)):
        state, counts = STATES[codes[n]], None
        if tells and table.figures is not None:
            counts = Counts(*(int(table.totals[name][row]) for name in FIGURES))
        told.append(
            CatalogItem(
                id=small.items.ids[n],
                title=title,
                type=sorts[n] or None,
                state=state,
                why=table.why(row, state, now),
                placed=bool(table.learned.placed[row]),
                interactions=int(table.learned.met[row]),
                counts=counts,
                fields=row_of(small, n, names),
            )
        )
    return told


def card_of(items: Items, table: Table, id: str, now_ms: int, tells: bool) -> CatalogCard | None:
    """All there is to say of an item; None: there is none.

    Args:
        items: of the store, which knows of a change some seconds before lists do.
        table: of the catalog.
        id: of the item.
        now_ms: the moment.
        tells: may it be told what lists did?
    """
    (change,) = items.get([id])
    written = None if change is None or change.fields is None else dict(change.fields)
    row, now = int(table.catalog.items.rows([id])[0]), now_ms // 1000
    if row < 0:
        return None if written is None else _just_put(table, id, written)
    if written is not None and table.deleted[row]:
        table = replace(table, snapshot=table.snapshot.without([], there=[id]))
    (item,) = items_of(table, np.array([row]), table.states(now)[[row]], now, tells)
    fields = table.catalog.fields
    item.fields = row_of(table.catalog, row, list(fields)) if written is None else written
    figures = table.figures if tells else None
    return CatalogCard(
        item=item,
        days=[] if figures is None else _days(figures.by_day, id, figures.as_of),
        rules=[_touching(one, now) for one in table.rules if one.rows[row]],
        filtered=_filtered(table.snapshot, row),
        faults=list(table.faults),
        moved=_moved(table.snapshot, id),
        as_of=None if figures is None else figures.as_of,
        model=table.snapshot.model,
    )


def _just_put(table: Table, id: str, fields: dict[str, Any]) -> CatalogCard:
    """An item that lists learn of within seconds."""
    told = fields.get("title") or fields.get("name") or id
    why = "it was put just now: lists learn of it within seconds"
    item = CatalogItem(
        id=id,
        title=str(told),
        type=None,
        state="new",
        why=why,
        placed=False,
        interactions=0,
        counts=None,
        fields=fields,
    )
    return CatalogCard(item, [], [], [], list(table.faults), None, None, table.snapshot.model)


def _days(by_day: pl.DataFrame, id: str, as_of: int) -> list[CatalogDay]:
    """Every day, the oldest first, those without a list too."""
    there = {day: some for _, day, *some in by_day.filter(pl.col("item") == id).iter_rows()}
    last = as_of // 1000
    days = [
        datetime.fromtimestamp(last - ago * DAY_S, UTC).date().isoformat()
        for ago in range(DAYS - 1, -1, -1)
    ]
    return [CatalogDay(day, *there.get(day, [0] * len(FIGURES))) for day in days]


def _touching(one: Ruled, now: int) -> Touching:
    rule = one.rule
    return Touching(
        scenario=one.scenario,
        rule=rule.name,
        do=rule.do,
        active=rule.active(now),
        position=rule.position if rule.do == "pin" else None,
        by=rule.by if rule.do in ("boost", "bury") else None,
        start=rule.start,
        stop=rule.stop,
        audience=rule.audience,
    )


def _filtered(snapshot: Snapshot, row: int) -> list[str]:
    """Scenarios whose own filter leaves the item out."""
    filters = {name: one.filter for name, one in snapshot.scenarios.items() if one.filter}
    return [name for name, filter in filters.items() if not snapshot.mask(filter)[row]]


def _moved(snapshot: Snapshot, id: str) -> Moved | None:
    """Whom the retrain that made the run found beside it, before and after.

    It writes down only those that were met most lately, and those that moved most.
    """
    try:
        told = load_json(beside(snapshot.run.folder, GATE))["watched"]["neighbours"]
        lists: Mapping[str, Any] = {one["item"]: one for one in (*told["movers"], *told["cards"])}
        if id not in lists:
            return None
        before, after = (list(map(str, lists[id][name])) for name in ("before", "after"))
        titles = {each: str(told["names"].get(each, each)) for each in (*before, *after)}
        return Moved(snapshot.run.facts.get("parent"), before, after, titles)
    except (ArtifactError, KeyError, TypeError):
        return None  # it was trained alone, or its model has no vectors
