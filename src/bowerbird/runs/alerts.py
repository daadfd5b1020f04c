"""What somebody should know of retrains and of what makes them due, as alerts."""

from pathlib import Path

from bowerbird.runs.retrain import Outcome
from bowerbird.runs.triggers import Look
from bowerbird.surfaces.progress import TRIGGERS, told_in
from bowerbird.surfaces.retrain_file import KINDS
from bowerbird.surfaces.telling import Alert


def of_outcome(outcome: Outcome, now: int) -> Alert | None:
    """A retrain that did not promote; None where it did, or had nothing to judge."""
    if outcome.state == "promoted" or (outcome.state == "kept champion" and outcome.run is None):
        return None
    words = " ".join(outcome.words)
    stays = f"{outcome.champion} goes on answering" if outcome.champion else "no run answers"
    return Alert(now, outcome.state, outcome.run, f"{outcome.state}: {words}; {stays}")


def of_error(error: BaseException, now: int) -> Alert:
    """A retrain that ended with an error."""
    return Alert(now, "failed", None, f"retrain failed: {' '.join(str(error).split())}")


def of_look(look: Look, runs: Path) -> list[Alert]:
    """Triggers that nobody wants, where they have fired since the look before this one.

    To be asked before the look is kept.
    """
    before = {one["name"] for one in told_in(runs / TRIGGERS).get("triggers", []) if one["fired"]}
    return [
        Alert(look.as_of, kind, None, f"{kind}: {trigger.words}")
        for trigger in look.triggers
        for kind in KINDS
        if kind == trigger.name and trigger.fired and kind not in before
    ]
