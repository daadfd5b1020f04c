"""What is known of an item becomes numbers: sentences, words and labels, numbers, vectors, images.

Apart from content because describing an item needs nothing but its fields, however new it is.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.pretrained import Space, require, resolved
from bowerbird.encoders.stored import words_arrays, words_of
from bowerbird.encoders.text import TfidfSvd, counted, unit
from bowerbird.errors import ConfigError, DataError

USABLE = ("text", "category", "list", "number", "vector")
PICTURED = ("text", "category", "url")
"""Kinds of column that may hold paths of images: paths without spaces look like categories."""
_PICTURE = re.compile(r"(^|[^a-z])(image|img|picture|photo|thumbnail|poster)s?([^a-z]|$)")
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]+:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Describer:
    """The columns it reads, and how. Built from one catalog, then used on any later one."""

    columns: tuple[tuple[str, str], ...]  # (name, kind); «image» holds paths, «vector 9» has 9
    text: Space | None  # of the sentence encoder
    image: Space | None  # of the image encoder
    words: TfidfSvd
    centre: Float32[ndarray, "c"]  # of the numbers, one a column
    spread: Float32[ndarray, "c"]

    @classmethod
    def of(
        cls, catalog: Catalog, sentences: bool | str, dim: int, seed: int, images: str = "none"
    ) -> "Describer":
        """Learn words, labels and the spread of numbers from a catalog.

        Args:
            catalog: the items to learn from.
            sentences: the spec of a text encoder (`pretrained.PROVIDERS`), `auto` or `tfidf`; True
                is `use`, False `tfidf`.
            dim: directions of the words.
            seed: of their decomposition.
            images: the spec of an image encoder, `auto` or `none`.

        Raises:
            ConfigError: no column says what an item is like, or none holds paths of images.
            DataError: an image is not there.
            ArtifactError: an encoder is not installed, or cannot be reached.
        """
        chosen = ("tfidf", "use")[sentences] if isinstance(sentences, bool) else sentences
        text_spec, image_spec = resolved(chosen, "text"), resolved(images, "image")
        shown = picture_columns(catalog, images) if image_spec != "none" else ()
        columns = tuple(
            (name, "image" if name in shown else _kind(column))
            for name, column in catalog.fields.items()
            if name in shown or column.kind in USABLE
        )
        if not columns:
            raise ConfigError(
                f"catalog columns of kind {', '.join(USABLE)} expected for the model «content»,"
                f" {', '.join(catalog.fields) or 'none'} came: give the items titles, categories"
                " or tags, or choose a model that needs no content"
            )
        words = TfidfSvd.fit(documents(catalog, columns), dim, seed)
        numbers = stacked(catalog, columns)
        given = np.isfinite(numbers)
        count = np.maximum(given.sum(axis=0), 1)
        centre = np.where(given, numbers, 0).sum(axis=0) / count
        square = (np.where(given, numbers - centre, 0) ** 2).sum(axis=0) / count
        spread = np.where(square > 0, np.sqrt(square), 1)
        reads = text_spec != "tfidf" and any(kind == "text" for _, kind in columns)
        text = Space.of(text_spec, written(catalog, columns)) if reads else None
        paths = [path for name in shown for path in pictures(catalog, name)]
        image = Space.of(image_spec, paths) if shown else None
        return cls(
            columns, text, image, words, centre.astype(np.float32), spread.astype(np.float32)
        )

    @property
    def sentences(self) -> str:
        """Name of the sentence encoder; "" is none."""
        return self.text.name if self.text else ""

    def blocks(self, catalog: Catalog) -> dict[str, Float32[ndarray, "n d"]]:
        """Each kind of content by itself, rows of length 1 (0 where an item has none of it).

        Raises:
            DataError: an image is not there.
            ArtifactError: an encoder it was built with is not installed, or is another one now.
        """
        out = {"words": self.words.encode(documents(catalog, self.columns))}
        if self.text:
            out["sentences"] = self.text.encode(written(catalog, self.columns))
        numbers = (stacked(catalog, self.columns) - self.centre) / self.spread
        if numbers.shape[1]:
            scaled = np.clip(np.nan_to_num(numbers), -3, 3) / np.sqrt(numbers.shape[1])
            out["numbers"] = scaled.astype(np.float32)
        for name, kind in self.columns:
            if kind.startswith("vector"):
                out[f"vector {name}"] = _vectors(catalog, name, kind.removeprefix("vector"))
            elif kind == "image" and self.image:
                out[f"image {name}"] = self.image.encode(pictures(catalog, name))
        return out

    def require(self) -> None:
        """Refuse now what `blocks` would refuse: an encoder whose packages are not installed.

        Raises:
            ArtifactError: with what to install.
        """
        for space in filter(None, (self.text, self.image)):
            require(space.spec, space.name)

    def arrays(self) -> dict[str, ndarray]:
        """Everything it knows, to be saved; `from_arrays` reads it back."""
        names, kinds = tuple(n for n, _ in self.columns), tuple(k for _, k in self.columns)
        out = {
            "rarity": self.words.rarity,
            "directions": self.words.directions,
            "centre": self.centre,
            "spread": self.spread,
        }
        words = (("terms", self.words.terms.ids), ("columns", names), ("kinds", kinds))
        spaces = (("sentences", self.text), ("images", self.image))
        told = [(key, (s.name, s.spec, str(s.dim)) if s else ("",)) for key, s in spaces]
        for name, some in (*words, *told):
            out |= words_arrays(name, some)
        return out

    @classmethod
    def from_arrays(cls, arrays: dict[str, ndarray]) -> "Describer":
        """What `arrays` took apart, also as version 0.1.0 did."""
        names = zip(words_of("columns", arrays), words_of("kinds", arrays), strict=True)
        terms = Vocabulary(words_of("terms", arrays))
        words = TfidfSvd(terms, arrays["rarity"], arrays["directions"])
        text, image = _space("sentences", arrays), _space("images", arrays)
        return cls(tuple(names), text, image, words, arrays["centre"], arrays["spread"])


def found(catalog: Catalog, name: str, kind: str) -> Column | None:
    """The column of this name, if it is still there and still of this kind."""
    column = catalog.fields.get(name)
    return column if column is not None and column.kind == kind else None


def written(catalog: Catalog, columns: Sequence[tuple[str, str]]) -> list[str]:
    """For each item its texts as one; "" where it has none."""
    texts = [column for name, kind in columns if (column := _text(catalog, name, kind))]
    rows = zip(*(column.words() for column in texts), strict=True)
    return [". ".join(filter(None, row)) for row in rows] or [""] * len(catalog)


def picture_columns(catalog: Catalog, images: str) -> tuple[str, ...]:
    """The columns that hold paths of images: their names say so; for `auto` also their first row.

    Raises:
        ConfigError: there is none, and images are asked for by more than `auto`.
    """
    named = {
        name: column.words()
        for name, column in catalog.fields.items()
        if column.kind in PICTURED and _PICTURE.search(name.lower())
    }
    if images == "auto":  # what is there is read; addresses are not
        firsts = {name: next(filter(None, words), "") for name, words in named.items()}
        return tuple(name for name, first in firsts.items() if first and Path(first).is_file())
    if not named:
        raise ConfigError(
            f"a column of paths expected for images = {images!r}, named image, picture, photo,"
            f" thumbnail or poster; {', '.join(catalog.fields) or 'none'} came"
        )
    return tuple(named)


def pictures(catalog: Catalog, name: str) -> list[str | Path]:
    """The paths of a column, "" where an item has no image; relative to the working folder.

    Raises:
        DataError: it holds addresses, or files that are not there.
    """
    column = catalog.fields.get(name)
    if column is None or column.kind not in PICTURED:
        return [""] * len(catalog)
    paths: list[str | Path] = [Path(p).expanduser() if p.strip() else "" for p in column.words()]
    remote = [str(p) for p in column.words() if _ELSEWHERE.match(p)]
    if remote:
        raise DataError(
            f"column {name!r}: paths of local images expected, {len(remote)} addresses came, first"
            f" {remote[0]}: nothing is fetched; download them and give their paths"
        )
    missing = [str(path) for path in paths if isinstance(path, Path) and not path.is_file()]
    if missing:
        raise DataError(
            f"column {name!r}: paths of local images expected, {len(missing)} of {len(paths)} are"
            f" not there, first {missing[0]}: paths start at the working folder; an empty cell is"
            " no image"
        )
    return paths


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


def _kind(column: Column) -> str:
    return f"vector {column.values.shape[1]}" if column.kind == "vector" else column.kind


def _text(catalog: Catalog, name: str, kind: str) -> Column | None:
    return found(catalog, name, kind) if kind == "text" else None


def _vectors(catalog: Catalog, name: str, dim: str) -> Float32[ndarray, "n d"]:
    """A column of vectors, of length 1; zeros where it is not there. Version 0.1.0 kept no dim."""
    column = found(catalog, name, "vector")
    if column is None:
        return np.zeros((len(catalog), int(dim or 0)), dtype=np.float32)
    if int(dim or column.values.shape[1]) != column.values.shape[1]:
        raise DataError(
            f"column {name!r}: vectors of{dim} dimensions expected (this model),"
            f" {column.values.shape[1]} came: give those of the same encoder, or train again"
        )
    return unit(np.nan_to_num(column.values.astype(np.float32)))


def _space(key: str, arrays: Mapping[str, ndarray]) -> Space | None:
    """The space that `Describer.arrays` put there; version 0.1.0 knew one encoder of texts."""
    told = words_of(key, arrays) if f"{key}.offsets" in arrays else ("",)
    if not told[0]:
        return None
    name, spec, dim = told if len(told) == 3 else (told[0], "use", "512")
    return Space(spec, name, int(dim))
