"""The two towers for ONNX: their networks, what goes in, what they answer.

Apart from the encoder because only this needs torch and onnx.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.encoders.bags import Bag, bag_of
from bowerbird.encoders.onnx_file import OnnxFile, write_onnx
from bowerbird.encoders.tower_forward import content_vectors
from bowerbird.encoders.two_tower import TwoTowerEncoder

EVENTS = ("rows", "weights", "ages", "gaps", "types")
AXES = {
    **{name: {0: "b", 1: "l"} for name in EVENTS},
    **{name: {0: "b"} for name in ("goal", "context", "vectors")},
    "content": {0: "n"},
}
BLOCK = 64
"""Histories answered at a time, those of like length together."""


@dataclass(frozen=True, slots=True)
class TowerExport:
    """What `exported.export` asks of an encoder."""

    encoder: TwoTowerEncoder

    def write_query(self, path: Path) -> None:
        """Events, the type that is asked for, what is known of who asks → a vector."""
        from bowerbird.encoders.tower_graph import Asked  # torch comes with it

        reader, n = self.encoder.reader, len(self.encoder.table.ids)
        content = np.zeros((n, 0), np.float32) if reader is None else reader.items
        network = Asked(self.encoder.towers, content, self.names())
        write_onnx(network, self._example(), path, AXES)

    def write_item(self, path: Path) -> bool:
        """Content → vector of a new item; False where nothing is read on items."""
        from bowerbird.encoders.tower_graph import Offered

        if not self.width():
            return False
        network = Offered(self.encoder.towers, self.encoder.calibration)
        example = {"content": np.ones((2, self.width()), np.float32)}
        write_onnx(network, example, path, AXES)
        return True

    def asked(self, path: Path, queries: Queries) -> Float32[ndarray, "b dim"]:
        """What query.onnx says of these histories; zeros without a known one."""
        encoder, network = self.encoder, OnnxFile(path)
        known = queries.known(len(encoder.table.ids))
        context = encoder.asker.of_queries(queries)
        out = np.zeros((len(queries), encoder.table.vectors.shape[1]), dtype=np.float32)
        order = np.argsort(known.lengths(), kind="stable")
        for start in range(0, len(order), BLOCK):
            some = order[start : start + BLOCK]
            bag = bag_of(known.take(some), encoder.kind, encoder.estimator.max_len)
            out[some] = network(**self._feed(bag, context[some]))
        return out

    def read(self, content: Float32[ndarray, "n f"]) -> Float32[ndarray, "n dim"]:
        """What the encoder itself says of new items."""
        return content_vectors(self.encoder.towers, content, self.encoder.calibration)

    def width(self) -> int:
        """Numbers that the content of an item has."""
        return 0 if self.encoder.reader is None else self.encoder.reader.items.shape[1]

    def names(self) -> list[str]:
        """The inputs of query.onnx, in order."""
        return [*EVENTS, "goal", *(["context"] if len(self.encoder.asker) else [])]

    def told(self) -> dict[str, str]:
        """What each input is."""
        kind, classes = self.encoder.kind, "(b, l) int64: "
        age = "events between it and the newest one, each up to 7, then 8 + floor(1.5·log2(age/8)),"
        age = f"{age} at most 15" if kind.ordered else "0"
        gap = "0 for the same second, else 1 + floor(log2(seconds since then)), at most 32"
        goal = f"(b,) int64: type of event that is asked for, as in types; usually {kind.goal}"
        about = {
            "rows": f"{classes}rows of items.safetensors, what was liked only, oldest first, padded"
            f" with {len(self.encoder.table.ids)}",
            "weights": "(b, l) float32: above 0; 0 in the padding",
            "ages": f"{classes}{age}",
            "gaps": f"{classes}{gap if kind.ordered and kind.dated else '0'}",
            "types": f"{classes}0 not said"
            + "".join(f", {place} {name}" for place, name in enumerate(kind.types, 1)),
            "goal": goal,
            "context": "(b, c) float32: what is known of who asks",
        }
        return {name: about[name] for name in self.names()}

    def _example(self) -> dict[str, ndarray]:
        zeros = np.zeros((2, 3), np.int64)
        given: dict[str, ndarray] = {name: zeros for name in EVENTS}
        given |= {"weights": np.ones((2, 3), np.float32), "goal": np.zeros(2, np.int64)}
        given["context"] = np.zeros((2, len(self.encoder.asker)), np.float32)
        return {name: given[name] for name in self.names()}

    def _feed(self, bag: Bag, context: Float32[ndarray, "b c"]) -> dict[str, ndarray]:
        given = dict(_padded(bag, len(self.encoder.table.ids)))
        given |= {"goal": bag.goals, "context": context}
        return {name: given[name] for name in self.names()}


def _padded(bag: Bag, empty: int) -> Iterator[tuple[str, ndarray]]:
    """Each bag as one row of a rectangle."""
    sizes = np.diff(np.append(bag.starts, len(bag.items)))
    place = np.arange(len(bag.items)) - np.repeat(bag.starts, sizes)
    shape = (len(sizes), max(int(sizes.max(initial=0)), 1))
    arrays = (bag.items, bag.weights, bag.ages, bag.gaps, bag.types)
    for name, array in zip(EVENTS, arrays, strict=True):
        out = np.full(shape, empty if name == "rows" else 0, dtype=array.dtype)
        out[bag.owners, place] = array
        yield name, out
