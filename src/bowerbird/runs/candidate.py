"""The run that a retrain makes: trained before the window, in the space of the run before."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import bowerbird
from bowerbird.data.dataset import Dataset
from bowerbird.encoders.session import Session
from bowerbird.retrieval.blend import fit_with
from bowerbird.retrieval.models import saved_estimator
from bowerbird.runs.align import aligned, unmoved
from bowerbird.runs.plan import Plan
from bowerbird.runs.recipe import read_recipe
from bowerbird.runs.run import Stopwatch, Trained, train, write_run
from bowerbird.runs.starting import Start, fitted_from
from bowerbird.runs.tune import Choice
from bowerbird.surfaces.run_folder import Run

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What it is made of."""

    before: Run
    train: Dataset  # what is learned from
    data: Dataset  # the same people and items with all events there are: what the run keeps
    plan: Plan
    snapshot: dict[str, Any]
    champion: str | None
    start: Start = Start()  # noqa: RUF009  frozen


def made(folder: Path, asked: Candidate, unfinished: Path, now: int, say: Say) -> dict[str, Any]:
    """The run folder, whole; what is said of it in a word.

    Args:
        folder: the run's own; one that is there is replaced.
        asked: what it is made of.
        unfinished: where training keeps what it has done.
        now: seconds since 1970 UTC.
        say: told what is done.
    """
    watch = Stopwatch()
    trained, start = _trained(asked, unfinished, say)
    if start.how == "none":
        space = unmoved(asked.before)
    else:
        say("onto the space of the run before")
        champion = asked.before if asked.champion else None
        fitted, space = aligned(trained.fitted, asked.train, champion)
        trained = Trained(fitted, trained.choice, trained.fallback)
    facts = {
        "model": asked.before.facts["model"],
        "seed": asked.before.facts["seed"],
        "trained_at": now,
        "seconds": float(watch),
        "parent": asked.before.folder.name,
        "champion": asked.champion,
        "snapshot": asked.snapshot,
        "training": start.to_json(),
        "plan": asked.plan.to_json(),
        "code": code_digest(),
        **space,
    }
    say("writing the run")
    recipe = (asked.before.folder / "recipe.toml").read_text("utf-8")
    write_run(folder, asked.data, trained, facts, recipe)
    shutil.rmtree(unfinished, ignore_errors=True)
    told = {"run": folder.name, "seconds": float(watch), "training": start.to_json()}
    return {**told, "space": space["space"]}


def _trained(asked: Candidate, unfinished: Path, say: Say) -> tuple[Trained, Start]:
    """With the settings of the run before, or with what is chosen anew, as its recipe says."""
    session, start, before = Session(say=say, checkpoints=unfinished), asked.start, asked.before
    if not asked.plan.anew:
        estimator, fitted = saved_estimator(before.folder / "model"), before.fitted
        if start.how == "warm":
            fitted, start = fitted_from(start, estimator, before, asked.train, session)
        elif start.how == "full":
            fitted = fit_with(estimator, asked.train, session)
        return Trained(fitted, Choice(estimator), before.fallback), start
    recipe = read_recipe(asked.before.folder / "recipe.toml")
    session = Session(say=say, checkpoints=unfinished, budget_s=recipe.budget_s())
    fixed = tuple(recipe.model.model_extra or {})
    settings = (recipe.seed, recipe.model.tune, fixed)
    return train(recipe.estimator(), asked.train, *settings, say, session), start


@cache
def code_digest() -> str:
    """SHA-256 of the package's own source: which code made a run."""
    total = hashlib.sha256()
    root = Path(bowerbird.__file__).parent
    for path in sorted(root.rglob("*.py")):
        total.update(path.relative_to(root).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()
