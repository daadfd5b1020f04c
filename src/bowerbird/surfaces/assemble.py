"""A fitted model + the data it serves = something that recommends."""

from dataclasses import replace

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.encoders.encoder import Encoder
from bowerbird.encoders.popularity import Popularity
from bowerbird.index.index import Index
from bowerbird.ranking.recommender import Recommender
from bowerbird.retrieval.backfill import Backfill, Segments
from bowerbird.retrieval.dial import Dial
from bowerbird.retrieval.models import as_retriever
from bowerbird.retrieval.retriever import Retriever
from bowerbird.surfaces.kept import kept_index
from bowerbird.surfaces.run_folder import Run


def recommender_of(
    fitted: Encoder | Retriever,
    data: Dataset,
    fallback: Popularity,
    repeats: bool = False,
    now: int | None = None,
    index: Index | None = None,
) -> Recommender:
    """Retrieve from this data's catalog, backed by what is popular in its log.

    Args:
        fitted: what an estimator's `fit` returned.
        data: the catalog to recommend from, and the log that says what is popular.
        fallback: how popularity is counted, for people nothing is known of and for open places.
        repeats: recommend what the history holds already, too.
        now: the moment that decides which items are available; None shows all.
        index: of the vectors of the catalog's first items; None: an exact one is made.
    """
    filled = backed(as_retriever(fitted, data.catalog, index), data, fallback)
    allow = None if now is None else data.catalog.available(now)
    return Recommender(filled, allow, repeats)


def recommender_in(run: Run) -> Recommender:
    """What a run folder answers with: its model over its own catalog, with the index it keeps.

    Raises:
        ArtifactError: the index is damaged, or of another catalog.
    """
    index = kept_index(run.folder, len(run.data.catalog))
    return recommender_of(run.fitted, run.data, run.fallback, index=index)


def backed(main: Retriever, data: Dataset, fallback: Popularity) -> Backfill:
    """A retriever of this catalog with what is popular in this log behind it."""
    popular = fallback.fit(data)
    levels = popular.encode_items(data.catalog)
    levels = np.where(np.isnan(levels), np.float32(-1), levels)  # nobody met it: last
    segments = None if fallback.segment is None else Segments(popular, levels)
    return Backfill(main, levels[:, 0], segments)


def turned(
    engine: Recommender, data: Dataset, alpha: float, shown: int | None = None
) -> Recommender:
    """The same recommender with the popular held back.

    Args:
        engine: of the catalog of the data.
        data: its log says what is popular.
        alpha: how far; 0 changes nothing. A dial that is there already is turned.
        shown: length of the lists, where steps choose from more; None: what is asked for.

    Raises:
        ConfigError: alpha is not finite.
    """
    main = engine.retriever.main
    made = main.with_alpha(alpha) if isinstance(main, Dial) else Dial.over(main, data, alpha)
    dial = replace(made, shown=shown)
    return replace(engine, retriever=replace(engine.retriever, main=dial))
