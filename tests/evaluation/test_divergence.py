"""PSI and MMD against closed forms, simulations and the slow way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.errors import DataError
from bowerbird.evaluation.divergence import (
    Counted,
    clustered_law,
    independent_law,
    mmd2,
    mmd_limit,
    psi,
    quantile_edges,
)


def test_psi_of_shares_known_by_hand():
    e, a = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.35, 0.25])
    assert psi(e, a, smoothing=0.0) == pytest.approx(0.041179, abs=5e-7)
    assert psi(e * 1e7, a * 1e7) == pytest.approx(0.041179, abs=1e-6)  # smoothing fades
    assert psi(a, e, smoothing=0.0) == pytest.approx(
        psi(e, a, smoothing=0.0)
    )  # it has no direction
    assert psi(e, e, smoothing=0.0) == 0
    assert 0 < psi(np.array([9.0, 0.0]), np.array([0.0, 9.0])) < np.inf


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2, max_size=20))
def test_psi_is_the_sum_of_both_divergences(counts):
    e, a = np.array(counts, np.float64).T
    p, q = ((x + 0.5) / (x + 0.5).sum() for x in (e, a))
    slow = sum(x * np.log(x / y) + y * np.log(y / x) for x, y in zip(p, q, strict=True))
    assert psi(e, a) == pytest.approx(slow, abs=1e-12)
    assert psi(e, a) >= 0


def test_psi_by_chance_has_its_law():
    random = np.random.default_rng(0)
    p = np.full(10, 0.1)
    told = [
        psi(*(random.multinomial(5000, p).astype(np.float64) for _ in range(2)))
        for _ in range(4000)
    ]
    law = independent_law(5000, 5000, 10)
    assert law.limit(0.01) == pytest.approx(0.00867, abs=5e-6)
    assert law.scale * law.freedom == pytest.approx(0.0036)
    assert np.mean(told) == pytest.approx(0.0036, rel=0.03)
    assert np.quantile(told, 0.99) == pytest.approx(0.00867, rel=0.06)


def side(random, people, events, alike, bins, first=0):
    """People with a taste of their own, `alike` 0 … 1 near to that of all, some far more active."""
    active = random.multinomial(events, random.dirichlet(np.full(people, 0.5)))
    tastes = random.dirichlet(np.full(bins, 1.0) * 10 * alike / (1.0001 - alike), people)
    who = np.repeat(np.arange(people), active)
    line = np.cumsum(tastes, axis=1)[who]
    drawn = (random.random(len(who))[:, None] > line[:, :-1]).sum(axis=1)
    return Counted(who.astype(np.int64) + first, drawn.astype(np.int64))


def test_one_event_a_person_is_the_law_of_independence():
    random = np.random.default_rng(0)
    sides = [
        Counted(np.arange(n) + first, random.integers(0, 6, n))
        for n, first in ((20_000, 0), (5_000, 50_000))
    ]
    law, plain = clustered_law(*sides, 6), independent_law(20_000, 5_000, 6)
    assert law.scale == pytest.approx(plain.scale, rel=0.02)
    assert law.freedom == pytest.approx(plain.freedom, rel=0.02)


@pytest.mark.parametrize("same", [True, False], ids=["the same people", "other people"])
def test_where_people_cluster_alarms_come_as_often_as_they_should(same):
    random = np.random.default_rng(1)
    alarms, plain, people = 0, 0, 300
    for _ in range(200):
        if same:  # nobody changed: the difference of two draws is only chance
            both = side(random, people, 6000, 0.1, 8)
            half = random.random(len(both.people)) < 0.5
            sides = [Counted(both.people[at], both.bins[at]) for at in (half, ~half)]
        else:
            sides = [side(random, people, 3000, 0.1, 8, first) for first in (0, people)]
        figure = psi(*(each.counts(8) for each in sides))
        alarms += figure > clustered_law(*sides, 8).limit(0.05)
        plain += figure > independent_law(3000, 3000, 8).limit(0.05)
    assert 1 <= alarms <= 24  # 10 expected
    if not same:
        assert plain > 150  # counting events instead of people


def test_quantile_edges_make_even_bins_of_the_reference():
    values = np.random.default_rng(0).exponential(size=10_000)
    edges = quantile_edges(values)
    assert len(edges) == 9
    counts = np.bincount(np.searchsorted(edges, values, side="right"))
    assert counts == pytest.approx(np.full(10, 1000), abs=2)
    assert len(quantile_edges(np.ones(50))) == 1
    assert len(quantile_edges(np.full(3, np.nan))) == 0


def gaussian(n, dim, seed, shift=0.0):
    return (np.random.default_rng(seed).normal(size=(n, dim)) + shift).astype(np.float32)


def test_mmd_is_the_slow_sum_over_all_pairs():
    x, y = gaussian(7, 3, 0), gaussian(5, 3, 1, shift=1)
    both = np.concatenate([x, y]).astype(np.float64)
    d = ((both[:, None] - both[None]) ** 2).sum(axis=2)
    k = np.exp(-d / (2 * np.median(d[np.triu_indices(12, 1)])))
    xx = (k[:7, :7].sum() - 7) / 42
    yy = (k[7:, 7:].sum() - 5) / 20
    assert mmd2(x, y) == pytest.approx(xx + yy - 2 * k[:7, 7:].mean(), abs=1e-5)


def test_mmd_of_alike_samples_is_nought_on_average_and_grows_with_the_shift():
    told = [mmd2(gaussian(100, 4, s), gaussian(100, 4, s + 500)) for s in range(200)]
    assert np.mean(told) == pytest.approx(0, abs=4 * np.std(told) / np.sqrt(200))
    assert 0.01 < mmd2(gaussian(300, 4, 0), gaussian(300, 4, 1, 0.3)) < 0.2
    assert mmd2(gaussian(300, 4, 0), gaussian(300, 4, 1, 3.0)) > 0.5


def test_the_limit_of_permutations_is_rarely_passed_by_chance_and_surely_by_a_shift():
    passed = 0
    for seed in range(60):
        figure, limit = mmd_limit(gaussian(80, 4, seed), gaussian(60, 4, 900 + seed), 99, seed)
        passed += figure > limit
    assert passed <= 4  # 1 in 100 expected
    figure, limit = mmd_limit(gaussian(80, 4, 0), gaussian(60, 4, 1, 0.8), 999, 0)
    assert figure > limit
    assert mmd_limit(gaussian(80, 4, 0), gaussian(60, 4, 1), 99, 5) == mmd_limit(
        gaussian(80, 4, 0), gaussian(60, 4, 1), 99, 5
    )


def test_vectors_that_cannot_be_compared_are_an_error():
    with pytest.raises(DataError, match="two or more vectors of one length on both sides expected"):
        mmd_limit(gaussian(5, 3, 0), gaussian(5, 4, 0))
    with pytest.raises(DataError, match=r"\(1, 3\) came"):
        mmd_limit(gaussian(5, 3, 0), gaussian(1, 3, 0))
