"""Ids (what the shop calls a thing) and rows (where it stands in a matrix).

Alone because every floor needs it and it needs nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int32
from numpy import ndarray


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A fixed order of unique ids. Row r is the r-th id; -1 is «none».

    Ids are held as text whatever they were; `kind` remembers the column type they came in
    ("Int64", "String", …), so that they can be written back as they were.
    """

    ids: tuple[str, ...]
    kind: str = "String"
    _row: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_row", {id: row for row, id in enumerate(self.ids)})

    @classmethod
    def of(cls, ids: Iterable[str]) -> "Vocabulary":
        """Sorted and deduplicated, so the same ids always get the same rows."""
        return cls(tuple(sorted(set(ids))))

    def rows(self, ids: Sequence[str]) -> Int32[ndarray, "n"]:
        """The row of each id; -1 where the id is unknown.

        >>> Vocabulary.of(["b", "a"]).rows(["a", "z"])
        array([ 0, -1], dtype=int32)
        """
        return np.array([self._row.get(id, -1) for id in ids], dtype=np.int32)

    def extended(self, ids: Iterable[str]) -> "Vocabulary":
        """The same rows, with the ids not yet known appended in the order they come.

        >>> Vocabulary.of(["b", "a"]).extended(["z", "a"]).ids
        ('a', 'b', 'z')
        """
        new = tuple(dict.fromkeys(id for id in ids if id not in self._row))
        return Vocabulary(self.ids + new, self.kind)

    def __contains__(self, id: str) -> bool:
        return id in self._row

    def __len__(self) -> int:
        return len(self.ids)
