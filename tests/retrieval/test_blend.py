import numpy as np
import pytest

from bowerbird.data.queries import Queries
from bowerbird.encoders.als import Als
from bowerbird.encoders.blend import BlendEncoder
from bowerbird.errors import ConfigError
from bowerbird.retrieval.blend import Blend, described, parsed, suited
from bowerbird.retrieval.fuse import Fused
from bowerbird.retrieval.models import load_fitted, seeded
from worlds import cycles, dataset


def test_parts_are_written_as_they_are_read():
    told = 'content(text="tfidf", decay=0.7), graph-filter(rank=8), popularity(window_days=7.0)'
    parts = {name: seeded(name, 0, **settings) for name, settings in parsed(told)}
    assert described(parts) == told
    assert parsed("auto") == ()
    assert parsed("als( dim=8 ),ease") == (("als", {"dim": 8}), ("ease", {}))


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ("svd", "parts: some of popularity, .* 'svd' came"),
        ("als, als", "each once"),
        ("blend", "'blend' came"),
        ("als(dim)", "settings of als as in dim=64 expected, 'dim' came"),
        ("als(dim=8", "with settings as in"),
    ],
)
def test_parts_that_cannot_be_read_are_told(parts, told):
    with pytest.raises(ConfigError, match=told):
        Blend(parts)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"parts": "als, ease", "weights": "1"}, "2 numbers expected, one a part, '1' came"),
        ({"parts": "als", "weights": "-1"}, "numbers ≥ 0, one above 0"),
        ({"parts": "als", "weights": "much"}, "'much' came"),
        ({"parts": "als", "weights": ""}, "one above 0"),
        ({"discount": -1.0}, "discount ≥ 0 expected"),
        ({"popularity": float("nan")}, "a finite popularity expected"),
        ({"fetch": 0}, "fetch ≥ 1, dim ≥ 0 and seed ≥ 0 expected, 0, 0 and 0 came"),
    ],
)
def test_settings_out_of_range_are_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        Blend(**settings)


def test_encoders_alone_become_an_encoder_and_others_a_retriever():
    data = cycles(n_users=60)
    assert isinstance(Blend("als(dim=4), popularity", "1, 1").fit(data), BlendEncoder)
    assert isinstance(Blend("als(dim=4), ease", "1, 1").fit(data), Fused)
    both = Blend("cooccurrence, ease", "1, 1").fit(data)
    assert isinstance(both, Fused) and both.main is None
    assert (both.similar(np.array([3], np.int32), 1).rows != 3).all()


def test_who_knows_what_follows_gets_the_weight_where_it_is_certain():
    data = cycles(n_users=300)
    made = Blend("als(dim=4), cooccurrence").fit(data)
    names = [name for name, _ in parsed(made.estimator.parts)]
    weights = dict(zip(names, made.estimator.given(), strict=True))
    assert max(weights, key=weights.get) == "cooccurrence"
    hits = made.retrieve(Queries.of([[3, 4, 5]]), 1)
    assert hits.rows.tolist() == [[6]]
    assert made.estimator.popularity is not None


def test_too_little_to_learn_from_weighs_all_the_same():
    made = Blend("als(dim=2), cooccurrence").fit(dataset([[0, 1, 2], [3, 4]]))
    assert made.estimator.given() in ((1.0, 1.0), (1.0,)) or min(made.estimator.given()) > 0


def test_a_discount_holds_the_popular_back():
    data = dataset([[0, 1], [0, 1], [0, 1], [0, 2], [3, 1], [3, 2]])
    lists = [
        Blend("cooccurrence", "1", 0.0, discount=alpha).fit(data).retrieve(Queries.of([[0]]), 2)
        for alpha in (0.0, 5.0)
    ]
    assert lists[0].rows[0].tolist() == [1, 2] and lists[1].rows[0].tolist() == [2, 1]


def test_a_fused_model_is_kept_with_its_parts(tmp_path):
    data = cycles(n_users=60)
    made = Blend("cooccurrence, als(dim=4), popularity, ease", "1, 0.5, 0.1, 2").fit(data)
    made.save(tmp_path / "m")
    again = load_fitted(tmp_path / "m")
    assert isinstance(again, Fused) and again.estimator == made.estimator
    one, two = (m.retrieve(data.queries(), 5) for m in (made, again))
    assert np.array_equal(one.rows, two.rows) and np.array_equal(one.scores, two.scores)


def test_the_fast_models_that_suit_the_data():
    assert suited(cycles()) == ["cooccurrence", "als", "ease"]
    assert Blend().estimators(cycles())["als"] == Als()
