"""A discount of scores by log popularity, as one more dimension: turned without a rebuild.

Apart from the encoders because nothing is learned here: any of them can be turned. `dial` holds
back the popular at less cost; here it is exact over the whole catalog.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from numpy import ndarray

from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.encoders.encoder import Encoder
from bowerbird.errors import ConfigError, DataError
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import NONE, Hits, Index, Ragged
from bowerbird.retrieval.retriever import VectorRetriever, picked, silence

ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Discounted:
    """score'(q, i) = u·vᵢ - α · σ(q) / σ(ℓ) · ℓᵢ, with ℓᵢ = log(1 + count of i).

    σ(q) is the standard deviation of the scores of q over all placed items, σ(ℓ) that of ℓ. So α
    has no unit and means the same for every encoder and every length of history: at α = 1 an item
    that is one standard deviation more popular has to score one standard deviation higher. Where r
    is the correlation of q's scores with ℓ, α = r leaves no slope of score on popularity; of scores
    that are popularity alone (r = 1) α = 1 leaves nothing. `correlation` gives r. Below 0 the
    popular are helped: what a model of texts, which knows nothing of popularity, gains by.

    The discount is one more dimension, [v, -ℓ]·[u, α·σ(q)/σ(ℓ)]: exact, and since α is on the
    query's side, turning it builds nothing. Cold items have ℓ = 0. At α = 0 it is VectorRetriever.

    Cost: 4·n bytes more than VectorRetriever, and O(dim²) more a query.
    Source: the query-side logQ of Yi et al. 2019 (score - λ log Q), standardised; the extra
    dimension, Bachrach et al. 2014.
    """

    encoder: Encoder
    vectors: Float32[ndarray, "n dim_plus_1"]  # the item vectors, and -ℓ as the last dimension
    index: Index  # over these vectors
    spread: Float64[ndarray, "dim dim"]  # S with σ(q) / σ(ℓ) = ‖u S‖, a root of cov(v) / var(ℓ)
    alpha: float = 0.0

    def __post_init__(self) -> None:
        if not abs(self.alpha) < np.inf:
            raise ConfigError(f"a finite alpha expected (0: no discount), {self.alpha} came")

    @classmethod
    def over(
        cls,
        encoder: Encoder,
        catalog: Catalog,
        log_popularity: Float32[ndarray, "n"],
        alpha: float = 0.0,
    ) -> "Discounted":
        """The exact index over everything in the catalog.

        Args:
            encoder: fitted; NaN rows of its item vectors are never hits.
            catalog: of the n items.
            log_popularity: ℓ, finite; see `log_popularity`.
            alpha: how far the dial is turned; 0 is not at all.

        Raises:
            ConfigError: alpha is not finite.
            DataError: log_popularity is not one finite number an item.
        """
        vectors = encoder.encode_items(catalog)
        if len(log_popularity) != len(vectors):
            raise DataError(
                f"log popularity of {len(vectors)} items expected (the catalog),"
                f" {len(log_popularity)} came: count over the same catalog"
            )
        if not np.isfinite(log_popularity).all():
            raise DataError(
                "finite log popularity expected, NaN or infinity came: cold items are 0"
            )
        longer = np.concatenate([vectors, -log_popularity[:, None]], axis=1)
        return cls(encoder, longer, ExactIndex(longer), _spread(longer), alpha)

    def with_alpha(self, alpha: float) -> "Discounted":
        """The same vectors and the same index, the dial turned elsewhere."""
        return replace(self, alpha=alpha)

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The items that fit best, the popular held back. A query vector of zeros finds nothing."""
        asked, speak = self._asked(queries)
        return silence(self.index.search(asked, k, allow, exclude), speak)

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """By cosine, without a discount: a cosine does not see how popular an item is."""
        plain = VectorRetriever(self.encoder, self.vectors[:, :-1], self.index)
        return plain.similar(rows, k, allow)

    def scores(self, queries: Queries, rows: Int32[ndarray, "b m"]) -> Float32[ndarray, "b m"]:
        """Discounted scores of these rows; -inf for an item without a vector."""
        asked, speak = self._asked(queries)
        n, placed = len(self.vectors), np.isfinite(self.vectors).all(axis=1)
        vectors = np.where(placed[:, None], self.vectors, np.float32(0))
        found = picked(lambda start, stop: asked[start:stop] @ vectors.T, rows, n)
        known = (rows >= 0) & (rows < n) & speak[:, None]
        known &= placed[np.where(known, rows, 0)]
        return np.where(known, found, NONE)

    def save(self, folder: Path) -> None:
        """The encoder; the rest follows from it, the counts and alpha."""
        self.encoder.save(folder)

    def scales(self, vectors: Float32[ndarray, "b dim"]) -> Float32[ndarray, "b"]:
        """σ(q) / σ(ℓ): what a discount of α = 1 takes from a score for every unit of ℓ."""
        scales: ndarray = np.linalg.norm(vectors @ self.spread, axis=1).astype(np.float32)
        return scales

    def correlation(self, queries: Queries) -> float:
        """The mean correlation r of scores and ℓ, over the queries that have something to say.

        NaN where there is none: nothing varies, or nobody speaks.
        """
        vectors = self.encoder.encode_queries(queries)
        placed = self.vectors[np.isfinite(self.vectors).all(axis=1)].astype(np.float64)
        centred = placed - placed.mean(axis=0) if len(placed) else placed
        level = -centred[:, -1]
        square = level @ level
        scales = self.scales(vectors)
        if not square or not scales.any():
            return float("nan")
        slopes = vectors @ (level @ centred[:, :-1] / square)
        return float(np.mean(slopes[scales > 0] / scales[scales > 0]))

    def _asked(self, queries: Queries) -> tuple[Float32[ndarray, "b long"], Bool[ndarray, "b"]]:
        """[u, α·σ(q)/σ(ℓ)], and who has something to say."""
        vectors = self.encoder.encode_queries(queries)
        turned = np.float32(self.alpha) * self.scales(vectors)
        return np.concatenate([vectors, turned[:, None]], axis=1), np.any(vectors, axis=1)


