"""A fitted model's folder: which estimator made it, with what settings, and its arrays.

Apart because every model keeps itself in the same two files, so that one loader reads them all.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from bowerbird.data.artifacts import (
    ARRAYS,
    ESTIMATOR,
    load_arrays,
    load_json,
    save_arrays,
    save_json,
)
from bowerbird.errors import ArtifactError, ConfigError

E = TypeVar("E")


def store(folder: Path, kind: str, estimator: Any, arrays: Mapping[str, ndarray]) -> None:  # noqa: ANN401  any dataclass
    """Write estimator.json ({"kind": …, **settings}) and arrays.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    save_json(folder / ESTIMATOR, {"kind": kind, **asdict(estimator)})
    save_arrays(folder / ARRAYS, arrays)


def stored(folder: Path, kind: str, estimator: type[E]) -> tuple[E, dict[str, ndarray]]:
    """The estimator and the arrays that `store` wrote.

    Raises:
        ArtifactError: the folder holds another kind of model, or settings of another version.
    """
    facts: dict[str, Any] = load_json(folder / ESTIMATOR)
    valid: Any = estimator
    found = facts.pop("kind", None)
    if found != kind:
        raise ArtifactError(f"a model of kind {kind!r} expected in {folder}, {found!r} came")
    names = [field.name for field in fields(valid)]
    try:
        made = estimator(**facts)
    except (TypeError, ConfigError) as error:
        raise ArtifactError(
            f"settings {', '.join(names) or 'none'} expected in {folder / ESTIMATOR},"
            f" {', '.join(facts) or 'none'} came ({error}): train again with this version"
        ) from error
    return made, load_arrays(folder / ARRAYS)


def under(prefix: str, arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """The arrays whose names begin so, by the rest of their names.

    >>> under("a.", {"a.x": np.zeros(1), "b.x": np.ones(1)})
    {'x': array([0.])}
    """
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def words_arrays(name: str, words: tuple[str, ...]) -> dict[str, ndarray]:
    """Words as two arrays, which `words_of` reads back; any character is allowed."""
    parts = [word.encode("utf-8", "surrogatepass") for word in words]
    ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    text = np.frombuffer(b"".join(parts), dtype=np.uint8)
    return {f"{name}.bytes": text, f"{name}.offsets": ends}


def words_of(name: str, arrays: Mapping[str, ndarray]) -> tuple[str, ...]:
    r"""The words that `words_arrays` took apart.

    >>> words_of("ids", words_arrays("ids", ("a\n", "", "ü")))
    ('a\n', '', 'ü')
    """
    text, ends = arrays[f"{name}.bytes"].tobytes(), arrays[f"{name}.offsets"].tolist()
    return tuple(text[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(ends))
