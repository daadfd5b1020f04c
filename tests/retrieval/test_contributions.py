"""The parts of a score add up to it, and what counts most is what was put in."""

import numpy as np
import pytest

from bowerbird.data.queries import Queries
from bowerbird.retrieval.contributions import because, score_parts
from bowerbird.retrieval.dial import Dial
from bowerbird.retrieval.models import as_retriever, estimator_of
from worlds import cycles, dataset

MODELS = {
    "als": estimator_of("als", dim=4),
    "ease": estimator_of("ease"),
    "cooccurrence": estimator_of("cooccurrence"),
    "blend of vectors": estimator_of("blend", parts="als(dim=4), popularity", weights="1, 0.5"),
    "blend of all": estimator_of(
        "blend", parts="als(dim=4), cooccurrence, ease", weights="1, 1, 0.5", popularity=0.3
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_parts_add_up_to_the_score(name):
    data = cycles()
    main = as_retriever(MODELS[name].fit(data), data.catalog)
    queries = Queries.of([[0, 1, 2], [7], []])
    hits = main.retrieve(queries, 4)
    parts = score_parts(main, queries, hits.rows)
    total = np.sum(list(parts.values()), axis=0)
    there = hits.rows >= 0
    assert there[:2].all()
    np.testing.assert_allclose(total[there], hits.scores[there], rtol=1e-3, atol=1e-3)
    assert np.isneginf(total[~there]).all()  # who has no history is told nothing


def test_a_blend_names_its_parts_and_popularity():
    data = cycles()
    main = as_retriever(MODELS["blend of all"].fit(data), data.catalog)
    assert set(score_parts(main, Queries.of([[0]]), np.array([[1]], np.int32))) == {
        "als",
        "popularity",
        "cooccurrence",
        "ease",
    }


def test_a_dial_is_looked_through():
    data = cycles()
    main = as_retriever(MODELS["als"].fit(data), data.catalog)
    asked, rows = Queries.of([[0]]), np.array([[1, 2]], np.int32)
    plain, turned = score_parts(main, asked, rows), score_parts(Dial.over(main, data), asked, rows)
    assert plain["als"].tolist() == turned["als"].tolist()


def test_what_is_known_to_lead_there_counts_all():
    """Items 0 and 1 always come together, so do 2 and 3."""
    data = dataset([[0, 1]] * 20 + [[2, 3]] * 20)
    main = as_retriever(estimator_of("cooccurrence", decay=1.0).fit(data), data.catalog)
    items, counts = because(main, Queries.of([[4], [2, 0]]), np.array([[1, 3]] * 2, np.int32), 1)
    assert items.tolist() == [0, 2]  # the newest first
    assert counts[0, 0] > 0 and counts[1, 1] > 0
    assert counts[1, 0] == counts[0, 1] == 0
