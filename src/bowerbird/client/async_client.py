"""The client that is awaited: the same calls, the same tries."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeVar

from bowerbird.client.calls import Call, answer_of
from bowerbird.client.groups import Events, Items, Lists, Operations, SendLater, Users
from bowerbird.client.tries import USUAL, Patience, lost, pause, refusal
from bowerbird.client.wire import address, httpx2, request_of, settings

T = TypeVar("T")


class AsyncClient:
    """A service, asked over HTTP from asyncio; its calls are those of `Client`, awaited."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        timeout_s: float = 10.0,
        patience: Patience = USUAL,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,  # noqa: TID251  the edge reads the clock
    ) -> None:
        """A client of the service at this address; the arguments are those of `Client`.

        Raises:
            ConfigError: the address is none, or the key.
        """
        self.url, self._patience, self._sleep, self._clock = address(url), patience, sleep, clock
        self._http = httpx2.AsyncClient(**settings(key, timeout_s), transport=transport)
        self.lists: Lists[SendLater] = Lists(self.send)
        self.events: Events[SendLater] = Events(self.send)
        self.items: Items[SendLater] = Items(self.send)
        self.users: Users[SendLater] = Users(self.send)
        self.service: Operations[SendLater] = Operations(self.send)

    async def send(self, call: Call[T]) -> T:
        """The answer to a call.

        Raises:
            DataError: the call cannot be written, or the answer not be read.
            Refused: the service says no.
            Unreachable: it does not answer.
        """
        request, failed = request_of(self._http, self.url, call, self._clock()), 0
        while True:
            try:
                reply = await self._http.send(request)
            except httpx2.RequestError as error:
                failure = lost(call, error, self.url)
            else:
                found = refusal(call, reply, self._clock())
                if found is None:
                    return answer_of(call, reply.content)
                failure = found
            failed += 1
            await self._sleep(pause(self._patience, failed, failure))

    async def close(self) -> None:
        """Give back the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
