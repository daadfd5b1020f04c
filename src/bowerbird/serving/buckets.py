"""Buckets of tokens by name: how often something may be done, and how much of it at once."""

from collections import OrderedDict
from threading import Lock

KEPT = 10_000
"""Names in memory, at most; whoever was not seen for longest begins anew."""


class Buckets:
    """One for each name, full at first."""

    def __init__(self, rate: float, most: float) -> None:
        """All alike.

        Args:
            rate: tokens a second that come in.
            most: that one holds.
        """
        self.rate, self.most = rate, most
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, name: str, cost: float, now: float) -> float:
        """Take so many out; how many are missing for that, and then none is taken.

        A cost above `most` passes when the bucket is full, and leaves a debt.
        """
        with self._lock:
            tokens, last = self._held.get(name, (self.most, now))
            tokens = min(self.most, tokens + max(now - last, 0.0) * self.rate)
            short = min(cost, self.most) - tokens
            self._held[name] = (tokens if short > 0 else tokens - cost, now)
            self._held.move_to_end(name)
            if len(self._held) > KEPT:
                self._held.popitem(last=False)
        return max(short, 0.0)

    def missing(self, name: str, now: float) -> float:
        """How many tokens are missing for one, if any; nothing is taken."""
        tokens, last = self._held.get(name, (self.most, now))
        return max(1.0 - tokens - max(now - last, 0.0) * self.rate, 0.0)
