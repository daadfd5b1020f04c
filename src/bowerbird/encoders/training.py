"""The one loop that trains networks: epochs, a falling learning rate, validation, resuming.

A function, not a class: what is trained brings its own batches and its own judge.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import deterministic

from bowerbird.encoders.checkpoint import Progress, Unfinished
from bowerbird.encoders.lesson import Schedule, Trained
from bowerbird.encoders.session import Session
from bowerbird.errors import DataError

WARMUP = 100
"""Steps until the learning rate is reached; a tenth of all where there are few."""
FLOOR = 0.02
"""Share of the learning rate that is left at the end."""
CLIP = 5.0
"""Longest gradient, over all parameters."""


@runtime_checkable
class Course(Protocol):
    """What is trained: its parameters, its batches, and how good it is by now."""

    @property
    def network(self) -> nn.Module:
        """Its parameters are what is trained."""

    def losses(self, rng: np.random.Generator) -> Sequence[tuple[Callable[[], Tensor], int]]:
        """One epoch: for each step the loss to be computed, and how many events it holds."""

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Made anew from the network's parameters, the same ones in the same order.

        A group's "share" multiplies its learning rate.
        """

    def judge(self) -> float:
        """Validation NDCG@10; NaN where there is nothing to judge by."""


def train(course: Course, schedule: Schedule, session: Session, mark: str) -> Trained:
    """Train until the epochs, the patience or the budget are over; the best epoch's weights stay.

    The learning rate rises over WARMUP steps and falls along half a cosine. A budget shortens the
    plan once the first epoch shows what one costs, so the fall is completed in time. Each epoch's
    randomness is made from the seed and the epoch's number alone: a run that was cut off and goes
    on from its checkpoint ends with the same weights as one that was not; one that was over is not
    trained again.

    Args:
        course: what is trained; its network is changed.
        schedule: how long and how fast.
        session: what is told, where checkpoints lie, and the budget.
        mark: what settings and data this is; a checkpoint of something else is not used.

    Raises:
        ArtifactError: a checkpoint is damaged.
        DataError: the loss is no number any more.
    """
    optimizers = course.optimizers()
    unfinished = Unfinished(session.checkpoints, mark)
    progress = unfinished.load(course.network, optimizers) or Progress(schedule.epochs)
    if progress.done:
        session.say(f"going on after epoch {progress.done} of {progress.planned}")
    start = session.clock() - progress.seconds
    budget_s = session.seconds_from(start)
    while progress.done < progress.planned and not _tired(progress, schedule.patience):
        with torch.random.fork_rng(devices=[]), exact(course.network):
            torch.manual_seed(schedule.seed * 1_000_003 + progress.done)
            loss, events = _epoch(course, optimizers, schedule, progress, session)
        score = course.judge()
        progress = progress.after(loss, score, events, session.clock() - start)
        if budget_s is not None:
            progress = progress.within(budget_s)
        if progress.improved:
            progress.keep(course.network)
        _tell(session, progress)
        unfinished.save(course.network, optimizers, progress)
    progress.restore(course.network)
    kept = progress.best + 1 if not math.isnan(progress.best_score) else progress.done
    return Trained(kept, progress.losses, progress.scores, progress.events, progress.seconds)


def adam(network: nn.Module, share: float | None) -> list[torch.optim.Optimizer]:
    """Adam; the table `own.weight` by the rows that a step has touched, where not all are.

    Args:
        network: what is trained.
        share: learning rate of touched rows, in rates; None: every step moves the whole table.
    """
    named = dict(network.named_parameters())
    table = [named.pop("own.weight")]
    fused = table[0].device.type in ("cpu", "cuda")
    settings: dict[str, Any] = {"betas": (0.9, 0.98)}
    if share is None:
        return [torch.optim.Adam([*table, *named.values()], fused=fused, **settings)]
    touched = torch.optim.SparseAdam([{"params": table, "share": share}], **settings)
    return [torch.optim.Adam(named.values(), fused=fused, **settings), touched]


def _epoch(
    course: Course,
    optimizers: list[torch.optim.Optimizer],
    schedule: Schedule,
    progress: Progress,
    session: Session,
) -> tuple[float, int]:
    """One pass over the batches: mean loss and events."""
    rng = np.random.default_rng([schedule.seed, progress.done])
    network, total, events = course.network.train(), 0.0, 0
    kind = next(network.parameters()).device.type
    fast, steps = precision(kind), course.losses(rng)
    for step, (loss_of, count) in enumerate(steps):
        rate = schedule.learning_rate * _share_of_rate(progress, step, len(steps))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("share", 1.0)
            optimizer.zero_grad(set_to_none=True)
        with torch.autocast(kind, fast, enabled=fast is not None):
            loss = loss_of()
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        dense = [p for p in network.parameters() if p.grad is not None and not p.grad.is_sparse]
        nn.utils.clip_grad_norm_(dense, CLIP)
        for optimizer in optimizers:
            optimizer.step()
        total, events = total + loss.item() * count, events + count
        if step % 100 == 99:
            session.say(f"epoch {progress.done + 1} of {progress.planned} · step {step + 1:,}")
    mean = total / max(events, 1)
    if not math.isfinite(mean):
        raise DataError(
            f"a finite loss expected, {mean} came in epoch {progress.done + 1}: train with a lower"
            " learning_rate, and check the catalog's numbers and vectors"
        )
    return mean, events


@contextmanager
def exact(network: nn.Module) -> Iterator[None]:
    """The same sums in the same order every time; on the processor only.

    Else several threads add up gradients of looked-up rows as they come, and no two fits are alike.
    New memory is not filled first, which torch does along with it: nothing here reads what it has
    not written.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]  # torch
    if next(network.parameters()).device.type == "cpu":
        torch.use_deterministic_algorithms(True)
        deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # torch
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn)
        deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]  # torch


def _share_of_rate(progress: Progress, step: int, steps: int) -> float:
    """How much of the learning rate is left at this step of an epoch of so many."""
    warmup = min(WARMUP, 0.1 * steps * progress.planned)
    warm = min(1.0, (progress.done * steps + step + 1) / max(warmup, 1))
    over = min(1.0, (progress.done + step / steps) / progress.planned)
    return warm * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * over)))


def _tired(progress: Progress, patience: int) -> bool:
    return progress.done - 1 - progress.best >= patience and not math.isnan(progress.best_score)


def _tell(session: Session, progress: Progress) -> None:
    each = progress.seconds / progress.done
    parts = [f"epoch {progress.done} of {progress.planned}", f"loss {progress.losses[-1]:.3f}"]
    if not math.isnan(progress.scores[-1]):
        best = f"NDCG@10 {progress.scores[-1]:.4f} (best {progress.best_score:.4f})"
        parts.append(f"validation {best}")
    parts.append(f"{progress.events / max(progress.seconds, 1e-9):,.0f} events/s")
    parts.append(f"{each * (progress.planned - progress.done):.0f} s left")
    session.say(" · ".join(parts))


def precision(device: str) -> torch.dtype | None:
    """bfloat16 for matrix products where the processor multiplies it faster; None is float32."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else None
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else None
