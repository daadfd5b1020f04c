"""What takes a while to make: kept, made anew now and then, and nobody waits long for it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")
log = logging.getLogger("bowerbird.serving")
PATIENCE_S = 2.0
"""How long the first who asks waits for it."""
RARELY = 30
"""It is made anew after so many times of what it takes."""


class MadeAside(Generic[T]):
    """The newest that was made; while another is made, the one before."""

    def __init__(self, least_s: float) -> None:
        """Nothing is there yet.

        Args:
            least_s: it is good for so long, and longer where making it takes long.
        """
        self._least_s = least_s
        self._value: T | None = None
        self._key: object = None
        self._until = -float("inf")
        self._making: asyncio.Task[None] | None = None

    async def got(self, key: object, make: Callable[[], Awaitable[T]]) -> T | None:
        """What was made for this key; None: it is still in the making, or could not be made.

        Whoever comes late, or for another key than the last, has it made for those who ask next.
        """
        there = self._key == key
        if self._making is None and not (there and time.monotonic() < self._until):
            self._making = asyncio.create_task(self._made(key, make))
        if self._making is not None and not there:
            await asyncio.wait([self._making], timeout=PATIENCE_S)
        return self._value if self._key == key else None

    async def _made(self, key: object, make: Callable[[], Awaitable[T]]) -> None:
        began = time.monotonic()
        try:
            self._value, self._key = await make(), key
        except Exception as error:  # whatever it is, who asks is told that it is not there
            log.warning("%s", error)
        finally:
            took = time.monotonic() - began
            self._until = time.monotonic() + max(self._least_s, RARELY * took)
            self._making = None
