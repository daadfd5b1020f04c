"""Small worlds with a known answer, for tests of what stands above the data."""

import numpy as np

from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.vocabulary import Vocabulary


def dataset(histories, n_items=None, weights=None, **settings):
    """A dataset of these histories (lists of item rows), one second between events."""
    n_items = n_items or max((row for h in histories for row in h), default=0) + 1
    users = np.array([u for u, h in enumerate(histories) for _ in h], dtype=np.int32)
    items = np.array([row for h in histories for row in h], dtype=np.int32)
    times = np.array([t for h in histories for t in range(len(h))], dtype=np.int64)
    weight = np.ones(len(items)) if weights is None else np.concatenate(weights)
    log = Interactions(users, items, times, weight.astype(np.float32))
    people = Vocabulary(tuple(f"u{u}" for u in range(len(histories))))
    catalog = Catalog(Vocabulary(tuple(f"i{row}" for row in range(n_items))))
    return Dataset(people, catalog, log, **settings)


def cycles(n_users=120, n_items=12, length=6, seed=0):
    """Everybody walks the items in a circle from a random start: what follows is certain."""
    starts = np.random.default_rng(seed).integers(0, n_items, n_users)
    return dataset([[(s + step) % n_items for step in range(length)] for s in starts], n_items)
