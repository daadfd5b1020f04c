"""Vectors of people, sessions and items, for whoever keeps them or goes on with them."""

from collections.abc import Iterator
from functools import reduce

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from bowerbird.data.queries import Queries
from bowerbird.serving.answers import met
from bowerbird.serving.call import Call, Reply, Route, checked
from bowerbird.serving.histories import LAST
from bowerbird.serving.messages import AskVectors, Vectors
from bowerbird.serving.problems import Problem
from bowerbird.serving.service import Service
from bowerbird.serving.snapshot import Snapshot, hidden_in, space_in


async def vectors(call: Call) -> Reply:
    """Where people, sessions and items lie now; each costs as a list."""
    asked: AskVectors = call.body
    count = len(asked.users) + len(asked.sessions) + len(asked.items)
    if not count:
        raise Problem(422, "users, sessions or items expected, none came")
    for name in ("users", "items"):
        for place, id in enumerate(getattr(asked, name)):
            checked(id, f"$.{name}[{place}]")
    call.service.guard.spend(call.who, float(count - 1))
    service = call.service
    return Reply(
        await service.aside(_placed, service, service.current.snapshot, asked, call.now_ms)
    )


def _placed(service: Service, snapshot: Snapshot, asked: AskVectors, now_ms: int) -> Vectors:
    """Of one run from the first to the last number.

    Raises:
        SpaceError: the run has no vectors of one space.
    """
    space, people = space_in(snapshot), len(asked.users)
    items = space.of_items(asked.items)
    gone = hidden_in(snapshot, len(snapshot.catalog))
    items[gone[snapshot.catalog.items.rows(asked.items)]] = np.nan
    both = list(_queries(service, snapshot, asked, now_ms))
    found = space.of_queries(reduce(Queries.then, both)) if both else items[:0]
    told = (_told(found[:people]), _told(found[people:]), _told(items))
    return Vectors(space.id, space.dim, snapshot.model, *told)


def _queries(
    service: Service, snapshot: Snapshot, asked: AskVectors, now_ms: int
) -> Iterator[Queries]:
    """What people did until now, then what the sessions hold."""
    keys = [service.identity.user(user) for user in asked.users]
    pasts = service.store.facts.histories(keys, LAST) if keys else []
    for user, key, past in zip(asked.users, keys, pasts, strict=True):
        yield snapshot.histories.query((user, key), past, now_ms // 1000)
    for session in asked.sessions:
        past = [met(one, now_ms) for one in session]
        yield snapshot.histories.query((), past, now_ms // 1000)


def _told(vectors: Float32[ndarray, "n dim"]) -> list[list[float] | None]:
    return [None if np.isnan(one).any() else one.tolist() for one in vectors]


ROUTES = (
    Route("POST", "/v1/vectors", "recs:read", vectors, "Vectors of people, sessions and items",
          Vectors, AskVectors, example={"items": ["50"]}),
)  # fmt: skip
