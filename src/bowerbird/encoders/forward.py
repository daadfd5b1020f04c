"""The sequence network without torch: the same sums in numpy, for serving.

Apart from `attention.py` so that a server needs no training library; a test holds the two together.
Only the newest place of a history is asked for, so the last block works on that one alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from bowerbird.encoders.batches import Batch, distance_classes

Arrays = Mapping[str, ndarray]


@dataclass(frozen=True, slots=True)
class Forward:
    """A trained network's arrays, under torch's names for them."""

    arrays: Arrays
    blocks: int
    heads: int

    def __call__(
        self,
        vectors: Float32[ndarray, "rows dim"],
        batch: Batch,
        last: Int64[ndarray, "b"],
        context: Float32[ndarray, "b c"] | None,
    ) -> Float32[ndarray, "b dim"]:
        """What each row says at its place `last`.

        Args:
            vectors: the item table; the batch's rows point into it.
            batch: padded histories.
            last: the newest place of each.
            context: what describes who asks, if anything does.
        """
        arrays = self.arrays
        x = vectors[batch.items]
        if batch.types is not None:
            x = x + arrays["types"][batch.types]
        if context is not None and "context.weight" in arrays:
            x = x + (context @ arrays["context.weight"].T)[:, None]
        places = np.arange(x.shape[1])
        for number in range(self.blocks):
            block = _Block(self._of(f"blocks.{number}."), self.heads)
            final = number == self.blocks - 1
            asked = last[:, None] if final else np.broadcast_to(places, x.shape[:2])
            x = block(x, asked, batch.gaps)
        last_of = x[:, 0] if self.blocks else x[np.arange(len(x)), last]
        return normed(last_of, arrays["norm.weight"], arrays["norm.bias"])

    def _of(self, prefix: str) -> Arrays:
        parts = self.arrays.items()
        return {n.removeprefix(prefix): array for n, array in parts if n.startswith(prefix)}


@dataclass(frozen=True, slots=True)
class _Block:
    arrays: Arrays
    heads: int

    def __call__(
        self,
        x: Float32[ndarray, "b l dim"],
        asked: Int64[ndarray, "b a"],
        gaps: Int64[ndarray, "b l l"] | None,
    ) -> Float32[ndarray, "b a dim"]:
        """The block's output at the places asked for."""
        dim, rows = x.shape[2], np.arange(len(x))[:, None]
        inner = normed(x, self.arrays["norm_attention.weight"], self.arrays["norm_attention.bias"])
        weight, bias = self.arrays["mixed.weight"], self.arrays["mixed.bias"]
        k, v = np.split(inner @ weight[dim : 3 * dim].T + bias[dim : 3 * dim], 2, axis=-1)
        few = inner[rows, asked]
        q = few @ weight[:dim].T + bias[:dim]
        gate = few @ weight[3 * dim :].T + bias[3 * dim :]
        seen = self._attended(q, k, v, asked, gaps)
        x = x[rows, asked] + self._linear("out", seen) * sigmoid(gate)
        inner = normed(x, self.arrays["norm_forward.weight"], self.arrays["norm_forward.bias"])
        both = self._linear("up", inner)
        hidden, gate = both[..., :-dim], both[..., -dim:]
        out: ndarray = x + self._linear("down", hidden * sigmoid(hidden)) * sigmoid(gate)
        return out

    def _attended(
        self, q: ndarray, k: ndarray, v: ndarray, asked: ndarray, gaps: ndarray | None
    ) -> ndarray:
        b, length, dim = k.shape
        size = dim // self.heads
        out = np.empty_like(q)
        classes = distance_classes(length)[asked]
        future = np.arange(length) > asked[:, :, None]
        apart = None if gaps is None else gaps[np.arange(b)[:, None], asked]
        for head in range(self.heads):
            part = slice(head * size, (head + 1) * size)
            weights = (q[..., part] @ k[..., part].transpose(0, 2, 1)) * np.float32(size**-0.5)
            weights += self.arrays["distance"][:, head][classes]
            if apart is not None:
                weights += self.arrays["gap"][:, head][apart]
            weights[future] = -np.inf
            weights -= weights.max(axis=-1, keepdims=True)
            np.exp(weights, out=weights)
            weights /= weights.sum(axis=-1, keepdims=True)
            out[..., part] = weights @ v[..., part]
        return out

    def _linear(self, name: str, x: ndarray) -> ndarray:
        out: ndarray = x @ self.arrays[f"{name}.weight"].T + self.arrays[f"{name}.bias"]
        return out


def normed(x: ndarray, weight: ndarray, bias: ndarray) -> ndarray:
    """Layer norm over the last axis.

    >>> normed(np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2)).round(3)
    array([[-1.,  1.]])
    """
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = (centred**2).mean(axis=-1, keepdims=True)
    out: ndarray = centred / np.sqrt(spread + np.float32(1e-5)) * weight + bias
    return out


def sigmoid(x: ndarray) -> ndarray:
    """1 / (1 + e^-x), without overflow."""
    half: ndarray = np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * x))
    return half
