"""Training that goes on from a fitted model: sooner there, and every item keeps its own."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.als import Als, confidences
from bowerbird.encoders.asker import Asker
from bowerbird.encoders.content import Content
from bowerbird.encoders.session import Session
from bowerbird.encoders.transformer import Transformer
from bowerbird.encoders.two_tower import TwoTower
from bowerbird.encoders.warm import RATE, marked, schedule_of
from worlds import cycles, dataset

SEQUENCE = {"dim": 16, "epochs": 3, "batch_events": 128, "text": "tfidf"}
TOWERS = {"dim": 8, "content_rank": 4, "batch": 128, "negatives": 8, "epochs": 3, "text": "tfidf"}
SORTS = ("apple", "train", "violin")


def shop(seed=0, n_items=24, n_users=60):
    """Everybody likes one of three sorts, and the title says the sort."""
    rng = np.random.default_rng(seed)
    histories = [rng.permutation(np.arange(u % 3, n_items, 3))[:6].tolist() for u in range(n_users)]
    words = Column.text([f"the {SORTS[row % 3]} {row % 5}" for row in range(n_items)])
    data = dataset(histories, n_items)
    return replace(data, catalog=Catalog(data.catalog.items, {"title": words}))


def moved(data, seed=1, more=()):
    """The same events; items stand in other rows, some that nobody has met are new."""
    n = len(data.catalog)
    order = np.random.default_rng(seed).permutation(n + len(more))
    ids = (*data.catalog.items.ids, *more)
    place = np.argsort(order)
    fields = {}
    if data.catalog.fields:
        words = [*data.catalog.fields["title"].words(), *("the violin 1" for _ in more)]
        fields = {"title": Column.text([words[row] for row in order])}
    catalog = Catalog(Vocabulary(tuple(ids[row] for row in order)), fields)
    log = replace(data.log, items=place[data.log.items].astype(np.int32))
    return replace(data, catalog=catalog, log=log)


def loss(encoder, data):
    """What Hu, Koren & Volinsky minimise, with the best vectors of people there are."""
    y = np.nan_to_num(encoder.encode_items(data.catalog)).astype(np.float64)
    x = encoder.encode_queries(data.queries()).astype(np.float64)
    c = confidences(data.matrix(), encoder.estimator.alpha).toarray()
    met = c > 0
    errors = np.where(met, c, 1) * (met - x @ y.T) ** 2
    return float(errors.sum() + encoder.estimator.regularization * ((x**2).sum() + (y**2).sum()))


def test_one_round_from_factors_that_are_there_is_nearer_the_goal_than_one_from_none():
    data = shop()
    settled = Als(dim=6, iterations=30).fit(data)
    once = Als(dim=6, iterations=1)
    warm = once.fit_from(replace(settled, estimator=once), data, Session())
    cold = once.fit(data)
    assert loss(warm, data) < 1.001 * loss(settled, data) < 0.9 * loss(cold, data)


def test_factors_follow_their_ids():
    data = shop()
    other = moved(data, more=("new",))
    before = Als(dim=6).fit(data)
    here, there = (Als(dim=6).fit_from(before, d, Session()) for d in (data, other))
    found = there.encode_items(data.catalog)
    np.testing.assert_allclose(found, here.encode_items(data.catalog), atol=1e-4)
    assert np.isnan(there.table.take(["new"])).all()


def test_an_item_that_is_new_gets_factors_from_who_has_met_it():
    data = shop()
    old = data.with_log(data.log.where(data.log.items != 5))
    before = Als(dim=6).fit(old)
    assert np.isnan(before.table.take(["i5"])).all()
    warm = Als(dim=6).fit_from(before, data, Session())
    vectors = warm.encode_items(data.catalog)
    scores = vectors @ vectors[5]
    scores[5] = -np.inf
    assert set(np.argsort(-scores)[:5] % 3) == {2}


def hits(encoder, data):
    """Share of a circle's items of which the next but one is known to follow the pair."""
    queries = Queries.of([[i, (i + 1) % 12] for i in range(12)])
    scores = encoder.encode_queries(queries) @ encoder.encode_items(data.catalog).T
    return float(np.mean(np.argmax(scores, axis=1) == (np.arange(12) + 2) % 12))


def test_one_epoch_of_a_sequence_that_goes_on_beats_one_from_the_beginning():
    data, once = cycles(), Transformer(**SEQUENCE | {"epochs": 1})
    settled = Transformer(**SEQUENCE | {"epochs": 12}).fit(data)
    warm = once.fit_from(replace(settled, estimator=once), data, Session())
    assert hits(warm, data) == 1 > hits(once.fit(data), data)
    assert warm.estimator == once  # a full fit of the next run takes as long as ever


def test_one_epoch_of_towers_that_go_on_beats_one_from_the_beginning():
    data, settings = cycles(n_items=12), TOWERS | {"learning_rate": 0.01, "around": 0.0}
    once = TwoTower(**settings | {"epochs": 1})
    settled = TwoTower(**settings | {"epochs": 25}).fit(data)
    warm = once.fit_from(replace(settled, estimator=once), data, Session())
    assert hits(warm, data) > hits(once.fit(data), data)
    assert warm.estimator == once


