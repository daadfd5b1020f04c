"""What a retrain learns from: a run's log, and what a store has taken since, as of one moment.

The same run, the same facts and the same moment give the same snapshot, to the bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.defence import Defence
from bowerbird.data.digest import data_digest
from bowerbird.data.reassigned import reassigned
from bowerbird.online.clean import persons_of
from bowerbird.store.identity import Identity
from bowerbird.store.store import Store
from bowerbird.surfaces.live_items import changed, newest
from bowerbird.surfaces.live_log import LiveLog, held_by_reason, merges_in, since_of
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.type_weights import weights_of


@dataclass(frozen=True, slots=True)
class Taken:
    """All that is known as of a moment."""

    data: Dataset
    gone: Bool[ndarray, "n"]  # items of its catalog that were deleted: in no list
    facts: dict[str, Any]  # for run.json


def taken(run: Run, store: Store, identity: Identity, rules: Defence, as_of_ms: int) -> Taken:
    """The run's log with all events that had arrived, each with what it is worth.

    Who was deleted is in it no more, neither their events nor their name; names that were merged
    are one person; items are as the shop has them now.

    Args:
        run: the one that answers.
        store: what happened since.
        identity: turns the run's names of people into keys.
        rules: how far events are believed.
        as_of_ms: milliseconds since 1970 UTC; what arrives later does not exist.
    """
    catalog, gone, change = catalog_of_now(run, store)
    own = {identity.user(id): id for id in run.data.users.ids}
    gone_people = deleted_in(run, store, own)
    left = reassigned(run.data, dict.fromkeys(gone_people))
    known = replace(run, data=replace(left, catalog=catalog))
    live = LiveLog(store, identity, rules).behind(known, weights_of(run.folder), (), as_of_ms)
    data = reassigned(live.data, _merged(store, own))
    facts = {
        "as_of_ms": as_of_ms,
        "run": run.folder.name,
        "data": data_digest(data),
        "events": len(data.log),
        "live": live.events,
        "held": {reason: count for reason, count in held_by_reason(live).items() if count},
        "people": len(data.users),
        "items": len(catalog),
        "deleted people": len(gone_people),
        "change": change,
    }
    return Taken(data, gone, facts)


def catalog_of_now(run: Run, store: Store) -> tuple[Catalog, Bool[ndarray, "n"], int]:
    """Items as the shop has them, which of them it deleted, and the number of the last change."""
    changes = newest(store.items).values()
    catalog = changed(run.data.catalog, [c for c in changes if c.fields is not None])
    gone = np.zeros(len(catalog), dtype=bool)
    rows = catalog.items.rows([c.id for c in changes if c.fields is None])
    gone[rows[rows >= 0]] = True
    return catalog, gone, max((c.number for c in changes), default=0)


def deleted_in(run: Run, store: Store, own: Mapping[str, str]) -> list[str]:
    """Names in a run of people who were deleted since; `own` has the run's ids by their keys."""
    keys = [key for key, _ in store.people.deleted(since_of(run))]
    names = [own.get(key, key) for key in keys]
    return [name for name in names if name in run.data.users]


def _merged(store: Store, own: Mapping[str, str]) -> dict[str, str | None]:
    """Names in a run → the name of the person they were merged into."""
    pairs = persons_of(merges_in(store.people)).select("user", "person").iter_rows()
    return {own.get(user, user): own.get(person, person) for user, person in pairs}
