"""What each rule of splitting promises, against brute force and by property."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.split import (
    RULES,
    TIES,
    ByTime,
    ColdItems,
    ColdUsers,
    LeaveOneOut,
    Rule,
    fixed,
)
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError, DataError

USERS, ITEMS = 6, 8


def world(events, ordered=True, dated=True):
    """A dataset of (user, item, time, weight), sorted as the importer would."""
    rows = sorted(events, key=lambda event: (event[0], event[2]))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    types = (np.int32, np.int32, np.int64, np.float32)
    log = Interactions(*(np.array(c, dtype=t) for c, t in zip(columns, types, strict=True)))
    users = Vocabulary(tuple(f"u{r}" for r in range(USERS)))
    catalog = Catalog(Vocabulary(tuple(f"i{r}" for r in range(ITEMS))))
    return Dataset(users, catalog, log, ordered=ordered, dated=dated)


def rows_of(log):
    """The log as a list of tuples."""
    return list(zip(*(c.tolist() for c in (log.users, log.items, log.times)), strict=True))


def relevant_of(holdout):
    """Each user's relevant item rows with their gain."""
    found = {}
    for place, user in enumerate(holdout.users.tolist()):
        row = holdout.relevant[[place]].tocoo()
        found[user] = dict(zip(row.coords[1].tolist(), row.data.tolist(), strict=True))
    return found


def histories_of(holdout):
    """Each user's history as item rows."""
    places = enumerate(holdout.users.tolist())
    return {user: holdout.queries.history(place).tolist() for place, user in places}


events = st.lists(
    st.tuples(
        st.integers(0, USERS - 1),
        st.integers(0, ITEMS - 1),
        st.integers(0, 12),
        st.sampled_from([0.0, 1.0, 3.0]),
    ),
    min_size=2,
    max_size=40,
)
seldom = settings(max_examples=60, deadline=None)


@given(events, st.integers(1, 12), st.booleans())
@seldom
def test_by_time_shows_no_future_and_loses_no_answer(log, cut, repeats):
    data = world(log)
    late = data.log.times >= cut
    if late.all() or not late.any():
        with pytest.raises(DataError, match="both sides of the cut"):
            ByTime(at=cut).split(data)
        return
    train, holdout = ByTime(at=cut, repeats=repeats).split(data)
    assert (train.log.times < cut).all()
    assert (holdout.queries.times < cut).all()
    assert (holdout.queries.now == cut).all()
    assert set(holdout.users.tolist()) == {u for u, _, t, _ in log if t >= cut}
    relevant, histories = relevant_of(holdout), histories_of(holdout)
    for user, history in histories.items():
        assert history == [i for u, i, _ in rows_of(train.log) if u == user]
    for user, item, time, weight in log:
        if time >= cut and weight > 0:
            assert item in relevant[user] or (not repeats and item in histories[user])
    for user, items in relevant.items():
        for item, gain in items.items():
            weights = [w for u, i, t, w in log if (u, i) == (user, item) and t >= cut]
            assert gain == max(weights) > 0
            assert repeats or item not in histories[user]


@given(events, st.integers(1, 3))
@seldom
def test_leave_one_out_agrees_with_a_plain_loop(log, back):
    data = world(log)
    train, holdout = LeaveOneOut(back=back, repeats=True).split(data)
    expected_train, expected = [], {}
    weights = data.log.weights.tolist()
    for user in range(USERS):
        mine = [(e, w) for e, w in zip(rows_of(data.log), weights, strict=True) if e[0] == user]
        liked = [place for place, (_, weight) in enumerate(mine) if weight > 0]
        stop = liked[-min(back, len(liked))] if liked else len(mine)
        expected_train += [event for event, _ in mine[:stop]]
        if len(liked) >= back:
            (_, item, time), weight = mine[stop]
            expected[user] = ([e[1] for e, _ in mine[:stop]], {item: weight}, time)
    assert rows_of(train.log) == expected_train
    assert histories_of(holdout) == {user: row[0] for user, row in expected.items()}
    assert relevant_of(holdout) == {user: row[1] for user, row in expected.items()}
    assert holdout.queries.now.tolist() == [row[2] for row in expected.values()]


