"""The map of a run: where its items are on a plane, kept in its folder.

RUN/map/places.safetensors   places (n, 2), float32, in the order of items.parquet; NaN: no vector
RUN/map/map.json             how it was made, how far it may be believed, and the file's hash

On this floor since `runs.mapping` makes it and services show it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.artifacts import load_arrays, load_json, save_arrays, save_json, whole
from bowerbird.data.events_frame import id_text
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ArtifactError
from bowerbird.index.stored import digest

FORMAT = 1
FOLDER, PLACES, FACTS = "map", "places.safetensors", "map.json"


@dataclass(frozen=True, slots=True)
class KeptMap:
    """Places of a run's items, and what map.json says."""

    items: Vocabulary
    places: Float32[ndarray, "n 2"]
    facts: dict[str, Any]

    def of(self, items: Vocabulary) -> Float32[ndarray, "m 2"]:
        """Places of these items, which may be of another run; NaN where there is none."""
        rows = self.items.rows(items.ids)
        places = np.full((len(items), 2), np.nan, dtype=np.float32)
        places[rows >= 0] = self.places[rows[rows >= 0]]
        return places


def has_map(run: Path) -> bool:
    """Is there one in this run's folder?"""
    return (run / FOLDER / FACTS).is_file()


def map_facts(run: Path) -> dict[str, Any]:
    """What map.json says; the places are not looked at.

    Raises:
        ArtifactError: there is none, or it is damaged or of another version.
    """
    try:
        facts = load_json(run / FOLDER / FACTS)
    except ArtifactError as error:
        came = str(error).removesuffix("; train again")
        raise ArtifactError(f"{came}: {_remedy(run)}") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ArtifactError(f"{run / FOLDER}: a map of this version expected: {_remedy(run)}")
    return facts


def kept_map(run: Path) -> KeptMap:
    """The map of a run.

    Raises:
        ArtifactError: there is none, or it is damaged, of other items, or of another version.
    """
    facts, path = map_facts(run), run / FOLDER / PLACES
    if not path.is_file() or digest(path) != facts.get("files", {}).get(PLACES):
        state = "damaged" if path.is_file() else "missing"
        raise ArtifactError(f"{path}: {state} since it was written: {_remedy(run)}")
    places, items = load_arrays(path).get("places"), _items(run)
    if places is None or places.shape != (len(items), 2):
        raise ArtifactError(f"{path}: places of {len(items):,} items expected: {_remedy(run)}")
    return KeptMap(items, places, facts)


def keep_map(run: Path, places: Float32[ndarray, "n 2"], facts: dict[str, Any]) -> None:
    """Into the run's folder, in place of the map that is there; whole or not at all.

    Raises:
        ArtifactError: it cannot be written.
    """
    try:
        with whole(run / FOLDER) as partial:
            partial.mkdir()
            save_arrays(partial / PLACES, {"places": places})
            files = {PLACES: digest(partial / PLACES)}
            save_json(partial / FACTS, {"format": FORMAT, **facts, "files": files})
    except OSError as error:
        came = f"a folder that can be written to expected: {error}"
        raise ArtifactError(f"{run / FOLDER}: {came}; correct its permissions") from error


def _items(run: Path) -> Vocabulary:
    """The ids of a run's items, without what is written on them."""
    path = run / "items.parquet"
    frame = pl.read_parquet(path, columns=["item"])
    ids = frame.select(id_text(pl.col("item"), frame.schema["item"], str(path), "item"))["item"]
    return Vocabulary(tuple(ids.to_list()))


def _remedy(run: Path) -> str:
    return f"«bowerbird map {run}» makes it anew"
