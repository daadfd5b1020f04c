"""Texts → vectors over HTTP: any server that answers `POST …/embeddings` as OpenAI's does.

Apart because it is the only encoder that talks to somebody else: what can go wrong on the way is
settled here. The standard library's HTTP is enough for one kind of request.
"""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.errors import ArtifactError, ConfigError

KEY = "BOWERBIRD_EMBEDDINGS_KEY"
"""Environment: the key that is sent to the server. Read when asked, never kept."""
OPENAI_KEY = "OPENAI_API_KEY"
"""The same for api.openai.com, and for nobody else."""
BATCH_CHARACTERS = 200_000
"""In one request; OpenAI takes 300,000 tokens."""
LONGEST = 20_000
"""Characters of a text that are sent: models of 8,192 tokens refuse more."""
LONGEST_WAIT_S = 120.0
"""A server that asks for more patience than this is given up."""
AGAIN = (408, 409, 425, 429, 500, 502, 503, 504, 529)
"""Statuses after which it is tried again."""
TOO_MUCH = (413, 422)
"""Statuses after which half as many texts are sent."""
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class EndpointEncoder:
    """A model of a server. Its name is all that is known of it: give a new model a new name.

    Asked in batches; after 429, 5xx and broken connections again, waiting as long as the server
    says (Retry-After), else 0.5, 1, 2, … seconds. Redirects are not followed.
    """

    address: str  # BASE_URL#MODEL
    timeout_s: float = 60.0
    tries: int = 5
    batch: int = 128
    pause: Callable[[float], None] = time.sleep

    @property
    def name(self) -> str:
        """Address and model."""
        return f"openai {self.address}"

    @staticmethod
    def check(address: str) -> None:
        """Refuse an address that is no BASE_URL#MODEL, or one that holds a password.

        Raises:
            ConfigError: with an example.
        """
        base, _, model = address.partition("#")
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname or not model.strip():
            shown = address if "@" not in address else "an address with a password"
            raise ConfigError(
                "openai:BASE_URL#MODEL expected, as openai:http://127.0.0.1:8000/v1#minilm,"
                f" {shown} came"
            )
        if parts.username is not None or parts.query:
            raise ConfigError(
                f"an address without user, password or query expected for {parts.hostname}:"
                f" it is kept in runs; give the key in {KEY}"
            )

    def encode(self, contents: Sequence[str | Path]) -> Float32[ndarray, "n d"]:
        """One vector a text, as the server gives it.

        Raises:
            ConfigError: the server refuses the request (address, model, key).
            ArtifactError: it cannot be reached, or answers something else, after all tries.
        """
        texts = [str(content)[:LONGEST] for content in contents]
        parts: list[ndarray] = []
        start, size = 0, self.batch
        while start < len(texts):
            some = _fitting(texts[start : start + size])
            try:
                parts.append(self._asked(some))
                start += len(some)
            except _TooMuch as error:
                if len(some) == 1:
                    raise ConfigError(f"{self.name} refuses a text: {error}") from error
                size = len(some) // 2
        try:
            return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)
        except ValueError as error:
            lengths = sorted({part.shape[1] for part in parts})
            raise ArtifactError(
                f"vectors of one length expected from {self.name}, {lengths} came"
            ) from error

    def _asked(self, texts: list[str]) -> Float32[ndarray, "n d"]:
        """One batch, tried until it works or there is no hope."""
        trouble = ""
        for attempt in range(self.tries):
            wait = 0.5 * 2**attempt
            try:
                answer = self._answer(texts)
                break
            except urllib.error.HTTPError as error:
                with error:
                    trouble = self._told(error)
                    wait = self._wait(error, wait)
            except (OSError, http.client.HTTPException, _Broken) as error:
                reason = getattr(error, "reason", error)
                trouble = str(reason) or type(reason).__name__
            if attempt + 1 < self.tries:
                self.pause(wait)
        else:
            raise ArtifactError(
                f"an answer expected from {self.name}, none in {self.tries} tries ({trouble}):"
                " is the server running? What was encoded so far is kept"
            )
        return vectors_in(answer, len(texts), self.name)

    def _answer(self, texts: list[str]) -> Any:  # noqa: ANN401  what a server says is not known
        base, _, model = self.address.partition("#")
        body = {"model": model, "input": texts, "encoding_format": "float"}
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"bowerbird/{version('bowerbird')}",
        }
        if key := self._key():
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(
            base.rstrip("/") + "/embeddings", json.dumps(body).encode(), headers, method="POST"
        )
        with _OPENER.open(request, timeout=self.timeout_s) as response:
            answer = response.read()
        try:
            return json.loads(answer)
        except ValueError as error:
            raise _Broken(f"JSON expected, {len(answer)} bytes of something else came") from error

    def _key(self) -> str:
        """The key for this server; over plain HTTP only for this machine.

        Raises:
            ConfigError: the key would be sent in the open.
        """
        parts = urlsplit(self.address)
        key = os.environ.get(KEY, "")
        if not key and parts.hostname == "api.openai.com":
            key = os.environ.get(OPENAI_KEY, "")
        if key and parts.scheme != "https" and parts.hostname not in LOCAL:
            raise ConfigError(
                f"https expected for {parts.hostname}, since {KEY} is set and would be sent"
                " in the open: use https, or unset it"
            )
        return key.strip()

    def _told(self, error: urllib.error.HTTPError) -> str:
        """What the server says; its refusals are raised here, trouble that may pass is returned."""
        try:
            said = " ".join(error.read(2000).decode("utf-8", "replace").split())
        except (OSError, http.client.HTTPException):
            said = ""
        if key := self._key():
            said = said.replace(key, "…")
        told = f"status {error.code}: {said[:200] or error.reason}"
        if error.code in TOO_MUCH:
            raise _TooMuch(told)
        if error.code in AGAIN:
            return told
        if error.code in (401, 403):
            raise ConfigError(f"a key for {self.name} expected in {KEY}; {told}")
        if 300 <= error.code < 400:
            where = error.headers.get("Location", "elsewhere")
            raise ConfigError(f"{self.name} expected to answer itself; it sends on to {where}")
        raise ConfigError(f"{self.name} refuses: {told}; check the address and the model's name")

    def _wait(self, error: urllib.error.HTTPError, otherwise: float) -> float:
        """Seconds until the next try: what the server asks for, if it says it in seconds."""
        asked = error.headers.get("Retry-After", "")
        if not asked.isdecimal():  # none, or a date
            return otherwise
        if int(asked) > LONGEST_WAIT_S:
            raise ArtifactError(
                f"{self.name} asks to wait {asked} seconds: try again then; what was encoded"
                " so far is kept"
            )
        return float(asked)


