"""Implicit matrix factorisation: factor who met what, fold a history in by one ridge solve."""

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from jaxtyping import Float32
from numpy import ndarray
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.session import Session
from bowerbird.encoders.stored import store, stored, words_arrays, words_of
from bowerbird.encoders.warm import differs, shortened
from bowerbird.errors import ConfigError, DataError

KIND = "als"
FEW = 64
"""Histories that are folded in without a word to the threads of the matrix library."""


@dataclass(frozen=True, slots=True)
class Als:
    """Weighted matrix factorisation by alternating least squares.

    Minimises Σ c·(p - x·y)² + λ(Σ‖x‖² + Σ‖y‖²) over all pairs of user and item, p = 1 where they
    met and 0 elsewhere, confidence c = 1 + α·weight.

    Source: Hu, Koren & Volinsky, ICDM 2008, eqs. 3-5.
    """

    dim: int = 64
    regularization: float = 10.0  # λ
    alpha: float = 10.0  # α
    iterations: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dim < 1 or self.iterations < 1:
            raise ConfigError(
                f"dim and iterations ≥ 1 expected, {self.dim} and {self.iterations} came"
            )
        if not (self.regularization > 0 and self.alpha > 0):
            came = f"{self.regularization} and {self.alpha} came"
            raise ConfigError(f"regularization and alpha > 0 expected, {came}")
        if self.seed < 0:
            raise ConfigError(f"seed ≥ 0 expected, {self.seed} came")

    def fit(self, data: Dataset) -> "AlsEncoder":
        """Factor the log. Equal data and seed give equal bytes, however many threads there are.

        Raises:
            DataError: there is no interaction of weight above 0.
        """
        return self._factored(data, None)

    def obstacle(self, before: "AlsEncoder", data: Dataset) -> str | None:
        """Why factoring cannot begin with these factors; None: it can."""
        return differs(self, before, data)

    def fit_from(self, before: "AlsEncoder", data: Dataset, session: Session) -> "AlsEncoder":
        """Fewer rounds, from the factors of items that were known; new items begin as no evidence.

        Raises:
            DataError: there is no interaction of weight above 0.
        """
        session.say("factoring")
        return self._factored(data, np.nan_to_num(before.table.take(data.catalog.items.ids)))

    def _factored(self, data: Dataset, begin: Float32[ndarray, "n dim"] | None) -> "AlsEncoder":
        seen = data.matrix()
        if not seen.nnz:
            raise DataError("interactions with a weight above 0 expected, none came")
        confident, model = confidences(seen, self.alpha), self._solver()
        with threadpool_limits(1, "blas"):  # its own threads already use every core
            if begin is not None:
                model.iterations = shortened(self.iterations)
                model.item_factors = begin.copy()  # it writes into what it is given
                model.user_factors = model.recalculate_user(np.arange(seen.shape[0]), confident)
            model.fit(confident, show_progress=False)
        vectors = np.asarray(model.item_factors)
        vectors[data.item_counts() == 0] = np.nan
        return AlsEncoder(self, Embeddings(data.catalog.items, vectors))

    def variants(self, data: Dataset) -> tuple["Als", ...]:
        """Six settings: weak to strong confidence, each with its λ, in dim and twice dim."""
        grid = [
            replace(self, dim=dim, alpha=alpha, regularization=alpha)
            for dim in (self.dim, 2 * self.dim)
            for alpha in (1.0, 10.0, 40.0)
        ]
        return tuple(dict.fromkeys([self, *grid]))[:6]

    @classmethod
    def load(cls, folder: Path) -> "AlsEncoder":
        """What `AlsEncoder.save` wrote."""
        estimator, arrays = stored(folder, KIND, cls)
        ids = Vocabulary(words_of("ids", arrays))
        return AlsEncoder(estimator, Embeddings(ids, arrays["items"]))

    def _solver(self) -> AlternatingLeastSquares:
        with threadpool_limits(1, "blas"):  # it warns when it is made beside a threaded BLAS
            return AlternatingLeastSquares(
                factors=self.dim,
                regularization=self.regularization,
                alpha=1.0,  # ours is already in the confidences
                iterations=self.iterations,
                random_state=self.seed,
            )


@dataclass(frozen=True, slots=True)
class AlsEncoder:
    """Item factors; a history becomes the user factor that it would have had."""

    estimator: Als
    table: Embeddings
    _solver: AlternatingLeastSquares = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        solver = self.estimator._solver()
        solver.item_factors = np.nan_to_num(self.table.vectors)  # an item never met is no evidence
        object.__setattr__(self, "_solver", solver)

    def encode_items(self, catalog: Catalog) -> Float32[ndarray, "n dim"]:
        """Item factors; NaN for items without an interaction in training."""
        return self.table.take(catalog.items.ids)

    def encode_queries(self, queries: Queries) -> Float32[ndarray, "b dim"]:
        """The exact solution of (YᵀCY + λI) x = YᵀC p, each history by itself.

        Cost: O(h·dim² + dim³) a history of h items.
        """
        seen = confidences(queries.counts(len(self.table.ids)), self.estimator.alpha)
        # looking for the libraries takes longer than solving for a few
        alone = threadpool_limits(1, "blas") if len(queries) > FEW else nullcontext()
        with alone:
            return np.asarray(self._solver.recalculate_user(np.arange(len(queries)), seen))

    def save(self, folder: Path) -> None:
        """Settings, item factors and ids."""
        arrays = {"items": self.table.vectors} | words_arrays("ids", self.table.ids.ids)
        store(folder, KIND, self.estimator, arrays)


def confidences(seen: csr_array, alpha: float) -> csr_matrix:
    """1 + α·weight at what was met: the library takes confidences and applies no 1 + itself.

    >>> confidences(csr_array(np.array([[0, 2]], dtype=np.float32)), 10.0).data
    array([21.], dtype=float32)
    """
    parts = (1 + np.float32(alpha) * seen.data, seen.indices, seen.indptr)
    return csr_matrix(parts, shape=seen.shape, dtype=np.float32)
