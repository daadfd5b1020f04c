import threading

import numpy as np
import pytest

from bowerbird.errors import DataError
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Hits, Ragged
from bowerbird.index.live import LiveIndex, merged
from bowerbird.index.pruned import PrunedIndex


def rows(*some):
    return np.array(some, dtype=np.int32)


def made(n=6, dim=6):
    """Item i points along axis i, longer the higher i is."""
    vectors = np.eye(n, dim, dtype=np.float32) * np.arange(1, n + 1, dtype=np.float32)[:, None]
    return LiveIndex(ExactIndex(vectors), n), np.ones((1, dim), np.float32)


def found(live, query, k=3, **eligible):
    return [row for row in live.search(query, k, **eligible).rows[0].tolist() if row >= 0]


def test_a_new_item_is_found_by_the_next_search():
    live, query = made()
    assert found(live, query) == [5, 4, 3]
    live.put(rows(6), np.full((1, 6), 9, np.float32))
    assert found(live, query) == [6, 5, 4] and len(live) == 7 and live.fresh == 1


def test_an_update_replaces_the_old_vector_and_the_newest_counts():
    live, query = made()
    live.put(rows(5), np.full((1, 6), -1, np.float32))
    assert found(live, query, 6) == [4, 3, 2, 1, 0, 5]
    live.put(rows(5), np.full((1, 6), 0.6, np.float32))
    assert found(live, query, 6) == [4, 3, 5, 2, 1, 0]
    np.testing.assert_array_equal(live.take(rows(5))[0], np.full(6, 0.6, np.float32))


def test_what_is_removed_or_hidden_is_gone_at_once():
    live, query = made()
    live.put(rows(6), np.full((1, 6), 9, np.float32))
    live.remove(rows(5, 6))
    live.hide(rows(4))
    assert found(live, query) == [3, 2, 1]
    live.show(rows(4))
    assert found(live, query) == [4, 3, 2]
    with pytest.raises(DataError, match="put them in again"):
        live.show(rows(5))
    live.hide(rows(4))
    live.put(rows(5, 4), np.full((2, 6), 9, np.float32))
    assert found(live, query) == [5, 3, 2]  # a new vector shows nothing that is hidden
    live.show(rows(4))
    assert found(live, query) == [4, 5, 3]
    live.put(rows(), np.zeros((0, 6), np.float32))
    assert found(live, query) == [4, 5, 3]


def test_eligibility_holds_for_fresh_vectors_too():
    live, query = made()
    live.put(rows(6, 8), np.full((2, 6), [[8], [9]], np.float32))  # nobody has put 7
    assert found(live, query, 9) == [8, 6, 5, 4, 3, 2, 1, 0]
    exclude = Ragged(rows(8, 5), np.array([0, 2], dtype=np.int64))
    assert found(live, query, exclude=exclude) == [6, 4, 3]
    allow = np.array([True] * 5 + [False, True])  # it ends before row 8
    assert found(live, query, allow=allow) == [6, 4, 3]
    with pytest.raises(DataError, match="put them in again"):
        live.show(rows(7))


def test_a_rebuild_changes_no_answer_and_forgets_what_was_removed():
    live, query = made()
    live.put(rows(6, 2), np.full((2, 6), [[9], [3]], np.float32))
    live.remove(rows(4))
    live.hide(rows(5))
    before = live.search(query, 9)
    live.rebuild(PrunedIndex.over)
    after = live.search(query, 9)
    assert live.fresh == 0
    assert np.array_equal(before.rows, after.rows) and np.array_equal(before.scores, after.scores)
    assert np.isnan(live.take(rows(4))).all()
    live.show(rows(5))
    assert found(live, query)[0] == 6 and 5 in found(live, query, 9)


def test_what_changes_during_a_rebuild_is_kept():
    live, query = made()
    live.put(rows(6), np.full((1, 6), 9, np.float32))

    def build(vectors):
        live.put(rows(7, 0), np.full((2, 6), [[20], [10]], np.float32))
        live.put(np.arange(100, 2_000, dtype=np.int32), np.zeros((1_900, 6), np.float32))
        live.remove(rows(6))
        return ExactIndex(vectors)

    live.rebuild(build)
    assert found(live, query) == [7, 0, 5] and live.fresh == 1_902


def test_what_cannot_be_meant_is_refused_and_changes_nothing():
    live, query = made()
    for bad in (
        lambda: live.put(rows(6), np.full((1, 6), np.nan, np.float32)),
        lambda: live.put(rows(6), np.zeros((1, 3), np.float32)),
        lambda: live.put(rows(6, 6), np.zeros((2, 6), np.float32)),
        lambda: live.put(rows(-1), np.zeros((1, 6), np.float32)),
        lambda: live.remove(rows(99)),
        lambda: live.hide(rows(-1)),
    ):
        with pytest.raises(DataError, match="expected"):
            bad()
    assert found(live, query) == [5, 4, 3] and len(live) == 6


def test_two_lists_become_one():
    one = Hits(np.array([[4, 2]], np.int32), np.array([[9, 1]], np.float32))
    other = Hits(np.array([[7, 1]], np.int32), np.array([[9, 1]], np.float32))
    assert merged(one, other, 3).rows.tolist() == [[4, 7, 1]]


def test_readers_never_see_half_a_change():
    """A writer moves one score from item to item: whoever reads finds it exactly once."""
    live, query = made(n=50, dim=50)
    top = np.full((1, 50), 100, np.float32)
    live.put(rows(0), top)
    stop, wrong = threading.Event(), []

    def read():
        while not stop.is_set():
            hits = live.search(query, 3)
            if not (hits.scores[0, 0] == 5000 and hits.scores[0, 1] <= 50):
                wrong.append(hits)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for step in range(1, 400):
        # both at once: the old holder becomes plain, another takes its place
        pair = np.vstack([np.zeros((1, 50), np.float32), top])
        live.put(rows((step - 1) % 50, step % 50), pair)
        if step % 50 == 0:
            live.rebuild(PrunedIndex.over)
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
