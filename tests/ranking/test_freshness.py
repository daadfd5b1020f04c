"""New items further up, and lists that go round."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import NO_TIME
from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.freshness import Recent, Rotate

DAY = 86_400
ASK = replace(Queries.of([[0]]), now=np.zeros(1, np.int64))


def hits_of(rows):
    return Hits(np.array([rows], np.int32), -np.arange(len(rows), dtype=np.float32)[None])


def test_youth_halves_with_each_half_life():
    since = np.array([10 * DAY, 9 * DAY, 8 * DAY, 12 * DAY, NO_TIME])
    youth = Recent(since, now=10 * DAY, half_life_s=float(DAY)).youth(since)
    assert youth.tolist() == [1, 0.5, 0.25, 1, 0]  # what comes tomorrow is as new as can be


def test_the_new_rise_by_what_they_are_given():
    since = np.array([NO_TIME, NO_TIME, 10 * DAY, 9 * DAY])
    hits = hits_of([0, 1, 2, 3])  # relevance 1, 2/3, 1/3, 0
    step = Recent(since, now=10 * DAY, weight=0.5, half_life_s=float(DAY))  # 1, 2/3, 5/6, 1/4
    assert step(ASK, hits).rows.tolist() == [[0, 2, 1, 3]]


def test_a_round_shows_everything_once_and_keeps_the_first():
    hits, seen = hits_of(range(11)), []
    for day in range(3):
        step = Rotate(now=day * DAY + 7, among=11, keep=2, k=5)
        rows = step(ASK, hits).rows[0].tolist()
        assert rows[:2] == [0, 1]
        assert sorted(rows) == list(range(11))
        seen += rows[2:5]
    assert seen == list(range(2, 11))


def test_a_step_that_was_made_long_ago_goes_by_the_moment_it_is_asked_at():
    since = np.array([NO_TIME, NO_TIME, 10 * DAY, 9 * DAY])
    some = {now: replace(ASK, now=np.array([now])) for now in (DAY, 10 * DAY)}
    for make in (
        lambda now: Recent(since, now, weight=0.5, half_life_s=float(DAY)),
        lambda now: Rotate(now, among=4, keep=1, k=2),
    ):
        for now, asked in some.items():
            told = make(0)(asked, hits_of(range(4))).rows.tolist()
            assert told == make(now)(ASK, hits_of(range(4))).rows.tolist()
        both = Queries.of([[0], [0]])
        both = replace(both, now=np.array([DAY, 10 * DAY]))
        two = Hits(*(np.concatenate([part, part]) for part in vars_of(hits_of(range(4)))))
        rows = make(0)(both, two).rows.tolist()
        assert rows == [make(0)(a, hits_of(range(4))).rows[0].tolist() for a in some.values()]


def vars_of(hits):
    return hits.rows, hits.scores


def test_short_lists_go_round_within_themselves():
    hits = Hits(np.array([[4, 5, 6, -1]], np.int32), np.array([[3, 2, 1, -np.inf]], np.float32))
    found = Rotate(now=DAY, keep=1, k=2, among=30)(ASK, hits)
    assert found.rows.tolist() == [[4, 6, 5, -1]]
    assert found.scores.tolist() == [[3, 1, 2, -np.inf]]


def test_numbers_that_mean_nothing_are_refused():
    with pytest.raises(ConfigError, match="rotate: every ≥ 1 s"):
        Rotate(now=0, keep=10, k=10)
    with pytest.raises(ConfigError, match="recent: weight ≥ 0"):
        Recent(np.zeros(1, np.int64), now=0, weight=-1.0)
