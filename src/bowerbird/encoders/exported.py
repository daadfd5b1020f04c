"""A trained sequence encoder as ONNX: for servers in any language, without torch and without us.

Apart from the encoder because only this needs torch and onnx. Each export is run once beside the
encoder it came from, and refused if they differ.
"""

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.artifacts import save_arrays, save_json, whole
from bowerbird.data.queries import Queries
from bowerbird.encoders.batches import Batch, answered
from bowerbird.encoders.transformer import TransformerEncoder
from bowerbird.errors import ArtifactError, ConfigError

PARITY = 1e-4
"""Largest difference of any number of a vector."""
OPSET = 17


def export(encoder: TransformerEncoder, folder: Path, probes: Queries) -> dict[str, float]:
    """Write query.onnx, item.onnx (if it reads content), items.safetensors, ids.txt, inputs.json.

    Args:
        encoder: fitted.
        folder: made, or replaced whole.
        probes: histories on which both must say the same.

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
        rows = encoder.inputs()
        _write_query(encoder, rows, partial / "query.onnx")
        apart = {"query": _apart(encoder, partial / "query.onnx", probes)}
        if len(encoder.mapping):
            _write_item(encoder.mapping, partial / "item.onnx")
            apart["item"] = _item_apart(encoder.mapping, partial / "item.onnx")
        for name, difference in apart.items():
            if not difference <= PARITY:
                raise ArtifactError(
                    f"{name}.onnx: a difference of at most {PARITY} from the encoder expected,"
                    f" {difference:.2g} came: please report it with the versions of torch and onnx"
                )
        save_arrays(partial / "items.safetensors", {"vectors": encoder.table.vectors})
        (partial / "ids.txt").write_text("\n".join(encoder.table.ids.ids) + "\n", "utf-8")
        save_json(partial / "inputs.json", _told(encoder, len(rows)))
    return apart


def run_query(
    folder: Path, encoder: TransformerEncoder, queries: Queries
) -> Float32[ndarray, "b dim"]:
    """What query.onnx says of these histories, with `encoder`'s reading of them."""
    return _run(folder / "query.onnx", encoder, queries)


def _write_query(encoder: TransformerEncoder, rows: ndarray, path: Path) -> None:
    import torch

    from bowerbird.encoders.attention import Network

    class Asked(torch.nn.Module):
        """Rows of the item table, classes of gaps, the newest place → a vector."""

        def __init__(self) -> None:
            super().__init__()
            self.network = Network(encoder.shape())
            state = {name: torch.from_numpy(array) for name, array in encoder.network.items()}
            self.network.load_state_dict(state)
            self.register_buffer("table", torch.from_numpy(rows))

        def forward(self, *given: torch.Tensor) -> torch.Tensor:
            named = dict(zip(_names(encoder), given, strict=True))
            items: torch.Tensor = self.table[named["rows"]]  # type: ignore[index]
            more = (named.get(name) for name in ("gaps", "types", "context"))
            states = self.network(items, *more)
            last = named["last"][:, None, None].expand(-1, 1, states.shape[2])
            picked = states.gather(1, last)[:, 0]
            return torch.cat([picked, torch.ones_like(picked[:, :1])], dim=1)

    batch = Batch(
        np.zeros((2, 3), np.int64),
        np.full((2, 3), -1, np.int64),
        np.zeros((2, 3, 3), np.int64) if encoder.dated else None,
        np.zeros((2, 3), np.int64) if encoder.typed else None,
        np.arange(2),
    )
    context = np.zeros((2, len(encoder.asker)), np.float32) if len(encoder.asker) else None
    feed = _feed(encoder, batch, np.array([2, 0]), context)
    example = tuple(torch.from_numpy(array) for array in feed.values())
    axes = {name: _axes(name) for name in feed}
    _torch_export(Asked().eval(), example, path, axes | {"vectors": {0: "b"}})


