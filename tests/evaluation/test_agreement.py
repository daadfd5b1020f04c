"""Agreement of what is met in a row with what was met before, where it is known."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from bowerbird.evaluation.agreement import agreement, usual_agreement

CLUSTERS, EACH, PEOPLE = 10, 8, 200


def base(seed=0):
    """Everybody met half the items of one cluster."""
    random = np.random.default_rng(seed)
    likes = random.integers(0, CLUSTERS, PEOPLE)
    item = np.arange(CLUSTERS * EACH)
    met = (item[:, None] // EACH == likes[None]) & (random.random((len(item), PEOPLE)) < 0.5)
    return csr_array(met.astype(np.float32)), likes


def visits(likes, share, random, n=20):
    """n items of each person: of their own cluster with this chance, else of any."""
    users = np.repeat(np.arange(PEOPLE), n)
    own = random.random(len(users)) < share
    cluster = np.where(own, likes[users], random.integers(0, CLUSTERS, len(users)))
    return users, cluster * EACH + random.integers(0, EACH, len(users))


@pytest.mark.parametrize(("share", "expected"), [(1.0, 0.95), (0.5, 0.61), (0.0, 0.5)])
def test_agreement_is_what_the_clusters_say(share, expected):
    random = np.random.default_rng(1)
    met, likes = base()
    told = agreement(met, *visits(likes, share, random), random)
    # two of one cluster beat a stranger of another, 9 in 10 times; among one cluster it is a toss
    assert told.share == pytest.approx(expected, abs=0.02)
    assert told.error < 0.01


def test_the_standard_error_is_how_much_agreement_varies():
    met, likes = base()
    told = [
        agreement(met, *visits(likes, 0.5, random), random)
        for random in map(np.random.default_rng, range(60))
    ]
    spread = np.std([each.share for each in told])
    assert np.mean([each.error for each in told]) == pytest.approx(spread, rel=0.35)


def test_too_few_people_say_nothing():
    met, likes = base()
    users, items = visits(likes, 1.0, np.random.default_rng(0))
    few = users < 19
    assert agreement(met, users[few], items[few], np.random.default_rng(0)) is None


def test_unknown_items_and_repeats_are_no_pairs():
    met, likes = base()
    users, items = visits(likes, 1.0, np.random.default_rng(0))
    told = agreement(met, np.repeat(users, 2), np.repeat(items, 2), np.random.default_rng(0))
    once = agreement(met, users, items, np.random.default_rng(0))
    assert told == once
    odd = np.stack([items, np.full(len(items), -1)], axis=1).ravel()
    assert agreement(met, np.repeat(users, 2), odd, np.random.default_rng(0)) == once


def test_too_short_a_past_says_nothing_is_usual():
    _, likes = base()
    users, items = visits(likes, 1.0, np.random.default_rng(0))
    times = np.tile(np.arange(20), PEOPLE)
    n = CLUSTERS * EACH
    assert usual_agreement((users, items, times), start=0, length=1, n_items=n) is None
    assert usual_agreement((users, items, times), start=3, length=1, n_items=n) is None
    usual = usual_agreement((users, items, times), start=16, length=4, n_items=n)
    assert len(usual.earlier) == 2
    assert usual.kept == pytest.approx(1, abs=0.1)
    assert abs(usual.z) < 3
