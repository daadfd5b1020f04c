"""What a judge needs of the training data: how known each item is, what it is like, who asks.

Apart from the training data so that a judge can be kept, and handed on, without the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64
from numpy import ndarray
from scipy.sparse import csr_array, hstack

from bowerbird.data.columns import Column
from bowerbird.data.dataset import ITEM_TYPE, Catalog, Dataset
from bowerbird.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Background:
    """Facts about n items and the users, all from before the cut."""

    counts: Int64[ndarray, "n"]  # training interactions; 0 is a cold item
    features: csr_array  # (n, f) rows of length 1 or empty: what diversity compares
    shares: csr_array | None = None  # (n, labels) rows that sum to 1 or are empty: calibration
    types: Column | None = None
    traits: Mapping[str, Column] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)  # printed with every result

    @classmethod
    def of(cls, train: Dataset, calibrate: str | None = None) -> "Background":
        """What this training data says.

        Args:
            train: nothing of the holdout may be in it.
            calibrate: the category or list field whose mix a list should keep; None is the first
                list field, else the first category that is not the item type, else none.

        Raises:
            ConfigError: `calibrate` is not a category or list field of the catalog.
        """
        labelled = _labelled(train.catalog)
        if calibrate is not None and calibrate not in labelled:
            valid = ", ".join(labelled) or "there is none"
            raise ConfigError(
                f"calibrate: a category or list field expected ({valid}), {calibrate!r} came"
            )
        features, named = _features(train, labelled)
        chosen = calibrate or _calibrated(labelled)
        return cls(
            counts=train.item_counts().astype(np.int64),
            features=_unit(features),
            shares=_shares(labelled[chosen]) if chosen else None,
            types=train.catalog.types(),
            traits=train.traits,
            facts={"diversity compares": named, "calibration field": chosen or "none"},
        )

    def __len__(self) -> int:
        return len(self.counts)


def multi_hot(column: Column) -> csr_array:
    """(n, labels): 1 where the row has the label.

    >>> multi_hot(Column.lists([["b", "a"], []])).toarray()
    array([[1., 1.], [0., 0.]])
    """
    n = len(column)
    if column.offsets is None:
        there = column.values >= 0
        codes, offsets = column.values[there], np.concatenate([[0], np.cumsum(there)])
    else:
        codes, offsets = column.values, column.offsets
    shape = (n, len(column.labels))
    hot = csr_array((np.ones(len(codes)), codes, offsets), shape=shape, copy=True)
    hot.sum_duplicates()  # rewrites its arrays, so they must not be the column's
    hot.data[:] = 1  # a label written twice is still one label
    return hot


def _labelled(catalog: Catalog) -> dict[str, Column]:
    wanted = ("category", "list")
    return {name: c for name, c in catalog.fields.items() if c.kind in wanted and c.labels}


def _calibrated(labelled: Mapping[str, Column]) -> str | None:
    lists = [name for name, column in labelled.items() if column.kind == "list"]
    categories = [name for name in labelled if name not in (*lists, ITEM_TYPE)]
    return next(iter(lists + categories), None)


def _features(train: Dataset, labelled: Mapping[str, Column]) -> tuple[csr_array, str]:
    if labelled:
        blocks = [multi_hot(column) for column in labelled.values()]
        return csr_array(hstack(blocks, format="csr")), "fields " + ", ".join(labelled)
    return csr_array(train.matrix().T), "the training users of each item (no labelled field)"


def _unit(features: csr_array) -> csr_array:
    squares = csr_array(features.multiply(features)).sum(axis=1)
    return _scaled(features, np.sqrt(np.asarray(squares, dtype=np.float64)).ravel())


def _shares(column: Column) -> csr_array:
    hot = multi_hot(column)
    return _scaled(hot, np.asarray(hot.sum(axis=1), dtype=np.float64).ravel())


def _scaled(matrix: csr_array, by: ndarray) -> csr_array:
    data = matrix.data / np.repeat(by, np.diff(matrix.indptr))
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
