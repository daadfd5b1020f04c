"""Metrics by hand, and what must hold for any lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from bowerbird.evaluation.metrics import METRICS, Judged, accuracy
from bowerbird.index.index import Hits

N, K = 12, 5


def judged(rows, relevant) -> Judged:
    rows = np.asarray(rows, dtype=np.int32)
    return Judged.of(Hits(rows, np.zeros(rows.shape, np.float32)), csr_array(np.array(relevant)))


@st.composite
def cases(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    b = draw(st.integers(1, 12))
    rows = np.array([random.permutation(N)[:K] for _ in range(b)], dtype=np.int32)
    rows[random.random(rows.shape) < 0.2] = -1
    return rows, (random.random((b, N)) < draw(st.sampled_from([0.05, 0.3, 0.9]))) * 1.0


def test_a_list_worked_by_hand():
    # relevant: items 0, 1, 2; the list 5 0 7 2 holds hits at the places 2 and 4
    one = judged([[5, 0, 7, 2]], [[1, 1, 1, 0, 0, 0, 0, 0]])
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    wanted = {
        "hit": 1,
        "recall": 2 / 3,
        "recall_min": 2 / 3,
        "precision": 2 / 4,
        "ndcg": (1 / np.log2(3) + 1 / np.log2(5)) / ideal,
        "mrr": 1 / 2,
        "map": (1 / 2 + 2 / 4) / 3,
    }
    assert {name: METRICS[name](one, 4)[0] for name in METRICS} == pytest.approx(wanted)


def test_a_shorter_k_reads_the_beginning_and_caps_the_ideal():
    one = judged([[5, 0, 7, 2]], [[1, 1, 1, 0, 0, 0, 0, 0]])
    assert METRICS["hit"](one, 1)[0] == 0
    assert METRICS["recall"](one, 2)[0] == pytest.approx(1 / 3)
    assert METRICS["recall_min"](one, 2)[0] == pytest.approx(1 / 2)
    assert METRICS["map"](one, 2)[0] == pytest.approx(1 / 2 / 2)
    assert METRICS["ndcg"](one, 2)[0] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))


def test_a_list_shorter_than_k_is_filled_with_nothing():
    one = judged([[3]], [[0, 0, 0, 1, 1]])
    assert METRICS["precision"](one, 4)[0] == 1 / 4
    assert METRICS["ndcg"](one, 4)[0] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_a_query_with_nothing_relevant_is_not_judged():
    two = judged([[0], [0]], [[0.0, 0.0], [1.0, 0.0]])
    for name, metric in METRICS.items():
        assert np.isnan(metric(two, 1)[0]), name
        assert metric(two, 1)[1] == 1, name


def test_any_gain_above_zero_counts_once_and_a_stored_zero_does_not():
    gains = csr_array((np.array([5.0, 0.0, 0.5, 0.5]), ([0, 0, 0, 0], [1, 2, 3, 3])), shape=(1, 5))
    one = Judged.of(Hits(np.array([[1, 2, 3]], np.int32), np.zeros((1, 3), np.float32)), gains)
    assert one.hit.tolist() == [[True, False, True]]
    assert one.sizes().tolist() == [2]
    assert gains.nnz == 3  # the truth that came is not changed


def test_a_missing_place_is_no_hit_even_beside_the_last_item():
    # place -1 of query 1 must not be read as the last item of query 0
    two = judged([[0, 1], [-1, 0]], [[0, 0, 1], [0, 0, 1]])
    assert not two.hit.any()


def test_only_the_items_of_a_group_count_as_relevant():
    one = judged([[0, 1, 2]], [[1.0, 1.0, 0.0, 1.0]])
    part = one.within(np.array([True, False, True, True]))
    assert part.hit.tolist() == [[True, False, False]]
    assert part.sizes().tolist() == [2]
    assert one.sizes().tolist() == [3]


def test_blocks_of_queries_change_nothing(monkeypatch):
    random = np.random.default_rng(0)
    rows = np.array([random.permutation(N)[:K] for _ in range(50)])
    relevant = (random.random((50, N)) < 0.2) * 1.0
    whole = judged(rows, relevant).hit
    monkeypatch.setattr("bowerbird.evaluation.metrics.BLOCK", 7)
    assert (judged(rows, relevant).hit == whole).all()
    assert (whole == (relevant[np.arange(50)[:, None], rows] > 0)).all()


@given(cases())
def test_every_metric_lies_between_0_and_1(case):
    values = accuracy(judged(*case), (1, 3, K))
    asked = case[1].sum(axis=1) > 0
    for name, v in values.items():
        assert (np.isnan(v) == ~asked).all(), name
        assert ((v[asked] >= 0) & (v[asked] <= 1 + 1e-12)).all(), name


@given(cases())
def test_the_ideal_list_scores_1(case):
    _, relevant = case
    ideal = np.argsort(-relevant, axis=1, kind="stable")[:, :K]
    asked = relevant.sum(axis=1) > 0
    for name in ("ndcg", "recall_min", "hit", "mrr", "map"):
        value = METRICS[name](judged(ideal, relevant), K)[asked]
        assert value == pytest.approx(np.ones(asked.sum())), name


@given(cases(), st.integers(0, 1000))
def test_the_order_of_the_users_changes_nothing(case, seed):
    rows, relevant = case
    order = np.random.default_rng(seed).permutation(len(rows))
    for name, metric in METRICS.items():
        plain = metric(judged(rows, relevant), K)
        moved = metric(judged(rows[order], relevant[order]), K)
        np.testing.assert_array_equal(moved, plain[order], err_msg=name)


@given(cases())
def test_a_longer_list_never_loses_hits(case):
    one = judged(*case)
    asked = one.sizes() > 0
    for name in ("hit", "recall", "mrr"):
        values = [METRICS[name](one, k)[asked] for k in range(1, K + 1)]
        assert (np.diff(values, axis=0) >= 0).all(), name
