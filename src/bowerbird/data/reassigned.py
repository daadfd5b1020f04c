"""Events of some people given to others, or to nobody: names that are one person, people gone."""

from collections.abc import Mapping
from dataclasses import replace

from bowerbird.data.dataset import Dataset
from bowerbird.data.vocabulary import Vocabulary


def reassigned(data: Dataset, to: Mapping[str, str | None]) -> Dataset:
    """The same data with other names for some of its people.

    Args:
        data: the names of its people stay in their order; those that are new stand at the end.
        to: whose events become whose; None: they are left out, and so is the name.

    >>> from bowerbird.data.synthetic import World
    >>> data = World(n_users=9, n_items=9, n_events=60).make().dataset
    >>> gone, other = data.users.ids[:2]
    >>> less = reassigned(data, {gone: None})
    >>> gone in less.users, len(less.users) - len(data.users)
    (False, -1)
    """
    ids = data.users.ids
    names = [to.get(id, id) for id in ids]
    stay = (id for id in ids if to.get(id, id) == id)
    users = Vocabulary(tuple(stay), data.users.kind)
    users = users.extended(name for name in names if name is not None)
    rows = users.rows([name or "" for name in names])
    rows[[name is None for name in names]] = -1
    before = data.users.rows(users.ids)
    traits = {name: column.take(before) for name, column in data.traits.items()}
    log = data.log.where(rows[data.log.users] >= 0)
    return replace(data, users=users, log=log.moved(rows[log.users]), traits=traits)
