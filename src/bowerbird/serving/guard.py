"""Who may do what, and how often: keys, their scopes, a bucket of tokens for each."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bowerbird.errors import ConfigError, StoreDown
from bowerbird.serving.buckets import Buckets
from bowerbird.serving.problems import Problem
from bowerbird.serving.roles import ANY, PUBLIC, SCOPES
from bowerbird.store.store import Key, Keys

FRESH_S = 5.0
"""A key is looked up anew after so long: a revoked one opens nothing after that."""
KEPT = 10_000
"""Keys in memory, at most."""
MINUTE = 60_000
WRONG, WRONG_EVERY_S = 20.0, 3.0
"""Wrong keys that an address may try at once, and seconds until it may try another one."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who makes a request."""

    id: str
    kind: Literal["public", "secret"]
    scopes: tuple[str, ...]
    name: str = ""
    expires: int | None = None  # ms since 1970 UTC

    def may(self, scope: str) -> bool:
        """An admin may do everything."""
        return scope == ANY or scope in self.scopes or "admin" in self.scopes


OPEN = Who("open", "secret", SCOPES)
"""Whoever asks a server on this machine that has no keys yet."""


class Guard:
    """Opens or does not."""

    def __init__(self, keys: Keys, clock: Callable[[], float], alone: bool, rate: float) -> None:
        """A guard.

        Args:
            keys: those there are.
            clock: seconds since 1970 UTC.
            alone: is the server reached from this machine only? Then no key is needed until there
                is one.
            rate: requests a second of a key, and ten times so many at once.
        """
        self._keys, self._clock, self._alone = keys, clock, alone
        self._known: OrderedDict[str, tuple[float, Key | None]] = OrderedDict()
        self._any: tuple[float, bool] = (-FRESH_S, False)
        self._spent = Buckets(rate, 10 * rate)
        self._wrong = Buckets(1 / WRONG_EVERY_S, WRONG)

    def who(self, told: str | None, address: str = "") -> Who:
        """The holder of this key.

        Args:
            told: the key; None: none came.
            address: whoever asks is there. One that tries many wrong keys has to wait with others.

        Raises:
            Problem: there is none, or it is no longer open.
        """
        now = self._clock()
        if told is None:
            if self._alone and not self._some(now):
                return OPEN
            raise Problem(
                401,
                "a key expected, none came: send «Authorization: Bearer sk_…»; «bowerbird keys"
                " create» makes one",
                headers={"WWW-Authenticate": "Bearer"},
            )
        key = self._found(digest_of(told), now, address)
        if key is None or not _open(key, now):
            raise Problem(
                401,
                "a key that is known, not expired and not revoked expected, another came",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return Who(key.id, key.kind, key.scopes, key.name, key.expires)

    def spend(self, who: Who, cost: float = 1.0) -> None:
        """Take tokens out of the key's bucket.

        Raises:
            Problem: there are not so many.
        """
        short = self._spent.take(who.id, cost, self._clock())
        if short:
            rate = self._spent.rate
            wait = str(int(short / rate) + 1)
            told = f"at most {rate:g} a second expected of this key: wait {wait} s"
            raise Problem(429, told, headers={"Retry-After": wait})

    def forget(self) -> None:
        """Look all keys up anew."""
        self._known.clear()
        self._any = (-FRESH_S, False)

    def _found(self, digest: str, now: float, address: str) -> Key | None:
        seen, key = self._known.get(digest, (-FRESH_S, None))
        if now - seen < FRESH_S:
            return key
        if key is None:
            self._not_too_often(address, now)
        try:
            found = self._keys.find(digest)
        except StoreDown:
            if key is None:
                raise Problem(503, "keys cannot be looked up now", headers=_soon()) from None
            return key  # a known one goes on while the store is away
        if found is not None and (found.used is None or now * 1e3 - found.used > MINUTE):
            self._keys.touch(found.id, round(now * 1e3))
        if found is None:
            self._wrong.take(address, 1.0, now)
        self._known[digest] = (now, found)
        self._known.move_to_end(digest)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found

    def _not_too_often(self, address: str, now: float) -> None:
        """A key that nobody knows yet is looked up, unless others from there were wrong.

        Keys that are known go on, so nobody can shut out those who share an address with them.
        """
        short = self._wrong.missing(address, now)
        if short:
            wait = str(int(short * WRONG_EVERY_S) + 1)
            told = f"a key that is known expected; too many from here were not: wait {wait} s"
            raise Problem(429, told, headers={"Retry-After": wait})

    def _some(self, now: float) -> bool:
        """Is there any key?"""
        seen, some = self._any
        if some or now - seen < FRESH_S:
            return some
        try:
            some = bool(self._keys.all())
        except StoreDown:
            some = seen > -FRESH_S and some
        self._any = (now, some)
        return some


def new_key(
    kind: Literal["public", "secret"],
    scopes: Sequence[str],
    name: str,
    now_ms: int,
    expires: int | None = None,
) -> tuple[str, Key]:
    """A key to be shown once, and what is kept of it.

    Raises:
        ConfigError: a scope is unknown, or not for a public key.
    """
    valid = PUBLIC if kind == "public" else SCOPES
    wrong = [scope for scope in scopes if scope not in valid]
    if wrong or not scopes:
        came = wrong[0] if wrong else "none"
        raise ConfigError(f"scopes of a {kind} key among {', '.join(valid)} expected, {came} came")
    told = f"{'pk' if kind == 'public' else 'sk'}_{secrets.token_hex(32)}"
    return told, Key(told[:11], digest_of(told), kind, tuple(scopes), name, now_ms, expires)


def digest_of(key: str) -> str:
    """What is kept of a key. Its 256 random bits need no slow hash.

    >>> digest_of("sk_1")[:8]
    '92493e6f'
    """
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _open(key: Key, now: float) -> bool:
    ends = (key.expires, key.revoked)
    return all(end is None or now * 1000 < end for end in ends)


def _soon() -> dict[str, str]:
    return {"Retry-After": "1"}
