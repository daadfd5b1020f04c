from dataclasses import replace

import numpy as np
import pytest
import torch

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.split import ColdItems, LeaveOneOut
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.asker import Asker
from bowerbird.encoders.bags import Drawing, Kind, bag_of, drawn_bag
from bowerbird.encoders.content import Content
from bowerbird.encoders.session import Session
from bowerbird.encoders.text import unit
from bowerbird.encoders.tower_course import LATEST, newest, silenced
from bowerbird.encoders.tower_forward import item_vectors, query_vectors
from bowerbird.encoders.towers import Beginning, Towers
from bowerbird.encoders.two_tower import TwoTower
from bowerbird.errors import ConfigError, DataError
from worlds import cycles, dataset

SMALL = {"dim": 8, "content_rank": 8, "batch": 128, "negatives": 32, "epochs": 8, "text": "tfidf"}
FIRM = SMALL | {"learning_rate": 0.01, "epochs": 20}
SORTS = ("apple", "train", "violin")


def sorted_world(n_items=30, n_users=90, length=6, titles=True, seed=0) -> Dataset:
    """Everybody likes one of three sorts; the title says the sort. No order."""
    rng = np.random.default_rng(seed)
    histories = [
        rng.permutation(np.arange(u % 3, n_items, 3))[:length].tolist() for u in range(n_users)
    ]
    data = dataset(histories, n_items, ordered=False, dated=False)
    if not titles:
        return data
    words = Column.text([f"the {SORTS[row % 3]} {row % 5}" for row in range(n_items)])
    return replace(data, catalog=Catalog(data.catalog.items, {"title": words}))


def best(encoder, data, queries):
    return np.argmax(
        np.nan_to_num(encoder.encode_items(data.catalog)) @ encoder.encode_queries(queries).T,
        axis=0,
    )


def towers(typed=2, content=6, context=3, n=9, dim=4):
    """Towers whose every parameter is noise, so that nothing is left out by being zero."""
    rng = np.random.default_rng(0)
    some = lambda *shape: rng.standard_normal(shape).astype(np.float32)  # noqa: E731  short
    start = Beginning(
        some(n, dim), some(n), some(content, content), some(content, 5), context, typed, True
    )
    written = some(n, content)
    network = Towers(start, written)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return network, written, some


@pytest.mark.parametrize("content", [6, 0])
def test_numpy_answers_as_torch_does(content):
    network, written, some = towers(content=content)
    queries = Queries.of([[0, 1, 2, 3], [], [8, 8], [5]])
    queries = replace(
        queries, types=np.array([0, 1, 1, 0, 1, 0, 0], np.int16), type_names=("a", "b")
    )
    bag = bag_of(queries, Kind(True, True, ("a", "b"), goal=2), 100)
    context = some(4, 3)
    with torch.no_grad():
        parts = network.queries(bag, torch.from_numpy(context))
        expected = torch.cat([*parts, torch.ones(4, 1)], dim=1).numpy()
        offered = torch.cat(network.items(torch.arange(9)), dim=1).numpy()
    found = query_vectors(network.arrays(), written, bag, context)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    items = item_vectors(network.arrays(), written, np.ones(9, np.float32))
    np.testing.assert_allclose(items[:, :-1], offered, atol=1e-4)


def test_whoever_says_nothing_has_a_vector_of_zeros():
    network, written, _ = towers()
    bag = bag_of(Queries.of([[], [1]]), Kind(True, False, ()), 100)
    vectors = query_vectors(network.arrays(), written, bag, np.zeros((2, 3), np.float32))
    assert not vectors[0].any() and vectors[1, -1] == 1


def test_it_begins_as_the_model_content():
    data = sorted_world()
    content, queries = Content(text="tfidf").fit(data), data.queries()
    lesson = TwoTower(**SMALL)._lesson(data, content, Asker.of(data.traits))
    arrays = Towers(lesson.start, lesson.content).arrays()
    bag = bag_of(queries, lesson.kind, 100)
    said = query_vectors(arrays, lesson.content, bag, np.zeros((len(queries), 0), np.float32))
    wide = lesson.content.shape[1]
    np.testing.assert_allclose(unit(said[:, :wide]), content.encode_queries(queries), atol=1e-5)
    items = item_vectors(arrays, lesson.content, lesson.gate)
    np.testing.assert_array_equal(items[:, :wide], content.encode_items(data.catalog))


def test_it_finds_what_goes_with_what_by_ids_alone():
    data = sorted_world(titles=False)
    encoder = TwoTower(**FIRM).fit(data)
    queries = Queries.of([[0], [1, 4], [2, 5, 8]])
    np.testing.assert_array_equal(best(encoder, data, queries) % 3, [0, 1, 2])


