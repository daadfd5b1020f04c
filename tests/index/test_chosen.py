import numpy as np
import pytest

from bowerbird.errors import ConfigError
from bowerbird.index.chosen import chosen
from bowerbird.index.exact import ExactIndex
from bowerbird.index.partitioned import PartitionedIndex
from bowerbird.index.pruned import PrunedIndex

RNG = np.random.default_rng(0)
QUERIES = RNG.normal(size=(60, 16)).astype(np.float32)


def alike(n=8_000):
    """Clusters on a sphere: a norm says nothing, a place does."""
    centres = RNG.normal(size=(80, 16))
    made = centres[RNG.integers(0, 80, n)] + 0.2 * RNG.normal(size=(n, 16))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def test_a_small_catalog_gets_exact_lists():
    found = chosen(alike(), QUERIES, k=10)
    assert isinstance(found.index, ExactIndex)
    assert found.recall == 1.0 and len(found.trials) == 1


def test_where_norms_are_alike_drawers_read_least():
    found = chosen(alike(), QUERIES, recall=0.9, k=10, free=100)
    assert isinstance(found.index, PartitionedIndex)
    assert found.index.search(QUERIES, 10).rows.shape == (60, 10)
    pick = found.trials[found.pick]
    assert pick.recall >= 0.9 and found.recall > 0.8
    assert pick.read == min(t.read for t in found.trials if t.recall - 2 * t.error >= 0.9)
    assert found.to_json()["kind"].startswith("partitioned")


def test_where_norms_differ_the_long_ones_are_enough(monkeypatch):
    vectors = alike() * RNG.lognormal(0, 1.5, 8_000).astype(np.float32)[:, None]
    monkeypatch.setattr("bowerbird.index.pruned.FIRST", 100)
    found = chosen(vectors, QUERIES, recall=0.95, k=2, free=100)
    assert isinstance(found.index, PrunedIndex) and found.trials[found.pick].read < 2_000


def test_a_clock_tells_what_a_query_takes():
    found = chosen(alike(500), QUERIES, k=10, clock=lambda index, queries: 1.5)
    assert found.to_json()["trials"][0]["ms"] == 1.5


@pytest.mark.parametrize("bad", [{"recall": 0.0}, {"recall": 1.1}, {"k": 0}])
def test_targets_that_cannot_be_meant_are_refused(bad):
    with pytest.raises(ConfigError, match="expected"):
        chosen(alike(50), QUERIES, **bad)


def test_without_queries_lists_are_exact():
    found = chosen(alike(500), QUERIES[:0], free=100)
    assert found.recall == 1.0 and isinstance(found.index, PrunedIndex)
    assert found.index.cosine == 1.0
