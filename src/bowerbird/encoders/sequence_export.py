"""The networks of a fitted sequence encoder for ONNX: the module, its inputs, its answers.

Apart from the encoder because only this needs torch and onnx.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.encoders.batches import Batch, answered
from bowerbird.encoders.onnx_file import OnnxFile, write_onnx
from bowerbird.encoders.transformer import TransformerEncoder, placed

AXES = {
    "rows": {0: "b", 1: "l"},
    "gaps": {0: "b", 1: "l", 2: "l"},
    "types": {0: "b", 1: "l"},
    "context": {0: "b"},
    "last": {0: "b"},
    "content": {0: "n"},
    "vectors": {0: "b"},
}


@dataclass(frozen=True, slots=True)
class SequenceExport:
    """What `exported.export` asks of an encoder."""

    encoder: TransformerEncoder

    def write_query(self, path: Path) -> None:
        """Rows of the item table, classes of gaps, the newest place → a vector."""
        import torch

        from bowerbird.encoders.attention import Network

        encoder, names = self.encoder, self.names()

        class Asked(torch.nn.Module):
            """The network behind its own item table."""

            table: torch.Tensor

            def __init__(self) -> None:
                super().__init__()
                self.network = Network(encoder.shape())
                state = {name: torch.from_numpy(array) for name, array in encoder.network.items()}
                self.network.load_state_dict(state)
                self.register_buffer("table", torch.from_numpy(encoder.inputs()))

            def forward(self, *given: torch.Tensor) -> torch.Tensor:
                named = dict(zip(names, given, strict=True))
                items: torch.Tensor = self.table[named["rows"]]
                more = (named.get(name) for name in ("gaps", "types", "context"))
                states = self.network(items, *more)
                last = named["last"][:, None, None].expand(-1, 1, states.shape[2])
                picked = states.gather(1, last)[:, 0]
                return torch.cat([picked, torch.ones_like(picked[:, :1])], dim=1)

        write_onnx(Asked(), self._example(), path, AXES)

    def write_item(self, path: Path) -> bool:
        """Content → vector of a new item; False where nothing is read on items."""
        import torch

        mapping = self.encoder.mapping
        if not len(mapping):
            return False
        linear = torch.nn.Linear(mapping.shape[0] - 1, mapping.shape[1])
        bias = torch.from_numpy(mapping[-1])
        linear.load_state_dict({"weight": torch.from_numpy(mapping[:-1].T.copy()), "bias": bias})
        write_onnx(linear, {"content": np.zeros((2, len(mapping) - 1), np.float32)}, path, AXES)
        return True

    def asked(self, path: Path, queries: Queries) -> Float32[ndarray, "b dim"]:
        """What query.onnx says of these histories; zeros without a known one."""
        encoder, network = self.encoder, OnnxFile(path)
        known, empty = encoder.known(queries), len(encoder.inputs()) - 1
        who = encoder.asker.of_queries(queries) if len(encoder.asker) else None
        out = np.zeros((len(queries), encoder.table.vectors.shape[1]), dtype=np.float32)
        length, starts = encoder.estimator.max_len, who is not None
        for batch, last in answered(known, length, empty, encoder.dated, starts):
            if encoder.typed and batch.types is None:
                batch = batch._replace(types=np.zeros_like(batch.items))
            context = None if who is None else who[batch.owners]
            out[batch.owners] = network(**self._feed(batch, last, context))
        out[known.lengths() == 0] = 0
        return out

    def read(self, content: Float32[ndarray, "n f"]) -> Float32[ndarray, "n dim"]:
        """What the encoder itself says of new items."""
        return placed(content, self.encoder.mapping)

    def width(self) -> int:
        """Numbers that the content of an item has."""
        return max(len(self.encoder.mapping) - 1, 0)

    def names(self) -> list[str]:
        """The inputs of query.onnx, in order."""
        encoder = self.encoder
        there = {"gaps": encoder.dated, "types": encoder.typed, "context": len(encoder.asker) > 0}
        return ["rows", *(name for name, is_there in there.items() if is_there), "last"]

    def told(self) -> dict[str, str]:
        """What each input is."""
        padding = len(self.encoder.inputs()) - 1
        about = {
            "rows": "(b, l) int64: rows of items.safetensors that have a vector, counted from 0,"
            f" oldest first, padded at the end with {padding}",
            "gaps": "(b, l, l) int64: 0 for the same second, else 1 + floor(log2(seconds between)),"
            " at most 32",
            "types": "(b, l) int64: 0 not said, else 1 + place of the event type",
            "context": "(b, c) float32: what is known of who asks; a place with the padding row"
            " stands before the history",
            "last": "(b,) int64: place of the newest event",
        }
        return {name: about[name] for name in self.names()}

    def _example(self) -> dict[str, ndarray]:
        encoder = self.encoder
        batch = Batch(
            np.zeros((2, 3), np.int64),
            np.full((2, 3), -1, np.int64),
            np.zeros((2, 3, 3), np.int64) if encoder.dated else None,
            np.zeros((2, 3), np.int64) if encoder.typed else None,
            np.arange(2),
        )
        context = np.zeros((2, len(encoder.asker)), np.float32) if len(encoder.asker) else None
        return self._feed(batch, np.array([2, 0]), context)

    def _feed(self, batch: Batch, last: ndarray, context: ndarray | None) -> dict[str, ndarray]:
        given: dict[str, Any] = {
            "rows": batch.items,
            "gaps": batch.gaps,
            "types": batch.types,
            "context": context,
            "last": last,
        }
        return {name: given[name] for name in self.names()}
