"""GF-CF: recommendation as smoothing over the graph of users and items. Nothing is trained."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray
from scipy.sparse import csr_array, dia_array, diags_array

from bowerbird.data.artifacts import matrix_arrays, matrix_of
from bowerbird.data.dataset import Dataset
from bowerbird.data.queries import Queries
from bowerbird.encoders.decompose import top_svd
from bowerbird.encoders.stored import store, stored
from bowerbird.errors import ConfigError, DataError
from bowerbird.index.exact import in_blocks
from bowerbird.index.index import NONE, Hits, Ragged, best
from bowerbird.retrieval.ease import seen_of
from bowerbird.retrieval.retriever import picked, silence, within

KIND = "graph-filter"


@dataclass(frozen=True, slots=True)
class GraphFilter:
    """s = r·(R̃ᵀR̃ + α·D^-½ V Vᵀ D^½): a linear filter plus an ideal low-pass one.

    r is a binary history, R̃ = D_u^-½ R D_i^-½ who met what, normalised by both degrees, V its
    leading right singular vectors, D the degrees of the items.

    Cost: minutes at 40,000 items; 8 bytes a pair of items that met, 4·rank bytes an item.
    Source: Shen et al., CIKM 2021, section 5 (GF-CF; α = 0.3 and rank 256 are theirs).
    """

    alpha: float = 0.3
    rank: int = 256  # at most the smaller number of users and items
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.alpha >= 0 and self.rank >= 1):
            came = f"{self.alpha} and {self.rank} came"
            raise ConfigError(f"alpha ≥ 0 and rank ≥ 1 expected, {came}")
        if self.seed < 0:
            raise ConfigError(f"seed ≥ 0 expected, {self.seed} came")

    def fit(self, data: Dataset) -> "GraphFilterRetriever":
        """Normalise, multiply, decompose.

        Raises:
            DataError: there is no interaction of weight above 0.
        """
        return next(self.fit_each(data, (self,)))

    def fit_each(
        self, data: Dataset, variants: tuple["GraphFilter", ...]
    ) -> Iterator["GraphFilterRetriever"]:
        """The same for several settings; only another rank or seed is decomposed again."""
        smooth, items = normalised(data)
        linear = csr_array(smooth.T @ smooth)
        linear.sort_indices()
        known: dict[tuple[int, int], ndarray] = {}
        for variant in variants:
            key = (variant.rank, variant.seed)
            if key not in known:
                known[key] = top_svd(smooth, *key)[2]
            yield GraphFilterRetriever(variant, linear, known[key], items)

    def variants(self, data: Dataset) -> tuple["GraphFilter", ...]:
        """Less and more of the low-pass filter."""
        return tuple(dict.fromkeys([self, *(replace(self, alpha=a) for a in (0.1, 0.3, 1.0))]))

    @classmethod
    def load(cls, folder: Path) -> "GraphFilterRetriever":
        """What `GraphFilterRetriever.save` wrote."""
        estimator, arrays = stored(folder, KIND, cls)
        n = len(arrays["degrees"])
        linear = matrix_of("linear", arrays, (n, n))
        return GraphFilterRetriever(estimator, linear, arrays["low"], arrays["degrees"])


@dataclass(frozen=True, slots=True)
class GraphFilterRetriever:
    """Fitted: the linear filter as a sparse matrix, the low-pass one as vectors."""

    estimator: GraphFilter
    linear: csr_array  # (n, n), R̃ᵀR̃
    low: Float32[ndarray, "n r"]  # V
    degrees: Float32[ndarray, "n"]
    _asked: Float32[ndarray, "n r"] = field(init=False, repr=False, compare=False)
    _found: Float32[ndarray, "r n"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        root = np.sqrt(self.degrees)[:, None]
        asked = np.divide(self.low, root, out=np.zeros_like(self.low), where=root > 0)
        found = np.float32(self.estimator.alpha) * self.low * root
        object.__setattr__(self, "_asked", asked)
        object.__setattr__(self, "_found", np.ascontiguousarray(found.T))

    def retrieve(
        self,
        queries: Queries,
        k: int,
        allow: Bool[ndarray, "n"] | None = None,
        exclude: Ragged | None = None,
    ) -> Hits:
        """The best of the items that were ever met; nothing for a history without such an item."""
        allow, exclude = within(len(self.degrees), allow, exclude)
        seen = seen_of(queries, len(self.degrees))

        def block(start: int, stop: int) -> Hits:
            scores = self._dense(seen[start:stop])
            return best(scores, k, allow, exclude and exclude.block(start, stop))

        hits = in_blocks(block, len(queries), 4 * len(self.degrees), k)
        return silence(hits, seen @ self.degrees > 0)

    def scores(self, queries: Queries, rows: Int32[ndarray, "b m"]) -> Float32[ndarray, "b m"]:
        """The same for these rows; -inf for items never met, and for silent histories."""
        seen = seen_of(queries, len(self.degrees))
        found = picked(lambda a, b: self._dense(seen[a:b]), rows, len(self.degrees))
        return np.where((seen @ self.degrees > 0)[:, None], found, NONE)

    def _dense(self, seen: csr_array) -> Float32[ndarray, "b n"]:
        """Full rows of scores."""
        scores: ndarray = (seen @ self.linear).toarray()
        scores += (seen @ self._asked) @ self._found
        scores[:, self.degrees == 0] = NONE
        return scores

    def similar(
        self, rows: Int32[ndarray, "b"], k: int, allow: Bool[ndarray, "n"] | None = None
    ) -> Hits:
        """By the linear filter alone: it divides by both degrees, so the popular do not win."""
        scores = self.linear[rows].toarray()
        scores[scores <= 0] = NONE
        return best(scores, k, allow, Ragged(rows, np.arange(len(rows) + 1, dtype=np.int64)))

    def save(self, folder: Path) -> None:
        """Settings, both filters and the degrees."""
        arrays = {"low": self.low, "degrees": self.degrees} | matrix_arrays("linear", self.linear)
        store(folder, KIND, self.estimator, arrays)


def normalised(data: Dataset) -> tuple[csr_array, Float32[ndarray, "n"]]:
    """R̃ = D_u^-½ R D_i^-½, and the degrees of the items.

    Raises:
        DataError: there is no interaction of weight above 0.
    """
    seen = data.matrix()
    if not seen.nnz:
        raise DataError("interactions with a weight above 0 expected, none came")
    seen.data[:] = 1
    users, items = (np.asarray(seen.sum(axis=axis)).ravel() for axis in (1, 0))
    smooth = csr_array(root_inverse(users) @ seen @ root_inverse(items), dtype=np.float32)
    return smooth, items.astype(np.float32)


def root_inverse(degrees: ndarray) -> dia_array:
    """diag(1/√degree), 0 where the degree is 0."""
    root = np.sqrt(degrees.astype(np.float64))
    return diags_array(np.divide(1, root, out=np.zeros_like(root), where=root > 0))
