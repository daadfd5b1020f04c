"""Intervals against published figures, figures worked out by hand, and many drawn worlds."""

import numpy as np
import pytest

from bowerbird.online.intervals import Z, distinct, median, ratio, total, wilson

DRAWS = 4_000


def one(*columns):
    """All rows in one group."""
    rows = [np.asarray(column, float) for column in columns]
    return np.zeros(len(rows[0]), np.int64), *rows


def ends(estimate):
    return pytest.approx((estimate.low[0], estimate.high[0]), abs=5e-5)


@pytest.mark.parametrize(
    ("found", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_what_newcombe_1998_printed(found, n, low, high):
    assert ends(wilson(np.array([found * 1.0]), np.array([n * 1.0]))) == (low, high)


def test_the_delta_method_gives_what_is_worked_out_by_hand():
    # R = 4/10; s²_Y = 2/3, s²_X = 5/3, s_XY = 2/3; Var = (2/3 - .8·2/3 + .16·5/3) / (4·2.5²) = .016
    estimate = ratio(*one([1, 0, 2, 1], [2, 1, 3, 4]), 1)
    assert estimate.value[0] == 0.4
    assert ends(estimate) == (0.4 - Z * 0.016**0.5, 0.4 + Z * 0.016**0.5)


def test_the_delta_method_is_the_formula_of_deng_in_every_group():
    draw = np.random.default_rng(0)
    group = np.sort(draw.integers(0, 5, 300))
    y, x = draw.integers(-50, 900, 300) * 1.0, draw.integers(1, 9, 300) * 1.0
    estimate = ratio(group, y, x, 5)
    for g in range(5):
        of = group == g
        n, r = of.sum(), y[of].sum() / x[of].sum()
        (yy, xy), (_, xx) = np.cov(y[of], x[of])
        half = Z * np.sqrt((yy - 2 * r * xy + r**2 * xx) / (n * x[of].mean() ** 2))
        assert estimate.value[g] == pytest.approx(r)
        assert (estimate.low[g], estimate.high[g]) == pytest.approx((r - half, r + half))


def test_with_one_list_a_user_the_delta_method_is_that_of_a_mean():
    y = np.array([3.0, 5.0, 10.0])
    half = Z * y.std(ddof=1) / 3**0.5
    assert ends(ratio(*one(y, np.ones(3)), 1)) == (6 - half, 6 + half)


@pytest.mark.parametrize("top", [[0, 0, 0], [1, 2, 3]])
def test_where_all_users_agree_a_share_is_as_sure_as_so_many_users(top):
    estimate = ratio(*one(top, [1, 2, 3]), 1, share=True)
    told = wilson(np.array([3.0 * (sum(top) > 0)]), np.array([3.0]))
    assert ends(estimate) == (told.low[0], told.high[0])
    assert estimate.low[0] < estimate.high[0]


def test_where_all_users_agree_money_has_no_interval():
    for bottom in ([3, 3, 3], [0.1, 0.1, 0.1]):
        estimate = ratio(*one([7, 7, 7], bottom), 1)
        assert np.isnan(estimate.low[0]) and np.isnan(estimate.high[0])
    estimate = total(*one([7, 7, 7]), np.array([3.0]))
    assert estimate.value[0] == 21 and np.isnan(estimate.low[0]) and np.isnan(estimate.high[0])


def test_what_has_nothing_to_be_divided_by_is_no_number():
    nothing = np.zeros(0)
    rows = (nothing.astype(np.int64), nothing)
    for estimate in (
        ratio(*rows, nothing, 1),
        ratio(*rows, nothing, 1, share=True),
        wilson(np.zeros(1), np.zeros(1)),
        median(*rows, 1),
    ):
        assert all(np.isnan(part[0]) for part in estimate)
    assert total(*rows, np.zeros(1)).value[0] == distinct(*rows, 1).value[0] == 0


def test_a_share_stays_between_nothing_and_all():
    estimate = ratio(*one([1, 0, 0], [1, 1, 1]), 1, share=True)
    assert estimate.low[0] == 0 and estimate.high[0] < 1
    estimate = ratio(*one([1, 1, 0], [1, 1, 1]), 1, share=True)
    assert estimate.low[0] > 0 and estimate.high[0] == 1


def test_a_total_gives_what_is_worked_out_by_hand():
    # four users, one without a row: s² = 5/3, Var = 4·5/3
    estimate = total(*one([1, 2, 3]), np.array([4.0]))
    half = Z * (20 / 3) ** 0.5
    assert ends(estimate) == (6 - half, 6 + half)


@pytest.mark.parametrize(
    ("n", "lower", "upper"),
    [
        *[(6, 1, 6), (7, 1, 7), (8, 1, 8), (9, 2, 8), (10, 2, 9), (15, 4, 12), (20, 6, 15)],
        *[(25, 8, 18), (30, 10, 21), (50, 18, 33), (100, 40, 61)],
    ],
)
def test_a_median_lies_between_the_ranks_of_printed_tables(n, lower, upper):
    values = np.random.default_rng(n).permutation(n) + 1
    estimate = median(*one(values), 1)
    assert (estimate.value[0], estimate.low[0], estimate.high[0]) == ((n + 1) / 2, lower, upper)


def test_below_six_values_a_median_has_no_interval():
    estimate = median(*one([5, 1, 3, 2, 4]), 1)
    assert estimate.value[0] == 3 and np.isnan(estimate.low[0]) and np.isnan(estimate.high[0])


@pytest.mark.parametrize(
    ("met", "n", "error"),
    [
        ({1: 70, 2: 17}, 140, 8.43),  # beetles of a second-growth forest
        ({1: 84, 2: 10}, 112, 9.22),  # and of an old-growth one
    ],
)
def test_distinct_items_are_as_sure_as_colwell_2012_printed(met, n, error):
    times = [k for k, count in met.items() for _ in range(count)]
    times += [3] * (n - len(times))
    estimate = distinct(*one(times), 1)
    assert estimate.value[0] == n
    assert (estimate.high[0] - n) / Z == pytest.approx(error, abs=0.005)


def test_items_all_met_often_are_all_there_are():
    estimate = distinct(*one([3, 4, 5]), 1)
    assert (estimate.low[0], estimate.high[0]) == (3, 3)
    lonely = distinct(*one([1, 1, 5]), 1)  # none met twice: one unmet, S_est 4
    assert lonely.high[0] - 3 == pytest.approx(Z * (3 * (1 - 3 / 4)) ** 0.5)


def worlds(seed, n):
    """Rows of n users in each of many draws, and the draw of each row."""
    return np.random.default_rng(seed), np.repeat(np.arange(DRAWS), n)


def held(estimate, truth):
    return ((estimate.low <= truth) & (truth <= estimate.high)).mean()


def test_click_rates_of_users_who_differ_are_covered():
    draw, group = worlds(1, 300)
    lists = 1 + draw.poisson(3, len(group))
    clicks = draw.binomial(lists, draw.beta(1, 4, len(group)))
    estimate = ratio(group, clicks * 1.0, lists * 1.0, DRAWS, share=True)
    assert 0.93 <= held(estimate, 0.2) <= 0.97


def test_money_a_list_is_covered():
    draw, group = worlds(2, 1_000)
    lists = 1 + draw.poisson(3, len(group))
    spent = np.where(draw.random(len(group)) < 0.3, draw.gamma(2, 500, len(group)), 0) * lists
    assert 0.93 <= held(ratio(group, spent, lists * 1.0, DRAWS), 300) <= 0.97


def test_shares_of_users_are_covered():
    draw, _ = worlds(3, 1)
    found = draw.binomial(150, 0.1, DRAWS) * 1.0
    assert 0.93 <= held(wilson(found, np.full(DRAWS, 150.0)), 0.1) <= 0.97


def test_totals_are_covered():
    draw, group = worlds(4, 500)
    spent = np.where(draw.random(len(group)) < 0.4, draw.exponential(100, len(group)), 0)
    some = spent > 0
    estimate = total(group[some], spent[some], np.full(DRAWS, 500.0))
    assert 0.93 <= held(estimate, 500 * 40) <= 0.97


def test_medians_are_covered():
    draw, group = worlds(5, 120)
    estimate = median(group, draw.exponential(1, len(group)), DRAWS)
    assert 0.93 <= held(estimate, np.log(2)) <= 0.97
