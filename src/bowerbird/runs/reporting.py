"""What a run is worth, kept beside it: for leaderboards that nobody has to compute again.

Two ways to be judged. `itself`: the very model, by a window that it has not learned from, as the
gate does it. `settings`: its settings, learned once more from what was before a cut, since a run
that has learned from everything can be asked nothing that it does not know.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from bowerbird.data.artifacts import save_arrays, save_json, whole
from bowerbird.data.split import LeaveOneOut, Rule, Split
from bowerbird.errors import DataError
from bowerbird.evaluation.background import Background
from bowerbird.evaluation.bootstrap import intervals
from bowerbird.evaluation.report import Report, plain
from bowerbird.retrieval.models import saved_estimator
from bowerbird.runs.compare import Comparison, Plan, compare
from bowerbird.runs.gate import Measured
from bowerbird.runs.judging import TOGETHER, parts_of
from bowerbird.runs.policy import Policy
from bowerbird.runs.recipe import read_recipe
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.run_reports import FORMAT, REPORT, VALUES, beside, judged_in, values_of

METRIC, LENGTHS = "ndcg@10", (10, 20)
THIS = "this run"
BASELINES = {"popularity": "popularity", "cooccurrence": TOGETHER}
"""What every run stands beside: the model, and what it is called."""
MOST = 4
"""Holdouts that are kept of a run, the newest."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Window:
    """By what is judged."""

    data: str  # hash of all the events there are
    split: Split
    at: int  # seconds: when somebody judged

    @property
    def holdout(self) -> str:
        """A name that only the same questions with the same answers have."""
        asked, total = self.split.holdout, hashlib.sha256(self.data.encode())
        arrays = (asked.users, asked.queries.now, asked.relevant.indptr, asked.relevant.indices)
        for array in arrays:
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run was found to be worth."""

    window: Window
    how: Literal["itself", "settings"]
    metric: str
    report: Report
    parts: Mapping[str, Float64[ndarray, "b"]]  # the metric by slice, NaN: not of that slice
    baselines: Mapping[str, Report]
    more: Mapping[str, Any] = field(default_factory=dict)  # health, dial, newcomers: plain data

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not known is None."""
        told = {name: self.more.get(name) for name in ("health", "dial", "newcomers")}
        return {
            "holdout": self.window.holdout,
            "how": self.how,
            "at": self.window.at,
            "data": self.window.data,
            "metric": self.metric,
            "people": int(np.isfinite(self.report.values[self.metric]).sum()),
            **self.report.to_json(),
            "slices": self._slices(),
            "baselines": {name: _short(report) for name, report in self.baselines.items()},
            **told,
        }

    def values(self) -> dict[str, ndarray]:
        """One value a query, by HOLDOUT/metric and HOLDOUT/slice/NAME."""
        own, name = self.report.values, self.window.holdout
        told = {f"{name}/{metric}": values for metric, values in own.items()}
        told |= {f"{name}/slice/{part}": values for part, values in self.parts.items()}
        return {key: np.asarray(values, dtype=np.float32) for key, values in told.items()}

    def _slices(self) -> list[dict[str, Any]]:
        """Each with the interval of the metric that is compared."""
        ends = dict[str, tuple[float | None, ...]]()
        if self.parts:
            found = intervals(np.stack(list(self.parts.values()), axis=1))
            ends = {n: tuple(map(plain, pair)) for n, pair in zip(self.parts, found.T, strict=True)}
        rows = []
        for one in self.report.slices:
            low, high = ends.get(f"{one.slice}: {one.group}", (None, None))
            rows.append({**one.to_json(), "low": low, "high": high})
        return rows


def _short(report: Report) -> dict[str, Any]:
    told = report.to_json()
    return {"means": told["means"], "totals": told["totals"]}


