"""Features of hits on worlds small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import NO_TIME, Column
from bowerbird.data.dataset import AVAILABLE_FROM, Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.index.index import Hits
from bowerbird.ranking.features import PLAIN, Features
from worlds import dataset

DAY = 86_400
HITS = Hits(np.array([[2, 0, -1]], np.int32), np.array([[3, 1, -np.inf]], np.float32))


def told(features, queries, hits=HITS):
    """Name → values of the hits of the first query."""
    values = features(queries, hits)[0]
    return {name: values[:, f].tolist() for f, name in enumerate(features.names)}


def with_fields(data, **fields):
    return replace(data, catalog=Catalog(data.catalog.items, fields))


def test_the_list_says_score_relevance_and_place():
    found = told(Features.of(dataset([[0, 1, 2]])), Queries.of([[1]]))
    assert found["score"] == pytest.approx([3, 1, np.nan], nan_ok=True)
    assert found["relevance"] == pytest.approx([1, 0, np.nan], nan_ok=True)
    assert found["reciprocal_rank"] == pytest.approx([1, 1 / 2, np.nan], nan_ok=True)


def test_popularity_is_centred_and_set_beside_the_history():
    data = dataset([[0, 1], [0, 1], [0, 2]], n_items=4)  # counts 3, 2, 1, 0
    level = np.log1p([3, 2, 1])
    found = told(Features.of(data), Queries.of([[0, 1]]))
    assert found["popularity"][:2] == pytest.approx(
        [level[2] - level.mean(), level[0] - level.mean()]
    )
    assert found["popularity_off"][:2] == pytest.approx(
        [level[2] - level[:2].mean(), level[0] - level[:2].mean()]
    )
    assert found["history"][:2] == [2, 2]


def test_what_follows_is_counted_from_the_last_liked_item():
    data = dataset([[0, 1, 2], [0, 1, 3], [0, 1, 2], [3, 0, 2]])
    hits = Hits(np.array([[2, 3, 1]], np.int32), np.zeros((1, 3), np.float32))
    found = told(Features.of(data), Queries.of([[0, 1]]), hits)
    assert found["follows"] == pytest.approx([2 / 3, 1 / 3, 0])  # after 1 came 2, 3, 2
    # after 0 came 1, 1, 1, 2: a step further back, 0.7 of it
    assert found["follows_lately"] == pytest.approx([2 / 3 + 0.7 / 4, 1 / 3, 0.7 * 3 / 4])


def test_labels_tell_what_share_of_the_history_they_have():
    data = with_fields(
        dataset([[0, 1, 2]], n_items=4),
        genre=Column.lists([["a", "b"], ["a"], ["b", "c"], []]),
        name=Column.category(["v", "x", "y", "z"]),  # names each item: says nothing of others
    )
    features = Features.of(data)
    assert "share.name" not in features.names
    hits = Hits(np.array([[2, 1, 3]], np.int32), np.zeros((1, 3), np.float32))
    found = told(features, Queries.of([[0, 1]]), hits)  # a: ½ + 1, b: ½
    assert found["share.genre"] == pytest.approx([1 / 4, 3 / 4, np.nan], nan_ok=True)


def test_numbers_are_set_beside_the_mean_of_the_history():
    data = with_fields(
        dataset([[0, 1, 2]], n_items=4), price=Column("number", np.array([10, 20, 40, np.nan]))
    )
    hits = Hits(np.array([[2, 3]], np.int32), np.zeros((1, 2), np.float32))
    found = told(Features.of(data), Queries.of([[0, 1, 3]]), hits)
    assert found["value.price"] == pytest.approx([40, np.nan], nan_ok=True)
    assert found["off.price"] == pytest.approx([25, np.nan], nan_ok=True)


def dated():
    """Ten events of three items over ten days; the last day is the trend."""
    items = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1], np.int32)
    times = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], np.int64) * DAY
    log = Interactions(np.zeros(10, np.int32), items, times, np.ones(10, np.float32))
    catalog = Catalog(Vocabulary.of(["i0", "i1", "i2"]))
    return Dataset(Vocabulary.of(["u"]), catalog, log)


def test_ages_are_counted_from_the_newest_moment_and_never_from_before_it():
    hits = Hits(np.array([[0, 1, 2]], np.int32), np.zeros((1, 3), np.float32))
    data, ask = dated(), Queries.of([[0]])  # asked a second after the beginning
    found = told(Features.of(data), ask, hits)
    assert found["age_days"] == pytest.approx([9, 1, np.nan], nan_ok=True, abs=1e-4)
    assert found["idle_days"] == pytest.approx([9] * 3, abs=1e-4)
    assert found["trend"] == pytest.approx([0, 1 / 2, np.nan], nan_ok=True)
    later = replace(ask, now=np.array([19 * DAY]))
    assert told(Features.of(data), later, hits)["age_days"][1] == pytest.approx(11)
    since = Column("time", np.array([NO_TIME, 5 * DAY, 8 * DAY]))
    aged = told(Features.of(with_fields(data, **{AVAILABLE_FROM: since})), ask, hits)
    assert aged["age_days"] == pytest.approx([9, 4, 1], abs=1e-4)


def test_without_dates_or_an_order_nothing_is_made_up():
    plain = dataset([[0, 1, 2], [0, 2, 1]], dated=False)
    found = told(Features.of(plain), Queries.of([[0]]))
    assert np.isnan([found[name] for name in ("age_days", "idle_days", "trend")]).all()
    assert found["follows"][0] == 1 / 2
    loose = told(Features.of(replace(plain, ordered=False)), Queries.of([[0]]))
    assert np.isnan(loose["follows"]).all() and np.isnan(loose["follows_lately"]).all()


def test_who_has_no_history_is_described_by_the_items_alone():
    data = with_fields(dataset([[0, 1, 2], [1, 2]]), genre=Column.category(["a", "b", "a"]))
    found = told(Features.of(data), Queries.of([[]]))
    unknown = ("popularity_off", "idle_days", "follows", "follows_lately", "share.genre")
    assert np.isnan([found[name][:2] for name in unknown]).all()
    assert found["history"][:2] == [0, 0] and np.isfinite(found["popularity"][:2]).all()


def test_what_was_only_seen_is_no_history_and_unknown_items_are_passed_over():
    features = Features.of(dataset([[0, 1, 2], [0, 1, 2]]))
    seen = replace(Queries.of([[0, 1]]), weights=np.array([1, 0], np.float32))
    plain = features(Queries.of([[0]]), HITS)
    assert np.array_equal(features(seen, HITS), plain, equal_nan=True)
    assert np.array_equal(features(Queries.of([[0, 99, -1]]), HITS), plain, equal_nan=True)


def test_a_batch_says_of_each_query_what_it_says_of_it_alone():
    rng = np.random.default_rng(0)
    data = with_fields(
        dataset([rng.permutation(30)[:8].tolist() for _ in range(40)], 30),
        genre=Column.category(list(rng.choice(["a", "b", "c"], 30))),
        price=Column("number", rng.random(30)),
    )
    features, queries = Features.of(data), data.queries()
    rows = np.array([rng.permutation(30)[:6] for _ in range(40)], np.int32)
    hits = Hits(rows, rng.random((40, 6)).astype(np.float32))
    assert features.names[: len(PLAIN)] == PLAIN
    whole = features(queries, hits)
    for q in range(40):
        alone = features(queries.take(np.array([q])), Hits(*(part[q : q + 1] for part in hits)))
        assert np.array_equal(alone[0], whole[q], equal_nan=True)
