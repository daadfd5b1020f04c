"""The re-ranker of a run: what it learns, when it is kept, and how it comes back."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.digest import data_digest
from bowerbird.data.random_share import RandomShare
from bowerbird.data.split import ByTime, LeaveOneOut
from bowerbird.data.synthetic import World
from bowerbird.encoders.popularity import Popularity
from bowerbird.encoders.session import silent
from bowerbird.errors import ArtifactError, DataError
from bowerbird.ranking.features import Features
from bowerbird.ranking.rerank import Rerank
from bowerbird.runs.reranking import keep_reranker, learned, lesson_of, rule_for, worth
from bowerbird.surfaces.assemble import recommender_of
from bowerbird.surfaces.kept import kept_reranker
from bowerbird.surfaces.run_folder import Run
from worlds import dataset

SMALL = Rerank(trees=30, leaves=4, least=10, threads=1)
SHELVES, EACH = 10, 6


def run_of(data, folder):
    """A run that shows everybody what is popular."""
    return Run(folder, {"data": data_digest(data)}, data, Popularity().fit(data), Popularity())


def shelves(seed=0):
    """Everybody takes all of one shelf, in no order: what is held out is all that is left."""
    rng = np.random.default_rng(seed)
    shelf = rng.integers(0, SHELVES, 240)
    histories = [(s * EACH + rng.permutation(EACH)).tolist() for s in shelf]
    data = dataset(histories, SHELVES * EACH, ordered=False, dated=False)
    names = [f"shelf {row // EACH}" for row in range(SHELVES * EACH)]
    return replace(data, catalog=Catalog(data.catalog.items, {"shelf": Column.category(names)}))


def noise():
    """Everybody takes what comes."""
    rng = np.random.default_rng(1)
    return dataset([rng.permutation(50)[:5].tolist() for _ in range(240)], 50, dated=False)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Run, trees, verdict of the world of shelves."""
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    run = run_of(shelves(), tmp_path_factory.mktemp("run"))
    lesson, names = lesson_of(run, 60, 0, silent)
    return run, *learned(lesson, names, SMALL, silent)


def test_what_the_retriever_ignores_is_learned_from_the_columns(taught):
    _, trees, verdict = taught
    assert verdict.before < 0.2 and verdict.after > 0.95 and verdict.kept
    assert verdict.low > 0.7 and verdict.people == 72
    assert trees.importance()["share.shelf"] > 0.5
    told = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert told["kept"] is True and sum(told["importance"].values()) == pytest.approx(1, abs=1e-2)


def test_where_there_is_nothing_to_learn_it_is_not_kept(tmp_path):
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    lesson, names = lesson_of(run_of(noise(), tmp_path), 40, 0, silent)
    _, verdict = learned(lesson, names, SMALL, silent)
    assert not verdict.kept and verdict.low <= 0 <= verdict.high


def test_answers_are_in_no_feature(tmp_path):
    """The last events could be anything: what comes before them stays, and so does all we know."""
    data = noise()
    lesson, _ = lesson_of(run_of(data, tmp_path), 40, 0, silent)
    items = data.log.items.copy()
    items[data.queries().offsets[1:] - 1] = 50 + np.arange(240) % 10
    more = dataset([items[u * 5 : u * 5 + 5].tolist() for u in range(240)], 60, dated=False)
    other, _ = lesson_of(run_of(more, tmp_path), 40, 0, silent)
    assert np.array_equal(lesson.hits.rows, other.hits.rows)
    assert np.array_equal(lesson.features, other.features, equal_nan=True)
    assert lesson.right().any() and not other.right().any()


def test_answers_come_after_one_moment_where_there_are_dates():
    data = World(n_users=60, n_items=20, n_events=900).make().dataset
    assert rule_for(data, 3) == ByTime()
    assert rule_for(replace(data, dated=False), 3) == LeaveOneOut(seed=3)
    assert rule_for(replace(data, dated=False, ordered=False), 3) == RandomShare(seed=3)


def test_ages_are_those_of_the_moment_that_all_are_asked_at(tmp_path):
    data = World(n_users=150, n_items=40, n_events=3_000).make().dataset
    train, holdout = ByTime().split(data)
    lesson, names = lesson_of(run_of(data, tmp_path), 40, 0, silent)
    age, idle = (lesson.features[..., names.index(n)] for n in ("age_days", "idle_days"))
    cut = holdout.queries.now[0]
    there = lesson.hits.rows >= 0
    since = data.catalog.fields["available_from"].values[lesson.hits.rows[there]]
    assert age[there] == pytest.approx((cut - since) / 86_400, abs=0.01)
    assert age[there].min() >= 0 and np.nanmin(idle) >= 0  # nothing of what comes later is there
    assert np.isfinite(lesson.features[there][:, names.index("trend")]).mean() > 0.9
    assert train.newest() <= cut