def test_new_items_are_placed_by_what_is_written_on_them():
    data = sorted_world()
    encoder = TwoTower(**SMALL).fit(data)
    titles = Column.text(["an apple", "a train", "a violin", ""])
    new = Catalog(Vocabulary(("x", "y", "z", "blank")), {"title": titles})
    vectors = encoder.encode_items(new)
    assert np.isnan(vectors[3]).all()
    scores = vectors[:3] @ encoder.encode_queries(Queries.of([[0, 3], [1, 4], [2, 5]])).T
    np.testing.assert_array_equal(scores.argmax(axis=0), [0, 1, 2])


def test_an_item_of_the_catalog_that_nobody_met_is_placed_like_a_new_one():
    data = sorted_world()
    met = data.with_log(data.log.where(data.log.items != 4))
    encoder = TwoTower(**SMALL).fit(met)
    again = Catalog(
        Vocabulary(("new",)), {"title": data.catalog.fields["title"].take(np.array([4]))}
    )
    np.testing.assert_allclose(
        encoder.encode_items(met.catalog)[4], encoder.encode_items(again)[0], atol=1e-5
    )


def test_scores_of_new_items_spread_as_those_of_items_that_were_met():
    """The very items that were met, as if they were new: equal mean and spread of the scores."""
    data = sorted_world()
    encoder = TwoTower(**SMALL).fit(data)
    known = encoder.encode_items(data.catalog)
    ids = Vocabulary(tuple(f"new {row}" for row in range(30)))
    new = encoder.encode_items(Catalog(ids, data.catalog.fields))
    queries = encoder.encode_queries(data.queries())
    met, unmet = queries @ known.T, queries @ new.T
    assert abs(unmet.mean() - met.mean()) < 0.02 * met.std()
    assert abs(unmet.std() / met.std() - 1) < 0.02


def test_an_item_is_trusted_as_far_as_it_was_met():
    data = sorted_world()
    encoder = TwoTower(**SMALL, warmup=5.0).fit(data)
    counts = data.item_counts()
    length = np.linalg.norm(encoder.encode_items(data.catalog)[:, -9:-1], axis=1)
    np.testing.assert_allclose(length, counts / (counts + 5.0), rtol=1e-4)


def test_columns_of_people_are_read_beside_a_history_and_silent_alone():
    data = sorted_world(titles=False)
    traits = {"sort": Column.category([SORTS[u % 3] for u in range(90)])}
    data = replace(data, traits=traits)
    encoder = TwoTower(**FIRM).fit(data)
    sorts = Column.category([*SORTS, "unheard of"])
    vectors = encoder.encode_queries(replace(Queries.of([[3]] * 4), context={"sort": sorts}))
    assert np.abs(vectors[0] - vectors[1]).max() > 0.1
    nothing = encoder.encode_queries(Queries.of([[3]]))
    np.testing.assert_array_equal(vectors[3:], nothing)  # a label it has not met says nothing
    alone = replace(Queries.of([[], [99], [], []]), context={"sort": sorts})
    assert not encoder.encode_queries(alone).any()


def funnel(n_users=200, n_items=40, seed=0) -> Dataset:
    """Everybody views six things, puts the third into the cart, then buys it."""
    rng = np.random.default_rng(seed)
    rows, types = [], []
    for _ in range(n_users):
        seen = rng.permutation(n_items)[:6].tolist()
        rows.append([*seen[:3], seen[2], *seen[3:], seen[2]])
        types += [0, 0, 0, 1, 0, 0, 0, 2]
    data = dataset(rows, n_items, weights=[np.array([1, 1, 1, 3, 1, 1, 1, 5.0])] * n_users)
    log = replace(data.log, types=np.array(types, np.int16), type_names=("view", "cart", "buy"))
    return data.with_log(log)


def test_a_cart_says_more_of_what_is_bought_than_a_view():
    data = funnel()
    encoder = TwoTower(**FIRM).fit(data)
    assert encoder.kind.goal == 3  # the type of the largest weight
    queries = replace(
        Queries.of([[7, 8, 7, 9, 10]] * 2),
        types=np.array([0, 0, 1, 0, 0, 0, 0, 0, 0, 0], np.int16),
        type_names=("view", "cart"),
    )
    scores = encoder.encode_queries(queries) @ encoder.encode_items(data.catalog)[[7, 9]].T
    assert scores[0, 0] > scores[0, 1] and scores[0, 0] > scores[1, 0]


