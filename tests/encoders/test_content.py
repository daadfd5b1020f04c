from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders import describe, pretrained, text
from bowerbird.encoders.content import Content
from bowerbird.encoders.unchanged import Fingerprints
from bowerbird.errors import ArtifactError, ConfigError

WORDS = ("apple", "train", "violin")


def shop(fields, log=None, n=12) -> Dataset:
    none = np.zeros(0, np.int32)
    empty = Interactions(none, none, none.astype(np.int64), none.astype(np.float32))
    ids = Vocabulary(tuple(f"{row:02}" for row in range(n)))
    return Dataset(Vocabulary(("u",) * 0), Catalog(ids, fields), empty if log is None else log)


def titled() -> dict[str, Column]:
    return {"title": Column.text([f"the {WORDS[row % 3]}" for row in range(12)])}


def nearest(fitted, data, history):
    scores = fitted.encode_items(data.catalog) @ fitted.encode_queries(Queries.of([history]))[0]
    return set(np.argsort(-scores, kind="stable")[:4].tolist())


@pytest.mark.parametrize(
    "fields",
    [
        titled(),
        {"kind": Column.category([WORDS[row % 3] for row in range(12)])},
        {"tags": Column.lists([[WORDS[row % 3], "all"] for row in range(12)])},
        {
            "price": Column("number", np.array([1.0, 5.0, 9.0] * 4)),
            "year": Column("number", np.array([1990.0, 1970.0, np.nan] * 4)),
        },
        {"image": Column("vector", np.eye(3, dtype=np.float32)[np.arange(12) % 3])},
    ],
    ids=["text", "category", "list", "number", "vector"],
)
def test_every_kind_of_column_tells_items_apart(fields):
    data = shop(fields)
    fitted = Content(text="tfidf", dim=4).fit(data)
    assert nearest(fitted, data, [1]) == {1, 4, 7, 10}


def test_an_item_without_content_has_no_place_and_says_nothing():
    data = shop({"title": Column.text([*titled()["title"].values[:11], ""])})
    fitted = Content(text="tfidf", dim=4).fit(data)
    assert np.isnan(fitted.encode_items(data.catalog)[11]).all()
    assert not fitted.encode_queries(Queries.of([[11]])).any()


def test_the_newest_event_counts_most():
    data = shop(titled())
    data = replace(data, ordered=True)
    fitted = Content(text="tfidf", dim=4, decay=0.3).fit(data)
    assert nearest(fitted, data, [0, 1]) == {1, 4, 7, 10}
    assert nearest(fitted, data, [1, 0]) == {0, 3, 6, 9}


def test_without_an_order_nothing_fades():
    fitted = Content(text="tfidf", dim=4, decay=0.3).fit(replace(shop(titled()), ordered=False))
    assert fitted.estimator.decay == 1.0
    one, other = fitted.encode_queries(Queries.of([[0, 1], [1, 0]]))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_it_learns_which_content_goes_with_which():
    """Who meets apples meets trains and never violins: words alone could not know."""
    users = np.repeat(np.arange(40, dtype=np.int32), 4)
    rng = np.random.default_rng(0)
    picks = [rng.choice([0, 3, 1, 4, 6, 7], 4, replace=False) for _ in range(20)]
    picks += [rng.choice([2, 5, 8], 4) for _ in range(20)]
    ones = np.ones(160, np.float32)
    log = Interactions(users, np.concatenate(picks).astype(np.int32), np.zeros(160, np.int64), ones)
    data = replace(shop(titled(), log), users=Vocabulary(tuple(map(str, range(40)))))
    learned = Content(text="tfidf", dim=4, blend=0.0).fit(data)
    query = learned.encode_queries(Queries.of([[0]]))[0]
    _, train, violin = (learned.encode_items(data.catalog) @ query)[9:12]
    assert train > violin + 0.5
    alone = Content(text="tfidf", dim=4, blend=1.0).fit(data)
    _, train, violin = (
        alone.encode_items(data.catalog) @ alone.encode_queries(Queries.of([[0]]))[0]
    )[9:12]
    assert train == pytest.approx(violin, abs=1e-4)


def test_a_column_that_went_missing_is_an_empty_one():
    data = shop({**titled(), "kind": Column.category(["a"] * 12)})
    fitted = Content(text="tfidf", dim=4).fit(data)
    later = Catalog(Vocabulary(("new",)), {"title": Column.text(["apple"])})
    assert np.isfinite(fitted.encode_items(later)).all()


