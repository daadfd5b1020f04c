"""An index in a folder: its files, and beside them what they must be.

index.json   kind, settings, shape, the SHA-256 of each file, and questions with their answers
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.errors import ArtifactError
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Index
from bowerbird.index.partitioned import PartitionedIndex
from bowerbird.index.pruned import PrunedIndex

FORMAT = 1
KINDS: dict[str, Any] = {
    "exact": ExactIndex,
    "pruned": PrunedIndex,
    "partitioned": PartitionedIndex,
}
ASKED, ANSWERS = 16, 10
"""Questions kept, and hits of each."""
CLOSE = 1e-4
"""By how much scores may differ, in the size of the largest: another machine may sum otherwise."""


def save_index(index: Index, folder: Path, queries: Float32[ndarray, "b dim"]) -> None:
    """Into this folder, which is there and has no index yet.

    Args:
        index: one of those in this package.
        folder: the caller sees to it that it appears whole.
        queries: some real ones; the first 16 are asked again when it is loaded.

    Raises:
        OSError: it cannot be written.
    """
    kind = next(name for name, cls in KINDS.items() if type(index) is cls)
    settings = KINDS[kind].save(index, folder)
    asked = np.ascontiguousarray(queries[:ASKED], dtype=np.float32)
    hits = index.search(asked, ANSWERS)
    files = sorted(path for path in folder.iterdir() if path.name != "index.json")
    about = {
        "format": FORMAT,
        "kind": kind,
        "settings": settings,
        "files": {path.name: digest(path) for path in files},
        "questions": asked.tolist(),
        "rows": hits.rows.tolist(),
        "scores": np.where(hits.rows >= 0, hits.scores, 0).tolist(),
    }
    (folder / "index.json").write_text(json.dumps(about), "utf-8")


def load_index(folder: Path) -> Index:
    """What `save_index` wrote, memory-mapped: verified by hash, then asked its questions again.

    Raises:
        ArtifactError: there is no index, a file is missing, cut off or changed, or of another
            version, or the answers are not what they were.
    """
    about = _about(folder)
    for name, expected in about["files"].items():
        path = folder / name
        if not path.is_file() or digest(path) != expected:
            state = "damaged" if path.is_file() else "missing"
            raise ArtifactError(f"{path}: {state} since it was written: build the index again")
    index: Index = KINDS[about["kind"]].load(folder, about["settings"])
    asked = np.array(about["questions"], dtype=np.float32).reshape(len(about["rows"]), -1)
    if len(asked):
        hits = index.search(asked, ANSWERS)
        scores = np.array(about["scores"], dtype=np.float32)
        found = np.where(hits.rows >= 0, hits.scores, 0)
        apart = np.abs(found - scores).max(initial=0)
        if not apart <= CLOSE * max(np.abs(scores).max(initial=0), 1e-9):
            told = f"the answers it was saved with expected, scores differ by {apart:.3g}"
            raise ArtifactError(f"{folder}: {told}: build the index again")
    return index


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _about(folder: Path) -> dict[str, Any]:
    path, remedy = folder / "index.json", "build the index again"
    if not path.is_file():
        raise ArtifactError(f"{folder}: an index expected, there is no index.json in it: {remedy}")
    try:
        about = json.loads(path.read_text("utf-8"))
        kind, files, _ = about["kind"], dict(about["files"]), len(about["rows"])
        if about["format"] != FORMAT or kind not in KINDS:
            came = f"format {FORMAT} and one of {', '.join(KINDS)} expected"
            raise ArtifactError(f"{path}: {came}, {about['format']} and {kind} came: {remedy}")
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path}: the facts of an index expected ({error}): {remedy}") from None
    return {**about, "files": files}
