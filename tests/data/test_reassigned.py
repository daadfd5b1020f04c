"""Names that are one person, and people who are gone: every event is somebody's, once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.reassigned import reassigned
from bowerbird.data.synthetic import World


@pytest.fixture(scope="module")
def data():
    return World(n_users=12, n_items=20, n_events=200, seed=1).make().dataset


def events(data):
    log = data.log
    names = (data.users.ids[row] for row in log.users)
    return sorted(zip(names, log.items.tolist(), log.times.tolist(), strict=True))


def test_who_is_gone_is_in_no_event_and_no_name(data):
    gone = data.users.ids[3]
    less = reassigned(data, {gone: None})
    assert gone not in less.users
    assert events(less) == [event for event in events(data) if event[0] != gone]


def test_events_of_one_name_become_those_of_another_in_the_order_of_time(data):
    one, other = data.users.ids[1], data.users.ids[7]
    joined = reassigned(data, {one: other, data.users.ids[2]: "new"})
    renamed = {one: other, data.users.ids[2]: "new"}
    assert events(joined) == sorted((renamed.get(u, u), i, t) for u, i, t in events(data))
    row = joined.users.rows([other])[0]
    assert (np.diff(joined.log.times[joined.log.users == row]) >= 0).all()
    assert joined.users.ids[-1] == "new"


@given(st.dictionaries(st.integers(0, 11), st.integers(0, 12)))
def test_nothing_is_lost_or_doubled_and_what_is_known_of_people_stays(moves):
    data = World(n_users=12, n_items=20, n_events=200, seed=1).make().dataset
    ids = (*data.users.ids, None)
    to = {ids[a]: ids[b] for a, b in moves.items() if a < len(data.users)}
    made = reassigned(data, to)
    expected = [(to.get(u, u), i, t) for u, i, t in events(data)]
    assert events(made) == sorted(e for e in expected if e[0] is not None)
    for name, column in made.traits.items():
        for row, id in enumerate(made.users.ids):
            before = data.users.rows([id])[0]
            assert column.words()[row] == data.traits[name].words()[before]
