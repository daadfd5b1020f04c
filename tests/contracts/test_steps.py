"""What every step promises, in any order, and what no list may ever hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.popularity import Popularity
from bowerbird.index.index import Hits
from bowerbird.ranking.calibrate import Calibrate
from bowerbird.ranking.diversify import Dpp, Mmr
from bowerbird.ranking.explore import Explore
from bowerbird.ranking.exposed import Recently, Tired
from bowerbird.ranking.freshness import Recent, Rotate
from bowerbird.ranking.quota import Quota
from bowerbird.ranking.rules import Boost, Rule, Rules
from bowerbird.retrieval.cooccurrence import CoOccurrence
from bowerbird.surfaces.assemble import recommender_of
from worlds import cycles

N = 12
RNG = np.random.default_rng(0)
KIND = Column.category([["a", "b", "c"][c] for c in RNG.integers(0, 3, N)])
VECTORS = RNG.normal(size=(N, 4)).astype(np.float32)
STEPS = {
    "mmr": Mmr(VECTORS, weight=0.5, k=4),
    "dpp": Dpp(VECTORS, weight=0.5, k=4),
    "calibrate": Calibrate.by(KIND, weight=0.5, k=4),
    "quota": Quota.by(KIND, each=2, least={"a": 1}, k=4),
    "recent": Recent(RNG.integers(0, 10**6, N), now=10**6),
    "tired": Tired(N, 0),
    "rotate": Rotate(now=5 * 86_400, among=6, keep=1, k=4),
    "boost": Boost(KIND.values == 1, by=0.4),
}


@pytest.fixture
def asked():
    made = Queries.of([[0, 1, 2], [], [3, 3], [5]])
    return replace(made, now=made.now + 10)


@pytest.fixture
def hits():
    rows = np.array([[4, 5, 6, 7, 8], [9, 8, 7, 6, 5], [0, 1, 2, -1, -1], [-1] * 5], dtype=np.int32)
    scores = np.where(rows >= 0, -np.arange(5, dtype=np.float32), -np.inf)
    return Hits(rows, scores.astype(np.float32))


def as_sets(hits):
    return [
        {(int(row), float(score)) for row, score in zip(*each, strict=True) if row >= 0}
        for each in zip(*hits, strict=True)
    ]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_only_changes_the_order(name, asked, hits):
    found = STEPS[name](asked, hits)
    assert as_sets(found) == as_sets(hits)
    there = found.rows >= 0
    assert (np.diff(there.astype(int), axis=1) <= 0).all()  # nothing behind an empty place
    assert np.isneginf(found.scores[~there]).all()


@pytest.mark.parametrize("name", STEPS)
def test_a_step_does_the_same_in_any_batch(name, asked, hits):
    together = STEPS[name](asked, hits)
    for q in range(len(asked)):
        one = Hits(hits.rows[q : q + 1], hits.scores[q : q + 1])
        alone = STEPS[name](asked.take(np.array([q])), one)
        assert alone.rows.tolist() == together.rows[q : q + 1].tolist()


@pytest.mark.parametrize("name", STEPS)
def test_nobody_asked_and_nothing_found_are_answered(name, asked):
    nobody = Queries.of([])
    empty = Hits(np.zeros((0, 5), np.int32), np.zeros((0, 5), np.float32))
    assert STEPS[name](nobody, empty).rows.shape == (0, 5)
    nothing = Hits(np.zeros((4, 0), np.int32), np.zeros((4, 0), np.float32))
    assert STEPS[name](asked, nothing).rows.shape == (4, 0)


def shop():
    data = cycles()
    column = Column.category(["a" if row % 2 else "b" for row in range(len(data.catalog))])
    ids = Vocabulary(tuple(f"i{row}" for row in range(len(data.catalog))))
    return replace(data, catalog=Catalog(ids, {"kind": column}))


SHOP = shop()
ENGINE = recommender_of(CoOccurrence(backward=1.0).fit(SHOP), SHOP, Popularity())
RULES = Rules.over(
    [
        Rule("pin", "pin", ids=("i3", "i4"), position=2),
        Rule("hide", "hide", ids=("i5",)),
        Rule("boost", "boost", items='kind = "a"'),
        Rule("quota", "quota", items='kind = "b"', least=1, most=2),
    ],
    SHOP.catalog,
)


@settings(deadline=None, max_examples=100)
@given(
    allow=st.lists(st.booleans(), min_size=N, max_size=N),
    histories=st.lists(st.lists(st.integers(0, N - 1), max_size=5), min_size=1, max_size=3),
    names=st.lists(st.sampled_from(sorted(STEPS)), unique=True, max_size=4),
    k=st.integers(1, 8),
    ruled=st.booleans(),
    explored=st.sampled_from([None, Explore(epsilon=0.5), Explore(way="plackett-luce")]),
)
def test_no_list_breaks_a_filter_and_none_is_shorter_than_it_must_be(
    allow, histories, names, k, ruled, explored
):
    queries = Queries.of(histories)
    steps = {name: STEPS[name] for name in names}
    engine = replace(ENGINE, allow=np.array(allow), steps=steps, explore=explored, fetch=9)
    engine = replace(engine, recently=Recently(0))
    groups = [(np.arange(len(queries)), engine)]
    if ruled:
        groups = list(RULES.ruled(engine, queries, now=0, k=k))
    for some, one in groups:
        lists = one.lists(queries.take(some), k)
        for q, rows in zip(some, lists.hits.rows, strict=True):
            may = {row for row in range(N) if allow[row]} - set(histories[q])
            may -= {5} if ruled else set()
            shown = [int(row) for row in rows if row >= 0]
            assert set(shown) <= may
            assert len(shown) == len(set(shown)) == min(k, len(may))
