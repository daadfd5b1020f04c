"""The surface that gives people: who an item is for, and who is like somebody."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bowerbird.errors import ConfigError, DataError
from bowerbird.retrieval.audience import audience, similar_people
from bowerbird.retrieval.expression import all_of
from bowerbird.retrieval.models import as_retriever
from bowerbird.surfaces.run_folder import Run
from bowerbird.surfaces.scenario import Scenario


def people_for(
    run: Run,
    scenario: Scenario,
    user: str | None,
    items: Sequence[str],
    k: int | None = None,
    filter: str | None = None,
) -> list[dict[str, Any]]:
    """The people whom an item fits best, or who are most like one of them.

    Args:
        run: its model and its people.
        scenario: with k and a filter, which is an expression over the columns of people.
        user: whose like are looked for; None: an item is given.
        items: the item.
        k: how many; None: as the scenario says.
        filter: laid over the scenario's own.

    Raises:
        ConfigError: not just one of user and item came, or the filter does not fit the columns.
        DataError: the user or the item is not known.
    """
    if (user is None) == (len(items) != 1):
        raise ConfigError("audience: one --item, or --user, expected")
    data, k = run.data, k or scenario.k
    told = all_of(scenario.filter, filter)
    allow = None if told is None else told.mask(data.traits, len(data.users))
    retriever, people = as_retriever(run.fitted, data.catalog), data.queries()
    known, name = (data.catalog.items, items[0]) if user is None else (data.users, user)
    row = int(known.rows([name])[0])
    if row < 0:
        what = "item" if user is None else "user"
        raise DataError(f"{what} {name!r} is not among the {len(known):,} of {run.folder}")
    find = audience if user is None else similar_people
    hits = find(retriever, people, row, k, allow)
    there = np.flatnonzero(hits.rows[0] >= 0)
    return [
        {
            "rank": place + 1,
            "user": data.users.ids[hits.rows[0, place]],
            "score": float(hits.scores[0, place]),
        }
        for place in there.tolist()
    ]
