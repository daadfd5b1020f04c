"""What came of a try, whether the call is tried again, and after how long."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from bowerbird.client.calls import Call
from bowerbird.client.wire import httpx2
from bowerbird.errors import BowerbirdError, Refused, Unreachable

LATER = (429, 503)
"""Statuses of what was not done: it may be asked again, whatever it is."""
LOST = (502, 504)
"""What a proxy says when it has lost the server: nobody knows what was done."""
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
CUT = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, and how long it is waited between two tries.

    >>> patience = Patience(draw=lambda: 1.0)
    >>> [patience.wait(failed, asked=None) for failed in (1, 2, 3, 4)]
    [0.1, 0.2, 0.4, None]
    """

    tries: int = 4
    first_s: float = 0.1  # at most so long after the first try, twice as long after the second, …
    most_s: float = 10.0  # … but never longer
    longest_s: float = 60.0  # a service that asks for more is not waited for
    draw: Callable[[], float] = random.random  # from [0, 1)

    def wait(self, failed: int, asked: float | None) -> float | None:
        """Seconds until the next try, after so many have failed; None: there is none.

        Args:
            failed: tries, from 1.
            asked: seconds that the service wants to be left alone.
        """
        if failed >= self.tries or (asked is not None and asked > self.longest_s):
            return None
        return self.backoff(failed, asked)

    def backoff(self, failed: int, asked: float | None) -> float:
        """The same for somebody who never gives up.

        Drawn from all of [0, the bound], so that clients that failed together do not come back
        together; on top of what the service asks for. Source: M. Brooker, «Exponential backoff and
        jitter», 2015: «full jitter».
        """
        bound = min(self.most_s, self.first_s * 2.0 ** min(failed - 1, 60))
        return (asked or 0.0) + self.draw() * bound


USUAL = Patience()


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that came to nothing."""

    error: BowerbirdError
    again: bool  # may it be tried again?


def refusal(call: Call[Any], reply: httpx2.Response, now: float) -> Failure | None:
    """What a reply says against the call; None: nothing.

    Args:
        call: what was asked.
        reply: whole.
        now: seconds since 1970 UTC.
    """
    status = reply.status_code
    if 200 <= status < 300:
        return None
    again = status in LATER or (status in LOST and call.repeatable)
    return Failure(_problem(reply, now), again)


def lost(call: Call[Any], error: httpx2.RequestError, url: str) -> Failure:
    """What it means that no reply came."""
    again = isinstance(error, NOT_SENT) or (call.repeatable and isinstance(error, CUT))
    came = f"{type(error).__name__}: {error}".removesuffix(": ")
    return Failure(Unreachable(f"a service expected at {url}, {came}: does it run?"), again)


def pause(patience: Patience, failed: int, failure: Failure) -> float:
    """Seconds until the next try.

    Raises:
        BowerbirdError: that of the failure, if there is none.
    """
    error = failure.error
    asked = error.retry_after_s if isinstance(error, Refused) else None
    wait = patience.wait(failed, asked) if failure.again else None
    if wait is None:
        raise error
    return wait


def _problem(reply: httpx2.Response, now: float) -> Refused:
    """As RFC 9457 tells it, else as HTTP does."""
    try:
        told = json.loads(reply.content)
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    detail = str(told.get("detail") or reply.reason_phrase or "no reason came")
    name = told.get("request_id") or reply.headers.get("x-request-id")
    asked = _asked(reply.headers.get("retry-after"), now)
    return Refused(reply.status_code, detail, told.get("field"), name, asked)


def _asked(told: str | None, now: float) -> float | None:
    """Seconds of a Retry-After, which is seconds or a date.

    >>> _asked("2", 0.0), _asked("Thu, 01 Jan 1970 00:00:09 GMT", 4.0), _asked("soon", 0.0)
    (2.0, 5.0, None)
    """
    if told is None:
        return None
    if told.strip().isdecimal():
        return float(told)
    try:
        return max(parsedate_to_datetime(told).timestamp() - now, 0.0)
    except ValueError:
        return None
