"""The runs that a server has before it: one alone, or a folder of them with a file `current`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.surfaces.registry import CURRENT, Registry, runs_in
from bowerbird.surfaces.run_folder import load_facts


@dataclass(frozen=True, slots=True)
class Model:
    """A run folder that could answer."""

    name: str
    model: str
    made: str | None  # ISO, UTC
    current: bool


class ServedRuns:
    """Where they are, and which is named."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def none(self) -> bool:
        """Was no run ever named here?"""
        one, named = self.place / "run.json", self.place / CURRENT
        return not (one.exists() or named.exists() or self.place.is_file())

    def folder(self) -> Path:
        """Of the run that shall answer.

        Raises:
            ArtifactError: there is none.
        """
        if (self.place / "run.json").is_file():
            return self.place
        try:
            name = (self.place / CURRENT).read_text("utf-8").strip()
        except OSError:
            came = (
                f"{self.place}: a run folder, or a folder of runs with a file «{CURRENT}», expected"
            )
            raise ArtifactError(f"{came}; «bowerbird train --out RUN» makes a run") from None
        return self.found(name)

    def all(self) -> dict[str, Path]:
        """The folders of all there are, by name."""
        return runs_in(self.place)

    def found(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            ArtifactError: there is none of this name.
        """
        every = self.all()
        if name not in every:
            have = ", ".join(every) or "none"
            raise ArtifactError(f"a run of {self.place} ({have}) expected, {name!r} came")
        return every[name]

    def books(self) -> Registry | None:
        """What became of them; None where one is served alone."""
        return None if (self.place / "run.json").is_file() else Registry(self.place)

    def models(self, current: str | None) -> list[Model]:
        """All there are, by name.

        Args:
            current: the run that answers.
        """
        return [_told(folder, folder.name == current) for folder in self.all().values()]


def check_folder(place: Path) -> None:
    """Nothing, if it is a folder of runs: only there another run can come beside the first.

    Raises:
        ConfigError: it is one run.
    """
    if (place / "run.json").is_file():
        came = f"{place.name} is served alone: serve the folder of runs above it"
        raise ConfigError(f"a folder of runs expected, {came}")


def _told(folder: Path, current: bool) -> Model:
    facts = load_facts(folder)
    at = facts.get("trained_at")
    made = None if at is None else datetime.fromtimestamp(at, UTC).isoformat()
    return Model(folder.name, str(facts.get("model")), made, current)
