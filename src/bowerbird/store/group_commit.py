"""Events of many callers written together: a commit costs a wait for the disk, whoever asks."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread

from bowerbird.data.facts import Done, Seen
from bowerbird.errors import DataError, StoreDown
from bowerbird.store.store import Outcome

Batch = Sequence[Seen | Done]
Waiting = tuple[Batch, Future[list[Outcome]]]


class GroupCommit:
    """One thread that writes what others hand in, and tells each what became of it.

    Nothing is told before it is on disk.
    """

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
            within_s: how long the first event of a group waits for others.
            most: events that are not waited for any longer.
            room: events that may wait; whoever comes then is turned away.
        """
        self._record, self._within_s, self._most, self._room = record, within_s, most, room
        self._waiting: deque[Waiting] = deque()
        self._events, self._closed = 0, False
        self._changed = Condition()
        self._writer = Thread(target=self._write, name="group-commit", daemon=True)
        self._writer.start()

    def submit(self, events: Batch) -> Future[list[Outcome]]:
        """What became of these events, once they are on disk; or what went wrong.

        Raises:
            StoreDown: too many are waiting, or this is closed.
        """
        future: Future[list[Outcome]] = Future()
        with self._changed:
            if self._closed:
                raise StoreDown("events are taken no more: the server is stopping")
            if self._events and self._events + len(events) > self._room:
                came = f"the store is busy: {self._events:,} events wait to be written"
                raise StoreDown(f"{came}: send these again later")
            self._waiting.append((events, future))
            self._events += len(events)
            self._changed.notify_all()
        return future

    def close(self) -> None:
        """What was handed in is written; nothing more is taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._writer.join()

    def _write(self) -> None:
        while group := self._taken():
            self._commit(group)

    def _taken(self) -> list[Waiting]:
        """What is written together; empty at the end of all."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._changed.wait_for(
                lambda: self._closed or self._events >= self._most, self._within_s
            )
            group: list[Waiting] = []
            count = 0
            while self._waiting and count < self._most:
                group.append(self._waiting.popleft())
                count += len(group[-1][0])
            self._events -= count
            return group

    def _commit(self, group: list[Waiting]) -> None:
        # whoever has given up meanwhile is left out
        group = [one for one in group if one[1].set_running_or_notify_cancel()]
        try:
            outcomes = self._record([event for events, _ in group for event in events])
        except DataError as error:
            if len(group) > 1:  # one of them sent it: the others must not suffer
                for one in group:
                    self._again(one)
            elif group:
                group[0][1].set_exception(error)
        except BaseException as error:  # whatever it is, it belongs to those who wait
            for _, future in group:
                future.set_exception(error)
        else:
            start = 0
            for events, future in group:
                future.set_result(outcomes[start : start + len(events)])
                start += len(events)

    def _again(self, one: Waiting) -> None:
        events, future = one
        try:
            future.set_result(self._record(events))
        except BaseException as error:
            future.set_exception(error)
