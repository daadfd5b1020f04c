"""Events of many callers in one transaction: the disk is waited for once, not by each of them."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread

from bowerbird.data.facts import Done, Seen
from bowerbird.errors import StoreDown
from bowerbird.store.store import Outcome

Batch = Sequence[Seen | Done]


class GroupCommit:
    """A writer of its own; what was submitted is on disk once its future has a result."""

    def __init__(
        self,
        record: Callable[[Batch], list[Outcome]],
        within_s: float = 0.01,
        most: int = 1_000,
        room: int = 100_000,
    ) -> None:
        """A writer.

        Args:
            record: writes events, and says what became of each.
            within_s: how long the first of a group waits for others.
            most: events in a group, but for a batch that is larger.
            room: events that wait, at most.
        """
        self._record, self._within_s, self._most, self._room = record, within_s, most, room
        self._waiting: deque[tuple[Batch, Future[list[Outcome]]]] = deque()
        self._held, self._open = 0, True
        self._turn = Condition()
        self._thread = Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def submit(self, events: Batch) -> "Future[list[Outcome]]":
        """Write these; the future has what became of each, or the error.

        Raises:
            StoreDown: too many wait already, or it is closed.
        """
        future: Future[list[Outcome]] = Future()
        with self._turn:
            if not self._open:
                raise StoreDown("events are taken no more: the server is stopping")
            if self._held + len(events) > self._room:
                raise StoreDown(f"{self._held:,} events wait to be written: send them again later")
            self._waiting.append((events, future))
            self._held += len(events)
            self._turn.notify()
        return future

    def close(self) -> None:
        """Write what waits, and stop."""
        with self._turn:
            self._open = False
            self._turn.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._group():
            events = [event for batch, _ in group for event in batch]
            try:
                outcomes = self._record(events)
            except Exception as error:  # whoever submitted is told
                for _, future in group:
                    future.set_exception(error)
                continue
            start = 0
            for batch, future in group:
                future.set_result(outcomes[start : start + len(batch)])
                start += len(batch)

    def _group(self) -> list[tuple[Batch, "Future[list[Outcome]]"]]:
        """Those to write together; none: it is closed and all is written."""
        with self._turn:
            self._turn.wait_for(lambda: self._waiting or not self._open)
            if self._open and self._held < self._most:
                full = lambda: self._held >= self._most or not self._open  # noqa: E731  it is said once
                self._turn.wait_for(full, self._within_s)
            group: list[tuple[Batch, Future[list[Outcome]]]] = []
            count = 0
            while self._waiting and (not group or count + len(self._waiting[0][0]) <= self._most):
                batch, future = self._waiting.popleft()
                count += len(batch)
                if future.set_running_or_notify_cancel():
                    group.append((batch, future))
            self._held -= count
            return group if group or not self._waiting else self._group()
