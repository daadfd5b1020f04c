"""What lists do to a catalog, by hand and against the slow way of computing it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from bowerbird.evaluation import exposure
from bowerbird.evaluation.metrics import Judged
from bowerbird.index.index import Hits

COUNTS = np.array([8, 4, 2, 1, 1, 0])


def lists(rows):
    return np.array(rows, dtype=np.int32)


def unit(features):
    features = np.array(features, dtype=np.float64)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.divide(features, length, out=np.zeros_like(features), where=length > 0)


def test_coverage_is_over_what_was_trained_on_and_the_other_over_what_may_be_shown():
    shown = exposure.shown_counts(lists([[0, 1], [0, -1]]), 6)
    assert shown.tolist() == [2, 1, 0, 0, 0, 0]
    assert exposure.coverage(shown, COUNTS) == 2 / 5
    assert exposure.catalog_coverage(shown, None) == 2 / 6
    allow = np.array([True, True, True, False, False, True])
    assert exposure.catalog_coverage(shown, allow) == 2 / 4


def test_gini_is_0_for_equal_exposure_and_near_1_for_one_item():
    assert exposure.gini(np.array([2, 2, 2, 2, 2, 0]), COUNTS) == pytest.approx(0)
    assert exposure.gini(np.array([9, 0, 0, 0, 0, 0]), COUNTS) == pytest.approx(1 - 1 / 5)
    assert exposure.gini(np.zeros(6, dtype=np.int64), COUNTS) == 1
    # x = 1, 3: (2·1 - 3)·1 + (2·2 - 3)·3 = 2, over 2·4
    assert exposure.gini(np.array([3, 1]), np.array([1, 1])) == pytest.approx(2 / 8)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_is_twice_the_area_above_the_lorenz_curve(shown):
    shown = np.array(shown, dtype=np.int64)
    if not shown.sum():
        return
    counts = np.ones(len(shown), dtype=np.int64)
    curve = exposure.lorenz(shown, counts, points=len(shown) + 1)
    area = ((curve[1:] + curve[:-1]) / 2).mean()
    assert exposure.gini(shown, counts) == pytest.approx(1 - 2 * area, abs=1e-9)
    assert curve[0] == 0
    assert curve[-1] == 1
    assert (np.diff(curve) >= -1e-12).all()


def test_popularity_long_tail_and_novelty_by_hand():
    rows = lists([[0, 2], [5, -1], [-1, -1]])
    head = exposure.head_items(COUNTS)
    assert head.tolist() == [True, False, False, False, False, False]
    np.testing.assert_allclose(exposure.arp(rows, COUNTS), [5, 0, np.nan])
    np.testing.assert_allclose(exposure.aplt(rows, head), [0.5, 1, np.nan])
    # 16 interactions: item 0 has 1 bit, item 2 has 3, the cold item counts as one of 16: 4
    np.testing.assert_allclose(exposure.novelty(rows, COUNTS), [2, 4, np.nan])


def test_unequal_recall_is_the_spread_of_the_two_groups_over_their_mean():
    head = np.array([True, False, False])
    relevant = csr_array(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]))
    found = Judged.of(Hits(lists([[0, 1], [0, 1]]), np.zeros((2, 2), np.float32)), relevant)
    # head: 2 of 2 found; rest: 1 of 2. std of (1, .5) = .25, mean .75
    assert exposure.popreo(found, 2, head) == pytest.approx(1 / 3)
    assert exposure.popreo(found, 1, head) == pytest.approx(1)
    assert np.isnan(exposure.popreo(found, 2, np.array([True, True, True])))


def test_a_list_of_alike_items_has_no_diversity_and_of_unlike_ones_all():
    features = csr_array(unit([[1, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]))
    rows = lists([[0, 1, -1], [0, 2, 3], [0, 1, 2], [0, 4, -1], [-1, -1, -1]])
    wanted = [0, 1, 2 / 3, np.nan, np.nan]
    np.testing.assert_allclose(exposure.diversity(rows, features), wanted, atol=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_diversity_is_the_mean_over_all_pairs(seed):
    random = np.random.default_rng(seed)
    dense = unit((random.random((10, 4)) < 0.5) * random.random((10, 4)))
    rows = lists([random.permutation(10)[:5] for _ in range(4)])
    for row, value in zip(rows, exposure.diversity(rows, csr_array(dense)), strict=True):
        known = [i for i in row if dense[i].any()]
        pairs = [1 - dense[i] @ dense[j] for i in known for j in known if i < j]
        assert value == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True, abs=1e-9)


def test_diversity_that_costs_too_much_reads_every_other_list(monkeypatch):
    features, rows = csr_array(np.eye(4)), lists([[0, 1]] * 8)
    monkeypatch.setattr(exposure, "PRODUCTS", 8)
    assert np.isfinite(exposure.diversity(rows, features)).tolist() == [True, False] * 4


def test_calibration_by_hand():
    shares = csr_array(np.array([[1, 0], [0, 1], [0.5, 0.5], [0, 0]]))
    history = csr_array(np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1], [3, 1, 0, 0]]))
    rows = lists([[1, -1], [2, -1], [0, 1], [0, 1]])
    # 1: p = (1, 0), q = (0, 1): log(1 / .01). 2: calibrated. 3: the history has no label.
    skewed = 0.75 * np.log(0.75 / (0.99 * 0.5 + 0.01 * 0.75))
    skewed += 0.25 * np.log(0.25 / (0.99 * 0.5 + 0.01 * 0.25))
    wanted = [np.log(100), 0, np.nan, skewed]
    np.testing.assert_allclose(exposure.calibration(rows, history, shares), wanted, atol=1e-12)
    assert np.isnan(exposure.calibration(lists([[3, -1]] * 4), history, shares)).all()


@given(st.integers(0, 2**32 - 1))
def test_calibration_is_never_negative_and_0_for_the_history_itself(seed):
    random = np.random.default_rng(seed)
    shares = random.random((8, 5)) * (random.random((8, 5)) < 0.6)
    total = shares.sum(axis=1, keepdims=True)
    shares = csr_array(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))
    rows = lists([random.permutation(8)[:3] for _ in range(6)])
    own = np.zeros((6, 8))
    own[np.arange(6)[:, None], rows] = 1
    same = exposure.calibration(rows, csr_array(own), shares)
    other = exposure.calibration(rows, csr_array(own[::-1].copy()), shares)
    assert np.nan_to_num(same) == pytest.approx(np.zeros(6), abs=1e-9)
    assert (np.nan_to_num(other) >= 0).all()
