"""Content: an item is what is written on it, so a new one can be placed before anybody met it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numpy import ndarray
from scipy.sparse import csr_array, diags_array

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.describe import USABLE, Describer
from bowerbird.encoders.pretrained import check_spec
from bowerbird.encoders.stored import store, stored
from bowerbird.encoders.text import unit
from bowerbird.encoders.unchanged import Fingerprints
from bowerbird.errors import ConfigError

KIND = "content"
LEAST, MOST = 512, 2048
"""Directions kept, between; a quarter of the items, and no more than fit into NUMBERS. Rare words
need many: on held-out items of citeulike-a Recall@20 is .341 with 512, .362 with 1,024, .374 with
2,048. As many as there are items would be too many: what is written on each would stand alone."""
NUMBERS = 40_000_000
"""Of all vectors together, where that leaves LEAST directions: 160 MB."""
BLOCK = 8_192
"""Histories whose profiles are held at a time."""


@dataclass(frozen=True, slots=True)
class Content:
    """score(q, i) = p_q · A · f_i: f what is written on an item, p the mean f of the history.

    f is the weighted blocks (words and labels, sentences, numbers, vectors, images) side by side,
    centred, projected onto `dim` leading directions, of length 1. A says which content goes with
    which: with F the vectors of the items met and X who met what, each history scaled by 1/√length,

        M = (FᵀXᵀXF + λ₁I)⁻¹ · Fᵀ(XᵀX - diag)F · (FᵀF + λ₂I)⁻¹        A = blend·I + (1 - blend)·M

    M is the ridge solution of «rebuild each history from the content of its other items»; both λ
    are `regularization` × the mean eigenvalue, and M is scaled to the size of I. The diagonal is
    taken out as in EASE, so that an item does not explain itself.
    """

    text: str = "auto"  # or tfidf, use, model2vec:PATH, …; auto: the sentence encoder, if installed
    image: str = "none"  # or auto, efficientnet-lite0, onnx:PATH, torch:PATH
    dim: int | None = None  # directions kept; None: a quarter of the items, 512 to 2,048
    sentence_weight: float = 0.7  # words and labels have 1
    image_weight: float = 0.7
    number_weight: float = 0.2
    decay: float = 0.9  # an event counts this times the one after it
    blend: float = 0.4  # 1: content alone, no learning from who met what
    regularization: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        check_spec(self.text, "text")
        check_spec(self.image, "image")
        dim = 1 if self.dim is None else self.dim
        if not (dim >= 1 and 0 < self.decay <= 1 and 0 <= self.blend <= 1):
            came = f"{self.dim}, {self.decay} and {self.blend} came"
            raise ConfigError(f"dim ≥ 1, decay in (0, 1] and blend in [0, 1] expected, {came}")
        if not self.regularization > 0:
            raise ConfigError(f"regularization > 0 expected, {self.regularization} came")
        if self.seed < 0:
            raise ConfigError(f"seed ≥ 0 expected, {self.seed} came")

    def fit(self, data: Dataset) -> "ContentEncoder":
        """Read the catalog, then learn which content goes with which.

        Raises:
            ConfigError: the catalog has no usable columns.
            DataError: an image is not there.
            ArtifactError: an encoder that is named is not installed, or cannot be reached.
        """
        return next(self.fit_each(data, (self,)))

    def fit_each(
        self, data: Dataset, variants: tuple["Content", ...]
    ) -> Iterator["ContentEncoder"]:
        """The same for several settings; the catalog is read once for all decays and blends."""
        known: dict[Content, tuple[ContentEncoder, ndarray]] = {}
        for variant in variants:
            key = replace(variant, decay=1.0, blend=0.0)
            if key not in known:
                known[key] = key._read(data)
            encoder, learned = known[key]
            mixing = variant.blend * np.eye(len(learned)) + (1 - variant.blend) * learned
            settled = variant if data.ordered else replace(variant, decay=1.0)
            yield replace(encoder, estimator=settled, mixing=mixing.astype(np.float32))

    def variants(self, data: Dataset) -> tuple["Content", ...]:
        """How much is learned from who met what, and how fast a history fades."""
        fading = (0.9, 0.7, 1.0) if data.ordered else (self.decay,)
        grid = [replace(self, blend=b, decay=d) for d in fading for b in (0.4, 0.7)]
        return tuple(dict.fromkeys([self, *grid]))[:6]

    def fit_written(self, data: Dataset) -> "ContentEncoder | None":
        """Fitted; None where nothing is written on the items."""
        return self.fit(data) if written_on(data.catalog) else None

    @classmethod
    def load(cls, folder: Path) -> "ContentEncoder":
        """What `ContentEncoder.save` wrote.

        Raises:
            ArtifactError: it reads sentences or images, and the packages of the encoder it was
                fitted with are not installed.
        """
        estimator, arrays = stored(folder, KIND, cls)
        describer = Describer.from_arrays(arrays)
        describer.require()
        mean, projection, items, mixing = (
            arrays[name] for name in ("mean", "projection", "items", "mixing")
        )
        none = np.zeros((0, 16), dtype=np.uint8)  # version 0.1.0 kept none: all is encoded again
        prints = Fingerprints(arrays.get("said", none), arrays.get("shown", none))
        placed = arrays.get("placed", np.zeros(0, dtype=bool))
        return ContentEncoder(estimator, describer, mean, projection, items, mixing, prints, placed)

    def _read(self, data: Dataset) -> tuple["ContentEncoder", ndarray]:
        """Everything that decay and blend do not change: the items, and M."""
        dim = self.dim or directions(len(data.catalog))
        describer = Describer.of(data.catalog, self.text, dim, self.seed, self.image)
        raw, placed = self._raw(describer, data.catalog)
        mean = raw[placed].mean(axis=0) if placed.any() else np.zeros(raw.shape[1], np.float32)
        centred = raw - mean
        centred[~placed] = 0
        leading = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dim]
        projection = np.ascontiguousarray(leading, dtype=np.float32)
        items = unit(centred @ projection)
        learned = self._learned(data, items)
        prints = Fingerprints.of(data.catalog, describer.columns)
        mixing = learned.astype(np.float32)
        encoder = ContentEncoder(self, describer, mean, projection, items, mixing, prints, placed)
        return encoder, learned

    def _raw(self, describer: Describer, catalog: Catalog) -> tuple[ndarray, ndarray]:
        """The blocks side by side, and which items have any content."""
        weights = {
            "sentences": self.sentence_weight,
            "image": self.image_weight,
            "numbers": self.number_weight,
        }
        blocks = describer.blocks(catalog)
        parts = [
            np.float32(weights.get(name.partition(" ")[0], 1.0)) * block
            for name, block in blocks.items()
        ]
        raw = np.concatenate(parts, axis=1)
        return raw, np.any(raw, axis=1)

    def _learned(self, data: Dataset, items: ndarray) -> Float64[ndarray, "d d"]:
        """M, of the size of I; I where there is nothing to learn from."""
        identity = np.eye(items.shape[1])
        seen = data.matrix()
        if not seen.nnz:
            return identity
        seen.data[:] = 1
        lengths = np.maximum(np.diff(seen.indptr), 1)
        scaled = csr_array(diags_array(1 / np.sqrt(lengths)) @ seen)
        met = np.asarray(scaled.power(2).sum(axis=0)).ravel()
        content = items.astype(np.float64)
        rebuilt = np.zeros_like(identity)
        for start in range(0, scaled.shape[0], BLOCK):
            profiles = scaled[start : start + BLOCK] @ content
            rebuilt += profiles.T @ profiles
        others = rebuilt - (content.T * met) @ content
        own = content[met > 0].T @ content[met > 0]
        if not np.trace(rebuilt) > 1e-9 * np.trace(own):  # every history is as much this as that
            return identity
        left = rebuilt + self.regularization * np.trace(rebuilt) / len(identity) * identity
        right = own + self.regularization * np.trace(own) / len(identity) * identity
        learned = np.linalg.solve(right.T, np.linalg.solve(left, others).T).T
        size = np.linalg.norm(learned)
        scaled_to_one: Float64[ndarray, "d d"] = learned * np.sqrt(len(identity)) / max(size, 1e-12)
        return scaled_to_one


def written_on(catalog: Catalog) -> bool:
    """Is anything written on the items that could be read?"""
    return any(column.kind in USABLE for column in catalog.fields.values())


def directions(n: int) -> int:
    """How many directions the content of n items is given, where nobody says.

    >>> [directions(n) for n in (100, 4_000, 15_000, 30_000, 1_000_000)]
    [512, 1000, 2048, 1333, 512]
    """
    return max(LEAST, min(MOST, n // 4, NUMBERS // max(n, 1)))


@dataclass(frozen=True, slots=True)
class ContentEncoder:
    """Reads any catalog; knows by row the items it was fitted on, for the histories."""

    estimator: Content
    describer: Describer
    mean: Float32[ndarray, "raw"]
    projection: Float32[ndarray, "raw dim"]
    items: Float32[ndarray, "n dim"]  # of the catalog it was fitted on; 0 without content
    mixing: Float32[ndarray, "dim dim"]  # A
    prints: Fingerprints  # of the same items; of none in models of version 0.1.0
    placed: Bool[ndarray, "_"]  # which of them say anything

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """What is written on each item; NaN where there is nothing. New items are welcome.

        Only what changed since the fit is encoded; the rest has the vectors of the fit.
        """
        rows = self.prints.rows_of(Fingerprints.of(catalog, self.describer.columns))
        vectors = np.full((len(rows), self.projection.shape[1]), np.nan, dtype=np.float32)
        same = np.flatnonzero(rows >= 0)
        same = same[self.placed[rows[same]]]
        vectors[same] = self.items[rows[same]]
        if (new := np.flatnonzero(rows < 0)).size:
            raw, placed = self.estimator._raw(self.describer, catalog.take(new))
            encoded = unit((raw - self.mean) @ self.projection)
            encoded[~placed] = np.nan
            vectors[new] = encoded
        return vectors

    def over(self, catalog: Catalog) -> "ContentEncoder":
        """The same reader, which has this catalog's items by row: nothing is learned anew."""
        vectors = self.encode_items(catalog)
        placed = np.isfinite(vectors).all(axis=1)
        prints = Fingerprints.of(catalog, self.describer.columns)
        return replace(self, items=np.nan_to_num(vectors), prints=prints, placed=placed)

    def encode_texts(self, texts: list[str]) -> Float32[ndarray, "b dim"]:
        """Texts, placed as an item would be that has each for its first text column.

        Raises:
            ConfigError: the catalog it was fitted on has no text.
        """
        columns = [name for name, kind in self.describer.columns if kind == "text"]
        if not columns:
            valid = ", ".join(name for name, _ in self.describer.columns)
            raise ConfigError(f"a text column expected for a search by words, {valid} came")
        ids = Vocabulary(tuple(map(str, range(len(texts)))))
        raw, placed = self.estimator._raw(
            self.describer, Catalog(ids, {columns[0]: Column.text(texts)})
        )
        vectors = unit((raw - self.mean) @ self.projection)
        vectors[~placed] = 0
        return vectors

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """The fading mean of the history's items, through A; length 1, or 0 where none is known."""
        known = queries.known(len(self.items))
        fading = np.float32(self.estimator.decay) ** known.ages().astype(np.float32)
        shape = (len(known), len(self.items))
        profile = csr_array((fading * known.weights, known.items, known.offsets), shape=shape)
        return unit(unit(profile @ self.items) @ self.mixing)

    def save(self, folder: Path) -> None:
        """Settings, the describer's words, and the vectors."""
        arrays = {
            "mean": self.mean,
            "projection": self.projection,
            "items": self.items,
            "mixing": self.mixing,
            "said": self.prints.said,
            "shown": self.prints.shown,
            "placed": self.placed,
        }
        store(folder, KIND, self.estimator, arrays | self.describer.arrays())
