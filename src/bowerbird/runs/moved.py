"""Who stands beside whom in the run that answers and in the one that may: how much is chance?

What another seed alone changes is measured by training once more where that is cheap; else it is
what was measured for an earlier run of the same kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bowerbird.data.artifacts import load_json
from bowerbird.data.dataset import Dataset
from bowerbird.data.embeddings import Embeddings
from bowerbird.encoders.encoder import Encoder
from bowerbird.encoders.popularity import PopularityEncoder
from bowerbird.encoders.session import Session
from bowerbird.errors import ArtifactError, DataError
from bowerbird.evaluation.lights import Light, percent
from bowerbird.evaluation.neighbours import Neighbourhoods, movers, neighbourhoods
from bowerbird.evaluation.report import plain
from bowerbird.retrieval.blend import fit_with
from bowerbird.retrieval.models import encoder_of, saved_estimator
from bowerbird.retrieval.retriever import Retriever
from bowerbird.runs.watching import Scene, Told
from bowerbird.surfaces.run_folder import Run, load_facts
from bowerbird.surfaces.run_reports import GATE, beside

CHEAP_S = 60.0
"""A run that was made in this time is cheap enough to be trained once more, for comparison."""
CARDS, BESIDE = 10, 8
"""Items that are shown with those beside them."""


@dataclass(frozen=True, slots=True)
class Floor:
    """How much another seed alone leaves of neighbourhoods."""

    overlap: float | None  # None: nobody knows
    why: str  # where the number is from


def neighbours(scene: Scene) -> Told:
    """What stayed, the cards, and what moved most.

    Raises:
        DataError: one of the models has no vectors of items, or they have no item in common.
    """
    before, after = (vectors_of(run) for run in (scene.before, scene.candidate))
    near, learned = neighbourhoods(before, after), scene.before.learned
    floor = floor_of(scene, before)
    cards = list(_cards(near, scene.newest))
    moved = [each.to_json() for each in movers(near, learned, scene.split.train)]
    lists = [[one["item"], *one["before"], *one["after"]] for one in (*cards, *moved)]
    ids = sorted({id for each in lists for id in each})
    titles = scene.data.catalog.titles()
    rows = scene.data.catalog.items.rows(ids).tolist()
    names = {id: titles[row] if row >= 0 else id for id, row in zip(ids, rows, strict=True)}
    figures: dict[str, Any] = {"overlap": plain(near.overlap), "rbo": plain(near.rbo)}
    figures |= {"floor": floor.overlap, "floor_from": floor.why, "items": len(near.anchors)}
    return Told([_light(near, floor)], figures | {"cards": cards, "movers": moved, "names": names})


def vectors_of(run: Run) -> Embeddings:
    """Of all items of a run, as its model has placed them.

    Raises:
        DataError: it has no vectors that stand beside one another.
    """
    return _table(run.fitted, run.data)


def floor_of(scene: Scene, before: Embeddings) -> Floor:
    """How much the run before has in common with itself, had it been trained with another seed.

    Of the run before, since nobody knows yet whether the new one is well.
    """
    run = scene.before
    estimator: Any = saved_estimator(run.folder / "model")
    if not hasattr(estimator, "seed"):
        return Floor(1.0, "the model has no seed")
    if scene.candidate.facts["seconds"] <= CHEAP_S:  # of as many events, and one window more
        other = replace(estimator, seed=estimator.seed + 1)
        again = _table(fit_with(other, run.learned, Session()), run.learned)
        return Floor(neighbourhoods(before, again).overlap, "trained once more for it")
    found = next(_earlier(scene), None)
    return found or Floor(None, f"training takes more than {CHEAP_S:g} s, so it is not done twice")


def _earlier(scene: Scene) -> Iterator[Floor]:
    """Floors of runs of the same kind, the newest first."""
    for folder in scene.kept:
        try:
            told = load_json(beside(folder, GATE))["watched"]["neighbours"]
            if load_facts(folder)["model"] == scene.candidate.facts["model"]:
                yield Floor(float(told["floor"]), f"measured for {folder.name}")
        except (ArtifactError, KeyError, TypeError):
            continue  # no verdict, or one that says nothing of it


def _table(fitted: Encoder | Retriever, data: Dataset) -> Embeddings:
    encoder = encoder_of(fitted)
    if encoder is None or isinstance(encoder, PopularityEncoder):
        raise DataError("a model that places items in one space expected, one without vectors came")
    return Embeddings(data.catalog.items, encoder.encode_items(data.catalog))


def _light(near: Neighbourhoods, floor: Floor) -> Light:
    if floor.overlap is not None:
        return near.light(floor.overlap)
    figure = f"{percent(near.overlap)} (rank-biased {percent(near.rbo)})"
    says = f"What another seed alone would leave is not known: {floor.why}"
    return Light("Neighbours kept", figure, "", None, says)


def _cards(near: Neighbourhoods, newest: Dataset) -> Iterator[dict[str, Any]]:
    """The items that were met most lately, each with those beside it in both versions."""
    ids = [near.ids[row] for row in near.anchors.tolist()]
    rows = newest.catalog.items.rows(ids)
    met = np.where(rows >= 0, newest.item_counts()[rows], 0)
    for place in np.argsort(-met, kind="stable")[:CARDS].tolist():
        lists = [some[place][some[place] >= 0][:BESIDE] for some in (near.before, near.after)]
        before, after = ([near.ids[row] for row in one.tolist()] for one in lists)
        yield {"item": ids[place], "before": before, "after": after}
