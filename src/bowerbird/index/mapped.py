"""Arrays of one safetensors file, read where they lie: nothing is copied, and nothing is run.

Apart from the indexes because each of them keeps its arrays in this one way.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from safetensors.numpy import save_file

from bowerbird.errors import ArtifactError

KINDS = {"BOOL": np.bool_, "F16": np.float16, "F32": np.float32, "I32": np.int32, "I64": np.int64}


def write_arrays(path: Path, arrays: Mapping[str, ndarray]) -> None:
    """All of them into one file."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def map_arrays(path: Path) -> dict[str, ndarray]:
    """What `write_arrays` wrote, as read-only views of the file.

    Source: the format of safetensors: eight bytes say how long the JSON is that says what lies
    where after it.

    Raises:
        ArtifactError: the file is not of this kind, or cut off.
    """
    try:
        whole = np.memmap(path, dtype=np.uint8, mode="r")
        start = 8 + int.from_bytes(whole[:8].tobytes(), "little")
        header = json.loads(whole[8:start].tobytes())
        header.pop("__metadata__", None)
        return {name: _view(whole, start, about) for name, about in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        came = f"{path}: a safetensors file expected, it cannot be read ({error})"
        raise ArtifactError(f"{came}: build the index again") from None


def _view(whole: ndarray, start: int, about: dict[str, Any]) -> ndarray:
    first, last = about["data_offsets"]
    if start + last > len(whole):
        raise ValueError(f"{start + last} bytes expected, {len(whole)} came")
    kind = KINDS[str(about["dtype"])]
    view: ndarray = whole[start + first : start + last].view(kind).reshape(about["shape"])
    return view
