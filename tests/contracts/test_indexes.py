"""What every index promises, judged by the plain definition."""

import numpy as np
import pytest

from bowerbird.errors import ArtifactError, DataError
from bowerbird.index.chosen import recall_of
from bowerbird.index.exact import ExactIndex
from bowerbird.index.index import Hits, Ragged
from bowerbird.index.live import LiveIndex
from bowerbird.index.partitioned import PartitionedIndex
from bowerbird.index.postgres import PostgresIndex
from bowerbird.index.pruned import PrunedIndex
from bowerbird.index.qdrant import QdrantIndex
from bowerbird.index.stored import load_index, save_index

N, DIM, K = 6_000, 16, 20


def half(vectors):
    return ExactIndex(vectors.astype(np.float16).astype(np.float32).astype(np.float16))


def live(vectors):
    """A third is in the main index, a third has other vectors now, a third is fresh."""
    third = len(vectors) // 3
    main = PrunedIndex.over(np.vstack([vectors[:third], -vectors[third : 2 * third]]))
    index = LiveIndex(main, 2 * third)
    rows = np.arange(third, len(vectors), dtype=np.int32)
    there = np.isfinite(vectors[rows]).all(axis=1)
    index.put(rows[there], vectors[rows[there]])
    return index


def pgvector(vectors, request):
    pytest.importorskip("psycopg", reason="no psycopg here")
    return PostgresIndex.over(request.getfixturevalue("database").url, "contract", vectors)


def qdrant(vectors, request):
    pytest.importorskip("qdrant_edge", reason="no qdrant-edge-py here")
    return QdrantIndex.over(request.getfixturevalue("tmp_path_factory").mktemp("q") / "q", vectors)


EXACT = {"exact": ExactIndex, "pruned": PrunedIndex.over, "live": live}
MADE = {
    **EXACT,
    "half precision": half,
    "pruned, guessing": lambda vectors: PrunedIndex.over(vectors, cosine=0.9),
    "partitioned": lambda vectors: PartitionedIndex.over(vectors, probes=64),
}
ENGINES = {"pgvector": pgvector, "qdrant": qdrant}


@pytest.fixture(scope="module", params=["norms differ", "norms are alike"])
def vectors(request):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, DIM))
    made = centres[rng.integers(0, 40, N)] + 0.5 * rng.normal(size=(N, DIM))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    if request.param == "norms differ":
        made *= rng.lognormal(0, 0.8, N)[:, None]
    made[:: N // 50] = np.nan  # cannot be placed
    return made.astype(np.float32)


@pytest.fixture(scope="module")
def queries():
    return np.random.default_rng(1).normal(size=(40, DIM)).astype(np.float32)


@pytest.fixture(scope="module", params=[*MADE, *ENGINES])
def index(request, vectors):
    name = request.param
    return name, ENGINES[name](vectors, request) if name in ENGINES else MADE[name](vectors)


def plainly(vectors, queries, k, allow=None, exclude=None):
    """The definition: by falling score, ties to the lower row."""
    scores = queries.astype(np.float64) @ np.nan_to_num(vectors).astype(np.float64).T
    scores[:, ~np.isfinite(vectors).all(axis=1)] = -np.inf
    if allow is not None:
        scores[:, ~allow] = -np.inf
    if exclude is not None:
        scores[exclude.owners(), exclude.rows] = -np.inf
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)
    found = np.take_along_axis(scores, rows, axis=1)
    return Hits(np.where(found > -np.inf, rows, -1), found.astype(np.float32))


def masks():
    rng = np.random.default_rng(2)
    return {share: rng.random(N) < share for share in (0.9, 0.5, 0.1, 0.01, 0.001)}


def some_excluded(truth):
    rng = np.random.default_rng(3)
    lists = [rng.permutation(rows[rows >= 0])[: K // 2] for rows in truth.rows]
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return Ragged(np.concatenate(lists).astype(np.int32), offsets)


def test_it_finds_what_is_best(index, vectors, queries):
    name, made = index
    truth = plainly(vectors, queries, K)
    hits = made.search(queries, K)
    assert hits.rows.dtype == np.int32 and hits.scores.dtype == np.float32
    if name in EXACT:
        assert np.array_equal(hits.rows, truth.rows)
    assert recall_of(hits, truth) >= 0.95
    one = made.search(queries[:1], K)
    assert recall_of(one, Hits(truth.rows[:1], truth.scores[:1])) >= 0.9


def test_scores_are_inner_products_and_fall(index, vectors, queries):
    _, made = index
    hits = made.search(queries, K)
    exact = np.einsum("qd,qkd->qk", queries, vectors[hits.rows])
    np.testing.assert_allclose(hits.scores, exact, rtol=2e-3, atol=2e-3)
    assert (np.diff(hits.scores, axis=1) <= 0).all()
    assert all(len(set(rows)) == K for rows in hits.rows.tolist())


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.01, 0.001])
def test_a_filter_is_never_violated_and_k_is_kept(index, vectors, queries, share):
    name, made = index
    allow = masks()[share]
    truth = plainly(vectors, queries, K, allow)
    exclude = some_excluded(truth)
    truth = plainly(vectors, queries, K, allow, exclude)
    for b in (len(queries), 1):
        some = exclude.block(0, b)
        hits = made.search(queries[:b], K, allow, some)
        there = hits.rows >= 0
        assert allow[hits.rows[there]].all()
        for q in range(b):
            unwanted = some.rows[some.offsets[q] : some.offsets[q + 1]]
            assert not np.isin(hits.rows[q], unwanted).any()
        assert np.array_equal(there.sum(axis=1), (truth.rows[:b] >= 0).sum(axis=1))
        if name in EXACT:
            assert np.array_equal(hits.rows, truth.rows[:b])
        assert recall_of(hits, Hits(truth.rows[:b], truth.scores[:b])) >= 0.9


