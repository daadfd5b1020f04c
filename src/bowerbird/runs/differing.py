"""What two runs differ in, by their facts and by the lists that they give."""

from pathlib import Path
from typing import Any

from bowerbird.data.joining import retold
from bowerbird.runs.shadow import named, newest_people, shared
from bowerbird.surfaces.assemble import recommender_in
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
    found["lists shared"] = ("", _alike(*runs))
    return found


def _alike(one: Run, other: Run) -> float:
    """Share of the items of the second run's lists that are in the first one's, too."""
    rows = newest_people(other, PEOPLE)
    asked = other.data.queries().take(rows)
    known = retold(other.data, one.data).take(rows)
    lists = recommender_in(one).recommend(known.where(known.items >= 0), K)
    return shared(named(one, lists), named(other, recommender_in(other).recommend(asked, K)))


def _flat(run: Run) -> dict[str, Any]:
    facts, data = run.facts, run.data
    settings = {f"settings.{n}": v for n, v in facts["choice"]["settings"].items()}
    versions = {f"versions.{n}": v for n, v in facts.get("versions", {}).items()}
    space = (facts.get("space") or {}).get("id")
    counts = {"events": len(data.log), "people": len(data.users), "items": len(data.catalog)}
    kept = ("model", "data", "seed", "parent", "code", "trained_at")
    told = {name: facts.get(name) for name in kept}
    return {**told, **counts, "space": space, **settings, **versions}
