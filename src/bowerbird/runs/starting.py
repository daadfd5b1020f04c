"""Where training starts: at the beginning, where the run before ended, or not at all; and why so.

Apart from making the run since replaying one takes what was decided then.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bowerbird.data.dataset import Dataset
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.encoders.session import Session
from bowerbird.errors import ArtifactError
from bowerbird.retrieval.going_on import fit_on
from bowerbird.retrieval.retriever import Retriever
from bowerbird.runs.plan import Plan, Training
from bowerbird.surfaces.registry import Registry
from bowerbird.surfaces.run_folder import Run, load_facts


@dataclass(frozen=True, slots=True)
class Start:
    """How a run is trained."""

    asked: Training = "full"
    how: Training = "full"
    warm_in_a_row: int = 0  # warm runs up to this one since the last full one
    why: str = ""  # where it is not as was asked, or not in all parts

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Start":
        """What run.json says; runs of `bowerbird train` are full ones."""
        return cls(**facts.get("training") or {})

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)

    def words(self) -> list[str]:
        """In a sentence, where it is not as was asked; else none."""
        if not self.why:
            return []
        told = "in part full" if self.how == self.asked else self.how
        return [f"Training was to be {self.asked} and is {told}: {self.why}."]

    def full(self, why: str) -> "Start":
        """A full one all the same."""
        return replace(self, how="full", warm_in_a_row=0, why=why)


def start_of(plan: Plan, before: Run, registry: Registry, deleted: int) -> Start:
    """As the plan says, but in full where that would not be right.

    Args:
        plan: what is asked for.
        before: the run that is gone on with.
        registry: says what became of the last run that was made.
        deleted: people the run before has learned from who are to be forgotten.
    """
    asked, row = plan.training, Start.of(before.facts).warm_in_a_row
    start = Start(asked, asked, row + 1 if asked == "warm" else row)
    if asked == "full":
        return Start()
    if plan.anew:
        return start.full("settings are chosen anew")
    if deleted:
        return start.full(f"{deleted} people of {before.folder.name} were deleted since")
    if asked == "warm" and row >= plan.warm_runs:
        return start.full(f"{row} warm runs in a row came before it ([retrain] warm_runs)")
    failed = _failed(registry)
    if asked == "warm" and failed is not None:
        return start.full(f"{failed} was a warm one and did not get through")
    return start


def fitted_from(
    start: Start, estimator: Estimator, before: Run, data: Dataset, session: Session
) -> tuple[Encoder | Retriever, Start]:
    """A warm model, or a full one where nothing could be gone on with; and how it was."""
    found = fit_on(estimator, before.fitted, data, session)
    why = "; ".join(f"{name}: {told}" for name, told in found.full.items())
    if not found.warm:
        session.say(f"fitted in full: {why}")
        return found.fitted, start.full(why)
    return found.fitted, replace(start, why=why)


def _failed(registry: Registry) -> str | None:
    """The newest run that was trained, where it was a warm one that was kept out."""
    for line in reversed(registry.audit()):
        if line.run is None or line.what not in ("promoted", "kept champion"):
            continue
        try:
            how = Start.of(load_facts(registry.folder / line.run)).how
        except ArtifactError:
            return None  # removed since
        if how != "none":
            return line.run if how == "warm" and line.what == "kept champion" else None
    return None
