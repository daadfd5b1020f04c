"""Names of lists: UUIDs that sort by time, so that a log of them is written at its end."""

import secrets
from uuid import UUID


def rec_id(now_ms: int, noise: int | None = None) -> str:
    """A UUID of version 7 (RFC 9562, section 5.7).

    Args:
        now_ms: milliseconds since 1970 UTC.
        noise: 74 bits; None: drawn anew.

    >>> rec_id(0x017F22E279B0, 0xCC3 << 62 | 0x18C4DC0C0C07398F)
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'
    """
    drawn = secrets.randbits(74) if noise is None else noise
    high, low = drawn >> 62, drawn & ((1 << 62) - 1)
    return str(UUID(int=now_ms << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


def seed_of(id: str) -> int:
    """What is drawn for a list follows from its name, so that it can be drawn again.

    >>> seed_of('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
    1784793296645077391
    """
    return UUID(id).int & ((1 << 62) - 1)
