"""The two towers as a torch module: histories and context on one side, items on the other.

Apart from the course because what is computed is written once here, and once more in numpy
(`tower_forward.py`), where a fitted encoder answers without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor, nn
from torch.nn import functional

from bowerbird.encoders.bags import Bag
from bowerbird.encoders.batches import DISTANCES, GAPS

FADING = 0.1
"""How much the logarithm of an event's weight falls with each class of age, to begin with."""
SHARP = 10.0
"""What cosines are multiplied by, to begin with."""
WRITTEN, OWN = 0, 1
"""The two parts of a vector, where a parameter has one of each."""
CALM = 0.3
"""How much of a step both halves of the learned content map take: it begins near where it ends."""
SPARSE = 100_000
"""Items from which on Adam moves only the rows that a step has touched."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where the parameters start."""

    own: Float32[ndarray, "n dim"]
    says: Float32[ndarray, "n"]  # log of how much an item counts in a history
    asked: Float32[ndarray, "f f"]  # content of the history → content that is asked for
    down: Float32[ndarray, "f r"]  # the first half of what is learned beside it
    context: int  # numbers that describe who asks
    types: int  # of events
    ordered: bool
    learned: Mapping[str, Float32[ndarray, "..."]] = field(
        default_factory=dict
    )  # by name: the rest


class Towers(nn.Module):
    """Query: [τ₁·unit(content pooled · A), τ₂·unit(own pooled · W + content pooled · X)] + context.

    Item: [content, unit(own)] and its bias. A = A₀ + D·Uᵀ, A₀ fixed, U zero to begin with. An event
    of weight w counts w · exp(age + gap + type), each a table with a row for every type that may be
    asked for; content and own vectors are pooled with tables of their own.
    """

    asked: Tensor
    content: Tensor

    def __init__(self, start: Beginning, content: Float32[ndarray, "n f"]) -> None:
        super().__init__()
        n, dim = start.own.shape
        sparse = n > SPARSE
        self.own = nn.Embedding(n, dim, _weight=torch.from_numpy(start.own.copy()), sparse=sparse)
        self.says = nn.Parameter(torch.from_numpy(start.says.copy()))
        self.bias = nn.Parameter(torch.zeros(n))
        self.turn = nn.Parameter(torch.zeros(dim, dim))  # W - I
        self.across = nn.Parameter(torch.zeros(content.shape[1], dim))  # X
        self.register_buffer("asked", torch.from_numpy(start.asked), persistent=False)  # A₀
        self.down = nn.Parameter(torch.from_numpy(start.down / CALM))  # D / CALM
        self.up = nn.Parameter(torch.zeros(start.down.shape))  # U / CALM
        self.context = nn.Parameter(torch.zeros(start.context, start.asked.shape[1] + dim))
        goals, ages = start.types + 1, torch.zeros(2, start.types + 1, DISTANCES)
        ages[OWN] -= start.ordered * FADING * torch.arange(DISTANCES)
        self.ages = nn.Parameter(ages)
        self.gaps = nn.Parameter(torch.zeros(2, goals, GAPS))
        self.types = nn.Parameter(torch.zeros(2, goals, goals))
        self.sharpness = nn.Parameter(torch.full((2,), SHARP).log())
        self.register_buffer("content", torch.from_numpy(content), persistent=False)
        with torch.no_grad():
            for name, value in start.learned.items():
                self.get_parameter(name).copy_(torch.from_numpy(value))

    def queries(
        self, bag: Bag, context: Float[Tensor, "b c"]
    ) -> tuple[Float[Tensor, "b f"], Float[Tensor, "b dim"]]:
        """Both parts of the query vectors."""
        items, starts = torch.from_numpy(bag.items), torch.from_numpy(bag.starts)
        counts = self._counts(bag)
        given = context @ self.context
        wide = self.asked.shape[1]
        pooled = self._bags(items, self.own.weight, starts, counts[OWN] * self.says[items].exp())
        own = pooled + pooled @ self.turn
        if not wide:
            return given[:, :0], functional.normalize(own, dim=1) * self.sharpness[
                OWN
            ].exp() + given
        written = self._bags(items, self.content, starts, counts[WRITTEN])
        written = functional.normalize(written, dim=1)
        own = functional.normalize(own + written @ self.across, dim=1) * self.sharpness[OWN].exp()
        learned = (written @ self.down) @ self.up.T * CALM**2
        asked = functional.normalize(written @ self.asked + learned, dim=1)
        said = asked * self.sharpness[WRITTEN].exp()
        return said + given[:, :wide], own + given[:, wide:]

    def items(self, rows: Tensor) -> tuple[Float[Tensor, "s f"], Float[Tensor, "s dim"]]:
        """Both parts of the item vectors, without the gate."""
        written: Tensor = self.content[rows]
        return written, functional.normalize(self.own(rows), dim=1)

    def arrays(self) -> dict[str, ndarray]:
        """Everything that was learned, as numpy; the forward pass there needs no more."""
        state = {name: value.detach().cpu().numpy() for name, value in self.state_dict().items()}
        named = {name.removesuffix(".weight"): value for name, value in state.items()}
        learned = named.pop("down") @ named.pop("up").T * CALM**2
        named["asked"] = self.asked.numpy() + learned
        return {name: np.ascontiguousarray(value, np.float32) for name, value in named.items()}

    def _counts(self, bag: Bag) -> Float[Tensor, "2 e"]:
        """What each event counts, in both parts."""
        goals = torch.from_numpy(bag.goals[bag.owners])
        logs = self.ages[:, goals, torch.from_numpy(bag.ages)]
        logs = logs + self.gaps[:, goals, torch.from_numpy(bag.gaps)]
        logs = logs + self.types[:, goals, torch.from_numpy(bag.types)]
        counts: Tensor = logs.exp() * torch.from_numpy(bag.weights)
        return counts

    def _bags(self, items: Tensor, table: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
        sparse = self.own.sparse and table is self.own.weight
        summed: Tensor = functional.embedding_bag(
            items, table, starts, mode="sum", per_sample_weights=weights, sparse=sparse
        )
        return summed
