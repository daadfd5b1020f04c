"""People to look at: by the beginning of an id, or by chance; and what they did last.

The store knows people by keys, so others than the run's are found by their whole id only.
"""

import heapq
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bowerbird.data.queries import Queries
from bowerbird.serving.histories import LAST
from bowerbird.serving.service import Service
from bowerbird.serving.snapshot import Snapshot, row_of
from bowerbird.store.store import Past

Person = tuple[str, int, int | None]
"""Id, events, when the last one was (ms)."""
Event = tuple[str, str | None, int | None, dict[str, Any]]
"""Item, type, time (ms), columns of the item."""


def found_people(
    service: Service, prefix: str, after: str, limit: int, draw: int | None
) -> tuple[list[Person], str | None]:
    """People of the run, and where the next page begins.

    Args:
        service: who knows them.
        prefix: that their ids begin with.
        after: the last id of the page before.
        limit: how many.
        draw: a seed: some of all by chance, who did something; None: the first by id.
    """
    snapshot = service.current.snapshot
    ids, lengths = snapshot.run.data.users.ids, snapshot.histories.log.lengths()
    if draw is not None:
        pool = [
            id for id, n in zip(ids, lengths.tolist(), strict=True) if n and id.startswith(prefix)
        ]
        order = np.random.default_rng(draw).permutation(len(pool))
        some = (pool[place] for place in order.tolist())
        drawn = [id for id, _ in zip(_there(service, snapshot, some), range(limit), strict=False)]
        return [_person(service, snapshot, id) for id in drawn], None
    fits = (id for id in ids if id.startswith(prefix) and id > after)
    first = heapq.nsmallest(limit + len(snapshot.histories.forgotten) + 1, fits)
    there = list(_there(service, snapshot, first))
    if prefix and not after and prefix not in snapshot.run.data.users:
        (past,) = service.store.facts.histories([service.identity.user(prefix)], LAST)
        there = [prefix, *there] if past else there
    page = there[:limit]
    return [_person(service, snapshot, id) for id in page], page[-1] if there[limit:] else None


def past_of(
    service: Service,
    user: str | None,
    visitor: str | None,
    now_ms: int,
    limit: int,
    fields: list[str],
) -> tuple[int, list[Event]]:
    """How many events are known of somebody, and the newest of them."""
    snapshot, identity = service.current.snapshot, service.identity
    key = identity.user(user) if user is not None else identity.visitor(str(visitor))
    names = (key,) if user is None else (user, key)
    past, query = known_of(service, snapshot, names, now_ms // 1000)
    newest = np.arange(len(query.items))[::-1][:limit]
    newest = newest[query.items[newest] >= 0]
    ids, dated = snapshot.catalog.items.ids, snapshot.run.data.dated or bool(past)
    # a run need not tell types apart
    told = {(one.item, one.time // 1000): one.type for one in past}
    types = None if query.types is None else query.types.tolist()

    def type_of(at: int) -> str | None:
        if types is not None:
            name: str | None = query.type_names[types[at]]
            return name
        return told.get((ids[query.items[at]], int(query.times[at])))

    return len(query.items), [
        (
            ids[query.items[at]],
            type_of(at),
            int(query.times[at]) * 1000 if dated else None,
            row_of(snapshot.catalog, int(query.items[at]), fields),
        )
        for at in newest.tolist()
    ]


def known_of(
    service: Service, snapshot: Snapshot, names: tuple[str, ...], now: int
) -> tuple[list[Past], Queries]:
    """What the store has of somebody, and all that lists go by, up to a moment.

    Args:
        service: who knows them.
        snapshot: a run, which may know them as well.
        names: under which they may be known; the key of the store is the last.
        now: seconds since 1970 UTC.
    """
    (past,) = service.store.facts.histories([names[-1]], LAST)
    return past, snapshot.histories.query(names, past, now)


def _there(service: Service, snapshot: Snapshot, ids: Iterable[str]) -> Iterator[str]:
    """Those who were not deleted."""
    gone = snapshot.histories.forgotten
    return (id for id in ids if not gone or gone.isdisjoint((id, service.identity.user(id))))


def _person(service: Service, snapshot: Snapshot, id: str) -> Person:
    names = (id, service.identity.user(id))
    past, query = known_of(service, snapshot, names, 2**40)
    dated = snapshot.run.data.dated or bool(past)
    last = int(query.times.max()) * 1000 if len(query.times) and dated else None
    return id, len(query.items), last
