"""Learned vectors of varying length to search among: `python benchmarks/factors.py 100k-als`.

ALS and two-tower factors of a synthetic shop, ALS factors of gowalla. They are kept under
benchmarks/out/factors, as .npy that every engine reads, and made again when a recipe has changed.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from measuring import SCRATCH, Bench

QUERIES = 4_096
"""People whose vectors are asked with."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the vectors are learned from, and how."""

    model: str
    dim: int
    rounds: int  # iterations of ALS, epochs of two-tower
    users: int = 0  # of the synthetic shop; 0: the data is gowalla
    items: int = 0  # with some to spare, since not every item is met
    events: int = 0
    kept: int = 0  # items that have a vector, drawn by chance; 0: all


RECIPES = {
    "100k-als": Recipe("als", 64, 8, 300_000, 104_000, 3_000_000, 100_000),
    "1m-als": Recipe("als", 128, 4, 600_000, 1_200_000, 16_000_000, 1_000_000),
    "100k-two-tower": Recipe("two-tower", 64, 1, 100_000, 140_000, 1_200_000, 100_000),
    "1m-two-tower": Recipe("two-tower", 128, 1, 270_000, 2_500_000, 5_400_000, 1_000_000),
    "gowalla": Recipe("als", 64, 15),
}


def factors(bench: Bench, name: str) -> dict[str, Any]:
    """The folder of a set, made where it is not there, and what is known about it."""
    done = bench.python(Path(__file__), name, bench.data, bench.seed)
    facts: dict[str, Any] = json.loads(done.out.splitlines()[-1])
    return facts


def folder_of(name: str) -> Path:
    """Where a set lies: items.npy (n, dim) and queries.npy, float32."""
    return SCRATCH / "factors" / name


def make(name: str, data: Path, seed: int) -> dict[str, Any]:
    """Learn the vectors, or find them made; the facts say from what, and how long they are."""
    recipe, folder = RECIPES[name], folder_of(name)
    told, wanted = folder / "facts.json", {**asdict(RECIPES[name]), "seed": seed}
    if told.is_file():
        facts: dict[str, Any] = json.loads(told.read_text("utf-8"))
        if facts["recipe"] == wanted:
            return facts
    import numpy as np

    from bowerbird.errors import ConfigError

    start = time.perf_counter()
    dataset = shop(recipe, seed) if recipe.users else gowalla(data)
    learned, met = time.perf_counter(), int(np.count_nonzero(dataset.item_counts()))
    if met < recipe.kept:
        raise ConfigError(f"{recipe.kept} items with events expected, {met} have some: more events")
    encoder = estimator(recipe, seed).fit(dataset)
    seconds = {"data": learned - start, "fit": time.perf_counter() - learned}
    rng = np.random.default_rng(seed)
    items = encoder.encode_items(dataset.catalog)
    rows = np.flatnonzero(np.isfinite(items).all(axis=1))
    rows = np.sort(rng.choice(rows, recipe.kept or len(rows), replace=False))
    items = np.ascontiguousarray(items[rows])
    queries = dataset.queries()
    asked = np.sort(rng.choice(len(queries), min(2 * QUERIES, len(queries)), replace=False))
    vectors = encoder.encode_queries(queries.take(asked))
    vectors = rng.permutation(vectors[vectors.any(axis=1)])[:QUERIES]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "items.npy", items)
    np.save(folder / "queries.npy", vectors)
    norms = np.percentile(np.linalg.norm(items, axis=1), (1, 10, 50, 90, 99, 100))
    facts = {"recipe": wanted, "items": len(items), "dim": items.shape[1], "queries": len(vectors)}
    facts["norms, percentiles 1 10 50 90 99 100"] = [float(f"{norm:.3g}") for norm in norms]
    facts["seconds"] = {what: round(taken, 1) for what, taken in seconds.items()}
    told.write_text(json.dumps(facts) + "\n", "utf-8")
    return facts


def shop(recipe: Recipe, seed: int) -> Any:  # noqa: ANN401  a Dataset, imported late
    """The synthetic shop; for two-tower nothing is written on its items.

    They are then known by their own vectors alone: as many numbers as were asked for.
    """
    from bowerbird.data.synthetic import World

    sizes = {"n_users": recipe.users, "n_items": recipe.items, "n_events": recipe.events}
    data = World(**sizes, dim=32, seed=42 + seed).make().dataset
    if recipe.model == "two-tower":
        data = replace(data, catalog=replace(data.catalog, fields={}))
    return data


def gowalla(data: Path) -> Any:  # noqa: ANN401  as above
    """The training half of gowalla."""
    from bowerbird.data.importing import Inputs, import_dataset
    from bowerbird.data.tables import Source

    return import_dataset(Inputs(Source(str(data / "gowalla" / "train.parquet")))).data


def estimator(recipe: Recipe, seed: int) -> Any:  # noqa: ANN401  as above
    """What learns the vectors; the last number of two-tower's is the item's bias."""
    from bowerbird.retrieval.models import estimator_of

    if recipe.model == "als":
        return estimator_of("als", dim=recipe.dim, iterations=recipe.rounds, seed=seed)
    return estimator_of("two-tower", dim=recipe.dim - 1, epochs=recipe.rounds, seed=seed)


if __name__ == "__main__":
    print(json.dumps(make(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