def log_popularity(counts: Int64[ndarray, "n"]) -> Float32[ndarray, "n"]:
    """ℓ = log(1 + count); 0 for a cold item.

    >>> log_popularity(np.array([0, 1])).tolist()
    [0.0, 0.6931471824645996]
    """
    levels: ndarray = np.log1p(counts).astype(np.float32)
    return levels


def discounted_hits(
    hits: Hits, log_popularity: Float32[ndarray, "n"], discount: float | Float32[ndarray, "b"]
) -> Hits:
    """The same hits in the order of score - discount · ℓ, for what has no vectors to lengthen.

    Exact only among the hits that come in: fetch more than are shown (four times as many), then
    take `.top(k)`. Ties go to the lower row.

    Args:
        hits: of any retriever.
        log_popularity: ℓ.
        discount: for every unit of ℓ, in units of the score; one number, or one a query.

    Raises:
        DataError: the discount is not finite.

    >>> hits = Hits(np.array([[0, 1]], np.int32), np.array([[2, 1.5]], np.float32))
    >>> discounted_hits(hits, np.array([1, 0], np.float32), 1.0).rows
    array([[1, 0]], dtype=int32)
    """
    each = np.broadcast_to(np.asarray(discount, dtype=np.float32), (len(hits.rows),))
    if not np.isfinite(each).all():
        raise DataError("a finite discount expected, NaN or infinity came")
    there = hits.rows >= 0
    levels = np.where(there, log_popularity[hits.rows], np.float32(0))
    scores = np.where(there, hits.scores - each[:, None] * levels, NONE)
    order = np.lexsort((hits.rows, -scores, ~there), axis=1)
    return Hits(
        np.take_along_axis(hits.rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
    )


def root_of_covariance(vectors: Float32[ndarray, "n dim"]) -> Float64[ndarray, "dim dim"]:
    """S with ‖u S‖ the standard deviation of u·v over these vectors; zeros where there are none."""
    dim = vectors.shape[1]
    if not len(vectors):
        return np.zeros((dim, dim))
    products = _products(vectors)
    values, directions = np.linalg.eigh(products / len(vectors))
    root: ndarray = directions * np.sqrt(np.maximum(values, 0))
    return root


def _spread(longer: Float32[ndarray, "n dim_plus_1"]) -> Float64[ndarray, "dim dim"]:
    """A root of cov(v) / var(ℓ) over the placed items; zeros where all are equally popular."""
    placed = longer[np.isfinite(longer).all(axis=1)]
    deviation = float(placed[:, -1].std(dtype=np.float64)) if len(placed) else 0.0
    if not deviation:
        return np.zeros((longer.shape[1] - 1,) * 2)
    return root_of_covariance(placed[:, :-1]) / deviation


def _products(vectors: Float32[ndarray, "n dim"]) -> Float64[ndarray, "dim dim"]:
    """Σ (v - μ)(v - μ)ᵀ, a block at a time."""
    middle = vectors.mean(axis=0, dtype=np.float64)
    products = np.zeros((vectors.shape[1],) * 2)
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        centred = vectors[start : start + ROWS_AT_ONCE] - middle
        products += centred.T @ centred
    return products