@given(events)
@seldom
def test_leave_one_out_twice_is_leave_the_last_but_one_out(log):
    data, rule = world(log), LeaveOneOut()
    twice = rule.inner().split(rule.split(data).train)
    back = LeaveOneOut(back=2).split(data)
    assert rows_of(back.train.log) == rows_of(twice.train.log)
    assert histories_of(back.holdout) == histories_of(twice.holdout)
    assert relevant_of(back.holdout) == relevant_of(twice.holdout)


@given(events, st.integers(0, 2**16))
@seldom
def test_without_order_one_random_liked_event_of_each_user_is_asked(log, seed):
    data = world(log, ordered=False, dated=False)
    train, holdout = LeaveOneOut(seed=seed, repeats=True).split(data)
    liked = {u for u, _, _, w in log if w > 0}
    assert set(holdout.users.tolist()) == liked
    assert len(train.log) == len(data.log) - len(liked)
    assert "random" in holdout.rules["split"]
    assert holdout.rules["seed"] == str(seed)
    for place, user in enumerate(holdout.users.tolist()):
        whole = sorted(i for u, i, _, _ in log if u == user)
        assert sorted(histories_of(holdout)[user] + [*relevant_of(holdout)[user]]) == whole
        assert holdout.queries.now[place] > max(t for u, _, t, _ in log if u == user)


@given(events, st.integers(0, 2**16), st.sampled_from(["random", "newest"]))
@seldom
def test_cold_items_leave_the_training_log_and_the_histories(log, seed, by):
    data = world(log)
    rule = ColdItems(by=by, share=0.3, seed=seed, candidates="cold")
    train, holdout = rule.split(data)
    cold = holdout.allow
    assert not cold[train.log.items].any()
    assert not cold[holdout.queries.items].any()
    gains = relevant_of(holdout)
    expected = {}
    for user, item, _, weight in log:
        if cold[item] and weight > 0:
            best = expected.setdefault(user, {})
            best[item] = max(weight, best.get(item, 0))
    assert gains == expected


@given(events, st.integers(0, 3), st.integers(0, 2**16))
@seldom
def test_cold_users_are_asked_with_their_first_events_only(log, reveal, seed):
    data = world(log)
    train, holdout = ColdUsers(share=0.5, reveal=reveal, seed=seed).split(data)
    assert not set(holdout.users.tolist()) & set(train.log.users.tolist())
    assert len(holdout) == len({u for u, *_ in log}) // 2
    for place, user in enumerate(holdout.users.tolist()):
        mine = [row for row in rows_of(data.log) if row[0] == user]
        assert histories_of(holdout)[user] == [item for _, item, _ in mine[:reveal]]
        owned = holdout.queries.owners() == place
        assert (holdout.queries.times[owned] <= holdout.queries.now[place]).all()
        rest = {item for _, item, _ in mine[reveal:]}
        assert set(relevant_of(holdout)[user]) <= rest - {i for _, i, _ in mine[:reveal]}


SMALL = [(0, 0, 1, 1.0), (0, 1, 5, 1.0), (0, 0, 9, 3.0), (1, 2, 9, 1.0), (2, 3, 2, 0.0)]


def test_a_cold_user_is_asked_and_a_repeat_counts_only_when_said():
    once = ByTime(at=6).split(world(SMALL)).holdout
    again = ByTime(at=6, repeats=True).split(world(SMALL)).holdout
    assert histories_of(once) == {0: [0, 1], 1: []}
    assert relevant_of(once) == {0: {}, 1: {2: 1.0}}
    assert relevant_of(again) == {0: {0: 3.0}, 1: {2: 1.0}}
    assert once.rules["users"] == "2 asked, 1 of them have something to find"


def test_the_default_cut_leaves_the_newest_tenth():
    data = world([(t % USERS, t % ITEMS, t, 1.0) for t in range(100)])
    train, holdout = ByTime().split(data)
    assert (len(train.log), int(holdout.queries.now[0])) == (90, 90)
    inner = ByTime(at="1970-01-01T00:01:30").inner().split(train)
    assert len(inner.train.log) == 81


def test_an_iso_time_is_utc_unless_it_says_otherwise():
    data = world([(0, 0, 0, 1.0), (0, 1, 7200, 1.0)])
    for text in ("1970-01-01T01:00", "1970-01-01T01:00Z", "1970-01-01T02:00+01:00"):
        holdout = ByTime(at=text).split(data).holdout
        assert holdout.queries.now.tolist() == [3600]
        assert holdout.rules["cut"] == "1970-01-01T01:00:00Z"


