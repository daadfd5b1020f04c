"""Items on a plane: clusters that are apart stay apart, and what is kept is what is measured."""

import numpy as np
import pytest

from bowerbird.errors import ConfigError
from bowerbird.evaluation import layout
from bowerbird.evaluation.layout import Ways, laid_out, neighbours_kept, placed_among
from bowerbird.index.index import Hits

METHODS = [
    "pca",
    pytest.param("tsne", marks=pytest.mark.skipif(not layout.has_tsne(), reason="no openTSNE")),
]


def clusters(n=40, dim=16, seed=0, noise=0.05):
    """Three heaps in directions at right angles, of lengths that say nothing."""
    rng = np.random.default_rng(seed)
    vectors = np.repeat(np.eye(3, dim), n, axis=0) + noise * rng.standard_normal((3 * n, dim))
    lengths = rng.uniform(0.1, 9, (3 * n, 1))
    return (vectors * lengths).astype(np.float32), np.repeat(np.arange(3), n)


@pytest.mark.parametrize("method", METHODS)
def test_clusters_that_are_apart_stay_apart(method):
    vectors, of = clusters()
    found = laid_out(vectors, Ways(method))
    middles = np.stack([found.places[of == c].mean(axis=0) for c in range(3)])
    within = max(np.linalg.norm(found.places[of == c] - middles[c], axis=1).max() for c in range(3))
    between = min(np.linalg.norm(middles[a] - middles[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert found.method == method and found.laid == 120 and found.places.dtype == np.float32
    assert between > 2 * within


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bytes(method):
    vectors, _ = clusters()
    one, other = (laid_out(vectors, Ways(method, seed=3)).places for _ in range(2))
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_begun_with_another_map_items_stay_where_they_were(method):
    vectors, of = clusters()
    before = laid_out(vectors, Ways(method))
    mirrored = before.places * np.float32([-1, 1]) + np.float32([50, 0])
    mirrored[0] = np.nan
    after = laid_out(vectors, Ways(method, seed=5), mirrored)
    far = np.linalg.norm(after.places - mirrored, axis=1)
    wide = np.nanmax(mirrored, axis=0) - np.nanmin(mirrored, axis=0)
    assert after.begun_with == 119 and np.isfinite(after.places).all()
    assert np.nanmedian(far) < 0.05 * wide.max()
    own = np.linalg.norm(after.places - after.places[0], axis=1)
    assert (of[np.argsort(own)[:10]] == 0).all()  # the one without a place is among its own


def test_one_whose_neighbours_have_changed_moves_and_no_other_does():
    vectors, _ = clusters()
    before = laid_out(vectors, Ways("pca"))
    moved = vectors.copy()
    moved[0] = vectors[-1]
    after = laid_out(moved, Ways("pca"), before.places)
    far = np.linalg.norm(after.places - before.places, axis=1)
    assert far.argmax() == 0 and far[0] > 10 * np.median(far)


def test_what_has_no_direction_has_no_place():
    vectors, _ = clusters()
    vectors[3], vectors[7, 2] = 0, np.nan
    found = laid_out(vectors, Ways("pca"))
    assert np.flatnonzero(np.isnan(found.places[:, 0])).tolist() == [3, 7] and found.laid == 118


def test_of_many_items_a_sample_is_laid_out_and_the_others_lie_among_it():
    vectors, of = clusters()
    found = laid_out(vectors, Ways("pca", sample=60))
    assert found.laid == 60 and np.isfinite(found.places).all()
    middles = np.stack([found.places[of == c].mean(axis=0) for c in range(3)])
    nearest = np.linalg.norm(found.places[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == of).all()


def test_what_is_kept_is_counted():
    places = np.array([[0, 0], [1, 0], [2, 0], [9, 0]], np.float32)
    near = Hits(np.array([[1, 2], [0, 3]], np.int32), np.ones((2, 2), np.float32))
    assert neighbours_kept(near, places, np.array([0, 1])) == (1 + 0.5) / 2
    twelve = np.eye(12, dtype=np.float32)
    assert np.isnan(laid_out(twelve[:9]).kept)  # too few to say


def test_of_two_places_the_nearer_counts_more():
    axes = np.eye(2, dtype=np.float32)
    asked = np.array([[0.8, 0.6]], np.float32)
    far = 2 - 2 * np.array([0.8, 0.6])
    right = (1 / far[0]) / (1 / far).sum()
    found = placed_among(asked, axes, np.array([[1, 0], [0, 0]], np.float32))
    np.testing.assert_allclose(found, [[right, 0]], rtol=1e-4)


def test_few_items_are_not_unfolded_and_what_is_not_there_is_said(monkeypatch):
    assert laid_out(clusters(5)[0], Ways()).method == "pca"
    monkeypatch.setattr(layout, "has_tsne", lambda: False)
    vectors, _ = clusters()
    assert laid_out(vectors, Ways()).method == "pca"
    with pytest.raises(ConfigError, match="pip install"):
        laid_out(vectors, Ways("tsne"))
    with pytest.raises(ConfigError, match="tsne or pca expected, 'umap' came"):
        Ways("umap")
    with pytest.raises(ConfigError, match="sample"):
        Ways(sample=3)
