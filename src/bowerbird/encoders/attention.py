"""The sequence network: gated pre-norm blocks of causal attention with relative time and place.

Apart from the encoder because only training needs torch; `forward.py` says the same in numpy.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from bowerbird.encoders.batches import DISTANCES, GAPS, TYPES_SPOKEN, distance_classes, rounded
from bowerbird.encoders.lesson import Shape
from bowerbird.encoders.losses import NEVER

SPREAD = 4
"""Width of the feed-forward layer, in dims."""


class Bias(torch.autograd.Function):
    """A table looked up by class; its gradient is a weighted count, not a scatter of vectors."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, classes: Tensor) -> Tensor:  # noqa: ANN401  of torch
        """(classes, heads) and (b, l, l) → (b, heads, l, l)."""
        ctx.save_for_backward(classes)
        ctx.shape = table.shape
        return torch.stack([column[classes] for column in table.T.contiguous()], dim=-3)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401  of torch
        """Summed by class."""
        (classes,), (size, heads) = ctx.saved_tensors, ctx.shape
        flat = classes.reshape(-1)
        found = [
            torch.bincount(flat, weights=part.float().reshape(-1), minlength=size)
            for part in gradients[0].unbind(dim=-3)
        ]
        return torch.stack(found, dim=1).float()[:, :heads], None


class Dropout(nn.Module):
    """Dropout that cuts eight masks out of one random number; a share is a whole number of 256ths.

    Random numbers are what dropout costs on a processor: this is six times as fast as torch's.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.cut = round(256 * share)

    def forward(self, x: Tensor) -> Tensor:
        """In training some numbers become 0, the others grow so that the mean stays."""
        if not (self.training and self.cut):
            return x
        drawn = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
        masks = drawn.random_(-(2**63), None).view(torch.uint8)[: x.numel()]
        scaled = (masks.view(x.shape) >= self.cut) * (256 / (256 - self.cut))
        return x * scaled


class Block(nn.Module):
    """x + σ(gate)·attention(norm x), then x + σ(gate)·SwiGLU-like feed-forward(norm x).

    Source: Zhai et al. 2024 (HSTU, gates and relative biases); Gao et al. 2025, LiGR layers.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dim, self.heads, self.wide = shape.dim, shape.heads, SPREAD * shape.dim
        self.norm_attention, self.norm_forward = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mixed = nn.Linear(dim, 4 * dim)  # queries, keys, values, gate
        self.out = nn.Linear(dim, dim)
        self.up = nn.Linear(dim, self.wide + dim)  # hidden, gate
        self.down = nn.Linear(self.wide, dim)
        self.distance = nn.Parameter(torch.zeros(DISTANCES, self.heads))
        self.gap = nn.Parameter(torch.zeros(GAPS, self.heads))
        self.drop = Dropout(shape.dropout)

    def forward(self, x: Tensor, classes: Tensor, dated: bool) -> Tensor:
        """(b, l, dim) → the same shape; `classes` (b, l, l) point into `biases`."""
        b, length, dim = x.shape
        *parts, gate = self.mixed(self.norm_attention(x)).split(dim, dim=-1)
        q, k, v = (part.view(b, length, self.heads, -1).transpose(1, 2) for part in parts)
        weights = (q @ k.transpose(-1, -2)) * (dim // self.heads) ** -0.5
        weights = weights + Bias.apply(self.biases(dated), classes)  # type: ignore[no-untyped-call]  # torch
        weights = torch.softmax(weights, dim=-1)
        seen = (weights @ v).transpose(1, 2).reshape(b, length, dim)
        x = x + self.drop(self.out(seen) * torch.sigmoid(gate))
        hidden, gate = self.up(self.norm_forward(x)).split([self.wide, dim], dim=-1)
        out: Tensor = x + self.drop(self.down(functional.silu(hidden)) * torch.sigmoid(gate))
        return out

    def biases(self, dated: bool) -> Tensor:
        """(classes, heads): for each distance and each gap their sum, then what comes later."""
        both = (self.distance[:, None] + self.gap[None]).flatten(0, 1) if dated else self.distance
        return torch.cat([both, torch.full_like(both[:1], NEVER)])


class Network(nn.Module):
    """Item vectors in, one vector out at every place: what the next item should be near to."""

    distances: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.blocks))
        self.norm = nn.LayerNorm(shape.dim)
        self.drop = Dropout(shape.dropout)
        self.types = nn.Parameter(torch.zeros(TYPES_SPOKEN, shape.dim))
        self.context = nn.Linear(shape.context, shape.dim, bias=False) if shape.context else None
        if self.context is not None:
            nn.init.zeros_(self.context.weight)
        classes = torch.from_numpy(distance_classes(rounded(shape.max_len) + 1))
        self.register_buffer("distances", classes, persistent=False)

    def forward(
        self,
        items: Float[Tensor, "b l dim"],
        gaps: Int[Tensor, "b l l"] | None,
        types: Int[Tensor, "b l"] | None,
        context: Float[Tensor, "b c"] | None,
    ) -> Float[Tensor, "b l dim"]:
        """Place j sees itself and what was before it."""
        x = items if types is None else items + self.types[types]
        if context is not None and self.context is not None:
            x = x + self.context(context)[:, None]
        x = self.drop(x)
        classes = self._classes(items, gaps)
        for block in self.blocks:
            x = block(x, classes, gaps is not None)
        out: Tensor = self.norm(x)
        return out

    def _classes(
        self, items: Float[Tensor, "b l dim"], gaps: Int[Tensor, "b l l"] | None
    ) -> Int[Tensor, "_ l l"]:
        """Distance and gap as one class; the last one is of what comes later."""
        length = items.shape[1]
        classes: Tensor = self.distances[None, :length, :length]
        last = DISTANCES
        if gaps is not None:
            classes, last = classes * GAPS + gaps, DISTANCES * GAPS
        place = torch.arange(length, device=classes.device)
        return classes.masked_fill(place[None, :] > place[:, None], last)
