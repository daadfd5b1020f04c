"""How a long fit is followed: what it tells, what it is judged by, and where it can be resumed.

Apart from the encoders because a command, a test and a budget follow all of them in one way.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bowerbird.data.dataset import Dataset
from bowerbird.data.split import Holdout
from bowerbird.encoders.encoder import Estimator


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


def mark_of(estimator: Estimator, data: Dataset) -> str:
    """What settings and data a checkpoint belongs to."""
    total = hashlib.sha256(repr(sorted(asdict(estimator).items())).encode())
    for array in (data.log.users, data.log.items, data.log.times, data.log.weights):
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
