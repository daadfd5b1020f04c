"""The run's catalog with what the shop has changed since: new items, other fields, items gone."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from bowerbird.data.dataset import AVAILABLE_FROM, Catalog
from bowerbird.data.fields import read_fields
from bowerbird.data.joining import extended
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import DataError
from bowerbird.serving.snapshot import Snapshot, hidden_in
from bowerbird.store.store import Change, Table

log = logging.getLogger("bowerbird.serving")
QUICK_S, RARELY = 0.5, 20
"""A catalog that takes longer is laid over once in so many times of what it takes."""
AT_ONCE = 10_000
"""Changes that are read together."""


class LiveCatalog:
    """Follows the changes of the items in a store."""

    def __init__(self, items: Table, late: Callable[[], float] = time.monotonic) -> None:
        self._items, self._late, self._number = items, late, 0
        self._waiting: dict[str, Change] = {}  # read, and not in lists yet
        self._next = 0.0

    def refreshed(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with all changes since the last call; the same one where there are none.

        What is gone is hidden at once. Where a catalog is so large that others take long to lay
        over it, they are laid over together, now and then.
        """
        while changes := self._items.since(self._number, AT_ONCE):
            self._waiting |= {change.id: change for change in changes}
            self._number = changes[-1].number
        if not self._waiting:
            return snapshot
        there = [change for change in self._waiting.values() if change.fields is not None]
        gone = [change.id for change in self._waiting.values() if change.fields is None]
        if there and self._late() < self._next:
            return snapshot.without(gone) if gone else snapshot
        if there:
            began = self._late()
            snapshot = _with(snapshot, _sound(snapshot.catalog, there))
            took = self._late() - began
            self._next = self._late() + (RARELY * took if took > QUICK_S else 0)
        self._waiting = {}
        return snapshot.without(gone, there=[change.id for change in there])


def _sound(catalog: Catalog, changes: Sequence[Change]) -> Sequence[Change]:
    """Those that fit the columns; of the others the log tells."""
    try:
        newer(catalog, changes)
    except DataError:
        if len(changes) == 1:
            log.error("item %s does not fit the catalog: put it again", changes[0].id)
            return []
        half = len(changes) // 2
        return [*_sound(catalog, changes[:half]), *_sound(catalog, changes[half:])]
    return changes


def _with(snapshot: Snapshot, changes: Sequence[Change]) -> Snapshot:
    """With these items as they are now."""
    if not changes:
        return snapshot
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