@pytest.mark.parametrize("rule", [ByTime(), *(cls() for cls in RULES.values())])
def test_every_rule_says_all_it_does(rule):
    data = world([(t % USERS, t % ITEMS, t, 1.0) for t in range(60)])
    assert isinstance(rule, Rule)
    holdout = rule.split(data).holdout
    named = {"split", "cut", "ties", "seen", "gain", "repeats", "catalog", "users", "seed"}
    assert set(holdout.rules) == named
    assert holdout.rules["ties"] == TIES
    assert holdout.relevant.shape == (len(holdout), ITEMS)
    inner = rule.inner().split(rule.split(data).train)
    assert len(inner.holdout) > 0


def test_the_random_cold_items_follow_the_published_rule():
    data = world([(u, i, u + i, 1.0) for u in range(USERS) for i in range(ITEMS)])
    holdout = ColdItems(candidates="cold").split(data).holdout
    rows = np.random.default_rng(42).permutation(ITEMS)[: ITEMS // 5]
    assert np.flatnonzero(holdout.allow).tolist() == sorted(rows.tolist())


def test_listed_items_are_the_cold_ones_and_everything_is_ranked():
    split = ColdItems(by="listed", items=("i0", "i3")).split(world(SMALL))
    assert histories_of(split.holdout) == {0: [1]}  # item 3 was seen, not liked
    assert relevant_of(split.holdout) == {0: {0: 3.0}}
    assert split.holdout.allow is None


def test_the_newest_items_are_those_first_seen_last():
    data = world([(0, item, 10 - item, 1.0) for item in range(5)])
    holdout = ColdItems(by="newest", share=0.4, candidates="cold").split(data).holdout
    assert np.flatnonzero(holdout.allow).tolist() == [0, 1]


def test_a_fixed_split_asks_everyone_in_the_answers():
    train = world(SMALL)
    answers = world([(0, 7, 20, 1.0), (4, 2, 30, 1.0)]).log
    split = fixed(train, answers)
    assert split.train is train
    assert histories_of(split.holdout) == {0: [0, 1, 0], 4: []}
    assert relevant_of(split.holdout) == {0: {7: 1.0}, 4: {2: 1.0}}
    assert split.holdout.queries.now.tolist() == [10, 30]


def test_answers_of_another_vocabulary_are_refused():
    answers = Interactions(
        np.array([0], np.int32), np.array([99], np.int32), np.array([1]), np.ones(1, np.float32)
    )
    with pytest.raises(DataError, match=r"item rows 0 to 7 expected, 99…99 came.*one import"):
        fixed(world(SMALL), answers)


@pytest.mark.parametrize(
    ("rule", "data", "words"),
    [
        (ByTime(), world(SMALL, dated=False), "needs timestamps.*use leave-one-out"),
        (ColdItems(by="newest"), world(SMALL, dated=False), "the newest items needs timestamps"),
        (ColdUsers(reveal=1), world(SMALL, ordered=False, dated=False), "use reveal 0"),
        (ByTime(at="spring"), world(SMALL), "an ISO time expected.*'spring' came"),
        (ByTime(), world([]), "an empty log came"),
        (ColdItems(by="listed", items=("nobody",)), world(SMALL), "items of the catalog expected"),
    ],
)
def test_what_cannot_be_split_so_is_refused_with_a_remedy(rule, data, words):
    with pytest.raises((ConfigError, DataError), match=words):
        rule.split(data)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ByTime(test_share=1.0), "test_share between 0 and 1"),
        (lambda: LeaveOneOut(back=0), "back ≥ 1"),
        (lambda: ColdItems(by="listed"), "item rows expected"),
        (lambda: ColdUsers(reveal=-1), "reveal ≥ 0"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    data = world([(t % USERS, t % ITEMS, t, 1.0) for t in range(60)])
    first, second = (ColdUsers(share=0.5).split(data).holdout for _ in range(2))
    assert first.users.tolist() == second.users.tolist()
    others = {tuple(ColdUsers(share=0.5, seed=s).split(data).holdout.users) for s in range(9)}
    assert len(others) > 1
