"""What the two towers answer, once more in torch, for ONNX: padded rectangles instead of bags.

Apart from the module that is trained since ragged bags cannot be exported; the export is held
beside `tower_forward` each time, and refused if it differs.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float32
from numpy import ndarray
from torch import Tensor, nn

Given = Mapping[str, Tensor]
WRITTEN, OWN = 0, 1


class Asked(nn.Module):
    """`tower_forward.query_vectors`; zeros without an event."""

    own: Tensor  # (n + 1, dim), the last row zeros: «no item»
    read: Tensor  # (n + 1, f)
    turn: Tensor
    across: Tensor
    asked: Tensor
    context: Tensor
    sharpness: Tensor

    def __init__(
        self,
        arrays: Mapping[str, ndarray],
        content: Float32[ndarray, "n f"],
        names: Sequence[str],
    ) -> None:
        """`names` are the inputs, in order."""
        super().__init__()
        self.names = tuple(names)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        tensors["own"] = _padded(tensors["own"] * tensors["says"].exp()[:, None])
        tensors["read"] = _padded(torch.from_numpy(content))
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    def forward(self, *given: Tensor) -> Tensor:
        """The query vectors, (b, dim)."""
        named = dict(zip(self.names, given, strict=True))
        sharp = self.sharpness.exp()
        own = self._pooled(named, OWN, self.own)
        own = own + own @ self.turn
        parts = []
        if self.read.shape[1]:
            written = _unit(self._pooled(named, WRITTEN, self.read))
            parts = [_unit(written @ self.asked) * sharp[WRITTEN]]
            own = own + written @ self.across
        both = torch.cat([*parts, _unit(own) * sharp[OWN]], dim=1)
        if "context" in named:
            both = both + named["context"] @ self.context
        speaks = (named["weights"].sum(dim=1) > 0) & (both.abs().sum(dim=1) > 0)
        return torch.cat([both, torch.ones_like(both[:, :1])], dim=1) * speaks[:, None]

    def _pooled(self, named: Given, part: int, table: Tensor) -> Tensor:
        """Σ of what each event counts, in one of both parts, times its vector."""
        logs = torch.zeros_like(named["weights"])
        for name in ("ages", "gaps", "types"):
            learned: Tensor = getattr(self, name)[part]
            # one index into the table laid flat: what every ONNX runtime can do
            place = named["goal"][:, None] * learned.shape[1] + named[name]
            logs = logs + learned.reshape(-1)[place]
        counts = logs.exp() * named["weights"]
        return (counts[:, None, :] @ table[named["rows"]])[:, 0]


class Offered(nn.Module):
    """`tower_forward.content_vectors`."""

    def __init__(self, arrays: Mapping[str, ndarray], calibration: Float32[ndarray, "2"]) -> None:
        """Of the towers' arrays."""
        super().__init__()
        self.dim = arrays["own"].shape[1]
        self.scale, self.bias = map(float, calibration)

    def forward(self, content: Tensor) -> Tensor:
        """The vectors of new items, (n, dim)."""
        zero = torch.zeros_like(content[:, :1])
        return torch.cat([content * self.scale, zero.expand(-1, self.dim), zero + self.bias], dim=1)


def _padded(table: Tensor) -> Tensor:
    return torch.cat([table, torch.zeros_like(table[:1])])


def _unit(vectors: Tensor) -> Tensor:
    """`text.unit`."""
    length = vectors.norm(dim=1, keepdim=True)
    return torch.where(length > 1e-7, vectors / length.clamp(min=1e-7), torch.zeros_like(vectors))
