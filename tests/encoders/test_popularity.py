from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.popularity import DAY_S, Popularity
from bowerbird.errors import ConfigError
from bowerbird.retrieval.models import load_fitted


def shop(dated: bool = True) -> Dataset:
    """Item a: twice, 20 days ago. Item b: once, just now. Item c: never."""
    log = Interactions(
        users=np.array([0, 1, 2], np.int32),
        items=np.array([0, 0, 1], np.int32),
        times=np.array([0, 0, 20 * DAY_S], np.int64),
        weights=np.array([1, 1, 1], np.float32),
    )
    people, items = Vocabulary(("u", "v", "w")), Vocabulary(("a", "b", "c"))
    traits = {"land": Column.category(["no", "no", "se"]), "bio": Column.text(["", "", ""])}
    return Dataset(people, Catalog(items), log, traits, dated=dated)


def scores(model: Popularity, data: Dataset | None = None):
    data = data or shop()
    return model.fit(data).encode_items(data.catalog)[:2, 0]


def test_it_is_the_logarithm_of_the_count():
    np.testing.assert_allclose(scores(Popularity()), np.log([3, 2]), rtol=1e-6)


def test_a_window_forgets_what_is_older():
    np.testing.assert_allclose(scores(Popularity(window_days=7.0)), np.log([1, 2]), rtol=1e-6)


def test_after_one_half_life_an_event_counts_half():
    found = scores(Popularity(half_life_days=20.0))
    np.testing.assert_allclose(found, np.log([1 + 2 * 0.5, 2]), rtol=1e-6)


def test_a_window_needs_dates():
    for model in (Popularity(window_days=7.0), Popularity(half_life_days=7.0)):
        with pytest.raises(ConfigError, match="dated interactions expected"):
            model.fit(shop(dated=False))


def test_variants_without_dates_are_the_model_alone():
    assert Popularity().variants(shop(dated=False)) == (Popularity(),)
    spans = {(v.window_days, v.half_life_days) for v in Popularity().variants(shop())}
    assert {(None, None), (7.0, None), (30.0, None), (90.0, None), (None, 30.0)} <= spans


def test_a_segment_s_share_is_drawn_towards_everybody_s():
    data = shop()
    fitted = Popularity(segment="land", shrinkage=2.0).fit(data)
    # «no»: 2 events, all on a; everybody: 2/3 on a.  (2·1 + 2·2/3) / (2 + 2) = 5/6, of 3 events
    found = fitted.encode_items(data.catalog)
    np.testing.assert_allclose(found[0], np.log1p([2, 3 * 5 / 6, 3 * (2 * 2 / 3) / 3]), rtol=1e-6)
    assert np.isnan(found[2]).all()


def test_a_query_points_at_its_segment_and_at_everybody_when_that_is_unknown(tmp_path):
    fitted = Popularity(segment="land").fit(shop())
    fitted.save(tmp_path)
    empty = Queries.of([[], [], [], []])
    # labels of the queries need not be those of the training data
    context = {"land": Column.category(["se", "no", "dk", None])}
    for model in (fitted, load_fitted(tmp_path)):
        vectors = model.encode_queries(replace(empty, context=context))
        np.testing.assert_array_equal(vectors, np.eye(3, dtype=np.float32)[[2, 1, 0, 0]])
        assert model.encode_queries(empty)[:, 0].tolist() == [1, 1, 1, 1]


def test_an_unknown_segment_names_the_columns_there_are():
    with pytest.raises(ConfigError, match=r"one of land expected, 'bio' came"):
        Popularity(segment="bio").fit(shop())


@pytest.mark.parametrize(
    "wrong", [{"window_days": 0.0}, {"half_life_days": -1.0}, {"shrinkage": 0.0}]
)
def test_meaningless_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="> 0 expected"):
        Popularity(**wrong)
