"""What the shop has changed of its items, laid over a catalog."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from bowerbird.data.dataset import AVAILABLE_FROM, Catalog
from bowerbird.data.fields import read_fields
from bowerbird.data.joining import extended
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import DataError
from bowerbird.store.store import Change, Table

log = logging.getLogger("bowerbird")
AT_ONCE = 10_000
"""Changes that are read together."""


def newest(items: Table, number: int = 0) -> dict[str, Change]:
    """The last change of each item since the change of this number."""
    found = dict[str, Change]()
    while changes := items.since(number, AT_ONCE):
        found |= {change.id: change for change in changes}
        number = changes[-1].number
    return found


def changed(catalog: Catalog, changes: Sequence[Change]) -> Catalog:
    """With these items; one that does not fit stays as it was, and keeps no other out."""
    try:
        return extended(catalog, newer(catalog, changes))
    except DataError as error:
        if len(changes) == 1:
            log.error("item %r stays as it was: %s", changes[0].id, error)
            return catalog
    half = len(changes) // 2
    return changed(changed(catalog, changes[:half]), changes[half:])


def newer(catalog: Catalog, changes: Sequence[Change]) -> Catalog:
    """These items as a catalog, their columns of the kinds that the catalog has.

    Raises:
        DataError: a value does not fit the kind of its column.
    """
    told = [_since(catalog, change) for change in changes]
    names = list(dict.fromkeys(name for fields in told for name in fields))
    rows: list[dict[str, Any]] = [{name: fields.get(name) for name in names} for fields in told]
    kinds = {name: catalog.fields[name].kind for name in names if name in catalog.fields}
    try:
        table = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    except pl.exceptions.PolarsError as error:
        came = f"items: values of one kind in each column expected, {str(error).splitlines()[0]}"
        raise DataError(f"{came}: correct them") from error
    ids = Vocabulary(tuple(change.id for change in changes), catalog.items.kind)
    return Catalog(ids, read_fields(table, kinds, "items") if names else {})


def _since(catalog: Catalog, change: Change) -> dict[str, Any]:
    """Its fields; it is new since it was first put, unless it says otherwise."""
    fields = dict(change.fields or {})
    if fields.get(AVAILABLE_FROM) is not None:
        return fields
    if change.id not in catalog.items:
        fields[AVAILABLE_FROM] = datetime.fromtimestamp(change.time / 1000, UTC).isoformat()
    elif (known := catalog.fields.get(AVAILABLE_FROM)) is not None:  # as a run has kept it
        fields[AVAILABLE_FROM] = known.take(catalog.items.rows([change.id])).words()[0] or None
    return fields
