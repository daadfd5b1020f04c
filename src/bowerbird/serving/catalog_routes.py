"""Routes about the catalog as it stands: which items are cold, dead or hidden, what lists did."""

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from bowerbird.data.dataset import AVAILABLE_FROM
from bowerbird.serving.call import Call, Reply, Route
from bowerbird.serving.catalog_card import card_of, items_of
from bowerbird.serving.catalog_facts import DAYS, Table
from bowerbird.serving.catalog_messages import CatalogCard, CatalogColumn, CatalogPage, Wanted
from bowerbird.serving.problems import Problem
from bowerbird.surfaces.item_states import STATES

METRICS = "metrics:read"
"""What a key needs to be told what lists did; the rest is catalog."""


async def catalog(call: Call) -> Reply:
    """A page of it."""
    table = await _table(call)
    return Reply(await call.service.aside(_page, call, table))


async def card(call: Call) -> Reply:
    """One item, as the store has it this moment."""
    table = await _table(call)
    id, tells = call.named("item"), call.who.may(METRICS)
    found = await call.service.aside(
        card_of, call.service.store.items, table, id, call.now_ms, tells
    )
    if found is None:
        raise Problem(404, f"an item expected, {id!r} is not there")
    return Reply(found)


async def _table(call: Call) -> Table:
    return await call.service.catalog.table(call.service.current.snapshot, call.now_ms)


def _page(call: Call, table: Table) -> CatalogPage:
    query, now = call.query, call.now_ms // 1000
    codes = table.states(now)
    kept = _kept(call, table)
    if query.state:
        kept &= codes == STATES.index(query.state)
    rows = np.flatnonzero(kept)
    if query.sort != "catalog":
        rows = rows[_order(table, query.sort, rows, query.ascending)]
    some = rows[query.skip : query.skip + query.limit]
    after, reach, tells = query.skip + len(some), table.reach, call.who.may(METRICS)
    fields = table.catalog.fields.items()
    return CatalogPage(
        items=items_of(table, some, codes[some], now, tells),
        found=len(rows),
        skip=after if after < len(rows) else None,
        items_all=len(codes),
        states=dict(zip(STATES, np.bincount(codes, minlength=len(STATES)).tolist(), strict=True)),
        columns=[CatalogColumn(name, column.kind) for name, column in fields],
        model=table.snapshot.model,
        as_of=table.figures.as_of if tells and table.figures is not None else None,
        days=DAYS,
        people=None if reach is None else reach.people,
        places=None if reach is None else reach.places,
        dead_by_chance=None if reach is None else reach.by_chance,
    )


def _kept(call: Call, table: Table) -> Bool[ndarray, "n"]:
    """What a search and a filter leave.

    Raises:
        ConfigError: the filter cannot be read, or does not fit the columns.
    """
    kept, told = np.ones(len(table.catalog), dtype=bool), call.query.filter.strip()
    if told:
        kept &= table.snapshot.mask(told)
    words = call.query.search.lower().split()
    if words:
        held = call.service.catalog.words(table.catalog)
        for word in words:
            kept &= held.str.contains(word, literal=True).to_numpy()
    return kept


def _order(
    table: Table, sort: str, rows: Int64[ndarray, "m"], ascending: bool
) -> Int64[ndarray, "m"]:
    """Equal ones as they stand in the catalog; of times, what came later in it is newer."""
    if sort == "newest":
        column = table.catalog.fields.get(AVAILABLE_FROM)
        since = np.zeros(len(rows), np.int64) if column is None else column.values[rows]
        order: ndarray = np.lexsort((rows, since))
        return order if ascending else order[::-1]
    values = table.learned.met if sort == "interactions" else table.totals[sort]
    values = values[rows]
    return np.argsort(values if ascending else -values, kind="stable")


ROUTES = (
    Route("GET", "/v1/catalog", "catalog:read", catalog, "Items and how it stands with them",
          CatalogPage, query=Wanted),
    Route("GET", "/v1/catalog/{item}", "catalog:read", card, "All there is to say of an item",
          CatalogCard),
)  # fmt: skip
