"""The other way round: who an item is for."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.errors import ConfigError
from bowerbird.retrieval import audience as module
from bowerbird.retrieval.audience import audience, similar_people
from bowerbird.retrieval.models import as_retriever, estimator_of
from worlds import dataset

FANS = [[0, 1]] * 10 + [[0]] + [[2, 3]] * 10 + [[2]]  # person 10 lacks 1, person 21 lacks 3


@pytest.mark.parametrize("name", ["als", "cooccurrence", "ease"])
def test_who_has_all_but_the_item_is_its_first_audience(name):
    data = dataset(FANS)
    settings = {"dim": 2} if name == "als" else {}
    main = as_retriever(estimator_of(name, **settings).fit(data), data.catalog)
    found = audience(main, data.queries(), 1, 3)
    assert found.rows[0, 0] == 10
    assert not set(found.rows[0].tolist()) & set(range(10))  # they have it


def test_a_mask_of_people_is_kept_and_blocks_answer_as_one(monkeypatch):
    data = dataset(FANS)
    main = as_retriever(estimator_of("als", dim=2).fit(data), data.catalog)
    whole = audience(main, data.queries(), 1, 5)
    monkeypatch.setattr(module, "BLOCK", 3)
    parts = audience(main, data.queries(), 1, 5)
    assert parts.rows[0, 0] == whole.rows[0, 0]
    assert parts.scores == pytest.approx(whole.scores, abs=1e-5)
    nobody = audience(main, data.queries(), 1, 5, np.arange(22) > 21)
    assert nobody.rows.tolist() == [[-1] * 5]


def test_people_alike_have_the_same_taste():
    data = dataset(FANS)
    main = as_retriever(estimator_of("als", dim=2).fit(data), data.catalog)
    found = similar_people(main, data.queries(), 10, 10)
    assert set(found.rows[0].tolist()) == set(range(10))
    assert found.scores[0, 0] == pytest.approx(1, abs=0.05)


def test_a_blend_is_asked_by_its_vectors_and_an_exposure_is_no_meeting():
    data = dataset(FANS)
    fitted = estimator_of("blend", parts="als(dim=2), cooccurrence", weights="1, 1").fit(data)
    main = as_retriever(fitted, data.catalog)
    assert audience(main, data.queries(), 1, 3).rows[0, 0] == 10
    assert len(similar_people(main, data.queries(), 10, 5).rows[0]) == 5
    people = data.queries()
    types = np.where(people.owners() == 3, 1, 0).astype(np.int16)
    shown = replace(people, types=types, type_names=("view", "seen"))
    assert 3 in audience(main, shown, 1, 22).rows[0]


def test_people_alike_need_vectors():
    data = dataset(FANS)
    main = as_retriever(estimator_of("ease").fit(data), data.catalog)
    with pytest.raises(ConfigError, match="people alike: a model of vectors expected"):
        similar_people(main, data.queries(), 10, 10)
