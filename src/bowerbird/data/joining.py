"""Two datasets over one vocabulary: answers in a second file, histories of strangers, new items.

Rows that are known stay where they are; what is new is appended. So a fitted model still fits.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.fields import read_fields, write_fields, written_as
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary


def joined(data: Dataset, other: Dataset) -> tuple[Dataset, Interactions]:
    """`data` with the users and items of `other` appended, and the log of `other` in its rows."""
    users = _extended(data.users, other.users)
    catalog = extended(data.catalog, Catalog(other.catalog.items))
    people = np.arange(len(users))
    rows = np.where(people < len(data.users), people, -1)
    traits = {name: column.take(rows) for name, column in data.traits.items()}
    log = other.log
    user_rows = users.rows(other.users.ids)[log.users]
    item_rows = catalog.items.rows(other.catalog.items.ids)[log.items]
    by = np.lexsort((log.times, user_rows))  # stable: ties keep the order of `other`
    moved = replace(
        log,
        users=user_rows[by],
        items=item_rows[by],
        times=log.times[by],
        weights=log.weights[by],
        types=None if log.types is None else log.types[by],
        values=None if log.values is None else log.values[by],
        context={name: column.take(by) for name, column in log.context.items()},
    )
    return replace(data, users=users, catalog=catalog, traits=traits), moved


def retold(other: Dataset, data: Dataset) -> Queries:
    """The histories of `other` in the item rows of `data`; what it does not know is row -1."""
    queries = other.queries()
    rows = data.catalog.items.rows(other.catalog.items.ids)
    people = data.users.rows(other.users.ids)
    context = {name: column.take(people) for name, column in data.traits.items()}
    return replace(queries, items=rows[queries.items], context=context)


def behind(earlier: Queries, later: Queries) -> Queries:
    """Each later history behind the earlier one of the same query, asked when the later is.

    >>> behind(Queries.of([[1, 2], []]), Queries.of([[5], [6]])).history(0)
    array([1, 2, 5], dtype=int32)
    """
    both = earlier.then(later)
    by = np.argsort(np.concatenate([earlier.owners(), later.owners()]), kind="stable")
    offsets = earlier.offsets + later.offsets
    types = None if both.types is None else both.types[by]
    events = (both.items[by], both.times[by], both.weights[by])
    return Queries(*events, offsets, later.now, later.context, types, both.type_names)


def extended(catalog: Catalog, newer: Catalog) -> Catalog:
    """The same rows with the new items appended; what `newer` says of an item goes before.

    >>> from bowerbird.data.columns import Column
    >>> from bowerbird.data.vocabulary import Vocabulary
    >>> old = Catalog(Vocabulary.of(["b"]), {"title": Column.text(["Heat"])})
    >>> extended(old, Catalog(Vocabulary.of(["a"]), {"title": Column.text(["Babe"])})).titles()
    ['Heat', 'Babe']
    """
    items = _extended(catalog.items, newer.items)
    if not newer.fields:
        row = np.arange(len(items))
        rows = np.where(row < len(catalog), row, -1)
        return Catalog(items, {name: c.take(rows) for name, c in catalog.fields.items()})
    tables = [write_fields(c.items, c.fields, "item") for c in (catalog, newer)]
    tables = [
        table.with_columns(pl.Series("item", c.items.ids))
        for table, c in zip(tables, (catalog, newer), strict=True)
    ]
    table = pl.concat(tables, how="diagonal_relaxed").unique("item", keep="last")
    order = pl.DataFrame({"item": list(items.ids)}, schema={"item": pl.String})
    table = order.join(table, on="item", how="left", maintain_order="left").drop("item")
    kinds = {n: c.kind for source in (newer, catalog) for n, c in source.fields.items()}
    return Catalog(items, read_fields(table, kinds, "items"))


def _extended(ids: Vocabulary, newer: Vocabulary) -> Vocabulary:
    """The same rows with the new ids appended; text from now on if they do not fit the type."""
    kind = ids.kind if written_as(ids.kind, newer.ids) else "String"
    return replace(ids.extended(newer.ids), kind=kind)
