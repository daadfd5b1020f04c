"""Sick spaces raise their own alarm, and well ones none."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.health import Health, Limits, health_of

N, B, DIM = 1500, 600, 32


def world(seed=0):
    """Items around 12 centres, people between them, counts that know nothing of either."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 12, N).astype(np.int32)
    centres = random.normal(size=(12, DIM)) * 0.7
    items = centres[codes] + random.normal(size=(N, DIM))
    queries = centres[random.integers(0, 12, B)] + random.normal(size=(B, DIM))
    counts = np.maximum(random.zipf(1.6, N), 1).clip(max=5000).astype(np.int64)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    return items.astype(np.float32), queries.astype(np.float32), counts, codes


def names(alarms):
    return [alarm.partition(":")[0] for alarm in alarms]


@pytest.fixture(scope="module")
def before():
    return health_of(*world())


@pytest.mark.parametrize("seed", range(1, 21))
def test_an_honest_space_raises_no_alarm_alone_or_against_another(seed, before):
    again = health_of(*world(seed), seed=seed)
    assert again.alarms() == ()
    assert again.alarms(before) == ()


def zeroed(items, counts):
    items[:: len(items) // 150] = 0


def missing(items, counts):
    items[:: len(items) // 150] = np.nan


def holed(items, counts):
    items[7, 3] = np.nan


def collapsed(items, counts):
    u, s, v = np.linalg.svd(items, full_matrices=False)
    items[:] = (u[:, :4] * s[:4]) @ v[:4]


def by_popularity(items, counts):
    items *= np.log1p(counts)[:, None].astype(np.float32)


def leaning(items, counts):
    items += np.float32(0.15)


def alike(items, counts):
    items[:] = items[np.arange(len(items)) % 500]


def buried(items, counts):
    items[: len(items) // 2] *= np.float32(0.1)


def shuffled(items, counts):
    items[:] = np.random.default_rng(0).permutation(items)


MUTATIONS = {
    zeroed: {"Broken vectors"},
    missing: {"Items without a vector"},
    holed: {"Broken vectors"},
    collapsed: {"Effective dimensions", "Effective dimensions lost"},
    by_popularity: {"Length by popularity"},
    leaning: {"Mean cosine"},
    alike: {"Tied places"},
    buried: {"Dead items", "Dead items gained"},
    shuffled: {"Category neighbours lost"},
}


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_each_mutation_raises_its_own_alarm(mutate, before):
    items, queries, counts, codes = world()
    mutate(items, counts)
    sick = health_of(items, queries, counts, codes)
    assert set(names(sick.alarms(before))) >= MUTATIONS[mutate]
    if mutate is not shuffled:  # of one space alone nothing says that its ids are swapped
        assert sick.alarms()


@pytest.mark.parametrize("mutate", [zeroed, missing, holed, shuffled])
def test_an_alarm_is_about_what_is_wrong_and_nothing_else(mutate, before):
    items, queries, counts, codes = world()
    mutate(items, counts)
    assert set(names(health_of(items, queries, counts, codes).alarms(before))) == MUTATIONS[mutate]


def test_an_alarm_says_figure_limit_meaning_and_remedy():
    items, queries, counts, _ = world()
    items[3] = 0
    queries[5, 1] = np.inf
    (alarm,) = health_of(items, queries, counts).alarms()
    assert alarm.startswith("Broken vectors: none expected, 1 items, 1 queries came. A vector of")
    assert alarm.endswith("train again")


def test_cold_items_without_a_vector_and_people_without_a_history_are_no_alarm():
    items, queries, counts, _ = world()
    items[:100], counts[:100] = np.nan, 0
    queries[:30] = 0
    health = health_of(items, queries, counts)
    assert health.alarms() == ()
    assert health.unplaced == 0
    assert health.queries == B - 30


def test_few_queries_do_not_make_dead_items():
    items, queries, counts, _ = world()
    health = health_of(items, queries[:6], counts)
    assert health.dead > 0.5
    assert health.dead_by_chance == pytest.approx((1 - 100 / N) ** 6)
    assert health.alarms() == ()


def test_limits_are_the_caller_s():
    items, queries, counts, _ = world()
    strict = Limits(effective_rank=0.99, tied=-1.0)
    health = health_of(items, queries, counts, limits=strict)
    assert set(names(health.alarms())) == {"Effective dimensions", "Tied places"}
    assert replace(health, limits=Limits()).alarms() == ()


def test_the_same_seed_samples_the_same(monkeypatch):
    monkeypatch.setattr("bowerbird.evaluation.health.SAMPLE", 300)
    monkeypatch.setattr("bowerbird.evaluation.health.ANCHORS", 100)
    a, b, c = (health_of(*world(), seed=seed) for seed in (1, 1, 2))
    assert a.to_json() == b.to_json()
    assert a.uniformity != c.uniformity
    assert a.queries == 300
    full = health_of(*world(), seed=1)
    assert a.uniformity == pytest.approx(full.uniformity, abs=0.1)
    assert a.same_category == pytest.approx(full.same_category, abs=0.1)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 30])
def test_small_and_empty_catalogs_have_the_figures_they_can_have(n):
    items, queries, counts, codes = world()
    health = health_of(items[:n], queries[:3], counts[:n], codes[:n])
    assert health.items == n
    assert (health.effective_rank == health.effective_rank) == (n > 0)
    json.dumps(health.to_json(), allow_nan=False)
    assert not any("nan" in light.figure for light in health.lights(before=health))


def test_without_a_category_column_the_page_says_so():
    lights = health_of(*world()[:3]).lights()
    (kinds,) = [light for light in lights if light.name == "Neighbours of one category"]
    assert kinds.figure == "no category column"


def test_a_space_in_which_nothing_is_placed_is_stopped():
    items, queries, counts, _ = world()
    health = health_of(np.full_like(items, np.nan), queries, counts)
    assert names(health.alarms()) == ["Items without a vector"]


def test_everything_is_plain_data():
    health = health_of(*world())
    data = json.loads(json.dumps(health.to_json(), allow_nan=False))
    assert data["alarms"] == []
    assert data["limits"]["dead"] == 0.2
    assert data["norm_popularity"] is None  # all are of length 1
    assert {*Health.__dataclass_fields__} <= {*data}


def test_arrays_of_two_spaces_are_an_error():
    items, queries, counts, codes = world()
    with pytest.raises(DataError, match="dim 32 expected .* 31 came: encode both"):
        health_of(items, queries[:, 1:], counts)
    with pytest.raises(DataError, match="counts of 1500 items expected, 3 came"):
        health_of(items, queries, counts[:3])
    with pytest.raises(DataError, match="categories of 1500 items expected, 3 came"):
        health_of(items, queries, counts, codes[:3])


def test_one_verdict_a_space_isotropic_is_healthy_and_collapsed_is_not():
    items, queries, counts, _ = world()
    assert health_of(items, queries, counts).verdict() == "healthy"
    random = np.random.default_rng(0)
    one = np.ones((N, DIM)) + 1e-3 * random.normal(size=(N, DIM))  # nearly the same everywhere
    sick = health_of(one.astype(np.float32), queries, counts)
    assert sick.effective_rank < 2
    assert sick.mean_cosine > 0.99
    assert sick.verdict().startswith("not healthy: effective dimensions, mean cosine")
    assert sick.to_json()["verdict"] == sick.verdict()
    assert health_of(items, queries, counts).to_json()["alarms"] == []


def test_a_worse_space_than_the_one_before_is_not_healthy(before):
    items, queries, counts, codes = world()
    shuffled(items, counts)
    swapped = health_of(items, queries, counts, codes)
    assert swapped.verdict() == "healthy"
    assert swapped.verdict(before) == "not healthy: category neighbours lost"


def test_limits_can_be_told_by_name():
    assert Limits.of({}) == Limits()
    assert Limits.of({"dead": 0.5, "tied": 1}) == Limits(dead=0.5, tied=1.0)
    with pytest.raises(ConfigError, match=r"limit: one of effective_rank, .* 'rank' came"):
        Limits.of({"rank": 1})
    for value in ("much", float("nan")):
        with pytest.raises(ConfigError, match="limit dead: a finite number expected"):
            Limits.of({"dead": value})