@pytest.mark.parametrize("titles", [True, False], ids=["content", "ids"])
def test_a_sequence_begins_with_what_each_id_had(titles):
    data = shop() if titles else cycles(n_items=24)
    old = data.with_log(data.log.where(data.log.items != 5))
    estimator = Transformer(**SEQUENCE)
    before, other = estimator.fit(old), moved(data)
    reader = before.reader and before.reader.over(other.catalog)
    lesson = estimator._lesson(other, (reader, before.asker), before)
    begins = lesson.start * lesson.gate[:, None] + lesson.content @ lesson.mapping
    met = [other.catalog.items.ids[row] for row in np.flatnonzero(other.item_counts())]
    had = before.table.take(met)[:, :-1]
    known = np.array([name != "i5" for name in met])
    np.testing.assert_allclose(begins[known], had[known], atol=1e-5)
    assert np.isfinite(begins).all() and begins[~known].any()
    assert lesson.network is before.network


@pytest.mark.parametrize("titles", [True, False], ids=["content", "ids"])
def test_towers_begin_with_what_each_id_had(titles):
    data = shop() if titles else cycles(n_items=24)
    estimator = TwoTower(**TOWERS)
    old = data.with_log(data.log.where(data.log.items != 5))
    before, other = estimator.fit(old), moved(data, more=("new",))
    reader = before.reader and before.reader.over(other.catalog)
    lesson = estimator._lesson(other, reader, before.asker, before)
    rows = other.catalog.items.rows(data.catalog.items.ids)
    known = np.arange(24) != 5
    for name, found in {
        "own": lesson.start.own,
        "says": lesson.start.says,
        "bias": lesson.start.learned["bias"],
    }.items():
        np.testing.assert_array_equal(found[rows[known]], before.towers[name][known])
    assert lesson.start.own[rows[5]].any()  # by what is said of it, not by nothing
    np.testing.assert_array_equal(lesson.start.asked, before.towers["asked"])


def test_towers_that_learn_nothing_more_say_what_they_said():
    data = shop()
    estimator = TwoTower(**TOWERS | {"learning_rate": 1e-12})
    before = TwoTower(**TOWERS).fit(data)
    other = moved(data)
    warm = estimator.fit_from(before, other, Session())
    ids = data.catalog.items
    place = other.catalog.items.rows(ids.ids)
    asked = Queries.of([[0, 3, 6], [1]])
    again = replace(asked, items=place[asked.items].astype(np.int32))
    items = (before.encode_items(data.catalog), warm.encode_items(data.catalog))
    np.testing.assert_allclose(*items, atol=1e-4)
    queries = (before.encode_queries(asked), warm.encode_queries(again))
    np.testing.assert_allclose(*queries, atol=1e-3)


def test_a_reader_over_another_catalog_reads_as_it_did():
    data = shop()
    reader = Content(text="tfidf", dim=8).fit(data)
    other = moved(data, more=("new",))
    found = reader.over(other.catalog)
    rows = other.catalog.items.rows(data.catalog.items.ids)
    np.testing.assert_allclose(found.items[rows], reader.items, atol=1e-6)
    new = other.catalog.items.rows(["new"])[0]
    twin = next(row for row in range(24) if row % 3 == 2 and row % 5 == 1)
    np.testing.assert_allclose(found.items[new], reader.items[twin], atol=1e-6)


def test_training_does_not_begin_with_what_does_not_fit():
    data = shop()
    before, model = Als(dim=6).fit(data), Als(dim=6)
    assert model.obstacle(before, data) is None
    assert "other settings" in str(Als(dim=7).obstacle(before, data))
    names = Vocabulary(tuple(f"x{row}" for row in range(len(data.catalog))))
    strange = replace(data, catalog=replace(data.catalog, items=names))
    assert "50% of the events on items that the model before knows, 0%" in str(
        model.obstacle(before, strange)
    )
    sequence = Transformer(**SEQUENCE | {"epochs": 1})
    fitted, bare = sequence.fit(data), replace(data, catalog=Catalog(data.catalog.items))
    assert sequence.obstacle(fitted, data) is None
    assert "written on items" in str(sequence.obstacle(fitted, bare))
    assert "dates" in str(sequence.obstacle(fitted, replace(data, dated=False)))
    towers = TwoTower(**TOWERS | {"epochs": 1})
    fitted = towers.fit(data)
    assert towers.obstacle(fitted, data) is None
    assert "written on items" in str(towers.obstacle(fitted, bare))
    assert "order" in str(towers.obstacle(fitted, replace(data, ordered=False, dated=False)))


def test_it_is_shorter_and_slower_and_has_checkpoints_of_its_own():
    model = Transformer(epochs=20, learning_rate=0.01)
    full, warm = schedule_of(model, False), schedule_of(model, True)
    assert (full.epochs, full.learning_rate) == (20, 0.01)
    assert (warm.epochs, warm.learning_rate) == (6, RATE * 0.01)
    one, other = (Als(dim=2, seed=seed).fit(shop()).table for seed in (0, 1))
    assert len({"a", marked("a", one), marked("a", other), marked("b", one)}) == 4


def test_what_is_known_of_people_is_read_as_it_was():
    data = shop()
    column = Column.category(["old" if u % 2 else "new" for u in range(60)])
    told = replace(data, traits={"segment": column})
    sequence = Transformer(**SEQUENCE | {"epochs": 1})
    before = sequence.fit(told)
    warm = sequence.fit_from(before, replace(data, traits={}), Session())
    assert warm.asker == before.asker == Asker.of({"segment": column})