def vectors_in(told: Any, count: int, name: str) -> Float32[ndarray, "n d"]:  # noqa: ANN401  as said
    """The vectors of an answer, in the order in which the texts were asked.

    Raises:
        ArtifactError: it does not hold `count` vectors of one length.
    """
    try:
        rows = sorted(told["data"], key=lambda row: row["index"])
        if [row["index"] for row in rows] != list(range(count)):
            raise ValueError(f"indices {[row['index'] for row in rows]}"[:60])
        vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        if vectors.ndim != 2:
            raise ValueError(f"shape {vectors.shape}")
    except (TypeError, KeyError, ValueError) as error:
        raise ArtifactError(
            f"{count} vectors of one length, each with its index, expected in data[] from"
            f" {name}; {type(error).__name__}: {error}: is it an embeddings endpoint?"
        ) from error
    return vectors


def _fitting(texts: list[str]) -> list[str]:
    """The first of these texts that make one request, at least one."""
    total, fitting = 0, 0
    for text in texts:
        total += len(text)
        if fitting and total > BATCH_CHARACTERS:
            break
        fitting += 1
    return texts[:fitting]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key must not be carried to another address."""

    def redirect_request(self, *_: object) -> None:
        return None


class _Broken(Exception):
    """An answer that was cut off on its way."""


class _TooMuch(Exception):
    """The server wants fewer texts at a time."""


_OPENER = urllib.request.build_opener(_NoRedirect)