def test_a_place_that_cannot_be_written_to_is_told(taught, tmp_path):
    run, trees, verdict = taught
    (tmp_path / "file").write_text("no folder")
    elsewhere = replace(run, folder=tmp_path / "file")
    with pytest.raises(ArtifactError, match=r"file/rerank: cannot be written"):
        keep_reranker(elsewhere, trees, verdict, SMALL, 60)


def test_too_few_people_are_told(tmp_path):
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    few = dataset([[0, 1, 2]] * 10, dated=False)
    with pytest.raises(DataError, match="more people with answers expected"):
        lesson_of(run_of(few, tmp_path), 10, 0, silent)
    lesson, names = lesson_of(run_of(shelves(), tmp_path), 60, 0, silent)
    with pytest.raises(DataError, match="at least 20 people with right and wrong candidates"):
        learned(lesson.take(np.arange(60)), names, SMALL, silent)


def test_features_at_serving_are_those_of_the_fit(tmp_path):
    """Of the same data, history and candidates, whichever way they are come by."""
    data = shelves()
    run = run_of(data, tmp_path)
    train, holdout = RandomShare(seed=0).split(data)
    lesson, names = lesson_of(run, 60, 0, silent)
    served = Features.of(train)
    engine = recommender_of(Popularity().fit(train), train, Popularity())
    hits = engine.recommend(holdout.queries, 60)
    assert served.names == names
    assert np.array_equal(served(holdout.queries, hits), lesson.features, equal_nan=True)


def test_a_kept_re_ranker_comes_back_and_answers_the_same(taught):
    run, trees, verdict = taught
    assert kept_reranker(run) is None
    keep_reranker(run, trees, verdict, SMALL, 60)
    found = kept_reranker(run)
    assert found.trees.text == trees.text and found.fetch == 60
    first = (run.folder / "rerank" / "model.txt").read_bytes()
    keep_reranker(run, found.trees, verdict, SMALL, 60)
    assert (run.folder / "rerank" / "model.txt").read_bytes() == first
    lesson, _ = lesson_of(run, 60, 0, silent)
    assert np.array_equal(worth(lesson, found.trees, 10), worth(lesson, trees, 10))


def test_lists_of_the_run_are_of_the_shelf(taught):
    run, trees, verdict = taught
    keep_reranker(run, trees, verdict, SMALL, 60)
    engine = recommender_of(run.fitted, run.data, run.fallback)
    engine = replace(engine, steps={"rerank": kept_reranker(run)}, fetch=60)
    queries = run.data.queries()
    half = queries.where(queries.ages() >= 3)
    rows = engine.recommend(half, 3).rows
    own = half.items[half.offsets[:-1]] // EACH
    assert (rows // EACH == own[:, None]).mean() > 0.95


def test_what_is_damaged_or_of_another_run_is_refused(taught, tmp_path):
    run, trees, verdict = taught
    remedy = "«bowerbird rerank .*» learns it anew"
    folder = run.folder / "rerank"
    keep_reranker(run, trees, verdict, SMALL, 60)
    with pytest.raises(ArtifactError, match=f"of this run's data expected: {remedy}"):
        kept_reranker(replace(run, facts={"data": "another"}))
    bare = replace(run.data, catalog=Catalog(run.data.catalog.items))
    with pytest.raises(ArtifactError, match=f"the catalog has other columns: {remedy}"):
        kept_reranker(replace(run, data=bare))
    text = (folder / "model.txt").read_bytes()
    (folder / "model.txt").write_bytes(text[:200] + bytes([text[200] ^ 1]) + text[201:])
    with pytest.raises(ArtifactError, match=f"damaged since it was written: {remedy}"):
        kept_reranker(run)
    (folder / "model.txt").unlink()
    with pytest.raises(ArtifactError, match=f"missing since it was written: {remedy}"):
        kept_reranker(run)
    for text in ("{}", "[]", '{"format": 2}', '{"format": 1, "features": ["score"]}'):
        (folder / "rerank.json").write_text(text)
        with pytest.raises(ArtifactError, match=f"of this version expected: {remedy}"):
            kept_reranker(run)
    (folder / "rerank.json").write_text("{")
    with pytest.raises(ArtifactError, match=f"readable JSON expected .*{remedy}"):
        kept_reranker(run)
