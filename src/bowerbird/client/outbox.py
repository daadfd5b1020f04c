"""Events that are sent in the background, so that nobody waits for it."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Unpack

from bowerbird.client.calls import Call, encoded, stamped
from bowerbird.client.event_calls import collect
from bowerbird.client.messages import Event, Exposure
from bowerbird.client.replies import Row, Taken
from bowerbird.client.tries import Patience
from bowerbird.errors import BowerbirdError, Refused

Fact = tuple[str, dict[str, Any]]
"""A kind, and a row of it."""
KINDS = ("events", "exposures")
HOPELESS = (400, 413, 415, 422)
"""Statuses that say the batch cannot be taken, now or later."""
CLOSING_S = 10.0
"""Seconds that closing waits for the service, unless it is told otherwise."""
log = logging.getLogger("bowerbird.client")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all that was put into an outbox."""

    sent: int = 0  # taken by the service, or known to it already
    rejected: int = 0  # not taken by it, and not to be sent again; the log says why
    no_room: int = 0  # never taken into the outbox
    unsent: tuple[Mapping[str, Any], ...] = ()  # in their order, as they would be sent


class Outbox:
    """A buffer of events with a thread that sends them, a hundred at once or every second.

    A batch that fails stays and is sent again, after pauses that grow; each event has its id and
    its time from the beginning, so it counts once.
    """

    def __init__(
        self,
        send: Callable[[Call[Taken]], Taken],
        patience: Patience,
        clock: Callable[[], float],
        most: int = 100,
        every_s: float = 1.0,
        room: int = 10_000,
    ) -> None:
        """An outbox; `Client.outbox` makes one.

        Args:
            send: tries a call once.
            patience: for the pauses between tries; there are as many as are needed.
            clock: seconds since 1970 UTC.
            most: events in a request, and as many are sent without waiting for more.
            every_s: so long an event waits at most for others.
            room: events that are kept; more are not taken.
        """
        self._send, self._patience, self._clock = send, patience, clock
        self._most, self._every_s, self._room = most, every_s, room
        self._rows: deque[Fact] = deque()
        self._changed, self._closing = Condition(), False
        self._sent = self._rejected = self._no_room = 0
        self._thread = Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def done(self, **event: Unpack[Event]) -> bool:
        """Somebody did something; False: there is no room, and it is not kept.

        Raises:
            DataError: JSON cannot hold it.
        """
        return self._put("events", event)

    def seen(self, **exposure: Unpack[Exposure]) -> bool:
        """Somebody saw an item of a list; False: there is no room, and it is not kept.

        Raises:
            DataError: JSON cannot hold it.
        """
        return self._put("exposures", exposure)

    def close(self, timeout_s: float = CLOSING_S) -> Outcome:
        """Send what waits, once more where it has failed, and say what became of all."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        with self._changed:
            unsent = tuple(row for _, row in self._rows)
            return Outcome(self._sent, self._rejected, self._no_room, unsent)

    def __enter__(self) -> "Outbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        outcome = self.close()
        lost = len(outcome.unsent) + outcome.no_room
        if lost:
            log.warning("%d events were not sent: the service was away", lost)

    def _put(self, kind: str, told: Mapping[str, Any]) -> bool:
        row = stamped(told, int(self._clock() * 1000))
        encoded(row)  # what cannot be sent is told to whoever says it, not to a thread
        with self._changed:
            if self._closing or len(self._rows) >= self._room:
                self._no_room += 1
                return False
            self._rows.append((kind, row))
            if len(self._rows) >= self._most:
                self._changed.notify()
            return True

    def _work(self) -> None:
        wait: float | None = None
        failed = 0
        while True:
            closing, batch = self._batch(wait)
            fault = self._fault(batch) if batch else None
            if fault is None:
                wait, failed = None, 0
            else:
                failed += 1
                asked = fault.retry_after_s if isinstance(fault, Refused) else None
                wait = self._patience.backoff(failed, asked)
                log.info("%d events wait, after %d tries: %s", len(self._rows), failed, fault)
            if closing and (fault is not None or not batch):
                return

    def _batch(self, wait: float | None) -> tuple[bool, list[Fact]]:
        """What is to be sent next, when it is time for it.

        Args:
            wait: seconds after a failure; None: there was none, so others are waited for.
        """
        with self._changed:
            if wait is not None:
                self._changed.wait_for(lambda: self._closing, wait)
            else:
                self._changed.wait_for(self._full, self._every_s)
            return self._closing, list(islice(self._rows, self._most))

    def _full(self) -> bool:
        return self._closing or len(self._rows) >= self._most

    def _fault(self, batch: list[Fact]) -> BowerbirdError | None:
        """Send it; why it stays."""
        events, exposures = ([row for kind, row in batch if kind == name] for name in KINDS)
        try:
            taken = self._send(collect(events, exposures))
        except Refused as error:
            if error.status not in HOPELESS:
                return error
            taken = Taken(rejected=len(batch), rows=(Row(0, "rejected", str(error)),))
        except BowerbirdError as error:
            return error
        with self._changed:
            for _ in batch:
                self._rows.popleft()
            self._rejected += taken.rejected
            self._sent += len(batch) - taken.rejected
        reasons = [row.reason for row in taken.rows if row.outcome == "rejected"]
        if taken.rejected:
            log.warning("%d events were rejected, the first: %s", taken.rejected, reasons[0])
        return None
