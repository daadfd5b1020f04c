"""Which items a request may get: what is available, what a filter says, what is named.

Apart from retrievers because a mask knows no model, and one serves a whole batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int32
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.errors import DataError
from bowerbird.retrieval.expression import all_of


@dataclass(frozen=True, slots=True)
class Eligible:
    """A mask over the catalog's rows, and what each rule has taken out of what was left."""

    allow: Bool[ndarray, "n"] | None  # None is all
    removed: Mapping[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of the catalog that is left; 1 of an empty one."""
        return 1.0 if self.allow is None or not len(self.allow) else float(self.allow.mean())


def eligible(
    catalog: Catalog,
    now: int | None = None,
    filter: str | Sequence[str | None] | None = None,
    only: Sequence[str] | None = None,
    never: Sequence[str] = (),
) -> Eligible:
    """What may be recommended from this catalog.

    Args:
        catalog: the items there are.
        now: the moment that decides what is available (`available_from`, `available_until`); None
            is any.
        filter: an expression over the catalog's columns, or several that must all be true;
            `expression.parsed` has the grammar.
        only: ids of the only items that may be shown; None is all.
        never: ids of items that may not.

    Raises:
        ConfigError: the filter cannot be read, or does not fit the columns.
        DataError: an id of `only` or `never` is not in the catalog.

    >>> from bowerbird.data.vocabulary import Vocabulary
    >>> eligible(Catalog(Vocabulary.of(["a", "b"])), never=["b"]).removed
    {'never': 1}
    """
    told = all_of(*([filter] if filter is None or isinstance(filter, str) else filter))
    rules: dict[str, Bool[ndarray, n] | None] = {
        "availability": None if now is None else catalog.available(now),
        "filter": None if told is None else told.mask(catalog.fields, len(catalog)),
        "only": None if only is None else named(catalog, only),
        "never": ~named(catalog, never) if never else None,
    }
    allow, removed = np.ones(len(catalog), dtype=bool), {}
    for name, kept in rules.items():
        if kept is not None:
            removed[name] = int(np.count_nonzero(allow & ~kept))
            allow &= kept
    return Eligible(allow if removed else None, removed)


def named(catalog: Catalog, ids: Sequence[str]) -> Bool[ndarray, "n"]:
    """Which rows of the catalog have these ids.

    Raises:
        DataError: an id is not in the catalog.
    """
    mask = np.zeros(len(catalog), dtype=bool)
    mask[rows_of(catalog, ids)] = True
    return mask


def rows_of(catalog: Catalog, ids: Sequence[str]) -> Int32[ndarray, "m"]:
    """The rows of these items.

    Raises:
        DataError: an id is not in the catalog.
    """
    rows: Int32[ndarray, m] = catalog.items.rows(ids)
    if (rows < 0).any():
        unknown = [id for id, row in zip(ids, rows, strict=True) if row < 0]
        known = ", ".join(catalog.items.ids[:3])
        came = f"{', '.join(map(repr, unknown[:3]))} came"
        raise DataError(f"items of the catalog ({known}, …) expected, {came}")
    return rows
