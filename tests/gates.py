"""Models as a gate sees them, made of one value a person."""

from dataclasses import replace

import numpy as np

from bowerbird.evaluation.report import Report
from bowerbird.runs.gate import Measured

K = 10


def report(values, coverage=0.5, gini=0.6, arp=100.0, filled=K):
    """A report of these values a person; NaN is somebody who has nothing to find."""
    values = np.asarray(values, dtype=np.float64)
    totals = {f"coverage@{K}": coverage, f"gini@{K}": gini}
    n = len(values)
    rows = np.tile(np.arange(K, dtype=np.int32), (n, 1))
    rows[:, filled:] = -1
    each = {f"ndcg@{K}": values, f"arp@{K}": np.full(n, arp)}
    return Report(each, totals, (), {"cut": "2026"}, np.arange(n, dtype=np.int32), rows, {})


def model(values, parts=None, cold=0.1, told=None, **lists):
    """A model of these values; `parts` are masks of people by the name of a slice."""
    made = report(values, **lists)
    every = made.values[f"ndcg@{K}"]
    sliced = {name: np.where(mask, every, np.nan) for name, mask in (parts or {}).items()}
    return Measured(made, sliced, cold, **(told or {}))


def shuffled(one, by):
    """The same people in another order."""
    old = one.report
    values = {name: v[by] for name, v in old.values.items()}
    made = replace(old, values=values, users=old.users[by], rows=old.rows[by])
    parts = {name: v[by] for name, v in one.parts.items()}
    return replace(one, report=made, parts=parts)


def draws(n, level=0.15, seed=0):
    """NDCG as it comes: most find nothing, some find one thing at a random place."""
    random = np.random.default_rng(seed)
    place = random.integers(0, 10, n)
    return np.where(random.random(n) < level * 2.2, 1 / np.log2(place + 2), 0.0)
