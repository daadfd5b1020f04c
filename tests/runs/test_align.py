"""Spaces turned onto one another: what is recovered, what is refused, what old vectors find."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.synthetic import World
from bowerbird.encoders.popularity import Popularity
from bowerbird.encoders.turned import TurnedEncoder
from bowerbird.errors import SpaceError
from bowerbird.retrieval.models import encoder_of, seeded
from bowerbird.runs.align import SAME, aligned, anchors, procrustes
from bowerbird.runs.run import Trained, write_run
from bowerbird.runs.tune import Choice
from bowerbird.surfaces.run_folder import load_run
from bowerbird.surfaces.space import Space, space_of


def rotation(dim, rng):
    """A random orthogonal matrix."""
    return np.linalg.qr(rng.standard_normal((dim, dim)))[0]


def best(scores, k=20):
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def overlap(a, b):
    """Share of each list that is in the other, too."""
    return np.mean([len(set(x) & set(y)) / len(x) for x, y in zip(a, b, strict=True)])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(0, 10_000))
def test_a_rotated_copy_is_turned_back(dim, seed):
    rng = np.random.default_rng(seed)
    old = rng.standard_normal((3 * dim, dim))
    way = rotation(dim, rng)
    found = procrustes(old @ way, old)
    np.testing.assert_allclose(found.turn, way.T, atol=1e-10)
    np.testing.assert_allclose(found.turn @ found.turn.T, np.eye(dim), atol=1e-12)
    assert found.residual < 1e-10 and found.mean_cosine == pytest.approx(1)
    assert found.anchors == 3 * dim


def test_no_other_rotation_comes_nearer():
    rng = np.random.default_rng(0)
    old = rng.standard_normal((60, 6))
    new = (old + 0.5 * rng.standard_normal(old.shape)) @ rotation(6, rng)
    found = procrustes(new, old)
    others = [np.linalg.norm(new @ rotation(6, rng) - old) for _ in range(200)]
    little = [np.linalg.qr(np.eye(6) + 0.01 * rng.standard_normal((6, 6)))[0] for _ in range(50)]
    near = [np.linalg.norm(new @ found.turn @ one - old) for one in little]
    assert found.residual * np.linalg.norm(old) < min(*others, *near)


def test_a_scale_is_not_undone_but_told():
    rng = np.random.default_rng(0)
    old = rng.standard_normal((60, 6))
    found = procrustes(1.2 * old @ rotation(6, rng), old)
    assert found.residual == pytest.approx(0.2) and found.mean_cosine == pytest.approx(1)
    np.testing.assert_allclose(found.turn @ found.turn.T, np.eye(6), atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 40), st.integers(0, 10_000))
def test_spaces_that_have_nothing_to_do_with_each_other_are_never_one(dim, seed):
    rng = np.random.default_rng(seed)
    new, old = rng.standard_normal((2, 2 * dim, dim))  # as few anchors as are taken
    assert procrustes(new, old).residual > SAME


def test_nothing_is_turned_onto_zeros_and_zeros_fit_nothing():
    some = np.random.default_rng(0).standard_normal((9, 3))
    with pytest.raises(SpaceError, match="9 of zeros came"):
        procrustes(some, np.zeros((9, 3)))
    found = procrustes(np.zeros((9, 3)), some)
    assert found.residual == pytest.approx(1) and found.mean_cosine == 0


@pytest.mark.parametrize(("noise", "expected"), [(0, 1.0), (0.1, 0.88), (0.3, 0.69), (1.0, 0.28)])
def test_what_old_vectors_find_among_new_ones_falls_as_known(noise, expected):
    rng = np.random.default_rng(0)
    old, people = rng.standard_normal((2000, 32)), rng.standard_normal((300, 32))
    new = (old + noise * rng.standard_normal(old.shape)) @ rotation(32, rng)
    found, lists = procrustes(new, old), best(people @ old.T)
    assert overlap(best(people @ (new @ found.turn).T), lists) == pytest.approx(expected, abs=0.03)
    assert overlap(best(people @ new.T), lists) == pytest.approx(0.01, abs=0.01)
    assert (found.residual < SAME) == (noise <= 0.3)


def test_anchors_are_met_often_in_both_and_the_bar_falls_only_where_it_must():
    here = np.array([100, 50, 20, 19, 5, 0])
    np.testing.assert_array_equal(anchors(here, here[::-1], 1), [2, 3])  # min 0 5 19 19 5 0
    np.testing.assert_array_equal(anchors(here, here, 1), [0, 1, 2])
    np.testing.assert_array_equal(anchors(here, here, 2), [0, 1, 2, 3])
    with pytest.raises(SpaceError, match="at least 6 items met both then and now expected, 5 came"):
        anchors(here, here, 3)


@pytest.fixture(scope="module")
def world():
    return World(n_users=400, n_items=150, n_events=12_000, seed=1).make().dataset


def before(data, share):
    """The data as it was when the last share of its events was still to come."""
    return data.with_log(data.log.where(data.log.times <= np.quantile(data.log.times, 1 - share)))


def kept(folder, data, fitted, facts=None):
    """A run folder, read back."""
    estimator = seeded("als", 0)
    write_run(folder, data, Trained(fitted, Choice(estimator), Popularity()), facts or {}, "")
    return load_run(folder)


def als(data, seed=0, dim=16):
    return seeded("als", seed, dim=dim).fit(data)


def test_two_fits_from_different_seeds_find_for_old_vectors_what_a_new_fit_finds_at_all(world):
    first, second = als(world), als(world, seed=1)
    old, new = (np.nan_to_num(one.encode_items(world.catalog)) for one in (first, second))
    people, anew = (one.encode_queries(world.queries()) for one in (first, second))
    lists = best(people @ old.T)
    found = procrustes(new, old)
    raw = overlap(best(people @ new.T), lists)
    mixed = overlap(best(people @ (new @ found.turn).T), lists)
    fresh = overlap(best(anew @ new.T), lists)
    assert raw < 0.3 < 0.7 < mixed and mixed > fresh - 0.03


def test_a_retrained_run_is_in_the_space_of_the_run_before_and_answers_its_vectors(world, tmp_path):
    early = before(world, 0.02)
    first = kept(tmp_path / "first", early, als(early))
    fitted, facts = aligned(als(world), world, first)
    told = facts["space"]
    assert told["same"] and told["id"] == space_of(first) and told["parent"] == "first"
    assert 0 < told["residual"] < SAME and 0.9 < told["mean_cosine"] < 1 and told["anchors"] > 32
    second = kept(tmp_path / "second", world, fitted, facts)
    assert space_of(second) == space_of(first)
    old, new = Space.of(first), Space.of(second)
    people = old.of_queries(early.queries())
    lists = best(people @ np.nan_to_num(old.main.vectors).T)
    assert overlap(best(people @ np.nan_to_num(new.main.vectors).T), lists) > 0.75
    own = fitted.inner.encode_queries(world.queries())
    scores = own @ np.nan_to_num(fitted.inner.encode_items(world.catalog)).T
    mixed = new.main.encoder.encode_queries(world.queries()) @ np.nan_to_num(new.main.vectors).T
    assert np.abs(mixed - scores).max() <= 1e-6


def test_over_many_runs_all_are_turned_onto_where_the_space_began(world, tmp_path):
    early = before(world, 0.02)
    first = kept(tmp_path / "first", early, als(early))
    fitted, facts = aligned(als(world), world, first)
    second = kept(tmp_path / "second", world, fitted, facts)
    again, later = aligned(als(world), world, second)
    assert later["space"]["parent"] == "second" and later["space"]["id"] == space_of(first)
    assert later["space"]["residual"] == facts["space"]["residual"]  # measured from the beginning
    np.testing.assert_array_equal(again.turn, fitted.turn)
    assert again.frame.table.ids == fitted.frame.table.ids


def test_another_place_for_everything_is_another_space(world, tmp_path):
    first = kept(tmp_path / "first", world, als(world))
    ids = np.random.default_rng(0).permutation(len(world.catalog)).astype(np.int32)
    log = replace(world.log, items=ids[world.log.items])  # every item is met by others' people
    fitted, facts = aligned(als(world.with_log(log)), world.with_log(log), first)
    told = facts["space"]
    assert not told["same"] and told["residual"] >= SAME and "residual" in told["why"]
    assert not isinstance(fitted, TurnedEncoder)
    second = kept(tmp_path / "second", world, fitted, facts)
    assert space_of(second) == told["id"] != space_of(first)


@pytest.mark.parametrize(
    ("model", "settings", "why"),
    [
        ("als", {"dim": 8}, "16 dimensions as before expected, 8 came"),
        ("cooccurrence", {}, "cooccurrence compares items"),
    ],
)
def test_what_cannot_be_turned_says_why(world, tmp_path, model, settings, why):
    first = kept(tmp_path / "first", world, als(world))
    fitted = seeded(model, 0, **settings).fit(world)
    same, facts = aligned(fitted, world, first)
    assert same is fitted and not facts["space"]["same"] and why in facts["space"]["why"]
    assert (facts["space"]["id"] is None) == (model == "cooccurrence")
    run = kept(tmp_path / "second", world, fitted, facts)
    assert space_of(run) == facts["space"]["id"]
    _, after = aligned(als(world), world, run)
    assert not after["space"]["same"] and after["space"]["id"]


def test_the_first_run_begins_a_space_and_so_does_one_with_nothing_in_common(world, tmp_path):
    _, facts = aligned(als(world), world, None)
    assert facts["space"]["id"] and facts["space"]["parent"] is None
    assert aligned(als(world), world, None)[1] == facts  # the same vectors, the same name
    first = kept(tmp_path / "first", world, als(world))
    other = World(n_users=400, n_items=150, n_events=12_000, seed=2).make().dataset
    names = replace(other.catalog.items, ids=tuple(f"x{i}" for i in other.catalog.items.ids))
    other = replace(other, catalog=replace(other.catalog, items=names))
    _, facts = aligned(als(other), other, first)
    assert "0 came" in facts["space"]["why"] and not facts["space"]["same"]


def test_of_a_blend_with_other_parts_the_vectors_are_turned(world, tmp_path):
    early = before(world, 0.02)
    blend = seeded("blend", 0, parts="cooccurrence, als(dim=16)", weights="1, 1")
    first = kept(tmp_path / "first", early, blend.fit(early))
    raw = blend.fit(world)
    fitted, facts = aligned(raw, world, first)
    assert facts["space"]["same"] and isinstance(encoder_of(fitted), TurnedEncoder)
    asked = world.queries()
    np.testing.assert_allclose(
        fitted.retrieve(asked, 9).scores, raw.retrieve(asked, 9).scores, atol=1e-5
    )
    second = kept(tmp_path / "second", world, fitted, facts)
    assert Space.of(second).id == Space.of(first).id


def test_a_run_trained_alone_has_a_space_by_its_data_and_its_model(world, tmp_path):
    one, two = (kept(tmp_path / name, world, als(world)) for name in ("one", "two"))
    other = kept(tmp_path / "other", world, als(world, seed=1))
    assert space_of(one) == space_of(two) != space_of(other)
    assert space_of(kept(tmp_path / "ease", world, seeded("ease", 0).fit(world))) is None
