"""What a judge keeps of the training data."""

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError
from bowerbird.evaluation.background import Background


def train(fields=None) -> Dataset:
    log = Interactions(
        np.array([0, 0, 1], np.int32),
        np.array([0, 1, 1], np.int32),
        np.array([0, 1, 0], np.int64),
        np.array([1, 1, 1], np.float32),
    )
    catalog = Catalog(Vocabulary(("a", "b", "c")), fields or {})
    return Dataset(Vocabulary(("x", "y")), catalog, log)


def test_fields_become_features_of_length_1_and_shares_that_sum_to_1():
    fields = {
        "type": Column.category(["film", "film", None]),
        "genres": Column.lists([["a", "b"], ["b"], []]),
        "title": Column.text(["A", "B", "C"]),
    }
    known = Background.of(train(fields))
    np.testing.assert_allclose(known.features.toarray()[1], [1 / 2**0.5, 0, 1 / 2**0.5])
    np.testing.assert_allclose(known.features.toarray()[2], [0, 0, 0])
    np.testing.assert_allclose(known.shares.toarray(), [[0.5, 0.5], [0, 1], [0, 0]])
    assert known.facts == {
        "diversity compares": "fields type, genres",
        "calibration field": "genres",
    }
    assert known.counts.tolist() == [1, 2, 0]


def test_the_catalog_that_came_is_not_changed():
    genres = Column.lists([["b", "a", "b"], ["b"], []])
    known = Background.of(train({"genres": genres}))
    assert genres.words() == ["b, a, b", "b", ""]
    np.testing.assert_allclose(known.shares.toarray(), [[0.5, 0.5], [0, 1], [0, 0]])


def test_without_labels_items_are_alike_when_the_same_people_met_them():
    known = Background.of(train())
    cosine = (known.features @ known.features.T).toarray()
    np.testing.assert_allclose(cosine[:2, :2], [[1, 1 / 2**0.5], [1 / 2**0.5, 1]])
    assert known.shares is None
    assert "training users" in known.facts["diversity compares"]
    assert known.facts["calibration field"] == "none"


def test_the_caller_may_name_the_field_of_calibration():
    fields = {"brand": Column.category(["p", "q", "p"]), "genres": Column.lists([["a"], [], []])}
    assert Background.of(train(fields)).facts["calibration field"] == "genres"
    assert Background.of(train(fields), "brand").facts["calibration field"] == "brand"


def test_the_item_type_is_nothing_to_be_calibrated_by_unless_asked_for():
    fields = {"type": Column.category(["film", "book", "book"])}
    assert Background.of(train(fields)).shares is None
    assert Background.of(train(fields), "type").shares is not None


def test_an_unknown_field_lists_the_valid_ones():
    fields = {"brand": Column.category(["p", "q", "p"])}
    with pytest.raises(ConfigError, match=r"\(brand\), 'colour' came"):
        Background.of(train(fields), "colour")
    with pytest.raises(ConfigError, match="there is none"):
        Background.of(train(), "colour")
