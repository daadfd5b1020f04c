import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.encoders.frequency import Frequency


def one_by_one(frequency, items):
    """Algorithm 2 as it is printed, draw by draw."""
    gaps, last, drawn = frequency.gaps.copy(), frequency.last.copy(), frequency.drawn
    for item in items:
        drawn += 1
        gaps[item] = (1 - frequency.rate) * gaps[item] + frequency.rate * (drawn - last[item])
        last[item] = drawn
    return gaps, last, drawn


@given(st.lists(st.lists(st.integers(0, 4), max_size=12), max_size=4))
def test_many_draws_at_once_are_the_draws_one_by_one(batches):
    start = Frequency.of(np.array([5, 3, 1, 0, 2]), rate=0.2)
    frequency = start
    for batch in batches:
        frequency = frequency.seen(np.array(batch, dtype=np.int64))
    gaps, last, drawn = one_by_one(start, [item for batch in batches for item in batch])
    np.testing.assert_allclose(frequency.gaps, gaps, rtol=1e-9)
    np.testing.assert_array_equal(frequency.last, last)
    assert frequency.drawn == drawn


def test_it_begins_with_the_shares_of_the_counts():
    frequency = Frequency.of(np.array([6, 3, 1]))
    np.testing.assert_allclose(np.exp(frequency.log_shares(np.arange(3))), [0.6, 0.3, 0.1])


def test_it_finds_the_shares_of_a_stream_it_was_told_nothing_of():
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    rng = np.random.default_rng(0)
    frequency = Frequency.of(np.ones(4))
    for _ in range(200):
        frequency = frequency.seen(rng.choice(4, 500, p=shares))
    found = np.exp(frequency.log_shares(np.arange(4)))
    np.testing.assert_allclose(found, shares, rtol=0.25)  # the sd at a rate of .01 is 7 %


def test_it_follows_a_stream_that_changes():
    rng = np.random.default_rng(0)
    frequency = Frequency.of(np.array([9, 1]), rate=0.05)
    for _ in range(20):
        frequency = frequency.seen(rng.choice(2, 500, p=[0.2, 0.8]))
    assert frequency.gaps[1] < 1.5 < 3 < frequency.gaps[0]


def test_a_draw_changes_nothing_of_what_was_there_before():
    first = Frequency.of(np.array([1, 1]))
    first.seen(np.array([0, 0, 1]))
    assert first.gaps.tolist() == [2, 2] and first.drawn == 0
