"""One random world of which an independent scorer's figures are known (see test_offline.py)."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy import ndarray
from scipy.sparse import csr_array

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.split import Holdout
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.index.index import Hits

USERS, ITEMS, K = 40, 30, 10


@dataclass(frozen=True)
class World:
    train: Dataset
    holdout: Holdout
    rows: ndarray  # (40, 10) a random list for each user

    def recommend(self, queries: Queries, k: int) -> Hits:
        # the query is known by its moment, which is the user's row
        return hits(self.rows[queries.now, :k])


def hits(rows: ndarray) -> Hits:
    rows = np.asarray(rows, dtype=np.int32)
    scores = np.where(rows >= 0, -np.arange(rows.shape[1], dtype=np.float32), -np.inf)
    return Hits(rows, scores.astype(np.float32))


def dataset(users: ndarray, items: ndarray, fields: dict | None = None) -> Dataset:
    order = np.argsort(users, kind="stable")
    users = users[order].astype(np.int32)
    log = Interactions(
        users,
        items[order].astype(np.int32),
        np.arange(len(users), dtype=np.int64),
        np.ones(len(users), dtype=np.float32),
    )
    names = Vocabulary(tuple(f"u{u}" for u in range(USERS)))
    catalog = Catalog(Vocabulary(tuple(f"i{i}" for i in range(ITEMS))), fields or {})
    traits = {
        "city": Column.category([["Ulm", "Bonn", None][u % 3] for u in range(USERS)]),
        "age": Column("number", np.arange(USERS, dtype=np.float64)),
        "postcode": Column.category([str(u) for u in range(USERS)]),
    }
    return Dataset(names, catalog, log, traits)


@pytest.fixture(scope="session")
def world() -> World:
    random = np.random.default_rng(20261123)
    share = 1 / np.arange(1, ITEMS + 1)
    share[26:] = 0
    users = random.integers(0, USERS, 600)
    items = random.choice(ITEMS, 600, p=share / share.sum())
    lists = []
    for _ in range(USERS):
        lists.append(random.permutation(ITEMS)[:K])
        random.integers(0, 2)
    wanted = np.zeros((USERS, ITEMS), dtype=np.float32)
    for user in range(USERS):
        wanted[user, random.choice(ITEMS, random.integers(0, 7), replace=False)] = 1
    fields = {
        "type": Column.category([["film", "book"][i % 2] for i in range(ITEMS)]),
        "genres": Column.lists([["a", "b", "c"][: i % 4] for i in range(ITEMS)]),
    }
    train = dataset(users, items, fields)
    queries = train.queries()
    asked = Queries(
        queries.items, queries.times, queries.weights, queries.offsets, np.arange(USERS)
    )
    rules = {"split": "made up", "seed": "20261123"}
    holdout = Holdout(
        np.arange(USERS, dtype=np.int32), asked, csr_array(wanted), repeats=True, rules=rules
    )
    return World(train, holdout, np.array(lists, dtype=np.int32))
