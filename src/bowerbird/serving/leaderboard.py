"""Runs side by side: only those that the same people have judged, and person by person.

A figure of other people or of other days says nothing of which run is better, so every holdout is a
board of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.evaluation.bootstrap import intervals, mean
from bowerbird.evaluation.report import plain
from bowerbird.surfaces.run_reports import VALUES, beside, judged_in, value_of

WORDS = {
    "itself": "The models as they are, by a window that none of them has learned from",
    "settings": "The settings of each, learned once more from what was before the cut",
}


@dataclass(frozen=True)
class Stand:
    """A run on one board."""

    run: str
    folder: Path
    entry: Mapping[str, Any]

    def cell(self, metric: str, slice_: str | None) -> dict[str, Any]:
        """Mean and interval, of everybody or of one slice; None is what nobody knows."""
        none = dict.fromkeys(("mean", "low", "high", "people"))
        if slice_ is None:
            people, means = self.entry.get("people"), self.entry.get("means") or {}
            totals = self.entry.get("totals") or {}
            found = means.get(metric) or {"mean": totals.get(metric)}
            return {**none, **found, "people": people}
        for one in self.entry.get("slices") or []:
            if f"{one['slice']}: {one['group']}" == slice_:
                ends = metric == self.entry.get("metric")
                told = {"mean": one["means"].get(metric), "people": one["users"]}
                told |= {end: one.get(end) for end in ("low", "high")} if ends else {}
                return {**none, **told}
        return none

    def kept(self) -> tuple[Path, int]:
        """Where its values are, and of when: what they say is remembered until others come."""
        try:
            return self.folder, beside(self.folder, VALUES).stat().st_mtime_ns
        except OSError:
            return self.folder, 0


def leaderboard(
    folders: Mapping[str, Path], metric: str, slice_: str | None, against: str
) -> dict[str, Any]:
    """A board for every holdout, with all metrics and slices there are to ask for.

    Args:
        folders: of the runs, by name.
        metric: such as ndcg@10.
        slice_: such as «history length: 5-9»; None: everybody.
        against: the run that the others are compared with.
    """
    boards, unjudged = dict[str, list[Stand]](), list[dict[str, str]]()
    for name, folder in folders.items():
        found, why = judged_in(folder)
        if why is not None:
            unjudged.append({"run": name, "why": why})
        for entry in found:
            boards.setdefault(entry["holdout"], []).append(Stand(name, folder, entry))
    every = [stand.entry for stands in boards.values() for stand in stands]
    made = [_board(stands, metric, slice_, against) for stands in boards.values()]
    made.sort(key=lambda one: (-one["at"], one["holdout"]))
    return {
        "metric": metric,
        "slice": slice_,
        "against": against,
        "metrics": _union(list((e.get("means") or {}) | (e.get("totals") or {})) for e in every),
        "slices": _union([f"{s['slice']}: {s['group']}" for s in e.get("slices") or []]
                         for e in every),
        "boards": made,
        "unjudged": unjudged,
    }  # fmt: skip


def _board(stands: list[Stand], metric: str, slice_: str | None, against: str) -> dict[str, Any]:
    first = stands[0].entry
    other = next((stand for stand in stands if stand.run == against), None)
    rows = [_row(stand, other, metric, slice_) for stand in stands]
    for name, told in (first.get("baselines") or {}).items():
        means, totals = told.get("means") or {}, told.get("totals") or {}
        found = (means.get(metric) or {"mean": totals.get(metric)}) if slice_ is None else {}
        none = dict.fromkeys(("mean", "low", "high", "people", "difference", "why"))
        place = _place({"means": means, "totals": totals, "metric": first.get("metric")})
        rows.append({"run": name, "baseline": True, **none, **found, **place})
    rows.sort(key=lambda row: (row["mean"] is None, -(row["mean"] or 0.0), row["run"]))
    return {
        "holdout": first["holdout"],
        "data": first.get("data"),
        "how": first.get("how"),
        "words": WORDS.get(str(first.get("how")), ""),
        "people": first.get("people"),
        "facts": first.get("facts") or {},
        "at": max(int(stand.entry.get("at") or 0) for stand in stands),
        "rows": rows,
    }


def _row(stand: Stand, other: Stand | None, metric: str, slice_: str | None) -> dict[str, Any]:
    difference, why = None, None
    if other is None:
        why = "the run it would be compared with was not judged by these people"
    elif other is not stand:
        difference, why = _difference(stand, other, metric, slice_)
    place = _place(stand.entry)
    told = {"run": stand.run, "baseline": False, **stand.cell(metric, slice_), **place}
    return {**told, "difference": difference, "why": why}


def _difference(
    one: Stand, other: Stand, metric: str, slice_: str | None
) -> tuple[dict[str, Any] | None, str | None]:
    if slice_ is not None and metric != one.entry.get("metric"):
        return None, f"of slices one value a person is kept of {one.entry.get('metric')} alone"
    name = metric if slice_ is None else f"slice/{slice_}"
    return _gained(one.kept(), other.kept(), f"{one.entry['holdout']}/{name}")


@lru_cache(maxsize=1024)
def _gained(
    one: tuple[Path, int], other: tuple[Path, int], key: str
) -> tuple[dict[str, Any] | None, str | None]:
    """The mean difference with its interval, or why there is none; drawn once."""
    own, theirs = value_of(one[0], key), value_of(other[0], key)
    if own is None or theirs is None:
        return None, "no value a person is kept for it"
    if own.shape != theirs.shape:
        return None, "other people were asked"
    gained = own.astype(np.float64) - theirs
    low, high = intervals(gained[:, None])[:, 0]
    told = {"mean": mean(gained), "low": low, "high": high}
    return {name: plain(float(value)) for name, value in told.items()}, None


def _place(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Where it lies between accuracy and coverage."""
    metric = str(entry.get("metric") or "ndcg@10")
    coverage = f"coverage@{metric.partition('@')[2]}"
    accuracy = ((entry.get("means") or {}).get(metric) or {}).get("mean")
    return {"accuracy": accuracy, "coverage": (entry.get("totals") or {}).get(coverage)}


def _union(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(name for some in lists for name in some))
