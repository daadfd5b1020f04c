"""What a retrain tells beside its verdict: drift, unknown items, moved neighbours, age.

It guards nothing: shops change, and a retrain is the answer to that. What breaks for want of data
is a light that says so, and never the reason why nothing is learned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.joining import extended
from bowerbird.data.split import Split
from bowerbird.encoders.popularity import PopularityEncoder
from bowerbird.evaluation.drift import drifts
from bowerbird.evaluation.lights import Light, at_most, percent
from bowerbird.retrieval.models import encoder_of
from bowerbird.runs.policy import Policy
from bowerbird.surfaces.run_folder import Run

DAY_S = 86_400
WINDOWS, LEAST_DAYS = 5, 35
"""How far back the newest window is compared: so many times its own length, or whole weeks."""
UNKNOWN = 0.1
"""Share of the newest events whose item the model that answers may not know."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is looked at."""

    before: Run  # the run that answers; where none does, the one that was gone on from
    candidate: Run
    data: Dataset  # all there is by now
    split: Split  # where the newest window begins
    kept: Sequence[Path]  # folders of the runs that are there, the newest first
    policy: Policy

    @property
    def newest(self) -> Dataset:
        """The window that neither run has learned from."""
        log = self.data.log
        return self.data.with_log(log.where(log.times >= self.candidate.learned_until))


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was looked at."""

    lights: Sequence[Light]
    figures: dict[str, Any] | None  # plain data; None: it cannot be told


Part = Callable[[Scene], Told]


def watched(scene: Scene, parts: dict[str, Part], say: Callable[[str], object]) -> dict[str, Any]:
    """Each part by its name, as plain data, with all `lights` and the `alarms` among them."""
    told, lights = dict[str, Any](), dict[str, list[Light]]()
    for name, part in parts.items():
        say(name)
        found = _tried(name, part, scene)
        told[name], lights[name] = found.figures, list(found.lights)
    some = [light for each in lights.values() for light in each]
    alarms = [light.sentence() for light in some if light.ok is False]
    shown = {name: [light.to_json() for light in each] for name, each in lights.items()}
    return {"alarms": alarms, "lights": shown, **told}


def drift(scene: Scene) -> Told:
    """The newest window beside the newest that the run before has learned from."""
    until, learned, new = scene.before.learned_until, scene.before.learned, scene.newest
    length = new.newest() - scene.candidate.learned_until
    begin = until - max(WINDOWS * length, LEAST_DAYS * DAY_S)
    old = learned.with_log(learned.log.where(learned.log.times >= begin))
    found = drifts(old, new)
    figures = [each.to_json() for each in found]
    return Told([each.light for each in found], {"since": begin, "until": until, "of": figures})


def unknown(scene: Scene) -> Told:
    """Events of the newest window whose item a model has neither met nor can place."""
    items = scene.newest.log.items
    both = {"before": scene.before, "after": scene.candidate}
    shares = {
        name: float((~known(run, scene.data.catalog)[items]).mean()) for name, run in both.items()
    }
    figure = f"{percent(shares['before'])}; the new model {percent(shares['after'])}"
    light = at_most(
        ("Events with items unknown to the model", figure),
        (shares["before"], UNKNOWN, percent(UNKNOWN)),
        "Such an item stands in a list only where it is popular",
        "train more often, or take a model that places items by their content",
    )
    return Told([light], {**shares, "events": len(items)})


def known(run: Run, catalog: Catalog) -> Bool[ndarray, "n"]:
    """Which items of a catalog a run's model has a vector for, or, without vectors, has met."""
    own = extended(run.data.catalog, catalog)
    rows, encoder = own.items.rows(catalog.items.ids), encoder_of(run.fitted)
    if encoder is None or isinstance(encoder, PopularityEncoder):
        counted: ndarray = np.bincount(run.learned.log.items, minlength=len(own))[rows] > 0
        return counted
    vectors = encoder.encode_items(own)[rows]
    placed: ndarray = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
    return placed


def _tried(name: str, part: Part, scene: Scene) -> Told:
    try:
        return part(scene)
    except Exception as error:  # whatever it is, it is no reason to learn nothing
        why = str(error) or type(error).__name__
        title = name[0].upper() + name[1:]
        return Told([Light(title, "–", "", None, f"This cannot be told: {why}")], None)
