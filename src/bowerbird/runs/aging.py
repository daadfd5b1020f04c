"""How old a model may get: the runs that are kept, asked by the people of the newest window."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.data.split import Split
from bowerbird.errors import BowerbirdError
from bowerbird.evaluation.lights import watched
from bowerbird.evaluation.metrics import METRICS, Judged
from bowerbird.evaluation.staleness import staleness
from bowerbird.runs.judging import Contender, Seated
from bowerbird.runs.policy import Policy
from bowerbird.runs.watching import DAY_S, Scene, Told
from bowerbird.surfaces.run_folder import Run, load_facts, load_run

PEOPLE = 2000
"""Who are asked, at most."""


def age(scene: Scene) -> Told:
    """Quality on the newest window by the age of the model, and how often to retrain.

    Raises:
        DataError: no two runs of different ages are there, or the newest finds nothing.
    """
    window, policy = _sampled(scene.split, scene.policy.seed), scene.policy
    found = dict[float, tuple[str, Float64[ndarray, "b"]]]()
    for run in _runs(scene):
        days = round((scene.candidate.learned_until - run.learned_until) / DAY_S, 2)
        if days < 0 or days in found:
            continue  # it has learned from the window, or a newer one is as old
        with suppress(BowerbirdError):  # it does not fit the catalog of today
            found[days] = run.folder.name, _values(run, window, policy)
    ages = sorted(found)
    values = [found[days][1] for days in ages]
    told = staleness(np.array(ages), np.stack(values, axis=1), seed=policy.seed)
    figures = told.to_json() | {"metric": policy.metric, "people": len(window.holdout)}
    figures["runs"] = [found[days][0] for days in ages]
    says = "What runs of other days are worth to the people of the newest window"
    return Told([watched("Age", told.sentence(), says)], figures)


def _runs(scene: Scene) -> Iterator[Run]:
    """Of one kind: the candidate, the run before, and all others that are there."""
    yield from (scene.candidate, scene.before)
    done = {scene.candidate.folder.name, scene.before.folder.name}
    for folder in scene.kept:
        with suppress(BowerbirdError):  # damaged: it answers nobody
            model = load_facts(folder)["model"]
            if folder.name not in done and model == scene.candidate.facts["model"]:
                yield load_run(folder)


def _values(run: Run, window: Split, policy: Policy) -> Float64[ndarray, "b"]:
    """What each person of the window finds with this run."""
    hits = Seated.at(Contender.learned(run), window).recommend(window.holdout.queries, policy.k)
    name = policy.metric.partition("@")[0]
    return METRICS[name](Judged.of(hits, window.holdout.relevant), policy.k)


def _sampled(split: Split, seed: int) -> Split:
    """The same window with some of its people."""
    holdout = split.holdout
    rows = np.sort(np.random.default_rng(seed).permutation(len(holdout))[:PEOPLE])
    asked = replace(
        holdout,
        users=holdout.users[rows],
        queries=holdout.queries.take(rows),
        relevant=holdout.relevant[rows],
    )
    return Split(split.train, asked)