def test_a_catalog_without_usable_columns_says_what_to_give():
    links = {"link": Column("url", np.array(["x"] * 12, dtype=object))}
    with pytest.raises(ConfigError, match=r"text, category, list, number, vector expected .* link"):
        Content().fit(shop(links))


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "glove"},
        {"image": "use"},
        {"dim": 0},
        {"decay": 0.0},
        {"blend": 2.0},
        {"regularization": 0.0},
    ],
)
def test_meaningless_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        Content(**wrong)


@pytest.fixture
def sentences(monkeypatch):
    """Stands for the bought model, as if version 1 of it were installed."""

    class Letters:
        def encode(self, texts):
            out = np.zeros((len(texts), 512), np.float32)
            for row, some in enumerate(texts):
                out[row, len(some) % 512] = 1
            return out

    monkeypatch.setattr(text, "_use", Letters)
    installed(monkeypatch, "1")


def installed(monkeypatch, version):
    for module in (text, pretrained):
        monkeypatch.setattr(module, "use_version", lambda: version)


def test_auto_reads_sentences_where_it_can(sentences, monkeypatch):
    assert Content(dim=4).fit(shop(titled())).describer.sentences.endswith(" 1")
    installed(monkeypatch, None)
    assert Content(dim=4).fit(shop(titled())).describer.sentences == ""


def test_a_model_that_reads_sentences_needs_its_own_version_of_them(
    sentences, monkeypatch, tmp_path
):
    fitted = Content(text="use", dim=4).fit(shop(titled()))
    fitted.save(tmp_path)
    assert Content.load(tmp_path).describer.sentences == fitted.describer.sentences
    installed(monkeypatch, "2")
    with pytest.raises(ArtifactError, match="install that version, or train again"):
        Content.load(tmp_path).encode_items(shop({"title": Column.text(["new"] * 12)}).catalog)
    installed(monkeypatch, None)
    with pytest.raises(ArtifactError, match=r"pip install 'bowerbird\[text\]'"):
        Content.load(tmp_path)
    with pytest.raises(ArtifactError, match=r"pip install 'bowerbird\[text\]'"):
        Content(text="use", dim=4).fit(shop(titled()))


def test_only_what_changed_since_the_fit_is_read_again(monkeypatch):
    data = shop({**titled(), "price": Column("number", np.arange(12.0))})
    fitted = Content(text="tfidf", dim=4).fit(data)
    read = []

    def raw(self, describer, catalog):
        read.extend(catalog.items.ids)
        return as_before(self, describer, catalog)

    as_before = Content._raw
    monkeypatch.setattr(Content, "_raw", raw)
    before = fitted.encode_items(data.catalog)
    assert read == []
    prices = np.arange(12.0)
    prices[5] = 99.0
    cheaper = shop({**titled(), "price": Column("number", prices)})
    after = fitted.encode_items(cheaper.catalog)
    assert read == ["05"]
    np.testing.assert_array_equal(np.delete(after, 5, 0), np.delete(before, 5, 0))
    assert (after[5] != before[5]).any()


def test_reading_again_gives_the_vectors_of_the_fit():
    data = shop({**titled(), "price": Column("number", np.arange(12.0))})
    fitted = Content(text="tfidf", dim=4).fit(data)
    none = np.zeros((0, 16), np.uint8)
    forgotten = replace(fitted, prints=Fingerprints(none, none))  # as a model of version 0.1.0
    again = forgotten.encode_items(data.catalog)
    np.testing.assert_allclose(again, fitted.encode_items(data.catalog), atol=1e-6)


def test_items_that_all_say_the_same_have_a_place():
    data = shop({"title": Column.text(["the same"] * 12)})
    assert np.isfinite(Content(text="tfidf", dim=2).fit(data).encode_items(data.catalog)).all()


def test_missing_numbers_and_labels_say_nothing():
    fields = {
        "price": Column("number", np.array([np.nan, 1.0, 2.0])),
        "kind": Column.category([None, "a", "a"]),
    }
    describer = describe.Describer.of(shop(fields, n=3).catalog, False, 2, seed=0)
    blocks = describer.blocks(shop(fields, n=3).catalog)
    assert not blocks["numbers"][0].any() and not blocks["words"][0].any()
    np.testing.assert_allclose(blocks["numbers"][1:, 0], [-1, 1])