def keep(run: Path, judged: Judgement) -> None:
    """Beside the run, in the place of what the same holdout had said."""
    entry = judged.to_json()
    others = [one for one in judged_in(run)[0] if one["holdout"] != entry["holdout"]][: MOST - 1]
    names = {one["holdout"] for one in others}
    kept = {key: v for key, v in values_of(run).items() if key.partition("/")[0] in names}
    with whole(beside(run, VALUES)) as partial:
        save_arrays(partial, {**kept, **judged.values()})
    with whole(beside(run, REPORT)) as partial:
        save_json(partial, {"format": FORMAT, "run": run.name, "judged": [entry, *others]})


def keep_judged(
    runs: Path,
    names: tuple[str, str | None],
    found: tuple[Measured, Measured | None, dict[str, Report]],
    window: Window,
    policy: Policy,
) -> None:
    """What the gate has measured, beside the challenger and beside the champion.

    Args:
        runs: the folder of runs.
        names: of the challenger and of the champion; None: there is none.
        found: of `judging.judged`.
        window: by what they were judged.
        policy: says by which metric.
    """
    *contenders, baselines = found
    for name, one in zip(names, contenders, strict=True):
        if name is None or not isinstance(one, Measured):
            continue
        lights = None if one.health is None else [light.to_json() for light in one.health.lights()]
        told = Judgement(window, "itself", policy.metric, one.report, one.parts, baselines)
        keep(runs / name, replace(told, more={"health": lights}))


@dataclass(frozen=True, slots=True)
class Bench:
    """What runs are judged by: the events of one of them, cut in two, and the baselines."""

    window: Window
    inner: Rule
    seed: int
    background: Background
    beside: Comparison

    @classmethod
    def of(cls, run: Run, at: int, tell: Tell) -> "Bench":
        """Of the events of this run, cut as its recipe says.

        Args:
            run: whose events they are.
            at: seconds since 1970 UTC.
            tell: told what is done.

        Raises:
            DataError: they cannot be cut so, or nobody has something to find.
        """
        recipe = read_recipe(run.folder / "recipe.toml")
        dates = run.data.dated or recipe.split.kind != "time"
        rule = recipe.rule() if dates else LeaveOneOut(seed=recipe.seed)
        split, inner = rule.split(run.data), rule.inner()
        plan = Plan(tuple(BASELINES), inner, LENGTHS, recipe.seed, tune=False)
        beside = compare(split, plan, lambda model, what: tell(f"{model}: {what}"))
        window = Window(run.facts["data"], split, at)
        return cls(window, inner, recipe.seed, Background.of(split.train), beside)


def judged_anew(run: Run, bench: Bench, tell: Tell) -> Judgement:
    """The run's settings, learned once more from what was before the cut.

    Raises:
        DataError: the model refuses these events.
    """
    plan = Plan((THIS,), bench.inner, LENGTHS, bench.seed, tune=False, fallback=run.fallback)
    made = {THIS: saved_estimator(run.folder / "model")}
    plan = replace(plan, estimators=made, dial=True)
    split, name = bench.window.split, run.folder.name
    try:
        found = compare(split, plan, lambda _, what: tell(f"{name}: {what}"))
    except DataError as error:
        raise DataError(f"{name}: cannot be judged by these events: {error}") from error
    report = found.reports[THIS]
    parts = parts_of(report, split.holdout, bench.background, METRIC)
    against = {told: bench.beside.reports[n] for n, told in BASELINES.items()
               if n in bench.beside.reports}  # fmt: skip
    return Judgement(
        bench.window, "settings", METRIC, report, parts, against, _more(found, bench.beside)
    )


def _more(found: Comparison, others: Comparison) -> dict[str, Any]:
    """Health, dial and newcomers, where they could be told."""
    health, dial = found.health.get(THIS), found.frontiers.get(THIS)
    curves = {"this run": found.newcomers.get(THIS)}
    curves |= {told: others.newcomers.get(name) for name, told in BASELINES.items()}
    newcomers = {name: one.to_json() for name, one in curves.items() if one is not None}
    return {
        "health": None if health is None else [light.to_json() for light in health.lights()],
        "dial": None if dial is None else dial.to_json(),
        "newcomers": newcomers or None,
    }
