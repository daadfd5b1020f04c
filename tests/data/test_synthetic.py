"""The synthetic world keeps what it promises, and its truth is the truth."""

import numpy as np
import polars as pl
import pytest

from bowerbird.data.split import ByTime
from bowerbird.data.synthetic import DAY, DAYS, FUNNEL, START, World
from bowerbird.errors import ConfigError


@pytest.fixture(scope="module")
def made():
    return World(n_users=400, n_items=300, n_events=30_000, n_types=3, seed=3).make()


def test_a_world_has_exactly_what_was_asked_for(made):
    data = made.dataset
    assert (len(data.users), len(data.catalog), len(data.log)) == (400, 300, 30_000)
    assert set(data.catalog.fields) == {"title", "category", "price", "type", "available_from"}
    assert set(data.catalog.types().labels) == {"article", "course", "bundle"}
    assert set(data.traits) == {"device", "age"}
    assert START <= data.log.times.min() <= data.log.times.max() < START + DAYS * DAY + 1800


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others():
    def parts(seed):
        world = World(n_users=50, n_items=40, n_events=800, seed=seed).make()
        log = world.dataset.log
        arrays = (log.users, log.items, log.times, log.weights, log.types, log.values)
        return [a.tobytes() for a in (*arrays, world.truth.items)], world.dataset.catalog.titles()

    assert parts(1) == parts(1)
    assert parts(1) != parts(2)


def test_a_cart_follows_a_view_and_a_purchase_follows_a_cart(made):
    log = made.dataset.log
    reached, deep = {}, 0
    for user, item, kind in zip(log.users, log.items, log.types, strict=True):
        steps = reached.setdefault((user, item), [0, 0, 0])
        if kind:
            assert steps[kind - 1] > steps[kind]
            deep += 1
        steps[kind] += 1
    counts = np.bincount(log.types)
    assert deep > 1000
    assert counts[0] > counts[1] > counts[2] > 0


def test_purchases_alone_have_a_value_and_it_is_the_price(made):
    log, price = made.dataset.log, made.dataset.catalog.fields["price"].values
    bought = log.types == FUNNEL.index("purchase")
    assert np.isnan(log.values[~bought]).all()
    np.testing.assert_array_equal(log.values[bought], price[log.items[bought]].astype(np.float32))
    assert sorted(set(log.weights[bought].tolist())) == [5.0]


def test_nobody_meets_an_item_before_it_arrives(made):
    arrivals = made.dataset.catalog.fields["available_from"].values
    assert (made.dataset.log.times >= arrivals[made.dataset.log.items]).all()
    assert 0.05 < (arrivals > START).mean() < 0.3


def test_popularity_is_concentrated(made):
    counts = np.sort(np.bincount(made.dataset.log.items, minlength=300))[::-1]
    assert counts[:30].sum() > 0.3 * counts.sum()


def test_the_truth_is_how_often_things_happen():
    drawn = World(n_users=3, n_items=30, n_events=200_000, drift=0.0, seed=5).make()
    log, truth = drawn.dataset.log, drawn.truth
    users = np.arange(3, dtype=np.int32)
    end = START + DAYS * DAY
    visits = truth.visits(users, end)
    np.testing.assert_allclose(visits.sum(axis=1), 1)
    always = truth.arrivals <= START
    late = (log.types == 0) & always[log.items] & (truth.clusters[log.items] >= 0)
    lonely = ~np.isin(np.arange(30), truth.tops) & always  # the tops stand in for absent ones
    seen = np.zeros((3, 30))
    np.add.at(seen, (log.users[late], log.items[late]), 1)
    seen /= np.bincount(log.users[log.types == 0], minlength=3)[:, None]
    np.testing.assert_allclose(seen[:, lonely], visits[:, lonely], atol=0.01)
    bought = np.zeros((3, 30))
    deals = log.types == 2
    np.add.at(bought, (log.users[deals], log.items[deals]), 1)
    bought /= np.bincount(log.users[log.types == 0], minlength=3)[:, None]
    np.testing.assert_allclose(bought[:, lonely], truth.purchases(users, end)[:, lonely], atol=0.01)


def test_the_truth_at_the_start_gives_nothing_to_what_has_not_arrived(made):
    visits = made.truth.visits(np.arange(5, dtype=np.int32), START)
    assert not visits[:, made.truth.arrivals > START].any()
    np.testing.assert_allclose(visits.sum(axis=1), 1)


def test_tastes_drift_as_far_as_they_are_told():
    def moved(drift):
        truth = World(n_users=200, n_items=100, n_events=500, drift=drift).make().truth
        return float(np.mean((truth.first * truth.last).sum(axis=1)))

    assert moved(0.0) == pytest.approx(1, abs=1e-5)
    assert moved(1.0) < moved(0.5) < 0.99


def test_an_oracle_beats_popularity(made):
    train, holdout = ByTime(repeats=True).split(made.dataset)
    popular = np.tile(train.item_counts(), (len(holdout), 1))
    oracle = made.truth.visits(holdout.users, int(holdout.queries.now[0]))

    def recall(scores):
        top = np.argsort(-scores, axis=1, kind="stable")[:, :20]
        hit = np.take_along_axis(holdout.relevant.toarray() > 0, top, axis=1).sum(axis=1)
        return float((hit / np.diff(holdout.relevant.indptr)).mean())

    assert recall(oracle) > 1.5 * recall(popular)


def test_the_words_of_a_title_tell_its_cluster(made):
    words = [title.lower().split()[1:] for title in made.dataset.catalog.titles()]
    owners = {}
    for cluster, pair in zip(made.truth.clusters.tolist(), words, strict=True):
        for word in pair:
            owners.setdefault(word, set()).add(cluster)
    assert all(len(clusters) == 1 for clusters in owners.values())
    assert len({next(iter(c)) for c in owners.values()}) == len(made.truth.centres)


def test_the_written_tables_hold_the_same_world(tmp_path, monkeypatch):
    monkeypatch.setattr("bowerbird.data.synthetic.BLOCK", 200)
    world = World(n_users=40, n_items=30, n_events=900)
    data = world.make().dataset
    world.write(tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        f"{name}.parquet" for name in ("events", "items", "users")
    }
    events = pl.read_parquet(tmp_path / "out" / "events.parquet")
    assert events.columns == ["user", "item", "timestamp", "event", "value"]
    assert events["user"].to_list() == [f"u{u}" for u in data.log.users]
    assert events["item"].to_list() == [f"i{i}" for i in data.log.items]
    assert events["timestamp"].to_list() == data.log.times.tolist()
    assert events["event"].to_list() == [FUNNEL[t] for t in data.log.types]
    assert events["value"].null_count() == int(np.isnan(data.log.values).sum())
    items = pl.read_parquet(tmp_path / "out" / "items.parquet")
    assert items["title"].to_list() == data.catalog.titles()
    assert items["available_from"].dtype == pl.Datetime("us", "UTC")
    arrivals = data.catalog.fields["available_from"].values
    assert items["available_from"].dt.epoch("s").to_list() == arrivals.tolist()
    users = pl.read_parquet(tmp_path / "out" / "users.parquet")
    assert users["device"].to_list() == data.traits["device"].words()


def test_the_smallest_world_can_be_made():
    data = World(n_users=1, n_items=1, n_events=1, n_types=1).make().dataset
    assert len(data.log) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_items": 0}, "at least 1 user"),
        ({"n_types": 4}, "1 to 3 item types expected, 4 came"),
        ({"drift": 1.5}, "drift from 0 to 1 expected, 1.5 came"),
    ],
)
def test_a_world_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        World(**settings)
