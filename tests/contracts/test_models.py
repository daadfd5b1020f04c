"""What every model promises, whichever it is."""

from dataclasses import replace
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.encoder import Encoder, Estimator
from bowerbird.encoders.turned import Frame, TurnedEncoder
from bowerbird.index.index import Ragged
from bowerbird.retrieval.models import MODELS, as_retriever, estimator_of, load_fitted
from bowerbird.retrieval.retriever import Retriever

SETTINGS = {
    "als": {"dim": 8},
    "graph-filter": {"rank": 8},
    "ease": {"regularization": 10.0},
    "content": {"text": "tfidf", "dim": 8},
    "sequence": {"text": "tfidf", "dim": 8, "epochs": 6},
    "two-tower": {"text": "tfidf", "dim": 8, "epochs": 3},
    "blend": {"parts": 'cooccurrence, als(dim=8), content(text="tfidf", dim=8)'},
}
TURNED = ("als", "content", "sequence", "two-tower")
"""Models that are held to it as they are after a turn, too."""
CASES = [*MODELS, *(f"{name}, turned" for name in TURNED)]
_PLACING = ("content", "sequence", "two-tower")
BY_CONTENT = {"blend", *_PLACING, *(f"{name}, turned" for name in _PLACING)}
"""Place what nobody has met."""
N = 40
COLD = N  # the last row of the catalog: never met
PERSONAL = [name for name in CASES if name != "popularity"]


def world() -> Dataset:
    """Even users like even items; each user's own item is withheld; item 40 was never met."""
    pairs = [(u, i) for u in range(N) for i in range(u % 2, N, 2) if u != i]
    users, items = np.array(pairs, dtype=np.int32).T.copy()
    ids = Vocabulary(tuple(f"{row:03}" for row in range(N + 1)))
    words = ["red apple pie", "blue steel train"]
    fields = {
        "title": Column.text([words[row % 2] for row in range(N + 1)]),
        "kind": Column.category(["food" if row % 2 == 0 else "toy" for row in range(N + 1)]),
    }
    ones = np.ones(len(users), np.float32)
    log = Interactions(users, items, np.zeros(len(users), np.int64), ones)
    people = Vocabulary(tuple(f"u{row:02}" for row in range(N)))
    return Dataset(people, Catalog(ids, fields), log, ordered=False, dated=False)


DATA = world()


def estimator(name: str) -> Estimator:
    model = name.removesuffix(", turned")
    return estimator_of(model, **SETTINGS.get(model, {}))


@pytest.fixture(params=CASES)
def name(request):
    if find_spec(MODELS[request.param.removesuffix(", turned")].partition(":")[0]) is None:
        pytest.skip(f"{request.param} is not here yet")
    return request.param


def fit(name):
    """The model; some are turned onto a space that was there before, as retraining does."""
    fitted = estimator(name).fit(DATA)
    if not name.endswith(", turned"):
        return fitted
    dim = fitted.encode_items(DATA.catalog).shape[1]
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((dim, dim)))[0]
    return TurnedEncoder(fitted, turn, Frame.of(fitted, DATA))


@cache
def fitted_once(name):
    return fit(name)


@pytest.fixture
def fitted(name):
    return fitted_once(name)  # by name: a module's fixture is kept by its place among parameters


@pytest.fixture
def retriever(fitted):
    return as_retriever(fitted, DATA.catalog)


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_fitted_model_is_an_encoder_or_a_retriever_and_holds_its_estimator(name, fitted):
    assert isinstance(fitted, Encoder | Retriever)
    assert type(fitted.estimator) is type(estimator(name))


def test_vectors_have_a_shape_a_type_and_are_finite(name, fitted):
    if not isinstance(fitted, Encoder):
        assert isinstance(fitted, Retriever)
        return
    items = fitted.encode_items(DATA.catalog)
    queries = fitted.encode_queries(Queries.of([[], [0, 2], [COLD, 77], [4]]))
    assert items.dtype == queries.dtype == np.float32
    assert items.shape == (N + 1, queries.shape[1])
    assert np.isfinite(queries).all() and np.isfinite(items[:N]).all()
    assert np.isfinite(items[COLD]).all() == (name in BY_CONTENT)


def test_an_item_the_model_has_never_heard_of_is_placed_by_its_content_or_not_at_all(name, fitted):
    if not isinstance(fitted, Encoder):
        found = (fitted.retrieve(Queries.of([[0]]), N + 1).rows == COLD).any()
        assert found == (name in BY_CONTENT)
        return
    fields = {"title": Column.text(["red pie", "blue train", ""])}
    vectors = fitted.encode_items(Catalog(Vocabulary(("new", "newer", "blank")), fields))
    assert np.isnan(vectors[2]).all()
    if name in BY_CONTENT:
        eater = fitted.encode_queries(Queries.of([[0, 2, 4]]))[0]
        assert vectors[0] @ eater > vectors[1] @ eater
    else:
        assert np.isnan(vectors).all()


def test_the_same_seed_gives_the_same_bytes(name, fitted, tmp_path):
    fitted.save(tmp_path / "first")
    fit(name).save(tmp_path / "second")
    assert files(tmp_path / "first") == files(tmp_path / "second")