def _write_item(mapping: ndarray, path: Path) -> None:
    import torch

    linear = torch.nn.Linear(mapping.shape[0] - 1, mapping.shape[1])
    linear.load_state_dict(
        {"weight": torch.from_numpy(mapping[:-1].T.copy()), "bias": torch.from_numpy(mapping[-1])}
    )
    axes = {"content": {0: "n"}, "vectors": {0: "n"}}
    _torch_export(linear.eval(), (torch.zeros(2, mapping.shape[0] - 1),), path, axes)


def _torch_export(
    network: Any,  # noqa: ANN401  torch is only known inside
    example: tuple[Any, ...],
    path: Path,
    axes: Mapping[str, dict[int, str]],
) -> None:
    import torch

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the newer exporter needs one more package
        torch.onnx.export(
            network,
            example,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[name for name in axes if name != "vectors"],
            output_names=["vectors"],
            dynamic_axes=dict(axes),
        )


def _names(encoder: TransformerEncoder) -> list[str]:
    there = {"gaps": encoder.dated, "types": encoder.typed, "context": len(encoder.asker) > 0}
    return ["rows", *(name for name, is_there in there.items() if is_there), "last"]


def _axes(name: str) -> dict[int, str]:
    return {
        "rows": {0: "b", 1: "l"},
        "gaps": {0: "b", 1: "l", 2: "l"},
        "types": {0: "b", 1: "l"},
        "context": {0: "b"},
        "last": {0: "b"},
    }[name]


def _feed(
    encoder: TransformerEncoder, batch: Batch, last: ndarray, context: ndarray | None
) -> dict[str, ndarray]:
    given = {
        "rows": batch.items,
        "gaps": batch.gaps,
        "types": batch.types,
        "context": context,
        "last": last,
    }
    return {name: array for name in _names(encoder) if (array := given[name]) is not None}


def _run(path: Path, encoder: TransformerEncoder, queries: Queries) -> ndarray:
    from onnxruntime import InferenceSession

    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    known, empty = encoder.known(queries), len(encoder.inputs()) - 1
    who = encoder.asker.of_queries(queries) if len(encoder.asker) else None
    out = np.zeros((len(queries), encoder.table.vectors.shape[1]), dtype=np.float32)
    length, starts = encoder.estimator.max_len, who is not None
    for batch, last in answered(known, length, empty, encoder.dated, starts):
        if encoder.typed and batch.types is None:
            batch = batch._replace(types=np.zeros_like(batch.items))
        context = None if who is None else who[batch.owners]
        out[batch.owners] = session.run(None, _feed(encoder, batch, last, context))[0]
    return out


def _apart(encoder: TransformerEncoder, path: Path, probes: Queries) -> float:
    ours = encoder.encode_queries(probes)
    speaks = np.any(ours, axis=1)
    theirs = _run(path, encoder, probes)
    return float(np.abs(ours - theirs)[speaks].max(initial=0))


def _item_apart(mapping: ndarray, path: Path) -> float:
    from onnxruntime import InferenceSession

    content = np.random.default_rng(0).standard_normal((5, len(mapping) - 1)).astype(np.float32)
    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    theirs = session.run(None, {session.get_inputs()[0].name: content})[0]
    return float(np.abs(content @ mapping[:-1] + mapping[-1] - theirs).max())


def _told(encoder: TransformerEncoder, rows: int) -> dict[str, Any]:
    """What goes in, for whoever writes the server."""
    about = {
        "rows": "(b, l) int64: rows of items.safetensors that have a vector, counted from 0,"
        f" oldest first, padded at the end with {rows - 1}",
        "gaps": "(b, l, l) int64: 0 for the same second, else 1 + floor(log2(seconds between)),"
        " at most 32",
        "types": "(b, l) int64: 0 not said, else 1 + place of the event type",
        "context": "(b, c) float32: what is known of who asks; a place with the padding row stands"
        " before the history",
        "last": "(b,) int64: place of the newest event",
    }
    return {
        "query.onnx": {name: about[name] for name in _names(encoder)},
        "item.onnx": {"content": "(n, f) float32: what the content encoder says of an item"},
        "score": "inner product of a query vector and an item vector",
        "max_len": encoder.estimator.max_len,
        "context": [list(pair) for pair in encoder.asker.labels],
    }
