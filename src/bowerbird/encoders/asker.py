"""What is known of who asks, besides the history, becomes numbers: categories and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.queries import Queries
from bowerbird.encoders.stored import words_arrays, words_of

LABELS = 64
"""Labels of a category column that get a number of their own, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Asker:
    """One 0/1 number a known label, one standardised number a number column; then one for «known».

    Labels and columns it has not met say nothing.

    >>> column = Column.category(["new", "old", "old"])
    >>> asker = Asker.of({"segment": column})
    >>> asker.numbers({"segment": Column.category(["old", None])}, 2)
    array([[1., 0., 1.],
           [0., 0., 0.]], dtype=float32)
    """

    labels: tuple[tuple[str, str], ...]  # (column, label)
    centres: tuple[tuple[str, float, float], ...]  # (column, mean, spread)

    @classmethod
    def of(cls, traits: Mapping[str, Column]) -> "Asker":
        """Learn labels and spreads from the people there are."""
        labels: list[tuple[str, str]] = []
        centres: list[tuple[str, float, float]] = []
        for name, column in traits.items():
            if column.kind == "category" and column.labels:
                counts = np.bincount(column.values[column.values >= 0], minlength=1)
                common = np.argsort(-counts, kind="stable")[:LABELS]
                labels += [(name, column.labels[code]) for code in common if counts[code]]
            elif column.kind == "number":
                given = column.values[np.isfinite(column.values)]
                if len(given) and given.std() > 0:
                    centres.append((name, float(given.mean()), float(given.std())))
        return cls(tuple(labels), tuple(centres))

    def __len__(self) -> int:
        width = len(self.labels) + len(self.centres)
        return width + 1 if width else 0

    def numbers(self, context: Mapping[str, Column], b: int) -> Float32[ndarray, "b c"]:
        """One row a query; zeros for someone nothing is known of."""
        out = np.zeros((b, len(self)), dtype=np.float32)
        for place, (name, label) in enumerate(self.labels):
            column = context.get(name)
            if column is not None and column.kind == "category" and label in column.labels:
                out[:, place] = column.values == column.labels.index(label)
        for place, (name, mean, spread) in enumerate(self.centres, len(self.labels)):
            column = context.get(name)
            if column is not None and column.kind == "number":
                known = np.isfinite(column.values)
                out[known, place] = np.clip((column.values[known] - mean) / spread, -3, 3)
        if len(self):
            out[:, -1] = np.any(out[:, :-1], axis=1)
        return out

    def of_queries(self, queries: Queries) -> Float32[ndarray, "b c"]:
        """The numbers of a batch of queries."""
        return self.numbers(queries.context, len(queries))

    def arrays(self) -> dict[str, ndarray]:
        """Everything it knows, to be saved; `from_arrays` reads it back."""
        out = words_arrays("asker.columns", tuple(name for name, _ in self.labels))
        out |= words_arrays("asker.labels", tuple(label for _, label in self.labels))
        out |= words_arrays("asker.numbers", tuple(name for name, _, _ in self.centres))
        pairs = [(mean, spread) for _, mean, spread in self.centres]
        return out | {"asker.centres": np.array(pairs, dtype=np.float64).reshape(-1, 2)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ndarray]) -> "Asker":
        """What `arrays` took apart."""
        columns, labels = words_of("asker.columns", arrays), words_of("asker.labels", arrays)
        names, centres = words_of("asker.numbers", arrays), arrays["asker.centres"].tolist()
        numbers = tuple((n, m, s) for n, (m, s) in zip(names, centres, strict=True))
        return cls(tuple(zip(columns, labels, strict=True)), numbers)