def test_what_was_saved_answers_as_before(name, fitted, retriever, tmp_path):
    fitted.save(tmp_path / "model")
    again = load_fitted(tmp_path / "model")
    assert type(again) is type(fitted) and again.estimator == fitted.estimator
    queries = Queries.of([[0, 2], [1], []])
    before = retriever.retrieve(queries, 9)
    after = as_retriever(again, DATA.catalog).retrieve(queries, 9)
    np.testing.assert_array_equal(before.rows, after.rows)
    np.testing.assert_array_equal(before.scores, after.scores)


def test_a_query_that_says_nothing_gets_nothing_except_what_is_popular(name, retriever):
    silent = Queries.of([[], [77, 99]])
    liked = Queries.of([[0, 2]])
    disliked = replace(liked, weights=np.zeros(2, np.float32))
    for queries in (silent, disliked):
        hits = retriever.retrieve(queries, 5)
        assert hits.rows.shape == (len(queries), 5)
        assert ((hits.rows >= 0) == (name == "popularity")).all()
        assert (np.isneginf(hits.scores) == (hits.rows < 0)).all()


def test_rows_beyond_the_catalog_change_nothing(retriever):
    # the unknown row is the oldest event, so that recency is the same for the rest
    plain, mixed = (retriever.retrieve(Queries.of([h]), 9) for h in ([0, 2], [99, 0, 2]))
    np.testing.assert_array_equal(plain.rows, mixed.rows)
    np.testing.assert_array_equal(plain.scores, mixed.scores)


def test_a_cold_item_is_a_hit_only_by_its_content(name, retriever):
    hits = retriever.retrieve(Queries.of([[0, 2, 4], [1, 3]]), N + 1)
    assert (hits.rows[0] == COLD).any() == (name in BY_CONTENT)


def test_more_than_there_is_is_padded(retriever):
    hits = retriever.retrieve(Queries.of([[0, 2]]), 3 * N)
    assert hits.rows.shape == (1, 3 * N)
    assert (hits.rows[0, N + 1 :] == -1).all() and (hits.rows[0, :9] >= 0).all()
    found = hits.rows[0][hits.rows[0] >= 0]
    assert len(set(found.tolist())) == len(found)


def test_hits_are_best_first(retriever):
    scores = retriever.retrieve(Queries.of([[0, 2], [1, 3, 4]]), 10).scores
    assert (np.diff(scores, axis=1) <= 0).all()


def test_exclusions_and_allow_lists_are_kept_without_costing_a_place(retriever):
    allow = np.zeros(N + 1, dtype=bool)
    allow[[0, 2, 4, 6, 8, 10]] = True
    exclude = Ragged(np.array([0, 2], np.int32), np.array([0, 2], np.int64))
    hits = retriever.retrieve(Queries.of([[0, 2]]), 4, allow, exclude)
    assert set(hits.rows[0].tolist()) == {4, 6, 8, 10}


@pytest.mark.parametrize("name", PERSONAL)
def test_it_finds_the_withheld_item(name, retriever):
    log = DATA.log
    offsets = np.searchsorted(log.users, np.arange(N + 1)).astype(np.int64)
    warm = np.arange(N + 1) < N
    hits = retriever.retrieve(DATA.queries(), 1, warm, Ragged(log.items, offsets))
    np.testing.assert_array_equal(hits.rows[:, 0], np.arange(N))


def test_similar_never_returns_the_item_itself(retriever):
    rows = np.array([0, 7, 12], dtype=np.int32)
    hits = retriever.similar(rows, 6)
    assert hits.rows.shape == (3, 6) and (hits.rows[:, 0] >= 0).all()
    assert (hits.rows != rows[:, None]).all()


@pytest.mark.parametrize("name", PERSONAL)
def test_similar_items_are_of_the_same_colour(name, retriever):
    rows = np.array([0, 7], dtype=np.int32)
    hits = retriever.similar(rows, 6)
    assert ((hits.rows % 2 == rows[:, None] % 2) | (hits.rows < 0)).all()


def test_similar_to_a_cold_item_is_known_only_by_its_content(name, retriever):
    hits = retriever.similar(np.array([COLD], dtype=np.int32), 3)
    assert (hits.rows >= 0).any() == (name in BY_CONTENT)


def test_variants_begin_with_the_model_itself_and_do_not_repeat(name):
    made = estimator(name)
    variants = made.variants(DATA)
    assert variants[0] == made and len(set(variants)) == len(variants)


def test_fitting_several_settings_at_once_is_fitting_each(name, tmp_path):
    made = estimator(name)
    if not hasattr(made, "fit_each"):
        pytest.skip(f"{name} shares no work between settings")
    variants = made.variants(DATA)[:3]
    for variant, fitted in zip(variants, made.fit_each(DATA, variants), strict=True):
        fitted.save(tmp_path / "together")
        variant.fit(DATA).save(tmp_path / "alone")
        assert files(tmp_path / "together") == files(tmp_path / "alone")
