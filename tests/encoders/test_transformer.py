from dataclasses import replace

import numpy as np
import pytest
import torch

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.data.split import LeaveOneOut
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders import sequence_course, transformer
from bowerbird.encoders.asker import Asker
from bowerbird.encoders.batches import padded
from bowerbird.encoders.forward import Forward
from bowerbird.encoders.session import Session
from bowerbird.encoders.transformer import Transformer
from bowerbird.errors import ConfigError, DataError
from bowerbird.retrieval.models import as_retriever
from worlds import cycles, dataset

SMALL = {"dim": 16, "epochs": 12, "batch_events": 128}
FIRM = {"dim": 16, "epochs": 60, "batch_events": 64, "dropout": 0.1, "learning_rate": 0.01}


def walk(**settings):
    """Everybody walks twelve items in a circle: what follows is certain."""
    return replace(cycles(), **settings)


def follower(encoder, data, history):
    scores = encoder.encode_items(data.catalog) @ encoder.encode_queries(Queries.of([history]))[0]
    return int(np.argmax(scores))


def test_it_learns_what_follows():
    data = walk()
    encoder = Transformer(**SMALL).fit(data)
    assert [follower(encoder, data, [i, (i + 1) % 12]) for i in range(12)] == [
        (i + 2) % 12 for i in range(12)
    ]


def test_the_sampled_softmax_learns_the_same(monkeypatch):
    monkeypatch.setattr(sequence_course, "WHOLE", 4)
    data = walk()
    encoder = Transformer(**SMALL, negatives=16).fit(data)
    found = [follower(encoder, data, [i, (i + 1) % 12]) for i in range(12)]
    assert found == [(i + 2) % 12 for i in range(12)]


def test_it_tells_a_history_from_the_same_items_in_another_order():
    forth = [[0, 1, 2, 3]] * 40
    back = [[0, 2, 1, 4]] * 40
    data = dataset(forth + back)
    encoder = Transformer(**FIRM).fit(data)
    assert follower(encoder, data, [0, 1, 2]) == 3
    assert follower(encoder, data, [0, 2, 1]) == 4


def test_the_time_between_events_can_decide_what_is_next():
    # the same two items; an hour apart leads to 2, a second apart to 3
    soon, late = [0, 1, 2], [0, 3600, 3700]
    elsewhere = [[4, 2]] * 40 + [[5, 3]] * 40  # so that 2 and 3 do not begin as the same vector
    data = dataset([[0, 1, 3]] * 60 + [[0, 1, 2]] * 60 + elsewhere)
    times = np.array([*soon * 60, *late * 60, *[0, 60] * 80], dtype=np.int64)
    data = data.with_log(replace(data.log, times=times))
    encoder = Transformer(**FIRM).fit(data)
    queries = replace(Queries.of([[0, 1], [0, 1]]), times=np.array([0, 1, 0, 3600]))
    scores = encoder.encode_queries(queries) @ encoder.encode_items(data.catalog).T
    assert scores[0, 3] > scores[0, 2] and scores[1, 2] > scores[1, 3]


def test_a_table_without_dates_learns_nothing_from_times():
    encoder = Transformer(**{**SMALL, "epochs": 1}).fit(walk(dated=False))
    one = Queries.of([[0, 1]])
    late = replace(one, times=np.array([0, 10**8]))
    np.testing.assert_array_equal(encoder.encode_queries(one), encoder.encode_queries(late))


def test_numpy_and_torch_say_the_same_to_a_ten_thousandth():
    data = walk()
    data = data.with_log(
        replace(
            data.log,
            types=(data.log.items % 2).astype(np.int16),
            type_names=("view", "buy"),
        )
    )
    ages = Column.category(["old", "young"] * 60)
    data = replace(data, traits={"age": ages})
    fitted = Transformer(**{**SMALL, "epochs": 2}).fit(data)
    shape = fitted.estimator._terms(data, None, fitted.asker).shape
    network = sequence_course.Network(shape)
    network.load_state_dict({n: torch.from_numpy(a) for n, a in fitted.network.items()})
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((13, 16)).astype(np.float32)
    queries = replace(
        Queries.of([[0, 3, 5, 11], [2, 2], [1]]),
        types=np.array([0, 1, 0, -1, 1, 1, 0], np.int16),
        type_names=("view", "buy"),
    )
    pieces = np.stack([queries.offsets[:-1], queries.offsets[1:]], axis=1)
    batch = padded(queries, pieces, 12, 0, True)
    context = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 0]], np.float32)
    last = np.array([3, 1, 0])
    with torch.no_grad():
        states = network.eval()(
            torch.from_numpy(vectors[batch.items]),
            torch.from_numpy(batch.gaps),
            torch.from_numpy(batch.types),
            torch.from_numpy(context),
        )
    ours = Forward(fitted.network, 2, 2)(vectors, batch, last, context)
    np.testing.assert_allclose(ours, states[torch.arange(3), torch.from_numpy(last)], atol=1e-4)
    assert np.abs(ours).max() > 0.1


def two_kinds():
    """Even people meet even items; titles say which kind an item is; items 20 and 21 are new."""
    rng = np.random.default_rng(0)
    histories = [[2 * int(i) + u % 2 for i in rng.permutation(10)[:6]] for u in range(120)]
    data = dataset(histories, n_items=22)
    titles = Column.text([("red apple", "blue train")[i % 2] for i in range(22)])
    return replace(data, catalog=Catalog(data.catalog.items, {"title": titles}))


