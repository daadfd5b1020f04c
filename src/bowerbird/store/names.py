"""Which names are one person: read by histories, by export and by deletion."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from bowerbird.store.database import Row, among


def names_of(
    ask: Callable[[str, Sequence[Any]], list[Row]], users: Sequence[str]
) -> dict[str, list[str]]:
    """For each name all names of its person, the one that all were merged into first."""
    asked = list(dict.fromkeys(users))
    roots: dict[str, str] = dict(
        among(ask, 'SELECT "user", root FROM merges WHERE "user" IN', asked)
    )
    persons = list(dict.fromkeys(roots.get(user, user) for user in asked))
    names: defaultdict[str, list[str]] = defaultdict(list)
    for root, name in among(ask, 'SELECT root, "user" FROM merges WHERE root IN', persons):
        names[root].append(name)
    return {
        user: [root, *sorted(names[root])] for user in asked for root in [roots.get(user, user)]
    }
