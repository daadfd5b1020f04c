"""What was shown before: left out for a while, or held back."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.queries import Queries
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.exposed import Recently, Tired, exposed
from bowerbird.ranking.recommender import history

DAY = 86_400


@pytest.fixture
def asked():
    """One person: met 0; shown 1 three times today, 2 once today, 3 three times long ago."""
    items = [3, 3, 3, 0, 1, 1, 1, 2]
    times = np.array([0, 1, 2, 50 * DAY, 99 * DAY, 99 * DAY + 1, 99 * DAY + 2, 99 * DAY + 3])
    made = Queries.of([items])
    types = np.array([1, 1, 1, 0, 1, 1, 1, 1], dtype=np.int16)
    weights = (types == 0).astype(np.float32)
    now = np.array([100 * DAY])
    return replace(
        made, times=times, types=types, type_names=("view", "seen"), weights=weights, now=now
    )


def hits_of(rows):
    return Hits(np.array([rows], np.int32), -np.arange(len(rows), dtype=np.float32)[None])


def test_what_was_only_shown_does_not_count_as_met(asked):
    assert exposed(asked).sum() == 7
    assert history(asked, 9).rows.tolist() == [0]


def test_what_was_shown_often_and_lately_is_left_out(asked):
    assert Recently(0, within_s=2.0 * DAY, times=3).rows(asked, 9).rows.tolist() == [1]
    assert Recently(0, within_s=2.0 * DAY, times=1).rows(asked, 9).rows.tolist() == [1, 2]
    assert Recently(0, within_s=200.0 * DAY, times=3).rows(asked, 9).rows.tolist() == [1, 3]
    later = Recently(150 * DAY, within_s=2.0 * DAY, times=1)  # who comes back after a while
    assert not len(later.rows(asked, 9).rows)


def test_the_fresher_the_exposures_the_further_down(asked):
    step = Tired(9, 0, weight=1.0, half_life_s=float(DAY))
    found = step(asked, hits_of([1, 2, 3, 4]))
    # relevance 1, 2/3, 1/3, 0; exposures a day old count a half each: 1.5, .5, none, none
    assert found.rows.tolist() == [[3, 2, 4, 1]]


def test_who_was_shown_nothing_keeps_the_list():
    asked = Queries.of([[5]])
    assert Tired(9, 0)(asked, hits_of([1, 2, 3])).rows.tolist() == [[1, 2, 3]]
    assert not len(Recently(0).rows(asked, 9).rows)


@pytest.mark.parametrize("wrong", [{"times": 0}, {"within_s": 0.0}, {"within_s": np.nan}])
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ConfigError, match="recently shown: within > 0 s and times ≥ 1"):
        Recently(0, **wrong)
    with pytest.raises(ConfigError, match="tired: weight ≥ 0"):
        Tired(9, 0, weight=-1.0)