def test_new_items_have_a_place_among_all_by_their_content():
    data = two_kinds()
    encoder = Transformer(**SMALL, text="tfidf").fit(data)
    vectors = encoder.encode_items(data.catalog)
    queries = encoder.encode_queries(Queries.of([[0, 4, 8], [1, 5, 9]]))
    scores = queries @ vectors.T
    assert scores[0, 20] > scores[0, 21] and scores[1, 21] > scores[1, 20]
    # neither first nor last of all: calibrated against the items that were met
    rank = (scores[0] > scores[0, 20]).sum()
    assert 0 < rank < 15
    today = Catalog(Vocabulary(("n1", "i3")), {"title": Column.text(["red apple", ""])})
    later = encoder.encode_items(today)
    np.testing.assert_allclose(later[0], vectors[20], atol=1e-5)
    np.testing.assert_array_equal(later[1], vectors[3])


def test_scores_by_content_alone_spread_as_those_of_items_that_were_met():
    data = two_kinds()
    encoder = Transformer(**SMALL, text="tfidf").fit(data)
    queries = encoder.encode_queries(data.queries())
    met = encoder.encode_items(data.catalog)[:20]
    titles = data.catalog.fields["title"].take(np.arange(20))
    ids = Vocabulary(tuple(f"new{row}" for row in range(20)))
    bare = encoder.encode_items(Catalog(ids, {"title": titles}))
    full, content = queries @ met.T, queries @ bare.T
    assert content.mean() == pytest.approx(float(full.mean()), abs=0.1 * float(full.std()))
    assert content.std() == pytest.approx(float(full.std()), rel=0.1)


def test_columns_of_people_are_read_beside_a_history_and_silent_alone():
    data = replace(two_kinds(), traits={"age": Column.category(["old", "young"] * 60)})
    encoder = Transformer(**SMALL, text="tfidf").fit(data)
    ages = Column.category(["old", "young", "old", "young"])
    asked = replace(Queries.of([[], [99], [4], [4]]), context={"age": ages})
    vectors = encoder.encode_queries(asked)
    assert not vectors[:2].any()
    assert np.abs(vectors[2] - vectors[3]).max() > 0.01


def test_a_validation_holdout_says_how_long_to_train():
    train, holdout = LeaveOneOut().split(walk())
    told = []
    session = Session(told.append, holdout)
    estimator = Transformer(**{**SMALL, "epochs": 30, "patience": 2})
    encoder = estimator.fit(train, session)
    assert 1 <= encoder.estimator.epochs < 30
    assert any("validation NDCG@10" in news and "s left" in news for news in told)
    assert replace(encoder.estimator, epochs=30) == estimator


def test_a_budget_is_kept():
    seconds = iter(np.arange(0, 1000, 5.0))
    session = Session(budget_s=21.0, clock=lambda: float(next(seconds)))  # 5 to prepare, 3 · 5
    encoder = Transformer(**{**SMALL, "epochs": 30}).fit(walk(), session)
    assert encoder.estimator.epochs == 3


def test_batches_are_larger_where_there_are_many_events(monkeypatch):
    data = walk()
    asker = Asker.of(data.traits)
    assert Transformer()._terms(data, None, asker).events == 1024
    monkeypatch.setattr(transformer, "MANY", len(data.log))
    assert Transformer()._terms(data, None, asker).events == 2048
    assert Transformer(batch_events=7)._terms(data, None, asker).events == 7


@pytest.mark.parametrize(
    "settings",
    [
        {"dim": 0},
        {"batch_events": 0},
        {"dim": 15},
        {"dropout": 1.0},
        {"learning_rate": 0.0},
        {"epochs": 0},
        {"future": 0},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(ConfigError, match="expected"):
        Transformer(**settings)


def test_nothing_to_learn_from_is_said():
    with pytest.raises(DataError, match="two liked events"):
        Transformer().fit(dataset([[0], [1], []]))


def test_a_window_of_the_future_is_learned():
    encoder = Transformer(**SMALL, future=3).fit(walk())
    data = walk()
    scores = encoder.encode_items(data.catalog) @ encoder.encode_queries(Queries.of([[0, 1]]))[0]
    assert set(np.argsort(-scores)[:3].tolist()) == {2, 3, 4}


class Killed(Exception):
    pass


def dying(after):
    """Says nothing until so many epochs are over, then the process ends."""

    def say(news):
        if news.startswith(f"epoch {after + 1} of") and "step" not in news:
            raise Killed

    return say


def test_a_fit_that_was_killed_goes_on_and_ends_with_the_same_bytes(tmp_path):
    train, holdout = LeaveOneOut().split(two_kinds())
    estimator = Transformer(**{**SMALL, "epochs": 5}, text="tfidf")
    whole = estimator.fit(train, Session(validation=holdout))
    with pytest.raises(Killed):
        estimator.fit(train, Session(dying(3), holdout, tmp_path))
    told = []
    again = estimator.fit(train, Session(told.append, holdout, tmp_path))
    assert any(news.startswith("going on after epoch 3") for news in told)
    np.testing.assert_array_equal(again.table.vectors, whole.table.vectors)
    assert all((again.network[n] == whole.network[n]).all() for n in whole.network)


def test_a_checkpoint_of_other_data_is_not_used(tmp_path):
    estimator = Transformer(**{**SMALL, "epochs": 3})
    with pytest.raises(Killed):
        estimator.fit(walk(), Session(dying(1), None, tmp_path))
    told = []
    replace(estimator, dim=8).fit(walk(), Session(told.append, None, tmp_path))
    assert not any("going on" in news for news in told)


def test_what_is_retrieved_is_by_inner_product():
    data = walk()
    encoder = Transformer(**SMALL).fit(data)
    hits = as_retriever(encoder, data.catalog).retrieve(Queries.of([[0, 1]]), 12)
    scores = encoder.encode_items(data.catalog) @ encoder.encode_queries(Queries.of([[0, 1]]))[0]
    np.testing.assert_allclose(hits.scores[0], np.sort(scores)[::-1], rtol=1e-5)
