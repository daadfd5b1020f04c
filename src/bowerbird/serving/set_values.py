"""How a server behaves, in a table: each value, the option that sets it, and what it means."""

from dataclasses import fields
from typing import Any

from msgspec import Struct

from bowerbird.serving.breaker import FAILS, REST_S
from bowerbird.serving.call import BODY
from bowerbird.serving.guard import FRESH_S, WRONG, WRONG_EVERY_S
from bowerbird.serving.list_routes import MOST_MS
from bowerbird.serving.messages import BATCH, LISTS, MOST_K, TERMS
from bowerbird.serving.service import FULL, Settings
from bowerbird.serving.snapshot import BAKED


class Setting(Struct):
    """One of them."""

    name: str
    value: Any
    unit: str | None
    default: Any
    option: str | None  # of «bowerbird serve»; none: it cannot be set
    kind: str  # server, lists, limits
    words: str


def values(settings: Settings) -> list[Setting]:
    """All, those first that can be set."""
    usual = {one.name: one.default for one in fields(Settings)}
    return [*_set(settings, usual), *_fixed(settings)]


def _set(now: Settings, usual: dict[str, Any]) -> list[Setting]:
    return [
        Setting("deadline", now.deadline_ms, "ms", usual["deadline_ms"], "--deadline-ms", "lists",
                "until a list is answered, whatever it takes; then one from memory"),
        Setting("rate", now.rate, "a second", usual["rate"], "--rate", "server",
                "requests of a key, and ten times as many at once"),
        Setting("pages", list(now.origins), None, [], "--origin", "server",
                "pages of others that may ask from a browser"),
        Setting("this machine only", now.alone, None, True, "--host", "server",
                "then no key is needed until there is one"),
        Setting("timer", now.retrain, None, usual["retrain"], "--retrain", "server",
                "how often it is looked whether a retrain is due"),
    ]  # fmt: skip


def _fixed(now: Settings) -> list[Setting]:
    told: tuple[tuple[str, Any, str | None, str, str], ...] = (
        ("length of a list", MOST_K, "items", "lists", "k, at most"),
        ("deadline of a request", MOST_MS, "ms", "lists", "X-Deadline-Ms, at most"),
        ("lists at once", FULL, "lists", "lists", "being made; more are answered from memory"),
        ("from memory", BAKED, "items", "lists", "the most popular, kept for when time is over"),
        ("store left alone", REST_S, "s", "lists",
         f"after {FAILS} faults in a row; lists go on without it"),
        ("another run", now.refresh_s, "s", "server",
         "between two looks for another run, and for changes of items and scenarios"),
        ("popular", now.recount_s, "s", "server", "until what was done counts in what is popular"),
        ("keys", FRESH_S, "s", "server", "until other servers know that a key was revoked"),
        ("wrong keys", int(WRONG), "at once", "server",
         f"of an address, then one every {WRONG_EVERY_S:g} s"),
        ("request", BODY, "bytes", "limits", "its body, at most"),
        ("batch", BATCH, "rows", "limits", "events, exposures, items, people in one request"),
        ("batch of lists", LISTS, "lists", "limits", "in one request; each counts as one"),
        ("columns", TERMS, "columns", "limits", "of an item or a person"),
    )  # fmt: skip
    return [Setting(name, value, unit, value, None, kind, words)
            for name, value, unit, kind, words in told]  # fmt: skip
