"""The run's catalog with what the shop has changed since: new items, other fields, items gone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from bowerbird.data.dataset import AVAILABLE_FROM, Catalog
from bowerbird.data.fields import read_fields
from bowerbird.data.joining import extended
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.serving.snapshot import Snapshot, hidden_in
from bowerbird.store.store import Change, Table

AT_ONCE = 10_000
"""Changes that are read together."""


class LiveCatalog:
    """Follows the changes of the items in a store."""

    def __init__(self, items: Table) -> None:
        self._items, self._number = items, 0

    def refreshed(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with all changes since the last call; the same one where there are none."""
        newest: dict[str, Change] = {}
        while changes := self._items.since(self._number, AT_ONCE):
            newest |= {change.id: change for change in changes}
            self._number = changes[-1].number
        if not newest:
            return snapshot
        there = [change for change in newest.values() if change.fields is not None]
        gone = [change.id for change in newest.values() if change.fields is None]
        if there:
            snapshot = _with(snapshot, there)
        return snapshot.without(gone, there=[change.id for change in there])


def _with(snapshot: Snapshot, changes: Sequence[Change]) -> Snapshot:
    """With these items as they are now."""
    run = snapshot.run
    catalog = extended(run.data.catalog, newer(run.data.catalog, changes))
    run = replace(run, data=replace(run.data, catalog=catalog))
    live = snapshot.live
    if live is not None:
        live = replace(live, data=replace(live.data, catalog=catalog))
    made = Snapshot.of(run, snapshot.scenarios, snapshot.kept, snapshot.fitted, live)
    made = made.forgetting(list(snapshot.histories.forgotten))
    return replace(made, hidden=hidden_in(snapshot, len(catalog)))


def newer(catalog: Catalog, changes: Sequence[Change]) -> Catalog:
    """These items as a catalog, their columns of the kinds that the catalog has.

    Raises:
        DataError: a value does not fit the kind of its column.
    """
    told = [_since(catalog, change) for change in changes]
    names = list(dict.fromkeys(name for fields in told for name in fields))
    rows: list[dict[str, Any]] = [{name: fields.get(name) for name in names} for fields in told]
    kinds = {name: catalog.fields[name].kind for name in names if name in catalog.fields}
    table = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    ids = Vocabulary(tuple(change.id for change in changes), catalog.items.kind)
    return Catalog(ids, read_fields(table, kinds, "items") if names else {})


def _since(catalog: Catalog, change: Change) -> dict[str, Any]:
    """Its fields; what nobody has met yet is new since it was put, unless it says otherwise."""
    fields = dict(change.fields or {})
    if change.id not in catalog.items and fields.get(AVAILABLE_FROM) is None:
        fields[AVAILABLE_FROM] = datetime.fromtimestamp(change.time / 1000, UTC).isoformat()
    return fields
