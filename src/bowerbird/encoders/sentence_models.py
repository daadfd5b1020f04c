"""Sentence models in a folder or of the Hugging Face hub: sentence-transformers and Model2Vec.

A model is known by the hash of its files, not by its place, so a folder may be moved and a model
that was changed in its place is another space. Only safetensors are read: nothing is unpickled.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.errors import ArtifactError

PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
"""Endings of weights that only unpickling can read."""
UNUSED = (
    "onnx/*",
    "openvino/*",
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.onnx",
    *(f"*{e}" for e in PICKLED),
)
"""What is not fetched from the hub: the same weights in other forms."""


@dataclass(frozen=True, slots=True)
class SentenceTransformersEncoder:
    """Any model of the library sentence-transformers, as it is configured: pooling, prompts, dim.

    Source: Reimers & Gurevych, EMNLP 2019. Code that a model brings along is not run.
    """

    model: str  # a folder, or a name of the hub

    @property
    def name(self) -> str:
        """The hash of the files.

        Raises:
            ArtifactError: there is no such model.
        """
        return f"sentence-transformers {files_hash(str(folder_of(self.model)))}"

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """One vector a text; the model's own limit of length applies."""
        texts = [str(content) for content in contents]
        loaded = _sentence_transformer(str(folder_of(self.model)))
        made = loaded.encode(texts, batch_size=64, convert_to_numpy=True, show_progress_bar=False)
        vectors: ndarray = np.asarray(made, dtype=np.float32)
        return vectors


@dataclass(frozen=True, slots=True)
class Model2VecEncoder:
    """Any Model2Vec model: a table of word pieces, averaged. A hundred times as fast, no torch.

    Source: the library model2vec, Tulkens & van Dongen 2024.
    """

    model: str  # a folder, or a name of the hub

    @property
    def name(self) -> str:
        """The hash of the files.

        Raises:
            ArtifactError: there is no such model.
        """
        return f"model2vec {files_hash(str(folder_of(self.model)))}"

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """One vector a text; zeros where no piece of it is known."""
        loaded = _static_model(str(folder_of(self.model)))
        made = loaded.encode([str(content) for content in contents])
        vectors: ndarray = np.asarray(made, dtype=np.float32)
        return vectors


def folder_of(model: str) -> Path:
    """The folder of a model: itself, or where the hub's copy lies; fetched if it is nowhere.

    A copy that is there is used without asking the network whether there is a newer one.

    Raises:
        ArtifactError: no such folder, and no such name of the hub, or no way to reach it.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or model.startswith(".") or model.count("/") > 1:
        raise ArtifactError(f"a folder of a model expected at {model}: there is none")
    return _fetched(model)


@cache
def _fetched(model: str) -> Path:
    download = import_module("huggingface_hub").snapshot_download
    try:
        return Path(download(model, local_files_only=True))
    except (OSError, ValueError):  # what the hub's library raises where there is no copy
        pass
    try:
        return Path(download(model, ignore_patterns=list(UNUSED)))
    except Exception as error:  # it may raise what any of its network libraries raise
        reason = str(error).splitlines()[0]
        raise ArtifactError(
            f"a folder, or a model of the Hugging Face hub expected, {model!r} came: {reason}"
        ) from error


@cache
def files_hash(folder: str) -> str:
    """«sha256:…» of everything in a model's folder but its README and hidden files.

    Raises:
        ArtifactError: a part of the model is there in a pickled form only.
    """
    root, digest = Path(folder), hashlib.sha256()
    for file in sorted(f for f in root.rglob("*") if f.is_file()):
        inner = file.relative_to(root)
        hidden = any(part.startswith(".") for part in inner.parts)
        if hidden or inner.name.startswith("README"):
            continue
        if file.suffix in PICKLED:
            if any(file.parent.glob("*.safetensors")):
                continue  # the same weights, in the form that is read
            raise ArtifactError(
                f"weights as .safetensors expected in {file.parent}, {file.name} came, which"
                " would have to be unpickled: convert it, or use another model"
            )
        digest.update(str(inner.as_posix()).encode() + b"\0")
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"


@cache
def _sentence_transformer(folder: str) -> Any:  # noqa: ANN401  a library without need of types here
    files_hash(folder)  # refuses pickled weights before anything is read
    library = import_module("sentence_transformers")
    return _loaded(
        lambda: library.SentenceTransformer(
            folder, local_files_only=True, model_kwargs={"use_safetensors": True}
        ),
        folder,
        "sentence-transformers",
    )


@cache
def _static_model(folder: str) -> Any:  # noqa: ANN401  as above
    files_hash(folder)
    library = import_module("model2vec")
    return _loaded(lambda: library.StaticModel.from_pretrained(folder), folder, "model2vec")


def _loaded(load: Any, folder: str, kind: str) -> Any:  # noqa: ANN401  as above
    try:
        return load()
    except Exception as error:  # whatever the library raises on a folder it cannot read
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ArtifactError(f"a model of {kind} expected in {folder}: {reason}") from error
