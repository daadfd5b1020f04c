from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.retrieval import cooccurrence
from bowerbird.retrieval.cooccurrence import CoOccurrence, follow_counts, strongest
from worlds import cycles, dataset

histories = st.lists(st.lists(st.integers(0, 6), max_size=8), min_size=1, max_size=6)


def plainly(lists, n, window):
    """F by its definition."""
    forward = np.zeros((n, n))
    for history in lists:
        for place, first in enumerate(history):
            for distance, then in enumerate(history[place + 1 : place + 1 + window], 1):
                forward[first, then] += (first != then) / distance
    return forward


@given(histories, st.integers(1, 9))
def test_counts_are_their_definition(lists, window):
    data = dataset(lists, 7)
    counts = follow_counts(data, window, 100).toarray()
    assert np.allclose(counts, plainly(lists, 7, window), atol=1e-6)


def test_counting_in_stretches_changes_nothing(monkeypatch):
    data = cycles()
    whole = follow_counts(data, 3, 100).toarray()
    monkeypatch.setattr(cooccurrence, "PAIRS_AT_ONCE", 7)
    assert np.allclose(follow_counts(data, 3, 100).toarray(), whole, atol=1e-5)


def test_a_score_worked_by_hand():
    # 0 → 1 → 2 once, 0 → 2 once: F[0,1] = 1, F[0,2] = 1/2 + 1, F[1,2] = 1; items met 2, 1, 2 times
    data = dataset([[0, 1, 2], [0, 2]])
    model = CoOccurrence(damping=0.5, backward=0.5, decay=0.1, discount=1.0).fit(data)
    hits = model.retrieve(Queries.of([[1, 0]]), 3)
    # newest is 0 (age 0), then 1 (age 1): score(i) = (W[0,i]/√2 + .1·W[1,i]/√1) / met(i)
    score = {
        2: (1.5 / 2**0.5 + 0.1 * 1) / 2,
        1: (1 / 2**0.5) / 1,
        0: (0.1 * 0.5 * 1) / 2,
    }
    assert hits.rows.tolist() == [[1, 2, 0]]
    assert hits.scores[0] == pytest.approx([score[1], score[2], score[0]], rel=1e-6)


def test_a_purchase_says_more_than_a_view():
    data = dataset([[0, 1], [0, 2]], weights=[[1, 1], [1, 5]])
    assert CoOccurrence().fit(data).retrieve(Queries.of([[0]]), 1).rows.tolist() == [[2]]


def test_what_was_seen_but_not_liked_counts_for_nothing():
    data = dataset([[0, 1, 2]], weights=[[1, 0, 1]])
    hits = CoOccurrence().fit(data).retrieve(Queries.of([[0]]), 3)
    assert hits.rows.tolist() == [[2, -1, -1]]


def test_in_a_circle_the_next_is_found():
    data = cycles()
    model = CoOccurrence(backward=0.0, decay=0.3).fit(data)
    hits = model.retrieve(Queries.of([[3, 4, 5], [10, 11]]), 1)
    assert hits.rows.tolist() == [[6], [0]]


def test_without_an_order_only_company_counts():
    data = replace(dataset([[0, 1], [1, 0], [0, 2]]), ordered=False)
    shuffled = replace(dataset([[1, 0], [0, 1], [2, 0]]), ordered=False)
    ask = Queries.of([[0], [1, 2]])
    one, two = (CoOccurrence().fit(d).retrieve(ask, 3) for d in (data, shuffled))
    assert np.array_equal(one.rows, two.rows)
    assert np.allclose(one.scores, two.scores)


def test_only_the_strongest_are_kept():
    kept = strongest(csr_array(np.array([[1.0, 3, 2], [0, 4, 0]])), 2)
    assert kept.toarray().tolist() == [[0, 3, 2], [0, 4, 0]]


def test_settings_tried_share_their_counts_and_equal_a_fit_alone():
    data = cycles()
    model = CoOccurrence()
    variants = model.variants(data)
    assert variants[0] == model and len(set(variants)) == len(variants) == 24
    for variant, fitted in zip(variants[:4], model.fit_each(data, variants[:4]), strict=True):
        assert np.array_equal(fitted.weights.toarray(), variant.fit(data).weights.toarray())


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"decay": 0.0}, r"decay in \(0, 1\] expected, 0.0 came"),
        ({"decay": 1.5}, r"decay in \(0, 1\] expected, 1.5 came"),
        ({"damping": -1.0}, "damping, backward and discount ≥ 0 expected, -1.0, 0.3 and 0.0 came"),
        ({"backward": -0.1}, "damping, backward and discount ≥ 0"),
        ({"discount": float("nan")}, "damping, backward and discount ≥ 0"),
        ({"window": 0}, "window and neighbours ≥ 1 expected, 0 and 2000 came"),
        ({"neighbours": 0}, "window and neighbours ≥ 1 expected, 50 and 0 came"),
    ],
)
def test_settings_out_of_range_are_refused(setting, told):
    with pytest.raises(ConfigError, match=told):
        CoOccurrence(**setting)