def test_types_are_known_by_name():
    kind = Kind(True, True, ("view", "buy"))
    queries = replace(
        Queries.of([[1, 2, 3]]),
        types=np.array([1, 0, -1], np.int16),
        type_names=("buy", "scroll"),
    )
    assert kind.codes(queries).tolist() == [0, 2, 0]


def test_the_goal_must_be_a_type():
    with pytest.raises(ConfigError, match=r"goal one of view, cart, buy expected, 'sale' came"):
        TwoTower(**SMALL, goal="sale").fit(funnel(10))


def test_with_an_order_examples_read_what_was_before():
    queries, kind = Queries.of([[5, 6, 7, 8]]), Kind(True, True, ())
    drawing, places = Drawing(2, 0.0, 0.0), np.array([0, 3])
    bag = drawn_bag(queries, kind.codes(queries), kind, places, drawing, np.random.default_rng(0))
    assert bag.items.tolist() == [6, 7] and bag.owners.tolist() == [1, 1]
    assert bag.ages.tolist() == [1, 0] and bag.starts.tolist() == [0, 0]
    around = Drawing(2, 0.0, 1.0)
    bag = drawn_bag(
        queries, kind.codes(queries), kind, np.array([1]), around, np.random.default_rng(0)
    )
    assert bag.items.tolist() == [5, 7, 8] and bag.ages.tolist() == [0, 0, 1]


def test_without_an_order_examples_read_all_the_others():
    queries, kind = Queries.of([[5, 6, 7, 5]]), Kind(False, False, ())
    drawing, places = Drawing(9, 0.0, 1.0), np.array([1, 3])
    bag = drawn_bag(queries, kind.codes(queries), kind, places, drawing, np.random.default_rng(0))
    assert bag.items.tolist() == [5, 7, 5, 6, 7] and not bag.ages.any()


def test_the_newest_of_a_bag_are_each_named_once():
    bag = bag_of(Queries.of([[4, 3, 3], []]), Kind(True, False, ()), 100)
    latest, none = newest(bag, 2)
    assert latest.shape == (2, LATEST)
    assert latest[0][~none[0]].tolist() == [3, 4] and none[1].all()
    assert silenced(bag, np.array([True, False])).items.tolist() == []


def test_it_stops_when_validation_no_longer_gets_better():
    train, holdout = LeaveOneOut().split(cycles())
    told: list[str] = []
    settings = FIRM | {"epochs": 40}
    encoder = TwoTower(**settings, patience=2).fit(train, Session(told.append, holdout))
    assert encoder.estimator.epochs < 40
    assert any("NDCG@10" in news for news in told)


def test_validation_ranks_what_the_holdout_allows():
    train, holdout = ColdItems(candidates="cold").split(sorted_world())
    told: list[str] = []
    TwoTower(**SMALL).fit(train, Session(told.append, holdout))
    scores = [float(news.split("NDCG@10 ")[1].split()[0]) for news in told if "NDCG" in news]
    assert max(scores) > 0.8  # 6 new items, 2 of a sort


def test_it_is_taken_up_where_it_was_cut_off(tmp_path):
    data = sorted_world()
    whole = TwoTower(**SMALL).fit(data)

    def cut(news):
        if news.startswith("epoch 3 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TwoTower(**SMALL).fit(data, Session(cut, checkpoints=tmp_path))
    again = TwoTower(**SMALL).fit(data, Session(checkpoints=tmp_path))
    for name, array in whole.towers.items():
        np.testing.assert_array_equal(array, again.towers[name])


def test_saved_and_loaded_it_answers_the_same(tmp_path):
    data = funnel(40)
    encoder = TwoTower(**SMALL).fit(data)
    encoder.save(tmp_path)
    again = TwoTower.load(tmp_path)
    assert again.kind == encoder.kind and again.estimator == encoder.estimator
    np.testing.assert_array_equal(
        again.encode_queries(data.queries()), encoder.encode_queries(data.queries())
    )


def test_there_must_be_something_to_learn_from():
    with pytest.raises(DataError, match="two liked events expected"):
        TwoTower(**SMALL).fit(dataset([[0], [1]], ordered=False, dated=False))


def test_people_without_events_do_not_matter():
    none = np.zeros(0, np.int32)
    log = Interactions(none, none, none.astype(np.int64), none.astype(np.float32))
    with pytest.raises(DataError, match="two liked events expected"):
        TwoTower(**SMALL).fit(sorted_world(titles=False).with_log(log))


@pytest.mark.parametrize(
    "wrong",
    [
        {"dim": 0},
        {"history_dropout": 1.0},
        {"warmup": -1.0},
        {"beta": 2.0},
        {"learning_rate": 0.0},
        {"seed": -1},
    ],
)
def test_meaningless_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        TwoTower(**wrong)
