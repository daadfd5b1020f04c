"""Trees that put candidates into another order."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.index.index import Hits
from bowerbird.ranking.features import Features
from bowerbird.ranking.rerank import Lesson, Rerank, Reranker, Trees, library
from worlds import dataset

SMALL = Rerank(trees=20, leaves=4, least=5, threads=1)


def lesson(people=60, candidates=12, seed=0):
    """Of two features the second says it all: the right candidate has the largest."""
    rng = np.random.default_rng(seed)
    features = rng.random((people, candidates, 2)).astype(np.float32)
    rows = np.tile(np.arange(candidates, dtype=np.int32), (people, 1))
    scores = np.tile(-np.arange(candidates, dtype=np.float32), (people, 1))
    right = features[..., 1].argmax(axis=1)
    shape = (people, candidates)
    relevant = csr_array((np.ones(people), (np.arange(people), right)), shape=shape)
    return Lesson(features, Hits(rows, scores), relevant)


def test_a_lesson_knows_who_tells_something():
    made = lesson(3, 4)
    made = replace(made, relevant=csr_array(np.array([[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 0.0]])))
    assert made.telling().tolist() == [False, False, True]
    assert made.right()[2].tolist() == [False, False, True, False]
    assert made.take(np.array([2])).telling().tolist() == [True] and len(made) == 3


@pytest.mark.parametrize("wrong", [{"trees": 0}, {"leaves": 1}, {"rate": 0.0}, {"seed": -1}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ConfigError, match="rerank: trees, least"):
        Rerank(**wrong)


def test_without_the_library_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(
        ConfigError, match=r"lightgbm expected .* pip install 'bowerbird\[rerank\]'"
    ):
        library()
    with pytest.raises(ConfigError, match="lightgbm expected"):
        SMALL.fit(lesson(), ("noise", "truth"))


def test_what_says_it_all_is_learned_and_named():
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    trees = SMALL.fit(lesson(200), ("noise", "truth"), lesson(60, seed=1))
    assert next(iter(trees.importance())) == "truth" and trees.importance()["truth"] > 0.9
    other = lesson(100, seed=2)
    found = trees.scores(other.features.reshape(-1, 2)).reshape(100, 12)
    place = (found > found[other.right()][:, None]).sum(axis=1)
    assert (place < 3).mean() > 0.95


def test_the_same_lesson_and_seed_give_the_same_bytes():
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    one, two = (SMALL.fit(lesson(), ("noise", "truth")) for _ in range(2))
    assert one.text == two.text
    again = Trees(one.text, one.names)
    values = lesson(seed=5).features.reshape(-1, 2)
    assert np.array_equal(again.scores(values), one.scores(values))
    assert len(again) == len(one) and again.scores(values[:0]).shape == (0,)


def test_what_is_no_model_is_refused():
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    with pytest.raises(ArtifactError, match="trees that LightGBM can read"):
        Trees("this is no model", ("noise",))
    text = SMALL.fit(lesson(), ("noise", "truth")).text
    with pytest.raises(ArtifactError, match="trees of 1 features expected, 2 came"):
        Trees(text, ("noise",))


def world():
    """Items 0 to 9 are blue, 10 to 19 are red; everybody stays with a colour."""
    histories = [[h % 10 + 10 * (h % 2), (h + 3) % 10 + 10 * (h % 2)] for h in range(40)]
    data = dataset(histories, 20)
    colour = Column.category(["blue"] * 10 + ["red"] * 10)
    return replace(data, catalog=Catalog(data.catalog.items, {"colour": colour}))


def reranker():
    """Learned from lists in which only what has the colour of the history was right."""
    features = Features.of(world())
    queries = Queries.of([[1], [11]] * 40)
    rng = np.random.default_rng(0)
    rows = np.array([rng.permutation(20)[:10] for _ in range(80)], np.int32)
    hits = Hits(rows, np.tile(-np.arange(10, dtype=np.float32), (80, 1)))
    same = (rows >= 10) == (np.arange(80) % 2 == 1)[:, None]
    query, place = np.nonzero(same)
    relevant = csr_array((np.ones(len(query)), (query, rows[query, place])), shape=(80, 20))
    made = Lesson(features(queries, hits), hits, relevant)
    return Reranker(features, SMALL.fit(made, features.names), 10)


def test_hits_come_in_the_order_of_the_trees_with_their_scores():
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    step = reranker()
    hits = Hits(np.array([[2, 12, 3, -1]], np.int32), np.array([[9, 8, 7, -np.inf]], np.float32))
    blue, red = step(Queries.of([[0]]), hits), step(Queries.of([[15]]), hits)
    assert set(blue.rows[0, :2]) == {2, 3} and blue.rows[0, 2:].tolist() == [12, -1]
    assert red.rows[0, 0] == 12 and red.rows[0, 3] == -1 and red.scores[0, 3] == -np.inf
    for found in (blue, red):
        assert (np.diff(found.scores[0, :3]) <= 0).all()


def test_a_batch_gets_what_each_gets_alone_and_strangers_get_something(monkeypatch):
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    monkeypatch.setattr("bowerbird.ranking.rerank.BLOCK", 2)
    step = reranker()
    queries = Queries.of([[0], [], [15], [3, 4], [12]])
    hits = Hits(np.tile(np.array([2, 12, 3], np.int32), (5, 1)), np.ones((5, 3), np.float32))
    whole = step(queries, hits)
    assert (np.sort(whole.rows, axis=1) == [2, 3, 12]).all()
    for q in range(5):
        alone = step(queries.take(np.array([q])), Hits(*(part[q : q + 1] for part in hits)))
        assert np.array_equal(alone.rows[0], whole.rows[q])


def test_a_catalog_that_lacks_a_column_is_refused():
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    step = reranker()
    bare = Features.of(dataset([[0, 1]], 20))
    with pytest.raises(ArtifactError, match=r"share.colour came: the catalog has other columns"):
        replace(step, features=bare)
