"""The learned second stage: gradient-boosted trees put the candidates into another order.

The trees are LightGBM's (the extra `rerank`), kept as its own text, which any version of it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.queries import Queries
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.evaluation.metrics import Judged
from bowerbird.index.index import NONE, Hits
from bowerbird.ranking.features import Features
from bowerbird.ranking.step import ordered

BLOCK = 1024
"""Queries whose features are held at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Candidates of b people, their features, and which were right."""

    features: Float32[ndarray, "b m f"]
    hits: Hits
    relevant: csr_array  # (b, n), above 0; what is not among the candidates, too

    def take(self, people: ndarray) -> "Lesson":
        """Of these people only (rows, or a mask)."""
        hits = Hits(self.hits.rows[people], self.hits.scores[people])
        return Lesson(self.features[people], hits, csr_array(self.relevant[people]))

    def right(self) -> Bool[ndarray, "b m"]:
        """Which candidates are relevant."""
        return Judged.of(self.hits, self.relevant).hit

    def telling(self) -> Bool[ndarray, "b"]:
        """Of whom something can be learned: some candidates are right and others are not."""
        right, there = self.right(), self.hits.rows >= 0
        told: Bool[ndarray, b] = right.any(axis=1) & (there & ~right).any(axis=1)
        return told

    def __len__(self) -> int:
        return len(self.hits.rows)


@dataclass(frozen=True, slots=True)
class Rerank:
    """Trees that make pairs of a right and a wrong candidate stand the right way, weighted by NDCG.

    Source: LambdaMART, Burges 2010 (MSR-TR-2010-82).
    """

    trees: int = 500  # at most
    rate: float = 0.05  # learning rate
    leaves: int = 15  # of each tree, at most
    least: int = 100  # candidates in each leaf
    ridge: float = 1.0  # L2 on what a leaf says
    k: int = 10  # places that count
    patience: int = 30  # trees without gain before it stops, where there is something to stop by
    threads: int = 1  # part of the settings, since sums depend on it
    seed: int = 0

    def __post_init__(self) -> None:
        numbers = (self.trees, self.leaves - 1, self.least, self.k, self.patience, self.threads)
        if min(numbers) < 1 or not self.rate > 0 or not self.ridge >= 0 or self.seed < 0:
            raise ConfigError(
                "rerank: trees, least, k, patience and threads ≥ 1, leaves ≥ 2, rate > 0, ridge"
                f" and seed ≥ 0 expected, {self} came"
            )

    def fit(self, lesson: Lesson, names: Sequence[str], stop: Lesson | None = None) -> "Trees":
        """Learn from the people who tell something; the same lesson and seed give the same bytes.

        Args:
            lesson: candidates and what was right.
            names: of the features.
            stop: other people, by whose NDCG it ends; None: after all `trees`.

        Raises:
            ConfigError: LightGBM is not installed.
        """
        lightgbm = library()
        learned = _dataset(lightgbm, lesson)
        beside: dict[str, Any] = {}
        if stop is not None:
            beside = {
                "valid_sets": [_dataset(lightgbm, stop, learned)],
                "callbacks": [lightgbm.early_stopping(self.patience, verbose=False)],
            }
        booster = lightgbm.train(self._parameters(), learned, self.trees, **beside)
        best = booster.best_iteration if stop is not None else self.trees
        return Trees(booster.model_to_string(num_iteration=best), tuple(names))

    def _parameters(self) -> dict[str, object]:
        return {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [self.k],
            "lambdarank_truncation_level": 2 * self.k,
            "label_gain": [0, 1],
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least,
            "lambda_l2": self.ridge,
            "num_threads": self.threads,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


class Trees:
    """What was learned: features in, a score out."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        """Read LightGBM's text.

        Raises:
            ConfigError: LightGBM is not installed.
            ArtifactError: the text is no model, or of another number of features.
        """
        lightgbm = library()
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise ArtifactError(f"trees that LightGBM can read expected: {error}") from error
        if self._booster.num_feature() != len(names):
            came = f"{self._booster.num_feature()} came"
            raise ArtifactError(f"trees of {len(names)} features expected, {came}")
        self.text, self.names = text, names

    def __len__(self) -> int:
        return int(self._booster.num_trees())

    def scores(self, features: Float32[ndarray, "r f"]) -> Float32[ndarray, "r"]:
        """Higher is better within a query; no probability."""
        if not len(features):
            return np.zeros(0, dtype=np.float32)
        found: ndarray = self._booster.predict(features).astype(np.float32)
        return found

    def importance(self) -> dict[str, float]:
        """Share of each feature in what the splits gained, the largest first."""
        gained = self._booster.feature_importance("gain")
        shares = gained / max(gained.sum(), 1e-12)
        return {self.names[f]: float(shares[f]) for f in np.argsort(-shares, kind="stable")}


@dataclass(frozen=True, slots=True, eq=False)
class Reranker:
    """A step: the hits in the order of the trees, with the trees' scores in place of the old.

    So hits stay sorted by score, and what comes after (relevance, propensities) reads the new
    order. Ties stay as they stood. It was learned from `fetch` candidates and should be asked with
    as many.
    """

    features: Features
    trees: Trees
    fetch: int

    def __post_init__(self) -> None:
        missing = [name for name in self.trees.names if name not in self.features.names]
        if missing:
            raise ArtifactError(
                f"features among {', '.join(self.features.names)} expected,"
                f" {', '.join(missing)} came: the catalog has other columns"
            )

    def __call__(self, queries: Queries, hits: Hits) -> Hits:
        """The same hits, the best by the trees first."""
        scores = np.full(hits.rows.shape, NONE, dtype=np.float32)
        for start in range(0, len(queries), BLOCK):
            some = np.arange(start, min(start + BLOCK, len(queries)))
            part = Hits(hits.rows[some], hits.scores[some])
            scores[some] = rescored(self.trees, self.picked(queries.take(some), part), part)
        return ordered(Hits(hits.rows, scores), scores)

    def picked(self, queries: Queries, hits: Hits) -> Float32[ndarray, "b m f"]:
        """The features that the trees were learned from, in their order."""
        names = self.features.names
        return self.features(queries, hits)[..., [names.index(name) for name in self.trees.names]]


def rescored(
    trees: Trees, features: Float32[ndarray, "b m f"], hits: Hits
) -> Float32[ndarray, "b m"]:
    """The trees' score of each hit; -inf where there is none."""
    there = hits.rows >= 0
    scores = np.full(hits.rows.shape, NONE, dtype=np.float32)
    scores[there] = trees.scores(np.ascontiguousarray(features[there]))
    return scores


def library() -> ModuleType:
    """LightGBM.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import lightgbm
    except ModuleNotFoundError as error:
        raise ConfigError(
            "lightgbm expected to re-rank: pip install 'bowerbird[rerank]'"
        ) from error
    module: ModuleType = lightgbm
    return module


def _dataset(lightgbm: Any, lesson: Lesson, reference: Any = None) -> Any:  # noqa: ANN401  its class is known inside only
    some = lesson.take(lesson.telling())
    there = some.hits.rows >= 0
    return lightgbm.Dataset(
        np.ascontiguousarray(some.features[there]),
        label=some.right()[there].astype(np.float32),
        group=there.sum(axis=1),
        reference=reference,
        free_raw_data=True,
    )
