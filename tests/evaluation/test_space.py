"""Figures of vectors, against closed forms and the slow way of computing them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln, ive

from bowerbird.evaluation import space
from bowerbird.index.exact import ExactIndex


def gaussian(n, dim, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def test_effective_rank_of_even_and_of_flat_spaces():
    assert space.effective_rank(gaussian(5000, 64)) == pytest.approx(63.9, abs=0.05)
    flat = gaussian(5000, 8) @ gaussian(8, 64, 1)
    assert space.effective_rank(flat) == pytest.approx(7.85, abs=0.06)
    assert space.effective_rank(np.eye(8, dtype=np.float32)) == pytest.approx(8)
    # σ = 3, 1: p = .75, .25
    two = np.array([[3, 0], [0, 1]], np.float32)
    assert space.effective_rank(two) == pytest.approx(
        np.exp(-0.75 * np.log(0.75) + 0.25 * np.log(4))
    )
    assert space.effective_rank(np.ones((5, 3), np.float32)) == pytest.approx(1)


@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_effective_rank_is_that_of_the_singular_values(n, dim, seed):
    vectors = gaussian(n, dim, seed)
    s = np.linalg.svd(vectors.astype(np.float64), compute_uv=False)
    p = s / s.sum()
    assert space.effective_rank(vectors) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-4)


def test_a_space_of_many_rows_is_read_in_blocks_and_not_otherwise(monkeypatch):
    vectors = gaussian(1000, 5)
    whole = space.effective_rank(vectors), space.uniformity(vectors)
    monkeypatch.setattr(space, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(space, "PAIRS_AT_ONCE", 7)
    assert (space.effective_rank(vectors), space.uniformity(vectors)) == pytest.approx(whole)


def test_the_largest_direction_is_a_share_of_the_variance_around_the_mean():
    vectors = np.array([[13, 5], [7, 5], [10, 6], [10, 4]], np.float32)
    assert space.top_share(vectors) == pytest.approx(18 / 20)
    assert np.isnan(space.top_share(np.ones((3, 2), np.float32)))


@pytest.mark.parametrize(
    ("dim", "bound"), [(2, -1.5750), (16, -3.5130), (64, -3.8752), (128, -3.9375)]
)
def test_the_bound_of_uniformity_is_the_closed_form_and_even_points_reach_it(dim, bound):
    nu = dim / 2 - 1
    bessel = np.log(ive(nu, 4)) + 4  # ive is scaled by e^-4
    closed = -4 + gammaln(dim / 2) + nu * np.log(2 / 4) + bessel
    assert space.uniformity_bound(dim) == pytest.approx(closed, abs=1e-12)
    assert space.uniformity_bound(dim) == pytest.approx(bound, abs=5e-5)
    assert space.uniformity(gaussian(3000, dim)) == pytest.approx(bound, abs=4e-3)


def test_uniformity_of_few_points_by_hand():
    # cosines 0 of one pair, -1 of another, 0 of the third; lengths do not matter
    vectors = np.array([[1, 0], [0, 5], [-2, 0], [0, 0]], np.float32)
    assert space.uniformity(vectors) == pytest.approx(np.log((2 * np.exp(-4) + np.exp(-8)) / 3))
    assert space.uniformity(np.ones((4, 3), np.float32)) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(space.uniformity_bound(4096))
    assert np.isnan(space.uniformity(vectors[:1]))


def test_isotropy_is_the_slow_mean_over_pairs():
    vectors = gaussian(60, 5) + 1
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (unit @ unit.T)[~np.eye(60, dtype=bool)]
    assert space.mean_cosine(vectors) == pytest.approx(cosines.mean(), abs=1e-6)
    assert space.mean_cosine(gaussian(3000, 32)) == pytest.approx(0, abs=2e-3)
    assert space.mean_share(np.array([[3, 0], [0, 4]], np.float32)) == pytest.approx(2.5 / 3.5)
    assert np.isnan(space.mean_share(np.zeros((2, 2), np.float32)))


@pytest.mark.parametrize(
    ("dim", "unit", "skewness", "dead"),
    [(20, True, 0.3, 0), (3, False, 4.9, 0.89), (20, False, 2.2, 0.19), (100, False, 1.07, 0.01)],
)
def test_lengths_make_hubs_and_dead_items(dim, unit, skewness, dead):
    items, queries = gaussian(2000, dim), gaussian(2000, dim, 1)
    rows = ExactIndex(space.units(items) if unit else items).search(queries, 10).rows
    reaches = space.reached(rows, 2000)
    assert space.hubness(reaches) == pytest.approx(skewness, abs=0.25 + 0.1 * skewness)
    assert (reaches == 0).mean() == pytest.approx(dead, abs=0.03)


def test_hubness_by_hand_and_where_there_is_none():
    assert space.reached(np.array([[0, 2], [2, -1]], np.int32), 4).tolist() == [1, 0, 2, 0]
    # 0, 0, 0, 4: mean 1, third moment (−1·3 + 27) / 4 = 6, variance 3
    assert space.hubness(np.array([0, 0, 0, 4])) == pytest.approx(6 / 3**1.5)
    assert np.isnan(space.hubness(np.array([2, 2, 2])))


def test_what_chance_misses_is_what_random_lists_miss():
    random = np.random.default_rng(0)
    rows = np.stack([random.choice(200, 10, replace=False) for _ in range(60)]).astype(np.int32)
    missed = (space.reached(rows, 200) == 0).mean()
    assert space.dead_by_chance(200, 60, 10) == pytest.approx(missed, abs=0.03)
    assert space.dead_by_chance(5, 3, 10) == 0


def test_length_by_popularity_is_a_rank_correlation():
    counts = np.arange(1, 51)
    vectors = space.units(gaussian(50, 4)) * np.exp(counts / 10)[:, None].astype(np.float32)
    assert space.norm_popularity(vectors, counts) == pytest.approx(1)
    assert space.norm_popularity(vectors, counts[::-1].copy()) == pytest.approx(-1)
    assert np.isnan(space.norm_popularity(space.units(vectors), counts))  # rounding is no length
    assert np.isnan(space.norm_popularity(vectors, np.ones(50, np.int64)))


def test_category_agreement_knows_clusters_from_chance():
    centres = gaussian(4, 16) * 5
    codes = np.repeat(np.arange(4, dtype=np.int32), 50)
    vectors = centres[codes] + gaussian(200, 16, 1)
    asked = np.arange(200)
    same, chance = space.category_agreement(vectors, codes, asked)
    assert same > 0.99
    assert chance == pytest.approx(49 / 199)
    shuffled = np.random.default_rng(0).permutation(codes)
    assert space.category_agreement(vectors, shuffled, asked)[0] == pytest.approx(chance, abs=0.05)
    # three items, k 10: each has two neighbours, item 0 and 1 one of their own
    three = np.array([[1, 0], [1, 0.1], [0, 1]], np.float32)
    found = space.category_agreement(three, np.array([0, 0, 1], np.int32), np.arange(3))
    assert found == pytest.approx((1 / 3, 1 / 3))


def test_ties_are_neighbouring_places_and_no_hit_is_no_place():
    scores = np.array([[5, 5, 4, 4], [2, 1, -np.inf, -np.inf]], np.float32)
    assert space.tied_share(scores) == pytest.approx(2 / 4)
    assert np.isnan(space.tied_share(np.full((2, 3), -np.inf, np.float32)))


def test_nothing_has_no_figures():
    nothing = np.zeros((0, 3), np.float32)
    for figure in (space.effective_rank, space.top_share, space.mean_cosine, space.mean_share):
        assert np.isnan(figure(nothing)), figure.__name__


@given(st.floats(-2, 2), st.integers(0, 2**32 - 1))
def test_the_slope_of_length_by_popularity_is_the_exponent_it_was_made_with(slope, seed):
    counts = np.arange(1, 60)
    vectors = space.units(gaussian(59, 5, seed)) * (counts**slope)[:, None].astype(np.float32)
    assert space.norm_slope(vectors, counts) == pytest.approx(slope, abs=1e-5)


def test_a_slope_needs_items_that_differ():
    assert np.isnan(space.norm_slope(gaussian(9, 3), np.full(9, 4)))
    assert np.isnan(space.norm_slope(gaussian(9, 3), np.zeros(9, np.int64)))
