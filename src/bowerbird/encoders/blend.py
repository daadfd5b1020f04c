"""Several encoders as one: vectors laid end to end, so that a hybrid is still one inner product.

Apart from the encoders it is made of, since it knows none of them: anything of the seam will do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.encoder import Encoder
from bowerbird.encoders.stored import store, words_arrays, words_of

KIND = "blend"
ROWS_AT_ONCE = 65_536
ASKED = 20_000
"""Histories, at most, that a projection is fitted to."""


@dataclass(frozen=True, slots=True)
class Norm:
    """What makes the scores of any encoder comparable: μ and Σ of its item vectors.

    z(q, i) = u·(v - μ) / √(uᵀΣu): the score of i less the mean score of q over all placed items, in
    standard deviations of these scores. Linear in v and exact, since the scores of q have mean u·μ
    and variance uᵀΣu.
    """

    mean: Float32[ndarray, "dim"]
    root: Float32[ndarray, "dim dim"]  # S with ‖u S‖² = uᵀΣu
    size: float  # √ trace Σ: how far items lie from their mean

    @classmethod
    def of(cls, vectors: Float32[ndarray, "n dim"]) -> "Norm":
        """Of the items placed; zeros where there is none."""
        placed = vectors[np.isfinite(vectors).all(axis=1)]
        dim = vectors.shape[1]
        if not len(placed):
            return cls(np.zeros(dim, np.float32), np.zeros((dim, dim), np.float32), 0.0)
        middle = placed.mean(axis=0, dtype=np.float64)
        products = np.zeros((dim, dim))
        for start in range(0, len(placed), ROWS_AT_ONCE):
            centred = placed[start : start + ROWS_AT_ONCE] - middle
            products += centred.T @ centred
        values, directions = np.linalg.eigh(products / len(placed))
        values = np.where(values > 1e-12 * max(values.max(initial=0), 1e-30), values, 0)
        root = (directions * np.sqrt(values)).astype(np.float32)
        return cls(middle.astype(np.float32), root, float(np.sqrt(values.sum())))

    def items(self, vectors: Float32[ndarray, "n dim"]) -> Float32[ndarray, "n dim"]:
        """(v - μ) / size; zeros, which score as the mean, for what is not placed."""
        if not self.size:
            return np.zeros_like(vectors)
        centred: ndarray = np.nan_to_num((vectors - self.mean) / np.float32(self.size))
        return centred

    def queries(self, vectors: Float32[ndarray, "b dim"]) -> Float32[ndarray, "b dim"]:
        """U · size / √(uᵀΣu); zeros where all items score the same."""
        spread = np.linalg.norm(vectors @ self.root, axis=1, keepdims=True)
        some = spread > 1e-6 * self.size * np.linalg.norm(vectors, axis=1, keepdims=True)
        scale = np.divide(np.float32(self.size), spread, out=np.zeros_like(spread), where=some)
        scaled: ndarray = vectors * scale
        return scaled


@dataclass(frozen=True, slots=True)
class Terms:
    """How parts are joined, beside their weights."""

    slope: float = 0.0  # of log popularity
    unmet: float = 1.0  # times the score of what nobody has met
    dim: int = 0  # project onto so many directions; 0 keeps all


@dataclass(frozen=True, slots=True)
class BlendEncoder:
    """score(q, i) = Σ_p weight_p · z_p(q, i) + slope · ℓ_i, as one inner product.

    z is that of `Norm`. ℓ is log(1 + count) less its mean over the items met, one more dimension: a
    positive slope favours the popular, a negative one holds them back. An item that a part cannot
    place scores that part's mean while any other part places it. What nobody has met would always
    lose that way, since items like it get evidence of other parts, too: its score is multiplied by
    `unmet`. A query about which no part has anything to say is all zeros.

    Source: the extra dimension, Bachrach et al. 2014.
    """

    estimator: Any  # what it was made by: a dataclass
    parts: tuple[Encoder, ...]
    norms: tuple[Norm, ...]
    weights: Float32[ndarray, "parts"]  # ≥ 0
    level: Embeddings  # (n, 1): ℓ; NaN for what nobody has met
    slope: float = 0.0
    unmet: float = 1.0
    projection: Float32[ndarray, "2 dim less"] | None = None  # of items, of queries

    @classmethod
    def of(
        cls,
        estimator: Any,  # noqa: ANN401  any dataclass
        parts: Sequence[Encoder],
        weights: Sequence[float],
        data: Dataset,
        more: Terms = Terms(),
    ) -> "BlendEncoder":
        """Parts that were fitted on this data, each normalised over its catalog.

        Args:
            estimator: kept, and saved, as what made it.
            parts: fitted encoders.
            weights: one a part, ≥ 0.
            data: its catalog says what normal is, its log what is popular, and its histories which
                directions are asked for.
            more: slope, unmet and dim.
        """
        vectors = [part.encode_items(data.catalog) for part in parts]
        norms = tuple(map(Norm.of, vectors))
        each = np.array(weights, dtype=np.float32)
        popular = log_popularity(data)
        popular[data.item_counts() == 0] = np.nan
        level = Embeddings(data.catalog.items, popular[:, None])
        made = cls(estimator, tuple(parts), norms, each, level, more.slope, more.unmet)
        if not 0 < more.dim < sum(v.shape[1] for v in vectors):
            return made
        asked = made._asked(data.queries().take(_spaced(len(data.users), ASKED)))
        items = np.nan_to_num(made._placed(vectors))
        return replace(made, projection=best_projection(items, asked, more.dim))

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """√weight · (v - μ) / size of each part, then ℓ; NaN only where no part places it."""
        vectors = self._placed([part.encode_items(catalog) for part in self.parts])
        if self.projection is not None:
            vectors = vectors @ self.projection[0]
        level = self.level.take(catalog.items.ids)
        vectors = np.where(np.isnan(level), np.float32(self.unmet) * vectors, vectors)
        lost = np.isnan(vectors).any(axis=1, keepdims=True)
        level = np.where(lost, np.float32(np.nan), np.nan_to_num(level))
        return np.concatenate([vectors, level], axis=1)

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """√weight · u · size / √(uᵀΣu) of each part, then the slope."""
        vectors = self._asked(queries)
        speaks = np.any(vectors, axis=1, keepdims=True)
        if self.projection is not None:
            vectors = vectors @ self.projection[1]
        slope = np.where(speaks, np.float32(self.slope), np.float32(0))
        return np.concatenate([vectors, slope], axis=1)

    def blocks(self) -> list[tuple[Encoder | None, slice]]:
        """Which dimensions are of which part; None is popularity. Of projected ones: none."""
        if self.projection is not None:
            return []
        ends = np.cumsum([0, *(len(norm.mean) for norm in self.norms)]).tolist()
        own = [slice(start, stop) for start, stop in pairwise(ends)]
        return [*zip(self.parts, own, strict=True), (None, slice(ends[-1], ends[-1] + 1))]

    def save(self, folder: Path) -> None:
        """Settings, norms and weights; each part in a folder of its own."""
        arrays: dict[str, ndarray] = {"weights": self.weights, "level": self.level.vectors}
        arrays["slope"] = np.array([self.slope, self.unmet])
        for place, (part, norm) in enumerate(zip(self.parts, self.norms, strict=True)):
            part.save(folder / f"part-{place}")
            arrays |= {f"mean.{place}": norm.mean, f"root.{place}": norm.root}
            arrays[f"size.{place}"] = np.array([norm.size])
        if self.projection is not None:
            arrays["projection"] = self.projection
        store(folder, KIND, self.estimator, arrays | words_arrays("ids", self.level.ids.ids))

    @classmethod
    def load(
        cls,
        estimator: Any,  # noqa: ANN401  any dataclass
        parts: Sequence[Encoder],
        arrays: dict[str, ndarray],
    ) -> "BlendEncoder":
        """What `save` wrote, once its parts are read."""
        norms = [
            Norm(arrays[f"mean.{p}"], arrays[f"root.{p}"], float(arrays[f"size.{p}"][0]))
            for p in range(len(parts))
        ]
        level = Embeddings(Vocabulary(words_of("ids", arrays)), arrays["level"])
        slope, unmet = map(float, arrays["slope"])
        more = (slope, unmet, arrays.get("projection"))
        return cls(estimator, tuple(parts), tuple(norms), arrays["weights"], level, *more)

    def _placed(self, vectors: Sequence[ndarray]) -> Float32[ndarray, "n dim"]:
        parts = [
            np.sqrt(weight) * norm.items(some)
            for weight, norm, some in zip(self.weights, self.norms, vectors, strict=True)
        ]
        placed = np.array([np.isfinite(some).all(axis=1) for some in vectors]).any(axis=0)
        joined: ndarray = np.concatenate(parts, axis=1)
        joined[~placed] = np.nan
        return joined

    def _asked(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        parts = [
            np.sqrt(weight) * norm.queries(part.encode_queries(queries))
            for weight, norm, part in zip(self.weights, self.norms, self.parts, strict=True)
        ]
        joined: ndarray = np.concatenate(parts, axis=1)
        return joined


def log_popularity(data: Dataset) -> Float32[ndarray, "n"]:
    """ℓ: log(1 + count) less its mean over the items met; 0, the mean, for what nobody has met."""
    counts = data.item_counts()
    level: ndarray = np.log1p(counts).astype(np.float32)
    met = counts > 0
    if met.any():
        level[met] -= level[met].mean(dtype=np.float64)
    return level


def best_projection(
    items: Float32[ndarray, "n dim"], asked: Float32[ndarray, "b dim"], less: int
) -> Float32[ndarray, "2 dim less"]:
    """What items, and what queries, are multiplied by, so that their scores change least.

    With M = QᵀQ/b of the queries and L = M^½, the best approximation of rank `less` to all scores
    V Qᵀ follows from the leading eigenvectors W of L VᵀV L: v → Wᵀ L v, u → Wᵀ L⁻¹ u
    (Eckart & Young 1936).
    """
    square = asked.T.astype(np.float64) @ asked / max(len(asked), 1)
    values, directions = np.linalg.eigh(square)
    values = np.sqrt(np.maximum(values, 1e-6 * max(values.max(initial=0), 1e-12)))
    root, inverse = (directions * values) @ directions.T, (directions / values) @ directions.T
    gram = root @ (items.T.astype(np.float64) @ items) @ root
    leading = np.linalg.eigh(gram)[1][:, ::-1][:, :less]
    both: ndarray = np.stack([root @ leading, inverse @ leading]).astype(np.float32)
    return both


def _spaced(total: int, most: int) -> Int64[ndarray, "some"]:
    """At most so many rows out of all, evenly apart."""
    return np.arange(0, total, max(1, -(-total // most)), dtype=np.int64)
