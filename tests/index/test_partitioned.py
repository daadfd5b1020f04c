import numpy as np
import pytest

from bowerbird.errors import ArtifactError
from bowerbird.index.chosen import recall_of
from bowerbird.index.exact import ExactIndex
from bowerbird.index.partitioned import SPREADS, PartitionedIndex, _parted, _promises

RNG = np.random.default_rng(0)


def world(n=6_000, dim=5, spread=1.0):
    """Clusters, some of whose vectors are much longer than others."""
    centres = RNG.normal(size=(40, dim))
    made = centres[RNG.integers(0, 40, n)] + 0.3 * RNG.normal(size=(n, dim))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return (made * RNG.lognormal(0, spread, n)[:, None]).astype(np.float32)


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_half_precision_holds_vectors_of_any_size(unit):
    vectors = world() * np.float32(unit)
    queries = world(50, spread=0.1)
    index, exact = PartitionedIndex.over(vectors, probes=200), ExactIndex(vectors)
    hits, truth = index.search(queries, 10), exact.search(queries, 10)
    assert recall_of(hits, truth) > 0.97
    np.testing.assert_allclose(hits.scores, truth.scores, rtol=2e-3)
    np.testing.assert_array_equal(index.take(hits.rows[0]), vectors[hits.rows[0]])


def test_one_vector_far_longer_than_the_rest_spoils_nothing():
    vectors = world()
    vectors[7] *= 1_000
    queries = world(50, spread=0.1)
    hits = PartitionedIndex.over(vectors, probes=200).search(queries, 10)
    exact = np.einsum("qd,qkd->qk", queries, vectors[hits.rows])
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(vectors[hits.rows], axis=2)
    assert (np.abs(hits.scores - exact) <= lengths * 2**-11).all()
    assert recall_of(hits, ExactIndex(vectors).search(queries, 10)) > 0.97


def test_a_drawer_promises_its_mean_and_how_far_it_is_spread():
    vectors = np.array([[1, 0, 0, 0], [3, 0, 0, 0], [0, 5, 0, 0], [9, 9, 0, 0]], np.float32)
    owners = np.array([0, 0, 1, -1])  # the last has no vector
    promises = _promises(vectors, owners, 3, dim=2)
    assert promises[:, :4].tolist() == [[2, 0, 0, 0], [0, 5, 0, 0], [0, 0, 0, 0]]
    assert promises[:, 4] == pytest.approx([SPREADS * 0.5**0.5, 0, 0])
    assert not promises[:, 5:].any()


def test_drawers_hold_vectors_of_one_length():
    vectors = world()
    norms = np.linalg.norm(vectors, axis=1)
    owners, count = _parted(vectors, np.ones(len(vectors), bool), seed=0)
    longest = np.argsort(-norms)[: len(vectors) // 20]
    holders = len(np.unique(owners[longest]))
    by_chance = count * (1 - (1 - 1 / count) ** len(longest))
    assert holders < by_chance / 2


def test_few_drawers_are_enough_where_lengths_differ():
    vectors, queries = world(20_000, dim=16), world(100, dim=16, spread=0.1)
    index = PartitionedIndex.over(vectors, probes=12)
    assert recall_of(index.search(queries, 20), ExactIndex(vectors).search(queries, 20)) > 0.95
    assert index.read(queries, 20) < len(vectors) / 10


def test_an_index_of_another_make_is_refused(tmp_path):
    index = PartitionedIndex.over(world())
    told = index.save(tmp_path)
    (tmp_path / "partitioned.safetensors").rename(tmp_path / "placed.safetensors")
    with pytest.raises(ArtifactError, match="build the index again"):
        PartitionedIndex.load(tmp_path, told)
