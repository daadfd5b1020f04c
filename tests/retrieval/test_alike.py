"""Asked with items: what is like one, and what is of another kind."""

import numpy as np
import pytest

from bowerbird.data.queries import Queries
from bowerbird.index.index import Ragged
from bowerbird.retrieval.alike import Alike
from bowerbird.retrieval.models import as_retriever, estimator_of
from worlds import cycles


def model(data):
    return as_retriever(estimator_of("als", dim=4).fit(data), data.catalog)


@pytest.mark.parametrize("made", [Alike, Alike.over])
def test_the_newest_item_is_asked_about(made):
    data = cycles()
    main = model(data)
    found = made(main).retrieve(Queries.of([[9, 2], [], [4]]), 3)
    plain = main.similar(np.array([2, 4], np.int32), 3)
    assert found.rows[[0, 2]].tolist() == plain.rows.tolist()
    assert found.rows[1].tolist() == [-1, -1, -1]


@pytest.mark.parametrize("made", [Alike, Alike.over])
def test_what_is_excluded_is_made_up_for(made):
    data = cycles()
    main = model(data)
    best = main.similar(np.array([2], np.int32), 4).rows[0]
    out = Ragged(best[:2].copy(), np.array([0, 2], np.int64))
    found = made(main).retrieve(Queries.of([[2]]), 2, exclude=out)
    assert found.rows[0].tolist() == best[2:].tolist()


def test_nobody_asked_is_answered():
    assert Alike(model(cycles())).retrieve(Queries.of([]), 3).rows.shape == (0, 3)
