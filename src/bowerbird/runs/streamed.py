"""Lists for everybody, part by part: what is written stays, so that a killed job goes on.

OUT.parts/   asked.json says of what the parts are; 0.parquet, 1.parquet, … hold some people each
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from bowerbird.data.artifacts import load_json, save_json, whole
from bowerbird.errors import ArtifactError

FORMATS = (".parquet", ".csv", ".tsv", ".jsonl")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a file that is not whole yet."""

    file: Path
    count: int

    @classmethod
    def of(cls, file: Path, count: int, asked: Mapping[str, Any]) -> "Parts":
        """Those that are there already, if they are of the same question; else none.

        Args:
            file: what they become.
            count: how many there will be.
            asked: everything the lists depend on, as JSON holds it.
        """
        parts = cls(file, count)
        told = parts.folder / "asked.json"
        try:
            same = told.is_file() and load_json(told) == asked
        except ArtifactError:  # killed while it was written
            same = False
        if not same:
            shutil.rmtree(parts.folder, ignore_errors=True)
            parts.folder.mkdir(parents=True)
            save_json(told, asked)
        return parts

    @property
    def folder(self) -> Path:
        """Where they wait."""
        return self.file.with_name(f"{self.file.name}.parts")

    def missing(self) -> list[int]:
        """Which are not there yet."""
        return [number for number in range(self.count) if not self._part(number).is_file()]

    def write(self, number: int, rows: pl.DataFrame) -> None:
        """One part, whole or not at all."""
        with whole(self._part(number)) as partial:
            rows.write_parquet(partial)

    def join(self) -> int:
        """All parts into the file, one after another, never all in memory; how many rows.

        The parts are removed once the file is whole.
        """
        rows = pl.scan_parquet([self._part(number) for number in range(self.count)])
        with whole(self.file) as partial:
            if self.file.suffix == ".parquet":
                rows.sink_parquet(partial)
            elif self.file.suffix == ".jsonl":
                rows.sink_ndjson(partial)
            else:
                rows.sink_csv(partial, separator="\t" if self.file.suffix == ".tsv" else ",")
        count = int(rows.select(pl.len()).collect().item())
        shutil.rmtree(self.folder)
        return count

    def read(self) -> pl.DataFrame:
        """The file, once it is joined."""
        if self.file.suffix == ".parquet":
            return pl.read_parquet(self.file)
        if self.file.suffix == ".jsonl":
            return pl.read_ndjson(self.file)
        return pl.read_csv(self.file, separator="\t" if self.file.suffix == ".tsv" else ",")

    def _part(self, number: int) -> Path:
        return self.folder / f"{number}.parquet"
