"""What a run may keep beside its model: the index of its vectors, and a re-ranker."""

from pathlib import Path

from bowerbird.data.artifacts import load_json
from bowerbird.errors import ArtifactError
from bowerbird.index.index import Index
from bowerbird.index.stored import digest, load_index
from bowerbird.ranking.features import Features
from bowerbird.ranking.rerank import Reranker, Trees
from bowerbird.surfaces.run_folder import Run

FORMAT = 1
FOLDER, MODEL, FACTS = "rerank", "model.txt", "rerank.json"
"""Folder of a re-ranker within a run, and its files."""


def kept_index(run: Path, n: int) -> Index | None:
    """The index of a run of n items; None where it has none: exact answers cost nothing then.

    Raises:
        ArtifactError: it is damaged, or of another catalog.
    """
    if not (run / "index").is_dir():
        return None
    try:
        index = load_index(run / "index")
    except ArtifactError as error:
        raise ArtifactError(f"{error} with «bowerbird index tune {run}»") from None
    if len(index) != n:
        came = f"{n:,} items expected (the run), {len(index):,} came"
        raise ArtifactError(f"{run / 'index'}: {came}: «bowerbird index tune {run}» builds it anew")
    return index


def kept_reranker(run: Run) -> Reranker | None:
    """The re-ranker of a run, with features of all its events; None where it has none.

    Of the catalog that `run.data` has: today's, where it was put in place of the run's.

    Raises:
        ArtifactError: it is damaged, of other data, or of another version.
        ConfigError: LightGBM is not installed.
    """
    folder = run.folder / FOLDER
    if not folder.is_dir():
        return None
    remedy = f"«bowerbird rerank {run.folder}» learns it anew"
    names, fetch, of_model, of_data = _facts(folder, remedy)
    path = folder / MODEL
    if not path.is_file() or digest(path) != of_model:
        state = "damaged" if path.is_file() else "missing"
        raise ArtifactError(f"{path}: {state} since it was written: {remedy}")
    if of_data != run.facts["data"]:
        raise ArtifactError(f"{folder}: a re-ranker of this run's data expected: {remedy}")
    try:
        return Reranker(Features.of(run.data), Trees(path.read_text("utf-8"), names), fetch)
    except ArtifactError as error:
        raise ArtifactError(f"{folder}: {error}: {remedy}") from None


def _facts(folder: Path, remedy: str) -> tuple[tuple[str, ...], int, str, str]:
    """Names of the features, candidates, hash of the trees, hash of the data."""
    try:
        facts = load_json(folder / FACTS)
        if facts["format"] != FORMAT:
            raise KeyError("format")
        names = tuple(map(str, facts["features"]))
        return names, int(facts["fetch"]), facts["files"][MODEL], facts["data"]
    except ArtifactError as error:
        raise ArtifactError(f"{str(error).removesuffix('; train again')}: {remedy}") from None
    except (KeyError, TypeError, ValueError):
        raise ArtifactError(f"{folder}: a re-ranker of this version expected: {remedy}") from None
