"""A torch module into an ONNX file, and what such a file says.

Apart from what is exported because every network goes this one way.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

OPSET = 17
Axes = Mapping[str, dict[int, str]]
"""Input → its axes of any length, by name; and those of the output, `vectors`."""


def write_onnx(network: Any, example: Mapping[str, ndarray], path: Path, axes: Axes) -> None:  # noqa: ANN401  torch is only known inside
    """Write a module that maps these inputs, in this order, to `vectors`."""
    import torch

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the newer exporter needs one more package
        torch.onnx.export(
            network.eval(),
            tuple(torch.from_numpy(array) for array in example.values()),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(example),
            output_names=["vectors"],
            dynamic_axes={name: axes[name] for name in (*example, "vectors")},
        )


class OnnxFile:
    """What answers like the module that was written."""

    def __init__(self, path: Path) -> None:
        from onnxruntime import InferenceSession

        self._session = InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def __call__(self, **given: ndarray) -> Float32[ndarray, "b dim"]:
        """The vectors."""
        vectors: ndarray = np.asarray(self._session.run(None, given)[0], dtype=np.float32)
        return vectors
