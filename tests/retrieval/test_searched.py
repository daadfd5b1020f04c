"""Asked with words."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.encoders.content import Content
from bowerbird.errors import ConfigError, DataError
from bowerbird.retrieval.models import estimator_of
from bowerbird.retrieval.searched import Searched, asked_for, text_encoder
from worlds import cycles

WORDS = ["red lamp", "blue lamp", "green chair", "red chair", "jazz record", "blues record"]


@pytest.fixture(scope="module")
def data():
    made = cycles(n_items=6)
    title = Column.text(WORDS)
    kind = Column.category(["light", "light", "seat", "seat", "music", "music"])
    return replace(made, catalog=Catalog(made.catalog.items, {"kind": kind, "title": title}))


def test_a_title_finds_its_item_and_a_word_those_that_have_it(data):
    search = Searched.over(Content(text="tfidf", blend=1.0).fit(data), data.catalog)
    found = search.retrieve(asked_for(["red lamp", "jazz record", "chair"]), 2)
    assert found.rows[:2, 0].tolist() == [0, 4]
    assert set(found.rows[2].tolist()) == {2, 3}


def test_a_word_nobody_wrote_finds_nothing_and_filters_hold(data):
    search = Searched.over(Content(text="tfidf", blend=1.0).fit(data), data.catalog)
    assert (search.retrieve(asked_for(["xylophone", ""]), 2).rows == -1).all()
    allow = np.arange(6) != 0
    assert search.retrieve(asked_for(["red lamp"]), 6, allow).rows[0, 0] != 0


def test_the_part_of_a_model_that_can_read_is_found(data):
    parts = 'als(dim=2), content(text="tfidf")'
    assert text_encoder(estimator_of("content", text="tfidf").fit(data)) is not None
    blended = estimator_of("blend", parts=parts, weights="1, 1").fit(data)
    assert type(text_encoder(blended)).__name__ == "ContentEncoder"
    assert text_encoder(estimator_of("als", dim=2).fit(data)) is None
    assert text_encoder(estimator_of("ease").fit(data)) is None


def test_without_a_text_there_is_nothing_to_look_for(data):
    search = Searched.over(Content(text="tfidf", blend=1.0).fit(data), data.catalog)
    with pytest.raises(DataError, match="queries with a text expected"):
        search.retrieve(Queries.of([[0]]), 2)
    bare = replace(data, catalog=Catalog(data.catalog.items, {"kind": data.catalog.fields["kind"]}))
    encoder = Content(text="tfidf").fit(bare)
    with pytest.raises(ConfigError, match="a text column expected for a search by words, kind"):
        encoder.encode_texts(["red"])
