"""The books of a service's settings: who made or revoked a key, who changed when a retrain is due.

Kept in the store, the newest so many. What opens, and addresses that alerts go to, are not in it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bowerbird.store.store import Papers

PAPER, MOST = "settings", 500
"""The document in the store, and entries that are kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that somebody did."""

    number: int
    at: int  # ms since 1970 UTC
    who: str  # id of a key
    what: str  # key made, key revoked, triggers, alerts, alert tried
    about: str | None = None  # id of a key
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def entries(papers: Papers) -> list[Entry]:
    """All that are kept, the newest first."""
    return [Entry(**one) for one in reversed(papers.get(PAPER) or [])]


def note(papers: Papers, at: int, who: str, what: str, **more: Any) -> None:  # noqa: ANN401  JSON
    """One more.

    Args:
        papers: of the store.
        at: milliseconds since 1970 UTC.
        who: the id of a key.
        what: they did.
        **more: what it was about, and how that was before and after.
    """

    def with_it(document: Any) -> Any:  # noqa: ANN401  as above
        known = document or []
        number = known[-1]["number"] + 1 if known else 1
        return [*known, asdict(Entry(number, at, who, what, **more))][-MOST:]

    papers.change(PAPER, with_it)
