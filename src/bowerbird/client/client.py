"""The client that waits: sends a call, and again where that helps."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from bowerbird.client.calls import Call, answer_of
from bowerbird.client.groups import Events, Items, Lists, Operations, Send, Users
from bowerbird.client.outbox import Outbox
from bowerbird.client.tries import USUAL, Patience, lost, pause, refusal
from bowerbird.client.wire import address, httpx2, request_of, settings

T = TypeVar("T")


class Client:
    """A service, asked over HTTP. Any thread may use it; close it at the end.

    >>> with Client("http://127.0.0.1:8000/v1", "sk_0123") as client:
    ...     client.url
    'http://127.0.0.1:8000'
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        timeout_s: float = 10.0,
        patience: Patience = USUAL,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,  # noqa: TID251  the edge reads the clock
    ) -> None:
        """A client of the service at this address.

        Args:
            url: as `https://recs.shop.example`.
            key: as `sk_…`; None where the service needs none.
            timeout_s: seconds until a connection is there, and between two parts of an answer.
            patience: how often is tried what may help when it is tried again.
            transport: how requests travel; None: over the network.
            sleep: waits so many seconds.
            clock: seconds since 1970 UTC.

        Raises:
            ConfigError: the address is none, or the key.
        """
        self.url, self._patience, self._sleep, self._clock = address(url), patience, sleep, clock
        self._http = httpx2.Client(**settings(key, timeout_s), transport=transport)
        self.lists: Lists[Send] = Lists(self.send)
        self.events: Events[Send] = Events(self.send)
        self.items: Items[Send] = Items(self.send)
        self.users: Users[Send] = Users(self.send)
        self.service: Operations[Send] = Operations(self.send)

    def send(self, call: Call[T]) -> T:
        """The answer to a call.

        Raises:
            DataError: the call cannot be written, or the answer not be read.
            Refused: the service says no.
            Unreachable: it does not answer.
        """
        return self._tried(call, self._patience)

    def outbox(self, most: int = 100, every_s: float = 1.0, room: int = 10_000) -> Outbox:
        """A buffer that sends events in the background; close it before the client.

        Args:
            most: events in a request, and as many are sent without waiting for more; up to 1,000.
            every_s: so long an event waits at most for others.
            room: events that are kept while the service is away; more are not taken.
        """
        once = lambda call: self._tried(call, Patience(tries=1))  # noqa: E731  short
        return Outbox(once, self._patience, self._clock, most, every_s, room)

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _tried(self, call: Call[T], patience: Patience) -> T:
        request, failed = request_of(self._http, self.url, call, self._clock()), 0
        while True:
            try:
                reply = self._http.send(request)
            except httpx2.RequestError as error:
                failure = lost(call, error, self.url)
            else:
                found = refusal(call, reply, self._clock())
                if found is None:
                    return answer_of(call, reply.content)
                failure = found
            failed += 1
            self._sleep(pause(patience, failed, failure))
