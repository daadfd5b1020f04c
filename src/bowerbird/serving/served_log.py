"""Lists that went out, on their way to the store: nobody waits for it.

What is here when the process dies at once is lost, some hundredths of a second of lists; while the
store is down they wait here, the oldest are dropped when there are too many, and are counted.
"""

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

from bowerbird.data.facts import Served
from bowerbird.errors import BowerbirdError, StoreDown

ROOM, MOST = 50_000, 500
"""Lists that wait, at most, and that are written at once."""
WITHIN_S, REST_S = 0.05, 1.0
"""Seconds between two writings, and until the store is asked again."""


class ServedLog:
    """A queue with a writer of its own."""

    def __init__(self, write: Callable[[list[Served]], None]) -> None:
        self._write = write
        self._waiting: deque[Served] = deque()
        self._turn = Condition()
        self._open = True
        self.dropped = 0
        self._thread = Thread(target=self._run, name="served", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, list: Served) -> None:
        """Write it soon."""
        with self._turn:
            if len(self._waiting) >= ROOM:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(list)

    def close(self, within_s: float = 5.0) -> None:
        """Write what waits, as far as the store takes it."""
        with self._turn:
            self._open = False
            self._turn.notify()
        self._thread.join(within_s)

    def _run(self) -> None:
        while self._open or self._waiting:
            with self._turn:
                if self._open:
                    self._turn.wait(WITHIN_S)
                batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            if batch and not self._written(batch):
                with self._turn:
                    self._waiting.extendleft(reversed(batch))
                    if not self._open:
                        return
                    self._turn.wait(REST_S)

    def _written(self, batch: list[Served]) -> bool:
        try:
            self._write(batch)
        except StoreDown:
            return False
        except BowerbirdError:  # not for the store's being away: it will not be taken later either
            self.dropped += len(batch)
        return True
