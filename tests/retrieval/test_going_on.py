"""A model fitted from where another ended; of a blend, each part from its own."""

import numpy as np
import pytest

from bowerbird.encoders.als import Als
from bowerbird.encoders.session import Session
from bowerbird.encoders.turned import Frame, TurnedEncoder
from bowerbird.retrieval.blend import Blend
from bowerbird.retrieval.ease import Ease
from bowerbird.retrieval.going_on import fit_on, parts_of
from worlds import dataset

SORTS = 3


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    histories = [rng.permutation(np.arange(u % SORTS, 30, SORTS))[:6].tolist() for u in range(90)]
    return dataset(histories, 30)


def test_what_is_counted_or_solved_is_fitted_in_full_and_says_so(data):
    before = Ease().fit(data)
    found = fit_on(Ease(), before, data, Session())
    assert not found.warm and found.full == {"ease": "it is counted or solved, not trained"}
    np.testing.assert_array_equal(found.fitted.weights, before.weights)


def test_a_model_goes_on_where_it_was_before_it_was_turned(data):
    model = Als(dim=4, iterations=30)
    before = model.fit(data)
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    turned = TurnedEncoder(before, q, Frame.of(before, data))
    found = fit_on(model, turned, data, Session())
    expected = model.fit_from(before, data, Session())
    assert found.warm and not found.full
    np.testing.assert_array_equal(found.fitted.table.vectors, expected.table.vectors)


def test_another_model_or_other_settings_are_no_beginning(data):
    before = Als(dim=4).fit(data)
    other = fit_on(Als(dim=5), before, data, Session())
    assert not other.warm and "other settings" in other.full["als"]
    np.testing.assert_array_equal(other.fitted.table.vectors, Als(dim=5).fit(data).table.vectors)
    assert "no such model" in fit_on(Als(dim=4), Ease().fit(data), data, Session()).full["als"]


@pytest.mark.parametrize("parts", ["als(dim=4), cooccurrence", "als(dim=4), popularity"])
def test_each_part_of_a_blend_goes_on_by_itself(data, parts):
    blend = Blend(parts=parts, weights="1, 0.5", popularity=0.0)
    before = blend.fit(data)
    found = fit_on(blend, before, data, Session())
    other = parts.split()[1]
    assert found.warm and list(found.full) == [other]
    assert found.fitted.estimator == before.estimator
    assert set(parts_of(found.fitted)) == {"als", other}
    warm, first = parts_of(found.fitted)["als"], parts_of(before)["als"]
    expected = Als(dim=4).fit_from(first, data, Session())
    np.testing.assert_array_equal(warm.table.vectors, expected.table.vectors)
