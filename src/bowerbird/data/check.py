"""Is this data fit to learn from? Findings in plain words: how many, which, and what to do."""

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy import ndarray

from bowerbird.data.dataset import Dataset
from bowerbird.data.quarantine import Quarantine

Level = Literal["error", "warning", "note"]

BOT_EVENTS_PER_HOUR = 1_000
"""At different seconds of one hour: one every 3.6 s, all hour long. People do not browse so;
events of one second (a basket, a page of ratings) count once."""
TINY_CATALOG = 100
FEW_EVENTS = 1_000
LONG_AGO = int(np.datetime64("1990-01-01", "s").astype(np.int64))
"""Shops kept no logs before."""
HISTORY_STEPS = (0, 1, 2, 5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a person should know about the data before learning from it."""

    level: Level
    name: str  # stable, for machines
    message: str  # what was found, in plain words
    count: int
    example: str = ""
    remedy: str = ""

    def to_json(self) -> dict[str, str | int]:
        """For --json."""
        return asdict(self)


def check(data: Dataset, quarantine: Quarantine, now: int | None = None) -> list[Finding]:
    """All findings, the worst first; `now` (seconds) judges timestamps that lie ahead."""
    findings = [*_broken(quarantine)]
    for look in LOOKS:
        findings += look(data)
    if now is not None:
        findings += _future(data, now)
    rank = {"error": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda finding: rank[finding.level])


def _broken(quarantine: Quarantine) -> list[Finding]:
    findings = []
    for (where, reason), count in quarantine.counts.items():
        name = "unknown-items" if "an item of" in reason else "broken-rows"
        name = "future-timestamps" if "in the past" in reason else name
        rows = "row is" if count == 1 else "rows are"
        message = f"{where}: {count:,} {rows} broken: {reason}"
        example = quarantine.examples[where, reason]
        remedy = "repair the rows at their source, or go on without them: --max-broken SHARE"
        if name == "unknown-items":
            remedy = "add the items to the item table, or keep them bare: --unknown-items keep"
        findings.append(Finding("error", name, message, count, example, remedy))
    return findings


def _future(data: Dataset, now: int) -> list[Finding]:
    late = np.flatnonzero(data.log.times > now) if data.dated else np.empty(0, np.int64)
    if not len(late):
        return []
    message = f"{len(late):,} events lie in the future"
    remedy = "check the time zone and the unit of the timestamp column"
    return [Finding("error", "future-timestamps", message, len(late), _row(data, late), remedy)]


def _constant_times(data: Dataset) -> list[Finding]:
    times = data.log.times
    if not data.ordered:
        message = "there is no timestamp and no order: models of what follows what cannot learn"
        remedy = "export the time of each event, or at least its order within the user"
        first = _row(data, np.arange(len(times)))
        return [Finding("warning", "unordered", message, len(times), first, remedy)]
    if len(times) > 1 and data.dated and times[0] == times.min() == times.max():
        message = f"all {len(times):,} events have the same timestamp"
        remedy = "export the time of the event, not of the export; else --split leave-one-out"
        first = _row(data, np.array([0]))
        return [Finding("error", "constant-timestamps", message, len(times), first, remedy)]
    whole = np.flatnonzero(times % 86_400 == 0) if data.dated else np.empty(0, np.int64)
    if len(whole) > 0.95 * len(times):
        share = len(whole) / len(times)
        message = f"{share:.0%} of timestamps are whole days: the order within a day is a guess"
        remedy = "export hours and seconds, or an order column that breaks ties"
        first = _row(data, whole)
        return [Finding("warning", "whole-days", message, len(whole), first, remedy)]
    return []


def _old_times(data: Dataset) -> list[Finding]:
    times = data.log.times
    if not (data.ordered and data.dated and len(times)) or times.max() >= LONG_AGO:
        return []
    message = f"all {len(times):,} events lie before 1990"
    remedy = "check the unit and the format of the timestamp column: 20260131 is read as seconds"
    newest = _row(data, np.array([times.argmax()]))
    return [Finding("warning", "old-timestamps", message, len(times), newest, remedy)]


def _duplicates(data: Dataset) -> list[Finding]:
    log = data.log
    types = log.types if log.types is not None else np.zeros(len(log), np.int16)
    times = log.times if data.ordered else np.zeros(len(log), np.int64)
    by = np.lexsort((types, log.items, times, log.users))
    same = np.ones(max(len(log) - 1, 0), dtype=bool)
    for column in (log.users, log.items, times, types):
        same &= column[by][1:] == column[by][:-1]
    places = by[1:][same]
    if not len(places):
        return []
    # without times nobody can tell a second delivery from a second visit
    level: Level = "warning" if data.ordered else "note"
    alike = "user, item, type and time" if data.ordered else "user, item and type"
    message = f"{len(places):,} events repeat another: same {alike}"
    remedy = "if events are delivered twice, send each once; they count as often as they come"
    return [Finding(level, "duplicates", message, len(places), _row(data, places), remedy)]


def _bots(data: Dataset) -> list[Finding]:
    log = data.log
    if not data.dated or len(log) < BOT_EVENTS_PER_HOUR:
        return []
    fresh = np.ones(len(log), dtype=bool)
    fresh[1:] = (np.diff(log.users) != 0) | (np.diff(log.times) != 0)
    users, times = log.users[fresh], log.times[fresh]
    ahead = BOT_EVENTS_PER_HOUR - 1
    starts = max(len(users) - ahead, 0)
    same = users[ahead:] == users[:starts]
    fast = same & (times[ahead:] - times[:starts] < 3600)
    bots = np.unique(users[:starts][fast])
    if not len(bots):
        return []
    events = int(np.isin(log.users, bots).sum())
    message = (
        f"{len(bots):,} users act faster than people do ({BOT_EVENTS_PER_HOUR:,} moments an hour); "
        f"{events / len(log):.1%} of all events are theirs"
    )
    example = f"user {data.users.ids[bots[0]]}"
    return [Finding("warning", "bots", message, len(bots), example, "leave such users out")]


def _sizes(data: Dataset) -> list[Finding]:
    log, findings = data.log, []
    if len(data.catalog) < TINY_CATALOG:
        message = f"only {len(data.catalog)} items: a bestseller list may serve as well"
        remedy = "compare with --models popularity before you trust anything else"
        ids = data.catalog.items.ids
        first = f"item {ids[0]}" if ids else ""
        findings.append(Finding("warning", "tiny-catalog", message, len(ids), first, remedy))
    if len(log) < FEW_EVENTS:
        message = f"only {len(log):,} events: too few to learn much or to measure well"
        remedy = "collect more, or start from the content model"
        first = _row(data, np.arange(len(log)))
        findings.append(Finding("warning", "few-events", message, len(log), first, remedy))
    span = ""
    if data.dated and len(log):
        first, last = (
            np.datetime64(int(t), "s").astype("M8[D]") for t in (log.times.min(), log.times.max())
        )
        span = f", {first} to {last}"
    users, items = len(data.users), len(data.catalog)
    message = f"{len(log):,} events of {users:,} users on {items:,} items{span}"
    remedy = "if this is less than you sent, look for a filter or a join that loses rows"
    return [*findings, Finding("note", "size", message, len(log), "", remedy)]


def _types(data: Dataset) -> list[Finding]:
    log = data.log
    if log.types is None or len(log.type_names) == 1:
        message = f"one type of feedback only ({log.type_names[0]}): wanting and buying look alike"
        remedy = "send views, carts and purchases with an event column, if you have them"
        first = _row(data, np.arange(len(log)))
        return [Finding("note", "single-type", message, len(log), first, remedy)]
    counts = np.bincount(log.types, minlength=len(log.type_names))
    parts = (f"{n} {c:,}" for n, c in zip(log.type_names, counts, strict=True))
    message = f"event types: {', '.join(parts)}"
    remedy = "if one counts too much or too little, weigh it: events.weights of a recipe"
    return [Finding("note", "event-types", message, len(log), "", remedy)]


def _items(data: Dataset) -> list[Finding]:
    cold = np.flatnonzero(data.item_counts() == 0)
    if not len(cold):
        return []
    share = len(cold) / len(data.catalog)
    items = "item has" if len(cold) == 1 else "items have"
    message = f"{len(cold):,} {items} no event ({share:.0%}): only content can place them"
    example = f"item {data.catalog.items.ids[cold[0]]}"
    remedy = "give them texts and categories, and use the content model"
    return [Finding("note", "cold-items", message, len(cold), example, remedy)]


def _text(data: Dataset) -> list[Finding]:
    texts = [c for c in data.catalog.fields.values() if c.kind in ("text", "category", "list")]
    if not texts:
        message = "no texts or categories of items: new items cannot be recommended"
        remedy = "give an item table with titles, descriptions or categories: --items FILE"
        return [Finding("warning", "no-content", message, len(data.catalog), "", remedy)]
    filled = np.zeros(len(data.catalog), dtype=bool)
    for column in texts:
        filled |= np.array([bool(word) for word in column.words()])
    share, bare = filled.mean(), np.flatnonzero(~filled)
    level: Level = "note" if share >= 0.9 else "warning"
    example = f"item {data.catalog.items.ids[bare[0]]} has none" if len(bare) else ""
    message = f"{share:.0%} of items have a text or a category"
    remedy = "fill in titles, descriptions or categories of the others" if len(bare) else ""
    return [Finding(level, "text-coverage", message, int(filled.sum()), example, remedy)]


def _histories(data: Dataset) -> list[Finding]:
    lengths = np.bincount(data.log.users, minlength=len(data.users))
    parts = []
    for step in HISTORY_STEPS:
        share = (lengths == 0).mean() if step == 0 else (lengths >= step).mean()
        parts.append(f"{share:.0%} have {'none' if step == 0 else f'{step}+'}")
    message = f"events per user: {', '.join(parts)}; median {int(np.median(lengths))}"
    short = np.flatnonzero(lengths < HISTORY_STEPS[-1])
    if not len(short):
        return [Finding("note", "histories", message, 0)]
    example = f"user {data.users.ids[short[0]]} has {lengths[short[0]]}"
    remedy = "export a longer period if there is one; read the history slices of the report"
    return [Finding("note", "histories", message, len(short), example, remedy)]


def _row(data: Dataset, places: ndarray) -> str:
    """An example event in words: the first of these places, if there is one."""
    if not len(places):
        return ""
    log, place = data.log, int(places[0])
    user, item = data.users.ids[log.users[place]], data.catalog.items.ids[log.items[place]]
    when = f" at {np.datetime64(int(log.times[place]), 's')}" if data.dated else ""
    return f"user {user}, item {item}{when}"


LOOKS = (
    _constant_times, _old_times, _duplicates, _bots, _sizes, _types, _items, _text, _histories
)  # fmt: skip
