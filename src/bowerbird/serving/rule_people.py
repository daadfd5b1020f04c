"""On whom a preview is shown: people who were there lately, drawn by a seed, and a stranger."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.serving.service import Service
from bowerbird.serving.snapshot import Snapshot

RECENT = 500
"""People of the run, and events since, among whom is drawn."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whom a list is for, and the names under which they may be known."""

    user: str | None  # an id of the shop; None: there is none, or it is not known
    key: str | None  # as the store has them; None: a stranger
    names: tuple[str, ...] = ()


STRANGER = Somebody(None, None)


def named(service: Service, ids: Sequence[str]) -> list[Somebody]:
    """These people."""
    keys = [service.identity.user(id) for id in ids]
    return [Somebody(id, key, (id, key)) for id, key in zip(ids, keys, strict=True)]


def drawn(service: Service, snapshot: Snapshot, n: int, seed: int) -> list[Somebody]:
    """So many of those who were there lately, the latest first, and a stranger.

    The store knows people by keys: who is new since the run was trained has no id here.
    """
    latest = _of_run(service, snapshot)
    known = {one.key: one for one in latest}
    live = [event.user for _, event in service.store.facts.newest(RECENT)]
    found: dict[str | None, Somebody] = {}
    for key in live:
        found[key] = known.get(key, Somebody(None, key, (key,)))
    gone = snapshot.histories.forgotten
    pool = [one for one in {**found, **known}.values() if gone.isdisjoint(one.names)]
    draw = np.random.default_rng(seed)
    places = np.sort(draw.choice(len(pool), min(n, len(pool)), replace=False))
    return [*(pool[place] for place in places.tolist()), STRANGER]


def _of_run(service: Service, snapshot: Snapshot) -> list[Somebody]:
    log, users = snapshot.histories.log, snapshot.run.data.users.ids
    last = np.where(log.lengths() > 0, log.now, np.iinfo(np.int64).min)
    latest = np.argsort(-last, kind="stable")[:RECENT]
    names = [users[row] for row in latest.tolist() if last[row] > np.iinfo(np.int64).min]
    keys = [_key_of(service, name) for name in names]
    return [
        Somebody(None if name == key else name, key, tuple(dict.fromkeys((name, key))))
        for name, key in zip(names, keys, strict=True)
    ]


def _key_of(service: Service, name: str) -> str:
    """A run that was trained on the store's events has keys where others have ids."""
    is_key = len(name) == 32 and not name.strip("0123456789abcdef")
    return name if is_key else service.identity.user(name)
