from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.queries import Queries
from bowerbird.encoders.batches import (
    answered,
    distance_classes,
    gap_classes,
    grouped,
    padded,
    rounded,
    started,
    windows,
)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=20), st.integers(2, 9), st.integers(0, 99))
def test_every_event_but_the_first_is_a_target_exactly_once(lengths, max_len, seed):
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    rng = np.random.default_rng(seed)
    pieces = windows(offsets, max_len, rng)
    targets = [t for start, stop in pieces for t in range(start + 1, stop)]
    firsts = {o for o, n in zip(offsets, lengths, strict=False) if n}
    assert sorted(targets) == [t for t in range(offsets[-1]) if t not in firsts]
    assert ((pieces[:, 1] - pieces[:, 0]) <= max_len + 1).all()
    together = np.concatenate([np.zeros((0, 2), np.int64), *grouped(pieces, 30, rng)])
    assert sorted(map(tuple, together)) == sorted(map(tuple, pieces))


def test_batches_hold_about_as_many_places_as_asked_and_little_padding():
    rng = np.random.default_rng(0)
    lengths = rng.geometric(0.1, 2000) + 1
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    groups = list(grouped(windows(offsets, 50, rng), 512, rng))
    sizes = [(g[:, 1] - g[:, 0] - 1) for g in groups]
    places = np.array([rounded(int(s.max())) * len(s) for s in sizes])
    assert places.max() <= 512 and np.median(places) > 400
    assert sum(s.sum() for s in sizes) / places.sum() > 0.9


def test_few_shapes_come_again_and_again():
    widths = {rounded(length) for length in range(1, 201)}
    assert len(widths) == 49 and all(rounded(width) == width for width in widths)
    assert all(length <= rounded(length) <= 1.125 * length for length in range(1, 300))
    queries = Queries.of([list(range(18)), [1, 2, 3]])
    long = np.array([[0, 18], [18, 21]])  # 17 inputs
    assert padded(queries, long, 99, 1, True).gaps.shape == (2, 18, 18)
    assert padded(queries, long, 99, 0, True).gaps.shape == (2, 18, 18)  # 18, as they are
    assert padded(queries, long[:, :] - [0, 1], 99, 0, False).items.shape == (2, 17)


def test_a_batch_worked_by_hand():
    queries = Queries.of([[5, 6, 7], [8, 9]])
    batch = padded(queries, np.array([[0, 3], [3, 5]]), 99, 1, True)
    assert batch.items.tolist() == [[5, 6], [8, 99]]
    assert batch.targets.tolist() == [[6, 7], [9, -1]]
    assert batch.gaps.tolist() == [[[0, 1], [1, 0]], [[0, 0], [0, 0]]]
    assert batch.types is None and batch.owners.tolist() == [0, 1]
    later = started(batch, 99, np.array([5, -1]))
    assert later.items.tolist() == [[99, 5, 6], [99, 8, 99]]
    assert later.targets.tolist() == [[5, 6, 7], [-1, 9, -1]]
    assert later.gaps.shape == (2, 3, 3)


def test_types_of_events_are_codes_and_0_is_not_said():
    queries = replace(
        Queries.of([[5, 6]]), types=np.array([-1, 2], np.int16), type_names=("a", "b", "c")
    )
    assert padded(queries, np.array([[0, 2]]), 9, 0, False).types.tolist() == [[0, 3]]


@pytest.mark.parametrize("start", [False, True])
def test_all_queries_are_answered_at_their_newest_place(start):
    queries = Queries.of([[1, 2, 3, 4], [], [7]])
    newest = {}
    for batch, last in answered(queries, 3, 99, False, start):
        for row, owner in enumerate(batch.owners):
            newest[int(owner)] = batch.items[row, last[row]]
            if owner == 0:  # no more than max_len events are looked at
                assert batch.items[row].tolist()[-3:] == [2, 3, 4]
    assert newest == {0: 4, 1: 99, 2: 7}


@given(st.lists(st.integers(0, 2**33), min_size=1, max_size=6))
def test_gap_classes_are_symmetric_and_grow_with_the_gap(times):
    classes = gap_classes(np.array([sorted(times)]))[0]
    assert (classes == classes.T).all() and (np.diag(classes) == 0).all()
    assert (np.diff(classes[0]) >= 0).all()


def test_distances_are_told_apart_when_near_and_in_steps_when_far():
    far = distance_classes(201)[200][::-1]
    assert far[:8].tolist() == list(range(8))
    assert (np.diff(far) >= 0).all() and far[-1] <= 15 and far[100] > far[20]
