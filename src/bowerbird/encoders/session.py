"""How a long fit is followed: what it tells, what it is judged by, and where it can be resumed.

Apart from the encoders because a command, a test and a budget follow all of them in one way.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
    checkpoints: Path | None = None  # a folder; a fit that finds its own unfinished work goes on
    budget_s: float | None = None  # seconds from the start of the fit
    clock: Callable[[], float] = time.perf_counter
