"""Neighbours of two versions: known lists, honest retrains, and spaces made sick."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.embeddings import Embeddings
from bowerbird.data.synthetic import World
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.als import Als
from bowerbird.errors import DataError
from bowerbird.evaluation.health import health_of
from bowerbird.evaluation.neighbours import (
    SLACK,
    movers,
    neighbourhoods,
    overlaps,
    rank_biased_overlap,
)

DIM, RETRAINS = 24, 12


def rows(*lists):
    return np.array(lists, dtype=np.int32)


def test_overlap_and_rank_biased_overlap_of_lists_known_by_hand():
    same, apart = rows([1, 2, 3]), rows([4, 5, 6])
    assert overlaps(same, same) == pytest.approx([1])
    assert overlaps(same, apart) == pytest.approx([0])
    assert rank_biased_overlap(same, same) == pytest.approx([1])
    assert rank_biased_overlap(same, apart) == pytest.approx([0])
    # X = 1, 1, 3: .1/.9 · (.9 + .81/2 + .729) + .729
    assert rank_biased_overlap(same, rows([1, 3, 2])) == pytest.approx([0.955])
    # X = 0, 1, 3: .1/.9 · (.81/2 + .729) + .729
    assert rank_biased_overlap(same, rows([2, 3, 1])) == pytest.approx([0.855])


def test_a_list_that_is_not_full_is_measured_by_what_it_holds():
    assert overlaps(rows([1, 2, -1]), rows([2, 1, -1])) == pytest.approx([1])
    assert overlaps(rows([1, 2, 3]), rows([-1, -1, -1])) == pytest.approx([0])
    assert overlaps(rows([-1, -1, -1]), rows([-1, -1, -1])) == pytest.approx([0])


@given(st.permutations(range(12)), st.permutations(range(12)), st.integers(1, 10))
def test_rank_biased_overlap_is_the_sum_of_its_definition(one, other, k):
    one, other = one[:k], other[:k]
    shared = [len(set(one[:d]) & set(other[:d])) / d for d in range(1, k + 1)]
    whole = [*shared, *[shared[-1]] * 2000]  # what both lists say beyond k: more of the same
    slow = 0.1 * sum(a * 0.9**d for d, a in enumerate(whole))
    assert rank_biased_overlap(rows(one), rows(other))[0] == pytest.approx(slow)


def embeddings(vectors, ids=None):
    ids = ids or tuple(f"i{row}" for row in range(len(vectors)))
    return Embeddings(Vocabulary(ids), vectors.astype(np.float32))


def test_a_space_that_was_turned_and_scaled_has_not_changed():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(300, 8))
    turn = np.linalg.qr(random.normal(size=(8, 8)))[0]
    near = neighbourhoods(embeddings(vectors), embeddings(3 * vectors @ turn))
    assert near.overlap == 1
    assert near.rbo == pytest.approx(1)


def test_noise_leaves_less_the_more_there_is():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(400, 16))
    noise = random.normal(size=(400, 16))
    kept = [
        neighbourhoods(embeddings(vectors), embeddings(vectors + by * noise)).overlap
        for by in (0.0, 0.1, 0.3, 1.0, 100.0)
    ]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == 1
    assert kept[-1] == pytest.approx(10 / 399, abs=0.01)  # by chance k / (n - 1)


def test_items_that_came_or_left_are_no_movement():
    vectors = np.random.default_rng(0).normal(size=(60, 4))
    ids = [f"i{row}" for row in range(60)]
    old = embeddings(vectors[:50], tuple(ids[:50]))
    new = embeddings(vectors[::-1][:55], tuple(ids[::-1][:55]))  # 10 came, 5 left, order turned
    near = neighbourhoods(old, new)
    assert len(near.ids) == 45
    assert near.overlap == 1


def test_only_so_many_anchors_are_asked_the_same_for_one_seed():
    vectors = np.random.default_rng(0).normal(size=(100, 4))
    one, two = (neighbourhoods(embeddings(vectors), embeddings(vectors), most=9) for _ in range(2))
    assert len(one.anchors) == 9
    assert (one.anchors == two.anchors).all()


def test_versions_without_a_common_item_are_an_error():
    with pytest.raises(DataError, match="items that both versions know expected, none of 2 and 3"):
        neighbourhoods(embeddings(np.ones((2, 2)), ("a", "b")), embeddings(np.ones((3, 2))))


# ── honest retrains and sick spaces ──────────────────────────────────────────────────────────────


def fitted(data, seed):
    """Item vectors and query vectors."""
    encoder = Als(dim=DIM, seed=seed, iterations=10).fit(data)
    return encoder.encode_items(data.catalog), encoder.encode_queries(data.queries())


@pytest.fixture(scope="module")
def data():
    return World().make().dataset


@pytest.fixture(scope="module")
def spaces(data):
    """The champion, and retrains that differ by the seed alone."""
    return [fitted(data, seed) for seed in range(RETRAINS + 2)]


def health(data, space):
    codes = data.catalog.fields["category"].values
    return health_of(*space, data.item_counts(), codes)


@pytest.fixture(scope="module")
def floor(spaces):
    """What another seed leaves: the retrain of the last seed measures it, and is used once."""
    return neighbourhoods(embeddings(spaces[0][0]), embeddings(spaces[-1][0])).overlap


def alarms(data, spaces, space, floor):
    """Names of the lights that are red, of health and of neighbours."""
    lights = health(data, space).lights(health(data, spaces[0]))
    near = neighbourhoods(embeddings(spaces[0][0]), embeddings(space[0]))
    return {light.name for light in (*lights, near.light(floor)) if light.ok is False}


@pytest.mark.parametrize("seed", range(1, RETRAINS + 1))
def test_an_honest_retrain_raises_no_alarm(seed, data, spaces, floor):
    assert alarms(data, spaces, spaces[seed], floor) == set()


def test_another_seed_hardly_changes_how_lengths_grow_with_popularity(data, spaces):
    slopes = [health(data, space).norm_slope for space in spaces]
    assert np.ptp(slopes) < 0.01


def zeroed(items, counts):
    items[::10] = 0


def collapsed(items, counts):
    there = np.isfinite(items).all(axis=1)
    u, s, v = np.linalg.svd(items[there], full_matrices=False)
    items[there] = (u[:, :4] * s[:4]) @ v[:4]


def by_popularity(items, counts):
    items *= counts[:, None].astype(np.float32)


def swapped(items, counts):
    items[:] = np.random.default_rng(0).permutation(items)


MUTATIONS = {
    zeroed: {
        "Broken vectors"
    },  # a tenth of the anchors: neighbours kept fall by less than the slack
    collapsed: {"Effective dimensions", "Effective dimensions lost", "Neighbours kept"},
    by_popularity: {"Length by popularity gained"},  # cosines stay, and so do neighbours
    swapped: {"Category neighbours lost", "Neighbours kept"},
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_each_mutation_raises_its_own_alarm(mutate, seed, data, spaces, floor):
    items, queries = spaces[seed]
    sick = items.copy()
    mutate(sick, data.item_counts())
    told = alarms(data, spaces, (sick, queries), floor)
    assert told >= MUTATIONS[mutate]
    if mutate in (zeroed, swapped):  # long vectors hide others, a flat space loses neighbours
        assert told == MUTATIONS[mutate]


def test_the_light_says_how_much_another_seed_leaves(spaces, floor):
    near = neighbourhoods(embeddings(spaces[0][0]), embeddings(spaces[1][0]))
    light = near.light(0.7)
    assert light.limit == "at least 60.0 % (70.0 % with another seed alone)"
    assert near.light(near.overlap + SLACK + 0.001).ok is False
    assert near.light(near.overlap + SLACK - 0.001).ok is True
    assert "rank-biased" in light.figure


# ── movers ───────────────────────────────────────────────────────────────────────────────────────


def test_the_item_whose_events_changed_moves_most_and_the_log_says_why(data):
    log, counts = data.log, data.item_counts()
    mark = int(np.argsort(-counts)[20])
    away = int(np.flatnonzero(data.catalog.fields["category"].values == 3)[0])
    shelf = np.flatnonzero(np.abs(np.arange(len(counts)) - away) < 12)
    people = np.unique(log.users[np.isin(log.items, shelf)])
    new = data.with_log(moved(log, mark, people))
    before, after = (fitted(some, 0)[0] for some in (data, new))
    near = neighbourhoods(embeddings(before), embeddings(after))
    found = movers(near, data, new)
    (mover,) = [mover for mover in found if mover.item == f"i{mark}"]
    assert mover.events == (counts[mark], len(people))
    assert mover.together[1] > 3 * mover.together[0]
    assert f"i{mark}: " in mover.sentence()
    assert [m.overlap for m in found] == sorted(m.overlap for m in found)
    json.dumps([m.to_json() for m in found])


def moved(log, item, people):
    """The item met by these people only, once each, at the end of what they did."""
    log = log.where(log.items != item)
    last = np.searchsorted(log.users, people, side="right")
    some = {
        name: np.insert(getattr(log, name), last, value)
        for name, value in {
            "users": people,
            "items": item,
            "times": log.times[last - 1],
            "weights": 1.0,
            "types": 0,
            "values": np.nan,
        }.items()
    }
    return replace(log, **some)


def test_where_nothing_changed_nobody_moved(data, spaces):
    same = embeddings(spaces[0][0])
    assert movers(neighbourhoods(same, same), data, data) == ()
