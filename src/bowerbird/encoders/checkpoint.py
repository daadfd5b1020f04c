"""An unfinished fit on disk: weights, optimizer, what was reached; written whole, never unpickled.

Apart from the loop because what is on disk must be checked before it is believed.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from bowerbird.data.artifacts import load_arrays, save_arrays, whole
from bowerbird.encoders.stored import under
from bowerbird.errors import ArtifactError

FILE = "checkpoint.safetensors"
FACTS = "facts"
"""All that is not an array, as the bytes of its JSON: one file is replaced whole."""


@dataclass(slots=True)
class Progress:
    """How far a fit has come."""

    planned: int  # epochs
    done: int = 0
    best: int = -1  # the epoch, from 0, whose weights are kept
    best_score: float = math.nan
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    events: int = 0
    seconds: float = 0.0
    kept: dict[str, Tensor] = field(default_factory=dict)

    @property
    def improved(self) -> bool:
        """Was the last epoch the best so far?"""
        return self.best == self.done - 1

    def after(self, loss: float, score: float, events: int, seconds: float) -> "Progress":
        """One epoch later. Without a score no epoch is better than another."""
        self.losses.append(loss)
        self.scores.append(score)
        if not math.isnan(score) and not score <= self.best_score:
            self.best, self.best_score = self.done, score
        self.done, self.events, self.seconds = self.done + 1, self.events + events, seconds
        return self

    def within(self, budget_s: float) -> "Progress":
        """As many epochs as fit into so many seconds; at least those that are done."""
        fit = int(budget_s / max(self.seconds / self.done, 1e-9))
        self.planned = max(self.done, min(self.planned, fit))
        return self

    def keep(self, network: nn.Module) -> None:
        """Remember these weights as the best."""
        self.kept = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def restore(self, network: nn.Module) -> None:
        """Back to the best weights; as they are, where none was judged."""
        if self.kept:
            network.load_state_dict(self.kept)

    def facts(self) -> dict[str, Any]:
        """Everything but the weights, as JSON."""
        names = ("planned", "done", "best", "losses", "events", "seconds")
        scores = [None if math.isnan(score) else score for score in self.scores]
        best = None if math.isnan(self.best_score) else self.best_score
        told = {name: getattr(self, name) for name in names}
        return {**told, "scores": scores, "best_score": best}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Progress":
        """What `facts` said."""
        told = dict(facts)
        told["scores"] = [math.nan if score is None else score for score in told["scores"]]
        told["best_score"] = math.nan if told["best_score"] is None else told["best_score"]
        return cls(**told)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The checkpoint of one fit; without a folder nothing is kept."""

    folder: Path | None
    mark: str  # settings and data: another fit's checkpoint is not used

    def save(
        self, network: nn.Module, optimizers: list[torch.optim.Optimizer], progress: Progress
    ) -> None:
        """Replace the last checkpoint, whole or not at all."""
        if self.folder is None:
            return
        arrays = {f"network.{n}": v.detach().cpu().numpy() for n, v in _state(network).items()}
        arrays |= {f"kept.{n}": v.cpu().numpy() for n, v in progress.kept.items()}
        for number, optimizer in enumerate(optimizers):
            for place, state in optimizer.state_dict()["state"].items():
                for name, value in state.items():
                    array = torch.as_tensor(value).detach().cpu().numpy()
                    arrays[f"optimizer.{number}.{place}.{name}"] = array
        reached = progress.facts()
        told = {"mark": self.mark, "digest": _digest(arrays, reached), "progress": reached}
        facts = np.frombuffer(json.dumps(told, allow_nan=False).encode(), dtype=np.uint8)
        with whole(self.folder / FILE) as partial:
            save_arrays(partial, {**arrays, FACTS: facts})

    def load(self, network: nn.Module, optimizers: list[torch.optim.Optimizer]) -> Progress | None:
        """Where the fit stopped, its weights put back; None where nothing fits.

        Raises:
            ArtifactError: the checkpoint is there and cannot be read, or not as it was written.
        """
        if self.folder is None or not (self.folder / FILE).exists():
            return None
        try:
            arrays = load_arrays(self.folder / FILE)
            facts = json.loads(arrays.pop(FACTS).tobytes())
            if facts["mark"] != self.mark:
                return None
            if facts["digest"] != _digest(arrays, facts["progress"]):
                raise ValueError("its bytes have changed since it was written")
            progress = Progress.of(facts["progress"])
            network.load_state_dict(_tensors("network.", arrays))
            progress.kept = _tensors("kept.", arrays)
            for number, optimizer in enumerate(optimizers):
                _put_back(optimizer, _tensors(f"optimizer.{number}.", arrays))
        except (ArtifactError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise ArtifactError(
                f"a checkpoint of this version expected in {self.folder / FILE}, it is damaged"
                f" ({_brief(error)}): remove the file, and the same command trains anew"
            ) from error
        return progress


def _state(network: nn.Module) -> dict[str, Tensor]:
    state: dict[str, Tensor] = network.state_dict()
    return state


def _tensors(prefix: str, arrays: Mapping[str, ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(a.copy()) for name, a in under(prefix, arrays).items()}


def _digest(arrays: Mapping[str, ndarray], reached: Mapping[str, Any]) -> str:
    """SHA-256 of all that is kept: safetensors notices a lost end, but no flipped bit."""
    total = hashlib.sha256(json.dumps(reached, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()


def _brief(error: BaseException) -> str:
    """The first line: torch lists every parameter."""
    cause = error.__cause__ or error
    return str(cause).partition("\n")[0]


def _put_back(optimizer: torch.optim.Optimizer, values: Mapping[str, Tensor]) -> None:
    """The optimizer's moments, by the place of their parameter.

    In the parameter's layout, as they were before: fused Adam walks all three through memory side
    by side, and would pair wrong numbers where one lies transposed.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, value in values.items():
        place, _, part = name.partition(".")
        if part == "step":
            put = value if _steps_are_tensors(optimizer) else int(value)
        else:
            put = torch.empty_like(parameters[int(place)].detach(), dtype=value.dtype).copy_(value)
        state.setdefault(int(place), {})[part] = put
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _steps_are_tensors(optimizer: torch.optim.Optimizer) -> bool:
    return not isinstance(optimizer, torch.optim.SparseAdam)