def test_more_than_there_is_ends_with_none(index, vectors, queries):
    _, made = index
    allow = np.zeros(N, bool)
    allow[[5, 6, 7]] = True
    hits = made.search(queries, K, allow)
    assert (np.sort(hits.rows[:, :3], axis=1) == [5, 6, 7]).all()
    assert (hits.rows[:, 3:] == -1).all() and (hits.scores[:, 3:] == -np.inf).all()
    nothing = made.search(queries, 3, np.zeros(N, bool))
    assert (nothing.rows == -1).all()
    assert made.search(queries[:0], K).rows.shape == (0, K)


def test_who_excludes_nearly_everything_still_gets_the_rest(index, vectors, queries):
    _, made = index
    placed = np.flatnonzero(np.isfinite(vectors).all(axis=1)).astype(np.int32)
    unwanted = placed[placed != 4_321]
    exclude = Ragged(unwanted, np.array([0, len(unwanted)], dtype=np.int64))
    hits = made.search(queries[:1], 2, None, exclude)
    assert hits.rows.tolist() == [[4_321, -1]]


def test_questions_that_cannot_be_meant_are_refused(index, queries):
    _, made = index
    with pytest.raises(DataError, match="dim 16 expected"):
        made.search(queries[:, :8], K)
    for worst in (np.nan, np.inf, -np.inf):
        some = queries[:2].copy()
        some[1, 3] = worst
        for k in (1, K):
            for asked in (some, some[1:]):  # alone, too
                with pytest.raises(DataError, match="finite query vectors expected"):
                    made.search(asked, k)


def test_vectors_can_be_taken_back(index, vectors):
    _, made = index
    rows = np.array([3, 0, 5_999, 77], dtype=np.int32)
    np.testing.assert_allclose(made.take(rows), vectors[rows], rtol=1e-3, atol=1e-3)
    assert made.take(rows[:0]).shape == (0, DIM)


@pytest.fixture(params=[name for name in MADE if name != "live"])
def stored(request, vectors, queries, tmp_path):
    made = MADE[request.param](vectors)
    save_index(made, tmp_path, queries)
    return made, tmp_path


def test_saved_and_loaded_it_says_the_same(stored, queries):
    made, folder = stored
    again = load_index(folder)
    assert type(again) is type(made)
    allow = masks()[0.5]
    for given in (None, allow):
        one, other = made.search(queries, K, given), again.search(queries, K, given)
        assert np.array_equal(one.rows, other.rows) and np.array_equal(one.scores, other.scores)


def test_a_file_that_is_not_what_it_was_is_never_loaded(stored):
    _, folder = stored
    for path in folder.iterdir():
        whole = path.read_bytes()
        for broken in (whole[: len(whole) // 2], flipped(whole), b"", b"another file altogether"):
            path.write_bytes(broken)
            if path.name == "index.json" and broken == flipped(whole):
                continue  # a digit of a question is no damage of the index
            with pytest.raises(ArtifactError, match="build the index again"):
                load_index(folder)
        path.unlink()
        with pytest.raises(ArtifactError, match="build the index again"):
            load_index(folder)
        path.write_bytes(whole)
    load_index(folder)


def flipped(whole):
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]


def test_an_index_whose_answers_have_changed_is_not_loaded(stored):
    import json

    _, folder = stored
    about = json.loads((folder / "index.json").read_text())
    about["scores"][3][0] += 1
    (folder / "index.json").write_text(json.dumps(about))
    with pytest.raises(ArtifactError, match="scores differ"):
        load_index(folder)


def test_it_says_which_way_it_goes(index):
    _, made = index
    few = np.arange(N) < 7
    assert made.way() and made.way() != made.way(few)


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_of_equal_scores_the_lower_row_comes_first(make):
    """Five copies of each vector lie in one drawer; they are found in their order."""
    one = np.random.default_rng(1).normal(size=(1_200, DIM)).astype(np.float32)
    index = make(np.tile(one, (5, 1)))
    rows = index.search(one[:3], 10).rows.reshape(3, 2, 5)
    assert (rows % 1_200 == rows[:, :, :1] % 1_200).all() and (np.diff(rows, axis=2) == 1_200).all()
