"""The map of a run, made from its items' vectors; begun with the map of a run before, if there is.

So that an item stays where it was unless its neighbours have changed, and two maps can be compared.
"""

from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.embeddings import Embeddings
from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.layout import NEAR, Layout, Ways, laid_out
from bowerbird.retrieval.models import name_of
from bowerbird.runs.moved import vectors_of
from bowerbird.surfaces.kept_map import KeptMap, has_map, keep_map, kept_map
from bowerbird.surfaces.registry import CURRENT
from bowerbird.surfaces.run_folder import Run


def mapped(run: Run, ways: Ways, like: Path | None = None) -> Layout:
    """Make the map of a run and keep it in its folder.

    Args:
        run: with vectors of its items.
        ways: how.
        like: a run whose map it begins with, where that was made by the same method.

    Raises:
        ConfigError: the model has no vectors of items, or a method is not installed.
        ArtifactError: the other map cannot be read, or this one cannot be written.
    """
    vectors = _vectors(run)
    before = None if like is None else kept_map(like)
    start = _start(vectors, before, ways)
    layout = laid_out(vectors.vectors, ways, start)
    keep_map(run.folder, layout.places, _facts(layout, ways, like, layout.begun_with))
    return layout


def run_before(run: Run) -> Path | None:
    """The run whose map comparisons are made with: the one it was turned onto, else the current.

    None where neither has a map.
    """
    folder = run.folder.resolve()
    names = [(run.facts.get("space") or {}).get("parent")]
    current = folder.parent / CURRENT
    if current.is_file():
        names.append(current.read_text("utf-8").strip())
    for name in names:
        if name and name != folder.name and has_map(folder.parent / name):
            return folder.parent / str(name)
    return None


def _vectors(run: Run) -> Embeddings:
    try:
        found = vectors_of(run)
    except DataError:
        came = f"{name_of(run.fitted)} came, which has none"
        remedy = "map a run of als, content, sequence, two-tower or a blend with one of these"
        raise ConfigError(f"a model with vectors of items expected, {came}: {remedy}") from None
    if found.vectors.shape[1] < 2:
        raise ConfigError("vectors of two dimensions or more expected, of one came")
    return found


def _start(vectors: Embeddings, before: KeptMap | None, ways: Ways) -> np.ndarray | None:
    """Where items begin: places of another method mean nothing."""
    if before is None or before.facts["method"] != ways.chosen(len(vectors.ids)):
        return None
    return before.of(vectors.ids)


def _facts(layout: Layout, ways: Ways, like: Path | None, known: int) -> dict[str, Any]:
    """What map.json says of it."""
    kept = None if isnan(layout.kept) else round(layout.kept, 4)
    placed = int(np.isfinite(layout.places).all(axis=1).sum())
    return {
        "method": layout.method,
        "seed": ways.seed,
        "items": len(layout.places),
        "placed": placed,
        "laid_out": layout.laid,
        "neighbours_kept": kept,
        "neighbours": NEAR,
        "like": like.name if like is not None and known else None,
        "begun_with": known,
    }
