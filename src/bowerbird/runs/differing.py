"""What two runs differ in, by their facts and by the lists that they give."""

from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.joining import retold
from bowerbird.surfaces.assemble import recommender_of
from bowerbird.surfaces.kept import kept_index
from bowerbird.surfaces.run_folder import Run, load_run

PEOPLE, K = 500, 10
"""Who is asked for lists of both, and how long these are."""


def differing(one: Path, other: Path) -> dict[str, tuple[Any, Any]]:
    """Name → what the first has, and the second; only what is not the same in both.

    `lists shared` is the share of items in lists of ten that both give the same people, those of
    the second who have done the most recent things, as the second knows them.

    Raises:
        ArtifactError: one is no run folder, or damaged.
    """
    runs = load_run(one), load_run(other)
    told = [_flat(run) for run in runs]
    names = dict.fromkeys([*told[0], *told[1]])
    pairs = {name: (told[0].get(name), told[1].get(name)) for name in names}
    found: dict[str, tuple[Any, Any]] = {n: p for n, p in pairs.items() if p[0] != p[1]}
    found["lists shared"] = ("", round(shared(*runs), 4))
    return found


def shared(one: Run, other: Run, people: int = PEOPLE, k: int = K) -> float:
    """Share of the items of the second run's lists that are in the first one's, too."""
    log = other.data.log
    newest = np.zeros(len(other.data.users), dtype=np.int64)
    np.maximum.at(newest, log.users, log.times)
    rows = np.argsort(-newest, kind="stable")[:people]
    asked = other.data.queries().take(rows)
    known = retold(other.data, one.data).take(rows)
    lists = []
    for run, queries in ((one, known.where(known.items >= 0)), (other, asked)):
        index = kept_index(run.folder, len(run.data.catalog))
        engine = recommender_of(run.fitted, run.data, run.fallback, index=index)
        ids = np.array([*run.data.catalog.items.ids, ""], dtype=object)
        lists.append([set(ids[row]) - {""} for row in engine.recommend(queries, k).rows])
    shares = [len(a & b) / len(b) for a, b in zip(*lists, strict=True) if b]
    return float(np.mean(shares)) if shares else 0.0


def _flat(run: Run) -> dict[str, Any]:
    facts, data = run.facts, run.data
    settings = {f"settings.{n}": v for n, v in facts["choice"]["settings"].items()}
    versions = {f"versions.{n}": v for n, v in facts.get("versions", {}).items()}
    space = (facts.get("space") or {}).get("id")
    counts = {"events": len(data.log), "people": len(data.users), "items": len(data.catalog)}
    kept = ("model", "data", "seed", "parent", "code", "trained_at")
    told = {name: facts.get(name) for name in kept}
    return {**told, **counts, "space": space, **settings, **versions}
