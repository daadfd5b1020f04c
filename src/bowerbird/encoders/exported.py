"""A trained encoder as ONNX: for servers in any language, without torch and without us.

Apart from the encoders because only this needs torch and onnx. Each export is run once beside the
encoder it came from, and refused if they differ.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from bowerbird.data.artifacts import save_arrays, save_json, whole
from bowerbird.data.queries import Queries
from bowerbird.encoders.onnx_file import OnnxFile
from bowerbird.encoders.sequence_export import SequenceExport
from bowerbird.encoders.tower_export import TowerExport
from bowerbird.encoders.transformer import TransformerEncoder
from bowerbird.encoders.two_tower import TwoTowerEncoder
from bowerbird.errors import ArtifactError, ConfigError

PARITY = 1e-4
"""Largest difference of any number of a vector."""
QUERY, ITEM = "query.onnx", "item.onnx"
TURNED = "of items.safetensors: vectors times it, of queries too, are those of the run's space"
Exportable = TransformerEncoder | TwoTowerEncoder


@runtime_checkable
class Export(Protocol):
    """The networks of one kind of encoder."""

    def write_query(self, path: Path) -> None:
        """What makes a vector of a history."""

    def write_item(self, path: Path) -> bool:
        """What makes a vector of an item's content; False where there is none."""

    def asked(self, path: Path, queries: Queries) -> Float32[ndarray, "b dim"]:
        """What the query network says, with the encoder's reading of the histories."""

    def read(self, content: Float32[ndarray, "n f"]) -> Float32[ndarray, "n dim"]:
        """What the encoder says of new items."""

    def width(self) -> int:
        """Numbers that the content of an item has."""

    def told(self) -> dict[str, str]:
        """The inputs of the query network in words."""


def export(
    encoder: Exportable,
    folder: Path,
    probes: Queries,
    turn: Float64[ndarray, "dim dim"] | None = None,
) -> dict[str, float]:
    """Write query.onnx, item.onnx (if it reads content), items.safetensors, ids.txt, inputs.json.

    Args:
        encoder: fitted.
        folder: made, or replaced whole.
        probes: histories on which both must say the same.
        turn: what the run multiplies vectors by; kept beside them, since no score depends on it.

    Returns:
        The largest difference of each network from the encoder, by name.

    Raises:
        ConfigError: torch, onnx or onnxruntime is missing.
        ArtifactError: the exported network says something else than the encoder.
    """
    for package, extra in (("torch", "train"), ("onnx", "onnx"), ("onnxruntime", "onnx")):
        if find_spec(package) is None:
            raise ConfigError(f"{package} expected to export: pip install 'bowerbird[{extra}]'")
    with whole(folder) as partial:
        partial.mkdir()
        networks = _of(encoder)
        networks.write_query(partial / QUERY)
        apart = {"query": _apart(encoder, partial / QUERY, probes)}
        if networks.write_item(partial / ITEM):
            apart["item"] = _item_apart(networks, partial / ITEM)
        for name, difference in apart.items():
            if not difference <= PARITY:
                raise ArtifactError(
                    f"{name}.onnx: a difference of at most {PARITY} from the encoder expected,"
                    f" {difference:.2g} came: please report it with the versions of torch and onnx"
                )
        more = {} if turn is None else {"turn": turn.astype(np.float32)}
        save_arrays(partial / "items.safetensors", {"vectors": encoder.table.vectors, **more})
        (partial / "ids.txt").write_text("\n".join(encoder.table.ids.ids) + "\n", "utf-8")
        told = {
            QUERY: networks.told(),
            ITEM: {"content": "(n, f) float32: what the content encoder says of an item"},
            "score": "inner product of a query vector and an item vector",
            **({"turn": TURNED} if more else {}),
            "max_len": encoder.estimator.max_len,
            "context": [list(pair) for pair in encoder.asker.labels],
        }
        save_json(partial / "inputs.json", told)
    return apart


def run_query(folder: Path, encoder: Exportable, queries: Queries) -> Float32[ndarray, "b dim"]:
    """What query.onnx says of these histories, with `encoder`'s reading of them."""
    return _of(encoder).asked(folder / QUERY, queries)


def _of(encoder: Exportable) -> Export:
    if isinstance(encoder, TransformerEncoder):
        return SequenceExport(encoder)
    return TowerExport(encoder)


def _apart(encoder: Exportable, path: Path, probes: Queries) -> float:
    theirs = _of(encoder).asked(path, probes)
    return float(np.abs(encoder.encode_queries(probes) - theirs).max(initial=0))


def _item_apart(networks: Export, path: Path) -> float:
    shape = (5, networks.width())
    content = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    theirs = OnnxFile(path)(content=content)
    return float(np.abs(networks.read(content) - theirs).max())
