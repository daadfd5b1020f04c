"""What a retrain learns from, the window that judges it, and whether there is anything to do."""

from dataclasses import replace

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.data.moments import moment_text
from bowerbird.data.split import ByTime, Split
from bowerbird.runs.plan import Plan
from bowerbird.runs.recipe import read_recipe
from bowerbird.runs.starting import Start
from bowerbird.surfaces.run_folder import Run

DAY_S = 86_400


def idle(before: Run, data: Dataset, digest: str, cut: int, told: tuple[Plan, Start]) -> str | None:
    """Why there is nothing to do yet; None: there is.

    Args:
        before: the run that is gone on with.
        data: all there is by now.
        digest: of it.
        cut: where the window begins, in seconds.
        told: what is asked for, and how training starts.
    """
    name, (plan, start) = before.folder.name, told
    if start.how == "none":
        same = digest == before.facts["data"]
        return f"nothing new: {name} has all events, people and items there are" if same else None
    fresh = (data.log.times >= before.learned_until) & (data.log.times < cut)
    if fresh.any() or plan.anew:
        return None
    return (
        f"nothing to learn yet: {name} has learned from everything before {moment_text(cut)}, and"
        f" the newest {plan.window_s / DAY_S:g} days are kept to judge by ([retrain] window)"
    )


def split_of(before: Run, data: Dataset, gone: list[str], cut: int) -> Split:
    """Cut where the window begins; items that are gone are in no list.

    Raises:
        DataError: there is nothing on one of its sides.
    """
    rule = read_recipe(before.folder / "recipe.toml").rule()
    split = ByTime(at=cut, repeats=getattr(rule, "repeats", False)).split(data)
    allow = split.holdout.allow
    allow = np.ones(len(data.catalog), bool) if allow is None else allow.copy()
    allow[data.catalog.items.rows(gone)] = False
    return Split(split.train, replace(split.holdout, allow=allow))
