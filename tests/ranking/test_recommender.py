import numpy as np

from bowerbird.data.queries import Queries
from bowerbird.encoders.popularity import Popularity
from bowerbird.retrieval.cooccurrence import CoOccurrence
from bowerbird.surfaces.assemble import recommender_of
from worlds import cycles


def test_seen_items_are_left_out_unless_repeats_are_wanted():
    data = cycles()
    model = CoOccurrence(backward=1.0).fit(data)
    ask = Queries.of([[0, 1, 2]])
    new = recommender_of(model, data, Popularity()).recommend(ask, 12)
    again = recommender_of(model, data, Popularity(), repeats=True).recommend(ask, 12)
    assert sorted(new.rows[0].tolist()) == [-1, -1, -1, *range(3, 12)]
    assert sorted(again.rows[0].tolist()) == list(range(12))


def test_unknown_items_of_a_history_do_no_harm():
    data = cycles()
    engine = recommender_of(CoOccurrence().fit(data), data, Popularity())
    with_stranger = engine.recommend(Queries.of([[4, -1, 5], [999]]), 3)
    without = engine.recommend(Queries.of([[4, 5], []]), 3)
    assert np.array_equal(with_stranger.rows, without.rows)
