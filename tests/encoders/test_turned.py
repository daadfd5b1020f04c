"""A turned model: other vectors, the same scores, whatever else is asked of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bowerbird.data.queries import Queries
from bowerbird.data.synthetic import World
from bowerbird.encoders.turned import BLOCK, MOST, Frame, TurnedEncoder, plain, turned
from bowerbird.errors import ArtifactError
from bowerbird.retrieval.contributions import score_parts
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.models import as_retriever, encoder_of, load_fitted, seeded
from bowerbird.retrieval.retriever import VectorRetriever
from bowerbird.retrieval.searched import text_encoder

TOWERS = {"dim": 8, "content_rank": 8, "epochs": 2, "batch": 256, "negatives": 32, "text": "tfidf"}
MADE = {
    "als": {"dim": 16},
    "two-tower": TOWERS,
    "blend": {"parts": 'als(dim=8), content(text="tfidf", dim=8)'},
}


def rotation(dim, seed=0):
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


def turn_of(fitted, data, seed=0):
    """A model somewhere else."""
    dim = fitted.encode_items(data.catalog).shape[1]
    return TurnedEncoder(fitted, rotation(dim, seed), Frame.of(fitted, data))


@pytest.fixture(scope="module")
def world():
    return World(n_users=120, n_items=60, n_events=2500, seed=3).make().dataset


@pytest.fixture(scope="module", params=list(MADE))
def fitted(request, world):
    return seeded(request.param, 0, **MADE[request.param]).fit(world)


def test_no_score_changes_and_every_vector_does(fitted, world):
    other = turn_of(fitted, world)
    asked = world.queries()
    u, v = fitted.encode_queries(asked), fitted.encode_items(world.catalog)
    u2, v2 = other.encode_queries(asked), other.encode_items(world.catalog)
    np.testing.assert_array_equal(np.isnan(v), np.isnan(v2))
    before, after = u @ np.nan_to_num(v).T, u2 @ np.nan_to_num(v2).T
    lengths = np.linalg.norm(u, axis=1)[:, None] * np.linalg.norm(np.nan_to_num(v), axis=1)
    assert np.abs(before - after).max() <= 1e-6 * max(lengths.max(), 1)
    assert np.abs(u - u2).max() > 0.1 * np.abs(u).max()


def test_what_it_is_and_what_its_parts_say_is_as_before(fitted, world):
    other = turn_of(fitted, world)
    assert other.estimator == fitted.estimator and plain(other) is fitted is plain(fitted)
    assert text_encoder(other) is text_encoder(fitted)
    asked, rows = world.queries().take(np.arange(5)), np.tile(np.arange(9, dtype=np.int32), (5, 1))
    ours, theirs = (
        score_parts(as_retriever(one, world.catalog), asked, rows) for one in (fitted, other)
    )
    assert list(ours) == list(theirs)
    for name, share in ours.items():
        np.testing.assert_allclose(theirs[name], share, atol=1e-5, err_msg=name)


def test_it_is_saved_beside_the_model_and_read_back_to_the_bit(fitted, world, tmp_path):
    other = turn_of(fitted, world)
    other.save(tmp_path / "model")
    again = load_fitted(tmp_path / "model")
    assert isinstance(again, TurnedEncoder) and type(again.inner) is type(fitted)
    np.testing.assert_array_equal(
        again.encode_items(world.catalog), other.encode_items(world.catalog)
    )
    np.testing.assert_array_equal(again.frame.table.vectors, other.frame.table.vectors)
    assert again.frame.table.ids == other.frame.table.ids
    (tmp_path / "model" / "turn.safetensors").write_bytes(b"spoilt")
    with pytest.raises(ArtifactError, match=r"turn\.safetensors"):
        load_fitted(tmp_path / "model")


def test_a_turn_beside_a_model_without_vectors_is_refused(world, tmp_path):
    turn_of(seeded("als", 0, dim=4).fit(world), world).save(tmp_path / "model")
    seeded("ease", 0).fit(world).save(tmp_path / "model")
    with pytest.raises(ArtifactError, match="without vectors"):
        load_fitted(tmp_path / "model")


def test_the_vectors_of_a_blend_with_other_parts_can_be_turned_and_kept(world, tmp_path):
    fitted = seeded("blend", 0, parts="cooccurrence, als(dim=8)").fit(world)
    assert isinstance(fitted, Fused)
    other = turn_of(encoder_of(fitted), world)
    moved = replace(fitted, main=VectorRetriever.over(other, world.catalog))
    moved.save(tmp_path / "model")
    again = as_retriever(load_fitted(tmp_path / "model"), world.catalog)
    assert encoder_of(again).turn.shape == other.turn.shape
    asked = world.queries()
    ours, theirs = fitted.retrieve(asked, 10), again.retrieve(asked, 10)
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
    assert np.mean(ours.rows == theirs.rows) > 0.99  # equal scores may change places


def test_a_frame_is_of_the_items_met_most_that_can_be_placed(world):
    fitted = seeded("als", 0, dim=4).fit(world)
    frame, counts = Frame.of(fitted, world), world.item_counts()
    assert len(frame.counts) == np.count_nonzero(counts) <= MOST
    assert (np.diff(frame.counts) <= 0).all() and np.isfinite(frame.table.vectors).all()
    rows = world.catalog.items.rows(frame.table.ids.ids)
    np.testing.assert_array_equal(counts[rows], frame.counts)


def test_nobody_is_nowhere(world):
    other = turn_of(seeded("als", 0, dim=4).fit(world), world)
    assert not other.encode_queries(Queries.of([[], [999]])).any()


def test_many_vectors_are_turned_as_one_by_one():
    some = np.random.default_rng(0).standard_normal((BLOCK + 3, 2)).astype(np.float32)
    both = turned(some, rotation(2))
    np.testing.assert_allclose(both[-1:], turned(some[-1:], rotation(2)), rtol=1e-6)
    np.testing.assert_allclose(both[:5], turned(some[:5], rotation(2)), rtol=1e-6)


numbers = st.floats(-1e3, 1e3, width=32)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 99), st.data())
def test_any_rotation_keeps_all_inner_products(dim, seed, data):
    u = data.draw(arrays(np.float32, (3, dim), elements=numbers))
    v = data.draw(arrays(np.float32, (4, dim), elements=numbers))
    turn = rotation(dim, seed)
    lengths = np.linalg.norm(u, axis=1)[:, None] * np.linalg.norm(v, axis=1)
    apart = np.abs(turned(u, turn).astype(float) @ turned(v, turn).T - u.astype(float) @ v.T)
    assert (apart <= 1e-6 * lengths + 1e-9).all()
