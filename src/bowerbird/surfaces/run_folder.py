"""A run folder read back: what training has left behind, checked against its hashes.

Apart from writing since serving reads runs and never makes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from bowerbird.data.artifacts import load_json
from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.events_frame import id_text
from bowerbird.data.fields import read_fields
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.encoder import Encoder
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import ArtifactError
from bowerbird.index.stored import digest
from bowerbird.retrieval.models import load_fitted
from bowerbird.retrieval.retriever import Retriever

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder in memory."""

    folder: Path
    facts: Mapping[str, Any]
    data: Dataset
    fitted: Encoder | Retriever
    fallback: Popularity

    @property
    def learned_until(self) -> int:
        """Seconds since 1970 UTC: the model has learned from nothing at or after this moment."""
        taken = self.facts.get("snapshot")
        if taken is None:
            return self.data.newest()
        return int(taken.get("learned_until", taken["cut"]))

    @property
    def learned(self) -> Dataset:
        """What the model has learned from, which is not all of the log that the run keeps."""
        return self.data.with_log(self.data.log.where(self.data.log.times < self.learned_until))


def load_run(folder: Path) -> Run:
    """A run as it was written.

    Raises:
        ArtifactError: it is no run folder, a file is missing or changed, or of another version.
    """
    facts = load_facts(folder)
    for name, expected in facts["files"].items():
        path = folder / name
        if not path.is_file() or digest(path) != expected:
            state = "damaged" if path.is_file() else "missing"
            raise ArtifactError(f"{path}: {state} since it was written; train again")
    fitted, fallback = load_fitted(folder / "model"), Popularity(**facts["fallback"])
    return Run(folder, facts, read_data(folder), fitted, fallback)


def load_facts(folder: Path) -> dict[str, Any]:
    """What run.json says.

    Raises:
        ArtifactError: it is no run folder, or of another version.
    """
    if not (folder / "run.json").is_file():
        remedy = "make one with «bowerbird train --events FILE --out RUN»"
        raise ArtifactError(
            f"{folder}: a run folder expected, there is no run.json in it; {remedy}"
        )
    facts = load_json(folder / "run.json")
    if not isinstance(facts, dict):
        raise ArtifactError(f"{folder}/run.json: the facts of a run expected; train again")
    if facts.get("format") != FORMAT:
        came = f"format {FORMAT} expected, {facts.get('format')} came"
        raise ArtifactError(f"{folder}: {came}; train again with this version")
    if not isinstance(facts.get("files"), dict):
        raise ArtifactError(f"{folder}/run.json: the hashes of its files expected; train again")
    return facts


def read_data(folder: Path) -> Dataset:
    """What a run was made from, as `runs.run.write_data` wrote it."""
    kinds = load_json(folder / "schema.json")
    items, fields = _read_table(folder / "items.parquet", "item", kinds["items"], kinds["ids"])
    users, traits = _read_table(folder / "users.parquet", "user", kinds["users"], kinds["ids"])
    log = {s.name: s.to_numpy() for s in pl.read_parquet(folder / "log.parquet").get_columns()}
    interactions = Interactions(
        log["user"],
        log["item"],
        log["time"],
        log["weight"],
        log.get("type"),
        tuple(kinds["types"]),
        log.get("value"),
        {
            name: Column("category", log[f"context.{name}"], tuple(labels))
            for name, labels in kinds["context"].items()
        },
    )
    catalog = Catalog(items, fields)
    return Dataset(users, catalog, interactions, traits, kinds["ordered"], kinds["dated"])


def _read_table(
    path: Path, id: str, kinds: dict[str, str], id_kinds: dict[str, str]
) -> tuple[Vocabulary, dict[str, Column]]:
    frame = pl.read_parquet(path)
    ids = frame.select(id_text(pl.col(id), frame.schema[id], str(path), id))[id]
    vocabulary = Vocabulary(tuple(ids.to_list()), id_kinds[id])
    return vocabulary, read_fields(frame.drop(id), kinds, str(path))
