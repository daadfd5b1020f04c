"""What does not answer is left alone for a while, then asked once, then trusted again."""

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Literal

FAILS, RECENT, SHARE = 5, 20, 0.5
"""Faults in a row, or a share of so many recent calls, that open it."""
REST_S = 5.0
"""Seconds until one call may try again."""

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Closed: all calls pass. Open: none does. Half-open: one tries.

    >>> now = [0.0]
    >>> breaker = Breaker(lambda: now[0])
    >>> for _ in range(5): breaker.failed()
    >>> breaker.passes(), breaker.state
    (False, 'open')
    >>> now[0] = 5.0
    >>> breaker.passes(), breaker.passes()
    (True, False)
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, Lock()
        self._recent: deque[bool] = deque(maxlen=RECENT)
        self._row = 0
        self._opened: float | None = None
        self._tried: float | None = None

    @property
    def state(self) -> State:
        """As of now."""
        if self._opened is None:
            return "closed"
        return "open" if self._clock() - self._opened < REST_S else "half-open"

    def passes(self) -> bool:
        """May a call be made? Whoever makes it says how it went."""
        with self._lock:
            if self._opened is None:
                return True
            now = self._clock()
            if now - self._opened < REST_S:
                return False
            if self._tried is not None and now - self._tried < REST_S:
                return False  # somebody is trying already, and may yet say how it went
            self._tried = now
            return True

    def went_well(self) -> None:
        """The call was answered."""
        with self._lock:
            self._row = 0
            self._recent.append(True)
            if self._opened is not None:
                self._opened, self._tried = None, None
                self._recent.clear()

    def failed(self) -> None:
        """The call was not answered, or too late."""
        with self._lock:
            self._row += 1
            self._recent.append(False)
            bad = self._recent.count(False)
            many = len(self._recent) == RECENT and bad >= SHARE * RECENT
            if self._opened is not None or self._row >= FAILS or many:
                self._opened, self._tried = self._clock(), None
