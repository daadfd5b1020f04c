"""Arrays and facts on disk: safetensors and JSON, written whole or not at all, never unpickled."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy import ndarray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_array

from bowerbird.errors import ArtifactError

ESTIMATOR = "estimator.json"
ARRAYS = "arrays.safetensors"


def save_arrays(path: Path, arrays: Mapping[str, ndarray]) -> None:
    """Named arrays into one safetensors file."""
    save_file({name: _contiguous(array) for name, array in arrays.items()}, path)


def load_arrays(path: Path) -> dict[str, ndarray]:
    """The arrays of one safetensors file.

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"readable arrays expected in {path}: {error}; train again") from error


def save_json(path: Path, facts: object) -> None:
    """Facts as JSON a person can read."""
    path.write_text(
        json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8"
    )


def load_json(path: Path) -> Any:  # noqa: ANN401  what a JSON file holds is only known by reading it
    """What a JSON file holds.

    Raises:
        ArtifactError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"readable JSON expected in {path}: {error}; train again") from error


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """What the lines of a file hold, in their order; none where there is no file.

    A line that is no JSON object is left out: a kill has torn it off.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def matrix_arrays(name: str, matrix: csr_array) -> dict[str, ndarray]:
    """The three arrays of a sparse matrix, under names that `matrix_of` finds again."""
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    return {f"{name}.{part}": array for part, array in parts.items()}


def matrix_of(name: str, arrays: Mapping[str, ndarray], shape: tuple[int, int]) -> csr_array:
    """The sparse matrix that `matrix_arrays` took apart."""
    parts = tuple(arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
    return csr_array(parts, shape=shape)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write a file or a folder to; it takes its place at the end.

    Whatever interrupts the writing (an error, Ctrl-C) leaves `path` as it was, and nothing beside.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield partial
        _replace(partial, path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def _replace(partial: Path, path: Path) -> None:
    """Put a finished file or folder in its place; a folder that is replaced is removed last."""
    for file in [partial, *partial.rglob("*")] if partial.is_dir() else [partial]:
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    if not path.is_dir():
        partial.replace(path)
        return
    old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
    try:
        path.rename(old)
        partial.rename(path)
    except BaseException:  # Ctrl-C as well: nothing may be left without its name
        if not path.exists():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _contiguous(array: ndarray) -> ndarray:
    # safetensors writes the buffer as it lies in memory, whatever the strides say
    return array if array.flags.c_contiguous else array.copy(order="C")
