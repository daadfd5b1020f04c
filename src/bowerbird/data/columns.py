"""One typed column of what is known about items or users: words, categories, lists, numbers.

Apart from the dataset because queries carry columns too (a new person's first list needs them).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from bowerbird.errors import DataError

Kind = Literal["text", "url", "category", "list", "number", "time", "vector"]
KINDS: tuple[str, ...] = get_args(Kind)

NO_TIME = np.iinfo(np.int64).min
"""The time that means «not given»."""


@dataclass(frozen=True, slots=True)
class Column:
    """Row r belongs to item (or user, or query) r; `kind` says how `values` is to be read.

    text, url   objects, str, "" where there is none
    category    int32 codes into labels, -1 where there is none
    list        int32 codes into labels laid end to end; row r is values[offsets[r]:offsets[r+1]]
    number      float64, NaN where there is none
    time        int64 seconds since 1970 UTC, NO_TIME where there is none
    vector      float32 (n, dim), a row of NaN where there is none
    """

    kind: Kind
    values: ndarray
    labels: tuple[str, ...] = ()
    offsets: Int64[ndarray, "n_plus_1"] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"column kind {', '.join(KINDS)} expected, {self.kind!r} came")
        if (self.kind == "list") != (self.offsets is not None):
            raise DataError("a list column needs offsets, and only a list column has them")

    @classmethod
    def category(cls, values: Sequence[str | None]) -> "Column":
        """Codes for words; labels sorted.

        >>> Column.category(["b", None, "a"]).values
        array([ 1, -1,  0], dtype=int32)
        """
        labels = tuple(sorted({v for v in values if v}))
        code = {label: c for c, label in enumerate(labels)}
        codes = np.array([code[v] if v else -1 for v in values], dtype=np.int32)
        return cls("category", codes, labels)

    @classmethod
    def lists(cls, values: Sequence[Sequence[str]]) -> "Column":
        """Codes for lists of words; labels sorted.

        >>> Column.lists([["b", "a"], []]).offsets
        array([0, 2, 2])
        """
        labels = tuple(sorted({v for row in values for v in row}))
        code = {label: c for c, label in enumerate(labels)}
        codes = np.array([code[v] for row in values for v in row], dtype=np.int32)
        offsets = np.cumsum([0, *map(len, values)], dtype=np.int64)
        return cls("list", codes, labels, offsets)

    @classmethod
    def text(cls, values: Sequence[str | None]) -> "Column":
        """Words as they are."""
        return cls("text", np.array([v or "" for v in values], dtype=object))

    def take(self, rows: ndarray) -> "Column":
        """The column of these rows, in this order; a row of -1 is «none»."""
        rows = np.asarray(rows)
        if self.offsets is not None:
            starts, stops = self.offsets[rows], self.offsets[np.minimum(rows + 1, len(self))]
            sizes = np.where(rows < 0, 0, stops - starts)
            offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
            picks = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - starts, sizes)
            return Column("list", self.values[picks], self.labels, offsets)
        missing = rows < 0
        values = self.values[rows] if len(self) else np.resize(self._none(), len(rows))
        if missing.any():
            values = values.copy()
            values[missing] = self._none()
        return Column(self.kind, values, self.labels)

    def then(self, other: "Column") -> "Column":
        """This column and the other below it; both have the same labels.

        Raises:
            DataError: kinds or labels differ.
        """
        if (self.kind, self.labels) != (other.kind, other.labels):
            raise DataError(
                f"a {self.kind} column with the same labels expected, {other.kind} came"
            )
        values = np.concatenate([self.values, other.values])
        if self.offsets is None or other.offsets is None:
            return Column(self.kind, values, self.labels)
        offsets = np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]])
        return Column("list", values, self.labels, offsets)

    def words(self) -> list[str]:
        """Each row as a person would write it; "" where there is none.

        >>> Column.lists([["b", "a"], []]).words()
        ['b, a', '']
        """
        if self.offsets is not None:
            ends = zip(self.offsets[:-1], self.offsets[1:], strict=True)
            return [", ".join(self.labels[c] for c in self.values[a:b]) for a, b in ends]
        if self.kind == "category":
            return [self.labels[c] if c >= 0 else "" for c in self.values]
        if self.kind == "number":
            return ["" if np.isnan(v) else f"{v:g}" for v in self.values]
        if self.kind == "time":
            return ["" if v == NO_TIME else str(np.datetime64(int(v), "s")) for v in self.values]
        return [str(v) for v in self.values]

    def _none(self) -> str | int | float:
        nothing: dict[str, str | int | float] = {
            "text": "",
            "url": "",
            "category": -1,
            "time": int(NO_TIME),
        }
        return nothing.get(self.kind, np.nan)

    def __len__(self) -> int:
        return len(self.values) if self.offsets is None else len(self.offsets) - 1
