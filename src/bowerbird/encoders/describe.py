"""What is written on an item becomes numbers: sentences, words and labels, numbers, vectors.

Apart from content because describing an item needs nothing but its fields, however new it is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.stored import words_arrays, words_of
from bowerbird.encoders.text import TfidfSvd, UseEncoder, counted, unit
from bowerbird.errors import ArtifactError, ConfigError

USABLE = ("text", "category", "list", "number", "vector")


@dataclass(frozen=True, slots=True)
class Describer:
    """The columns it reads, and how. Built from one catalog, then used on any later one."""

    columns: tuple[tuple[str, str], ...]  # (name, kind)
    sentences: str  # name of the sentence encoder; "" is none
    words: TfidfSvd
    centre: Float32[ndarray, "c"]  # of the numbers, one a column
    spread: Float32[ndarray, "c"]

    @classmethod
    def of(cls, catalog: Catalog, sentences: bool, dim: int, seed: int) -> "Describer":
        """Learn words, labels and the spread of numbers from a catalog.

        Raises:
            ConfigError: no column says what an item is like.
        """
        columns = tuple((n, c.kind) for n, c in catalog.fields.items() if c.kind in USABLE)
        if not columns:
            raise ConfigError(
                f"catalog columns of kind {', '.join(USABLE)} expected for the model «content»,"
                f" {', '.join(catalog.fields) or 'none'} came: give the items titles, categories"
                " or tags, or choose a model that needs no content"
            )
        reader = any(kind == "text" for _, kind in columns) and sentences
        words = TfidfSvd.fit(documents(catalog, columns), dim, seed)
        numbers = stacked(catalog, columns)
        given = np.isfinite(numbers)
        count = np.maximum(given.sum(axis=0), 1)
        centre = np.where(given, numbers, 0).sum(axis=0) / count
        square = (np.where(given, numbers - centre, 0) ** 2).sum(axis=0) / count
        spread = np.where(square > 0, np.sqrt(square), 1)
        name = UseEncoder().name if reader else ""
        return cls(columns, name, words, centre.astype(np.float32), spread.astype(np.float32))

    def blocks(self, catalog: Catalog) -> dict[str, Float32[ndarray, "n d"]]:
        """Each kind of content by itself, rows of length 1 (0 where an item has none of it).

        Raises:
            ArtifactError: the sentence encoder it was built with is not installed.
        """
        out = {"words": self.words.encode(documents(catalog, self.columns))}
        if self.sentences:
            out["sentences"] = self._sentences(catalog)
        numbers = (stacked(catalog, self.columns) - self.centre) / self.spread
        if numbers.shape[1]:
            scaled = np.clip(np.nan_to_num(numbers), -3, 3) / np.sqrt(numbers.shape[1])
            out["numbers"] = scaled.astype(np.float32)
        for name, kind in self.columns:
            if kind == "vector" and (column := found(catalog, name, kind)) is not None:
                out[f"vector {name}"] = unit(np.nan_to_num(column.values.astype(np.float32)))
        return out

    def arrays(self) -> dict[str, ndarray]:
        """Everything it knows, to be saved; `from_arrays` reads it back."""
        names, kinds = tuple(n for n, _ in self.columns), tuple(k for _, k in self.columns)
        words = (("terms", self.words.terms.ids), ("columns", names), ("kinds", kinds))
        out = {
            "rarity": self.words.rarity,
            "directions": self.words.directions,
            "centre": self.centre,
            "spread": self.spread,
        }
        for name, some in (*words, ("sentences", (self.sentences,))):
            out |= words_arrays(name, some)
        return out

    @classmethod
    def from_arrays(cls, arrays: dict[str, ndarray]) -> "Describer":
        """What `arrays` took apart."""
        names = zip(words_of("columns", arrays), words_of("kinds", arrays), strict=True)
        terms = Vocabulary(words_of("terms", arrays))
        words = TfidfSvd(terms, arrays["rarity"], arrays["directions"])
        sentences = words_of("sentences", arrays)[0]
        return cls(tuple(names), sentences, words, arrays["centre"], arrays["spread"])

    def _sentences(self, catalog: Catalog) -> Float32[ndarray, "n d"]:
        encoder = UseEncoder()
        if encoder.name != self.sentences:
            raise ArtifactError(
                f"text encoder {self.sentences} expected (this model), {encoder.name} is"
                " installed: install that version, or train again"
            )
        texts = [name for name, kind in self.columns if kind == "text"]
        parts = [column.words() for name in texts if (column := found(catalog, name, "text"))]
        return encoder.encode([". ".join(filter(None, row)) for row in zip(*parts, strict=True)])


def found(catalog: Catalog, name: str, kind: str) -> Column | None:
    """The column of this name, if it is still there and still of this kind."""
    column = catalog.fields.get(name)
    return column if column is not None and column.kind == kind else None


def documents(catalog: Catalog, columns: Sequence[tuple[str, str]]) -> list[Counter[str]]:
    """For each item its words, and its labels as terms of their own."""
    out: list[Counter[str]] = [Counter() for _ in range(len(catalog))]
    for name, kind in columns:
        column = found(catalog, name, kind)
        if column is None:
            continue
        if kind == "text":
            for document, words in zip(out, column.words(), strict=True):
                document.update(counted(words))
        elif kind == "category":
            for document, code in zip(out, column.values, strict=True):
                if code >= 0:
                    document[f"{name}: {column.labels[code]}"] += 1
        elif column.offsets is not None:
            for row, document in enumerate(out):
                codes = column.values[column.offsets[row] : column.offsets[row + 1]]
                document.update(f"{name}: {column.labels[code]}" for code in codes)
    return out


def stacked(catalog: Catalog, columns: Sequence[tuple[str, str]]) -> ndarray:
    """(n, number columns) float64; NaN where an item has none."""
    out = [np.zeros((len(catalog), 0))]
    for name, kind in columns:
        if kind == "number":
            column = found(catalog, name, kind)
            values = np.full(len(catalog), np.nan) if column is None else column.values
            out.append(values[:, None].astype(np.float64))
    return np.concatenate(out, axis=1)
