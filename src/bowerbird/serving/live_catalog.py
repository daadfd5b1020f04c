"""The run's catalog with what the shop has changed since: new items, other fields, items gone."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bowerbird.serving.snapshot import Snapshot, hidden_in
from bowerbird.store.store import Change, Table
from bowerbird.surfaces.live_items import changed, newest

log = logging.getLogger("bowerbird.serving")
QUICK_S, RARELY = 0.5, 20
"""A catalog that takes longer is laid over once in so many times of what it takes."""


class LiveCatalog:
    """Follows the changes of the items in a store."""

    def __init__(self, items: Table, late: Callable[[], float] = time.monotonic) -> None:
        self._items, self._late, self._next = items, late, 0.0

    def followed(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with all changes of items since its own; the same one where there are none.

        What is gone is hidden at once. Where a catalog is so large that others take long to lay
        over it, they are laid over together, now and then.
        """
        changes = newest(self._items, snapshot.number).values()
        there = [change for change in changes if change.fields is not None]
        gone = [change.id for change in changes if change.fields is None]
        began = self._late()
        if there and began < self._next:  # its number stays: they are read again
            return snapshot.without(gone) if shown(snapshot, gone) else snapshot
        if not changes:
            return snapshot
        if there:
            snapshot = _with(snapshot, there)
            took = self._late() - began
            self._next = self._late() + (RARELY * took if took > QUICK_S else 0)
        snapshot = snapshot.without(gone, there=[change.id for change in there])
        return replace(snapshot, number=max(change.number for change in changes))


def _with(snapshot: Snapshot, changes: Sequence[Change]) -> Snapshot:
    """With these items as they are now."""
    run = snapshot.run
    catalog = changed(run.data.catalog, changes)
    run = replace(run, data=replace(run.data, catalog=catalog))
    live = snapshot.live
    if live is not None:
        live = replace(live, data=replace(live.data, catalog=catalog))
    made = Snapshot.of(run, snapshot.scenarios, snapshot.kept, snapshot.fitted, live)
    made = replace(made, hidden=hidden_in(snapshot, len(catalog)), edited=snapshot.edited)
    return made.forgetting(snapshot.histories.forgotten)


def shown(snapshot: Snapshot, ids: Sequence[str]) -> bool:
    """Is any of these items in lists?"""
    rows = snapshot.catalog.items.rows(ids)
    rows = rows[rows >= 0]
    return bool(len(rows)) and (snapshot.hidden is None or not snapshot.hidden[rows].all())
