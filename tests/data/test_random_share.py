from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.random_share import RandomShare
from worlds import dataset

histories = st.lists(st.lists(st.integers(0, 9), max_size=8, unique=True), min_size=1, max_size=6)


@given(histories, st.floats(0.05, 0.9), st.integers(0, 5))
def test_each_liked_event_is_learned_from_or_asked_for(lists, share, seed):
    data = replace(dataset(lists, 10), ordered=False)
    train, holdout = RandomShare(share, seed).split(data)
    assert len(train.log) + holdout.relevant.nnz == len(data.log)
    for user, history in enumerate(lists):
        asked = np.flatnonzero(holdout.users == user)
        wanted = max(1, round(share * len(history))) if history else 0
        found = holdout.relevant[asked].indices.tolist() if len(asked) else []
        assert len(found) == min(wanted, len(history))
        kept = train.log.items[train.log.users == user].tolist()
        assert sorted(found + kept) == sorted(history)


def test_the_same_seed_draws_the_same_and_inner_another():
    data = replace(dataset([list(range(10))] * 3, 10), ordered=False)
    one, two, inner = (
        r.split(data).holdout.relevant.toarray()
        for r in (RandomShare(seed=1), RandomShare(seed=1), RandomShare(seed=1).inner())
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, inner)


def test_what_was_only_seen_is_never_asked_for():
    data = dataset([[0, 1, 2]], weights=[[0, 1, 0]])
    train, holdout = RandomShare().split(data)
    assert holdout.relevant.indices.tolist() == [1]
    assert train.log.items.tolist() == [0, 2]
