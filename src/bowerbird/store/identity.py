"""Who somebody is at rest: a key made of the shop's id and a secret, never the id itself.

Users (ids of the shop) and visitors (ids that a browser made up) never meet under one key, so a
browser, which may name visitors only, cannot ask for a user.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from bowerbird.errors import ArtifactError

FILE = "identity.key"
SIZE = 32
"""Bytes of the secret."""


class Identity:
    """Turns ids into keys.

    >>> Identity(bytes(32)).user("42") == Identity(bytes(32)).visitor("42")
    False
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def kept(cls, folder: Path) -> "Identity":
        """With the secret of this folder, which is drawn the first time.

        Raises:
            ArtifactError: the file cannot be read or written, or is damaged.
        """
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _drawn(path)
            secret = bytes.fromhex(path.read_text("ascii").strip())
        except (OSError, ValueError) as error:
            expected = f"a secret of {SIZE} bytes in hex expected"
            raise ArtifactError(f"{path}: {expected}: {error}") from error
        if len(secret) != SIZE:
            remedy = "without the right one nobody is known again: restore it from a backup"
            raise ArtifactError(f"{path}: {SIZE} bytes expected, {len(secret)} came; {remedy}")
        return cls(secret)

    def user(self, id: str) -> str:
        """The key of somebody whom the shop knows: 32 hex digits."""
        return self._key("user", id)

    def visitor(self, id: str) -> str:
        """The key of a browser."""
        return self._key("visitor", id)

    def _key(self, kind: str, id: str) -> str:
        told = f"{kind}\x1f{id}".encode()
        return hmac.new(self._secret, told, hashlib.sha256).hexdigest()[:32]


def _drawn(path: Path) -> None:
    """A new secret, unless there is one; of several processes that start at once, one draws."""
    if path.exists():
        return
    partial = path.with_name(f".{FILE}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(SIZE) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
