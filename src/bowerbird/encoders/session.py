"""How a long fit is followed: what it tells, what it is judged by, and where it can be resumed.

Apart from the encoders because a command, a test and a budget follow all of them in one way.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bowerbird.data.dataset import Dataset
from bowerbird.data.digest import data_digest
from bowerbird.data.split import Holdout


def silent(news: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Session:
    """Everything optional: without any of it a fit runs its settings from start to end.

    With a validation holdout a fit stops when it no longer gets better there, and the fitted
    encoder's estimator carries how long that took (`epochs`), so that fitting again on all events
    takes as long. With a budget it is over, annealed, by about then.
    """

    say: Callable[[str], None] = silent  # told what is being done: epoch, loss, NDCG, time left
    validation: Holdout | None = None
    checkpoints: Path | None = None  # a folder; a fit that finds its own work goes on
    budget_s: float | None = None  # seconds from the start of the fit
    clock: Callable[[], float] = time.perf_counter
    until: float | None = None  # when the budget is spent, by this clock; `begun` says

    def begun(self) -> "Session":
        """The same from now on: what a fit calls first, so that what it prepares counts."""
        if self.budget_s is None or self.until is not None:
            return self
        return replace(self, until=self.clock() + self.budget_s)

    def part(self, name: str) -> "Session":
        """The same for one of several fits: what it tells has its name, its checkpoint a folder."""
        folder = None if self.checkpoints is None else self.checkpoints / name
        return replace(self, checkpoints=folder, say=lambda news: self.say(f"{name}: {news}"))

    def seconds_from(self, start: float) -> float | None:
        """Seconds of the budget that were left at that moment; None without one."""
        return self.budget_s if self.until is None else self.until - start


def mark_of(estimator: Any, data: Dataset) -> str:  # noqa: ANN401  any dataclass
    """What a checkpoint belongs to: model, settings, and everything the data says."""
    told = (type(estimator).__name__, sorted(asdict(estimator).items()), data_digest(data))
    return hashlib.sha256(repr(told).encode()).hexdigest()
