"""Runs told to MLflow: what each was made of, what the gate said, and which one answers.

One MLflow run and one model version a run, however often it is told. What MLflow gets are figures
and pages, never events, people or vectors: the model stays in its folder, whose name the version
has. Names are paths of the JSON they come from, as `gate/gain/low`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bowerbird.data.artifacts import load_json
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.surfaces.registry import Entry, Registry
from bowerbird.surfaces.run_reports import GATE, beside

ALIAS = "champion"
RUN, MODEL, RETIRED = "bowerbird.run", "bowerbird.model", "bowerbird.retired"
AT_ONCE = 100
"""Parameters in one call: MLflow takes no more."""
LONGEST = 6000
"""Characters of a parameter: MLflow takes no more."""
DONE = "FINISHED"
SETTINGS = ("model", "seed", "plan", "fallback")
FIGURES = ("seconds", "metrics", "space", "broken_rows")
HASHES = ("data", "code", "parent", "champion")
JUDGED = ("people", "mean", "gain", "checks", "baselines")


@dataclass(frozen=True, slots=True)
class Told:
    """A run in MLflow."""

    run: str
    id: str  # of MLflow
    version: str  # of the registered model
    new: bool


@dataclass(frozen=True, slots=True)
class Books:
    """Where in MLflow."""

    client: Any  # mlflow.MlflowClient
    name: str  # of the experiment and of the registered model
    experiment: str  # its id


def export_runs(runs: Path, uri: str, name: str) -> list[Told]:
    """Tell every run that is there, the oldest first; the alias names the version that answers.

    Args:
        runs: a folder of runs.
        uri: of an MLflow server, or a database as sqlite:///FILE.
        name: of the experiment, and of the registered model.

    Raises:
        ConfigError: MLflow is not installed, cannot be reached, or does not take it.
        ArtifactError: the folder of runs, or a verdict in it, cannot be read.
    """
    registry = Registry(runs)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise ConfigError("mlflow expected: pip install 'bowerbird[mlflow]'") from error
    try:
        books = _opened(MlflowClient(uri, uri), name)
        return _told(books, registry)
    except MlflowException as error:
        came = " ".join(str(error).split())
        raise ConfigError(f"an MLflow that takes runs expected at {uri}: {came}") from error


def leaves(told: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """What stands at the ends of nested JSON, by its path; of a list, what has a name.

    >>> list(leaves({"gain": {"low": 0.1}, "checks": [{"name": "people", "got": 5.0}]}))
    [('gain/low', 0.1), ('checks/people/name', 'people'), ('checks/people/got', 5.0)]
    """
    if isinstance(told, Mapping):
        pairs: list[tuple[Any, Any]] = list(told.items())
    elif isinstance(told, Sequence) and told and all(_named(one) for one in told):
        pairs = [(one["name"], one) for one in told]
    else:
        yield path, told
        return
    for key, value in pairs:
        yield from leaves(value, f"{path}/{key}" if path else str(key))


def _named(one: object) -> bool:
    return isinstance(one, Mapping) and "name" in one


def _opened(client: Any, name: str) -> Books:  # noqa: ANN401  imported late
    found = client.get_experiment_by_name(name)
    experiment = client.create_experiment(name) if found is None else found.experiment_id
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    return Books(client, name, experiment)


def _told(books: Books, registry: Registry) -> list[Told]:
    there = {_key(run.data.tags): run for run in _all(books.client.search_runs, [books.experiment])}
    search = books.client.search_model_versions
    versions = {one.run_id: one.version for one in _all(search, f"name = '{books.name}'")}
    told: list[Told] = []
    for entry in reversed([entry for entry in registry.entries() if entry.facts]):
        tags = _tags(entry)
        run = there.get(_key(tags))
        whole = run is not None and run.info.status == DONE
        if run is None:
            made = {"start_time": entry.made * 1000, "tags": tags, "run_name": entry.name}
            run = books.client.create_run(books.experiment, **made)
        if not whole:
            _tell(books.client, run.info.run_id, entry, registry.folder)
        if entry.retired:
            books.client.set_tag(run.info.run_id, RETIRED, entry.retired)
        id = run.info.run_id
        version = versions.get(id) or _version(books, run, entry)
        told.append(Told(entry.name, id, str(version), not whole))
    _named_champion(books, registry.current(), told)
    return told


def _all(search: Any, of: object) -> Iterator[Any]:  # noqa: ANN401  of MLflow
    """Every page of what is found."""
    token = None
    while True:
        page = search(of, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _key(tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    """What makes a run one and the same: a name may have been given twice."""
    return tags.get(RUN), tags.get(MODEL)


def _tags(entry: Entry) -> dict[str, str]:
    facts = entry.facts
    told = {f"bowerbird.{name}": facts[name] for name in HASHES if facts.get(name)}
    space = (facts.get("space") or {}).get("id")
    told |= {"bowerbird.space": space} if space else {}
    files = {n: h for n, h in facts["files"].items() if n.startswith("model/")}
    model = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return {**{n: str(v) for n, v in told.items()}, RUN: entry.name, MODEL: model}


def _tell(client: Any, id: str, entry: Entry, runs: Path) -> None:  # noqa: ANN401  of MLflow
    """All of a run; once more where that was interrupted, which changes nothing."""
    from mlflow.entities import Metric, Param, RunTag

    verdict = _verdict(runs, entry.name)
    params = [Param(name, text[:LONGEST]) for name, text in _params(entry).items()]
    at = entry.made * 1000
    metrics = [Metric(name, value, at, 0) for name, value in _metrics(entry, verdict).items()]
    tags = [RunTag("bowerbird.verdict", verdict["outcome"])] if verdict else []
    client.log_batch(id, metrics=metrics, tags=tags)
    for start in range(0, len(params), AT_ONCE):
        client.log_batch(id, params=params[start : start + AT_ONCE])
    page = runs / f"{entry.name}.gate.html"
    kept = [runs / entry.name / name for name in ("run.json", "recipe.toml")]
    for path in (*kept, page, page.with_suffix(".json")):
        if path.is_file():
            client.log_artifact(id, str(path))
    client.set_terminated(id, DONE, at + round(1000 * (entry.facts.get("seconds") or 0)))


def _verdict(runs: Path, name: str) -> dict[str, Any]:
    """What the gate said; empty where none was asked."""
    path = beside(runs / name, GATE)
    if not path.is_file():
        return {}
    told = load_json(path)
    if not isinstance(told, dict) or "outcome" not in told:
        raise ArtifactError(f"{path}: the verdict of a gate expected; remove it, or train again")
    return told


def _params(entry: Entry) -> dict[str, str]:
    facts = entry.facts
    told = {name: facts[name] for name in SETTINGS if name in facts}
    told["settings"] = (facts.get("choice") or {}).get("settings") or {}
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in leaves(told)
        if value not in ({}, [], "")
    }


def _metrics(entry: Entry, verdict: Mapping[str, Any]) -> dict[str, float]:
    figures = {name: entry.facts[name] for name in FIGURES if name in entry.facts}
    figures["gate"] = {name: verdict[name] for name in JUDGED if name in verdict}
    numbers = ((name, value) for name, value in leaves(figures) if _number(value))
    return {name.replace("@", " at "): float(value) for name, value in numbers}


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _version(books: Books, run: Any, entry: Entry) -> str:  # noqa: ANN401  of MLflow
    source, id = run.info.artifact_uri, run.info.run_id
    about = f"bowerbird run {entry.name}"
    told = {"description": about, "await_creation_for": 0}  # nobody waits for its files
    made = books.client.create_model_version(books.name, source, id, **told)
    return str(made.version)


def _named_champion(books: Books, current: str | None, told: Sequence[Told]) -> None:
    """The alias names what answers, and nothing where that was not told."""
    version = next((one.version for one in told if one.run == current), None)
    aliases = books.client.get_registered_model(books.name).aliases
    if version is not None:
        books.client.set_registered_model_alias(books.name, ALIAS, version)
    elif ALIAS in aliases:
        books.client.delete_registered_model_alias(books.name, ALIAS)
