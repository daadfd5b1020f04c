"""One number for all that is in a dataset: is this the data that something was made from?

Apart from the dataset because runs and unfinished fits ask, and no model does.
"""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Dataset


def data_digest(data: Dataset) -> str:
    """SHA-256 of everything in a dataset that a model can learn from.

    Ids, the log, and each column of items, of people and of events, texts included.

    Cost: one pass over the bytes.
    """
    total = hashlib.sha256()
    for part in _parts(data):
        total.update(part)
    return total.hexdigest()


def _parts(data: Dataset) -> Iterator[bytes | memoryview]:
    log = data.log
    yield from (_words(ids.ids) for ids in (data.users, data.catalog.items))
    for array in (log.users, log.items, log.times, log.weights, log.types, log.values):
        yield from _array(array)
    yield _words(log.type_names)
    for columns in (data.catalog.fields, data.traits, log.context):
        for name, column in columns.items():
            yield f"\0{name}\0{column.kind}\0".encode()
            yield from _column(column)
    yield f"{data.ordered} {data.dated}".encode()


def _column(column: Column) -> Iterator[bytes | memoryview]:
    yield _words(column.labels)
    if column.values.dtype == object:
        yield _words(column.values)
    else:
        yield from _array(column.values)
    yield from _array(column.offsets)


def _words(words: Iterable[str]) -> bytes:
    return "\0".join(words).encode("utf-8", "surrogatepass")


def _array(array: ndarray | None) -> Iterator[bytes | memoryview]:
    """Its type and shape, then its bytes; where there is none, that."""
    if array is None:
        yield b"\0none\0"
        return
    yield f"\0{array.dtype}{array.shape}\0".encode()
    yield np.ascontiguousarray(array).data
