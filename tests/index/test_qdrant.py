import json
import os
import subprocess
import sys

import numpy as np
import pytest

from bowerbird.errors import ArtifactError, ConfigError, DataError
from bowerbird.index import qdrant, qdrant_folder
from bowerbird.index.chosen import recall_of
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Ragged
from bowerbird.index.qdrant import QdrantIndex
from vector_sets import N, asked, clustered, some_rows

pytest.importorskip("qdrant_edge", reason="no qdrant-edge-py here")


@pytest.fixture(scope="module")
def vectors():
    return clustered()


@pytest.fixture(scope="module")
def whole(vectors, tmp_path_factory):
    """With a graph, which so few vectors do not get else. Asked, never changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(qdrant_folder, "SCANNED", 10)
        yield QdrantIndex.over(tmp_path_factory.mktemp("qdrant") / "whole", vectors)


def small(folder, n=6):
    """Item i points along axis i, longer the higher i is."""
    made = np.eye(n, 6, dtype=np.float32) * np.arange(1, n + 1, dtype=np.float32)[:, None]
    return QdrantIndex.over(folder / "small", made), np.ones((1, 6), np.float32)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01, 0.001, 0.0001])
def test_the_graph_under_a_filter_gives_full_lists_of_the_best(whole, vectors, monkeypatch, share):
    monkeypatch.setattr(qdrant, "FEW", 50)
    allow = some_rows(share)
    truth = ExactIndex(vectors).search(asked(), 20, allow)
    hits = whole.search(asked(), 20, allow)
    assert np.array_equal(hits.rows >= 0, truth.rows >= 0)
    assert allow is None or allow[hits.rows[hits.rows >= 0]].all()
    assert recall_of(hits, truth) >= 0.95


def test_asked_with_the_filter_the_graph_would_lose_the_list(whole, vectors):
    """Why it is not: if this fails, the engine has learned to, and so may we."""
    from qdrant_edge import Filter, HasIdCondition

    allow = some_rows(0.1)
    ids = whole._named(np.flatnonzero(allow & np.isfinite(vectors).all(axis=1)).astype(np.int32))
    only = Filter(must=[HasIdCondition(set(ids.tolist()))])
    rows, _ = whole._points(asked(), 20, [only] * 40, hnsw_ef=qdrant.REACH)
    truth = ExactIndex(vectors).search(asked(), 20, allow)
    assert recall_of(truth._replace(rows=rows), truth) < 0.9


def test_met_in_another_order_the_graph_would_lose_the_list(whole, vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(qdrant_folder, "SCANNED", 10)
    monkeypatch.setattr(qdrant_folder, "names_of", lambda rows, _: rows.astype(np.int64))
    index = QdrantIndex.over(tmp_path / "disorder", vectors)
    truth = ExactIndex(vectors).search(asked(), 20)
    shares = []
    for made in (index, whole):
        rows, _ = made._points(asked(), 20, [None] * 40, hnsw_ef=100)
        shares.append(recall_of(truth._replace(rows=rows), truth))
    assert shares[0] + 0.1 < shares[1]


def test_more_candidates_find_more(whole, vectors):
    truth = ExactIndex(vectors).search(asked(), 5)
    many = recall_of(whole.search(asked(), 5), truth)
    rows, _ = whole._points(asked(), 5, [None] * 40, hnsw_ef=5)
    assert recall_of(truth._replace(rows=rows), truth) < many


def test_a_filter_of_what_nobody_would_be_shown_still_fills_the_list(whole, vectors, monkeypatch):
    monkeypatch.setattr(qdrant, "FEW", 50)
    monkeypatch.setattr(qdrant, "MOST", 100)
    exact = ExactIndex(vectors)
    everything = exact.search(asked(1), N).rows[0]
    allow = np.zeros(N, bool)
    allow[everything[everything >= 0][-300:]] = True
    hits = whole.search(asked(1), 20, allow)
    assert np.array_equal(hits.rows, exact.search(asked(1), 20, allow).rows)


def test_many_queries_are_answered_as_each_alone(whole):
    many = asked(100)
    exclude = Ragged(np.arange(100, dtype=np.int32), np.arange(101, dtype=np.int64))
    hits = whole.search(many, 5, None, exclude)
    for q in (0, 63, 64, 99):
        alone = whole.search(many[q : q + 1], 5, None, exclude.block(q, q + 1))
        assert alone.rows.tolist() == [hits.rows[q].tolist()]


def test_a_change_is_seen_by_the_next_search_and_kept(tmp_path):
    index, query = small(tmp_path)
    assert index.search(query, 3).rows.tolist() == [[5, 4, 3]]
    index.put(np.array([6, 0], np.int32), np.full((2, 6), [[9], [8]], np.float32))
    assert index.search(query, 3).rows.tolist() == [[6, 0, 5]] and len(index) == 7
    index.remove(np.array([6, 5], np.int32))
    index.optimize()
    index.close()
    again = QdrantIndex.open(tmp_path / "small")
    assert again.search(query, 3).rows.tolist() == [[0, 4, 3]] and len(again) == 7
    assert np.isnan(again.take(np.array([6, 99, -1], np.int32))).all()
    shorter = np.ones(5, bool)  # a filter made before row 6 was put in
    again.put(np.array([6], np.int32), np.full((1, 6), 9, np.float32))
    assert again.search(query, 9, shorter).rows.max() == 4


def test_a_vector_longer_than_all_before_is_found(vectors, tmp_path):
    index = QdrantIndex.over(tmp_path / "longer", vectors)
    far = 3 * np.nanmax(np.abs(vectors)) * np.ones((1, vectors.shape[1]), np.float32)
    index.put(np.array([N], np.int32), far)
    grown = np.vstack([vectors, far])
    hits, truth = index.search(asked(), 20), ExactIndex(grown).search(asked(), 20)
    assert recall_of(hits, truth) >= 0.95
    assert index.search(far, 1).rows.tolist() == [[N]]
    np.testing.assert_array_equal(index.take(np.arange(N, dtype=np.int32)), vectors)


def test_what_was_put_in_outlives_a_kill(tmp_path):
    small(tmp_path)[0].close()
    code = (
        "import numpy as np, os, pathlib, sys\n"
        "from bowerbird.index.qdrant import QdrantIndex\n"
        "index = QdrantIndex.open(pathlib.Path(sys.argv[1]))\n"
        "index.put(np.array([6], np.int32), np.full((1, 6), 9, np.float32))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "small"], check=False)
    assert done.returncode == -9
    index = QdrantIndex.open(tmp_path / "small")
    assert index.search(np.ones((1, 6), np.float32), 2).rows.tolist() == [[6, 5]]


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    index, query = small(tmp_path)
    index.close()
    with monkeypatch.context() as patch:
        patch.setattr(qdrant_folder, "upsert", lambda *_: 1 / 0)
        with pytest.raises(ArtifactError, match="refuses"):
            small(tmp_path)
    assert QdrantIndex.open(tmp_path / "small").search(query, 1).rows.tolist() == [[5]]
    assert small(tmp_path, n=4)[0].search(query, 1).rows.tolist() == [[3]]
    assert os.listdir(tmp_path) == ["small"]


def test_what_is_not_ours_is_neither_read_nor_replaced(tmp_path):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "letters.txt").write_text("dear")
    for ask in (lambda: QdrantIndex.open(tmp_path / "small"), lambda: small(tmp_path)):
        with pytest.raises(DataError, match="small: a folder that .* made expected"):
            ask()
    assert (tmp_path / "small" / "letters.txt").read_text() == "dear"
    with pytest.raises(ArtifactError, match="there is none"):
        QdrantIndex.open(tmp_path / "nowhere")


def test_a_folder_of_another_version_or_without_points_is_told(tmp_path):
    index, _ = small(tmp_path)
    index.close()
    facts = tmp_path / "small" / "facts.json"
    whole = facts.read_text()
    facts.write_text(json.dumps({**json.loads(whole), "bowerbird": 9}))
    with pytest.raises(DataError, match="take another name"):
        QdrantIndex.open(tmp_path / "small")
    facts.write_text(whole)
    (tmp_path / "small" / "points").rename(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match="is it whole"):
        QdrantIndex.open(tmp_path / "small")


def test_a_folder_that_is_open_elsewhere_or_closed_is_told(tmp_path):
    index, query = small(tmp_path)
    with pytest.raises(ArtifactError, match="no other process has it open"):
        QdrantIndex.open(tmp_path / "small")
    index.close()
    with pytest.raises(ArtifactError, match="an answer of Qdrant expected"):
        index.search(query, 1)


def test_what_cannot_be_put_in_is_refused(tmp_path):
    index, query = small(tmp_path)
    with pytest.raises(DataError, match="dim 6 expected"):
        index.put(np.array([1], np.int32), np.ones((1, 5), np.float32))
    with pytest.raises(DataError, match="finite"):
        index.put(np.array([1], np.int32), np.full((1, 6), np.nan, np.float32))
    with pytest.raises(DataError, match="none twice"):
        index.put(np.array([1, 1], np.int32), np.ones((2, 6), np.float32))
    assert index.search(query, 1).rows.tolist() == [[5]]


def test_no_rows_are_a_folder_too(tmp_path):
    index = QdrantIndex.over(tmp_path / "none", np.full((3, 4), np.nan, np.float32))
    assert len(index) == 3
    assert index.search(np.ones((2, 4), np.float32), 2).rows.tolist() == [[-1, -1]] * 2
    index.put(np.array([2], np.int32), np.ones((1, 4), np.float32))
    assert index.search(np.ones((1, 4), np.float32), 2).rows.tolist() == [[2, -1]]


def test_without_the_engine_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "qdrant_edge", None)
    with pytest.raises(ConfigError, match=r"pip install 'bowerbird\[qdrant\]'"):
        QdrantIndex.over(tmp_path / "new", np.ones((1, 4), np.float32))
