"""Two datasets over one vocabulary: answers in a second file, histories of strangers, new items.

Rows that are known stay where they are; what is new is appended. So a fitted model still fits.
"""

from dataclasses import replace

import numpy as np
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.fields import read_field, write_fields, written_as
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import DataError


def joined(data: Dataset, other: Dataset) -> tuple[Dataset, Interactions]:
    """`data` with the users and items of `other` appended, and the log of `other` in its rows."""
    data, catalog = peopled(data, other.users), extended(data.catalog, Catalog(other.catalog.items))
    log = other.log
    user_rows = data.users.rows(other.users.ids)[log.users]
    item_rows = catalog.items.rows(other.catalog.items.ids)[log.items]
    return replace(data, catalog=catalog), log.moved(user_rows, item_rows)


def peopled(data: Dataset, newer: Vocabulary) -> Dataset:
    """The same with these users appended, of whom nothing is known."""
    users = _extended(data.users, newer)
    people = np.arange(len(users))
    rows = np.where(people < len(data.users), people, -1)
    traits = {name: column.take(rows) for name, column in data.traits.items()}
    return replace(data, users=users, traits=traits)


def together(log: Interactions, later: Interactions) -> Interactions:
    """Two logs of the same rows as one; of one moment the first log's events come first.

    Types are told if the first log has them; values and context are left out.

    Cost: O(m·log n) for m later events, and a copy of the first log.
    """
    low, high = (np.searchsorted(log.users, later.users, side) for side in ("left", "right"))
    while (open_ := low < high).any():  # within the events of each user by time
        middle = np.where(open_, (low + high) // 2, 0)
        behind = open_ & (log.times[middle] <= later.times)
        low, high = np.where(behind, middle + 1, low), np.where(open_ & ~behind, middle, high)
    names, types = log.type_names, None
    if log.types is not None:
        names = tuple(dict.fromkeys([*names, *later.type_names]))
        codes = np.array([names.index(name) for name in later.type_names], dtype=np.int16)
        told = codes[np.zeros(len(later), int) if later.types is None else later.types]
        types = np.insert(log.types, low, told)
    return Interactions(
        np.insert(log.users, low, later.users),
        np.insert(log.items, low, later.items),
        np.insert(log.times, low, later.times),
        np.insert(log.weights, low, later.weights),
        types,
        names,
    )


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
    row = np.arange(len(items))
    old = np.where(row < len(catalog), row, -1)
    if not newer.fields:
        return Catalog(items, {name: c.take(old) for name, c in catalog.fields.items()})
    new = np.full(len(items), -1)
    new[items.rows(newer.items.ids)] = np.arange(len(newer))
    old[new >= 0] = -1
    fields = {name: column.take(old) for name, column in catalog.fields.items()}
    for name, column in newer.fields.items():
        after = _as(column, fields[name], name) if name in fields else column
        after = after.take(new)
        fields[name] = _laid_over(fields[name], after, new >= 0) if name in fields else after
    return Catalog(items, fields)


def _as(column: Column, like: Column, name: str) -> Column:
    """The column in the kind of another, read again where it is of a different one.

    Raises:
        DataError: its values do not fit that kind.
    """
    if column.kind != like.kind:
        ids = Vocabulary(tuple(map(str, range(len(column)))))
        column = read_field(write_fields(ids, {name: column}, "")[name], like.kind, "items")
    wide, came = like.values.shape[1:], column.values.shape[1:]
    if wide != came:
        told = f"items: column {name!r}: vectors of {wide[0]} numbers expected, {came[0]} came"
        raise DataError(f"{told}: correct them")
    return column


def _laid_over(before: Column, after: Column, there: ndarray) -> Column:
    """The second column's rows where they are there, else the first's, which are none there."""
    labels = tuple(sorted({*before.labels, *after.labels}))
    one, other = _recoded(before, labels), _recoded(after, labels)
    if one.offsets is None or other.offsets is None:
        there = there.reshape(-1, *[1] * (one.values.ndim - 1))
        return Column(one.kind, np.where(there, other.values, one.values), labels)
    sizes = [np.diff(column.offsets) for column in (one, other) if column.offsets is not None]
    offsets = np.concatenate([[0], np.cumsum(sum(sizes))]).astype(np.int64)
    owners = np.concatenate([np.repeat(np.arange(len(there)), size) for size in sizes])
    by = np.argsort(owners, kind="stable")
    return Column("list", np.concatenate([one.values, other.values])[by], labels, offsets)


def _recoded(column: Column, labels: tuple[str, ...]) -> Column:
    """With codes into these labels, which hold all of its own."""
    if column.kind not in ("category", "list") or column.labels == labels:
        return column
    code = {label: place for place, label in enumerate(labels)}
    codes = np.array([*(code[label] for label in column.labels), -1], dtype=np.int32)
    return replace(column, values=codes[column.values], labels=labels)


def _extended(ids: Vocabulary, newer: Vocabulary) -> Vocabulary:
    """The same rows with the new ids appended; text from now on if they do not fit the type."""
    kind = ids.kind if written_as(ids.kind, newer.ids) else "String"
    return replace(ids.extended(newer.ids), kind=kind)
