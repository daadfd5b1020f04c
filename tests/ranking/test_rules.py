"""What the shop says, to whom, and when."""

from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import ConfigError, DataError
from bowerbird.ranking.rules import Rule, Rules
from bowerbird.retrieval.cooccurrence import CoOccurrence
from bowerbird.surfaces.assemble import recommender_of
from worlds import cycles

K = 4


@pytest.fixture(scope="module")
def data():
    made = cycles()
    kind = Column.category(["a" if row % 2 else "b" for row in range(len(made.catalog))])
    ids = Vocabulary(tuple(f"i{row}" for row in range(len(made.catalog))))
    return replace(made, catalog=Catalog(ids, {"kind": kind}))


@pytest.fixture(scope="module")
def engine(data):
    return recommender_of(CoOccurrence(backward=1.0).fit(data), data, Popularity())


def asked(countries):
    queries = Queries.of([[0, 1] for _ in countries])
    return replace(queries, context={"country": Column.category(countries)})


def lists(engine, data, rules, now=100, countries=("DE",)):
    queries = asked(list(countries))
    out = [[] for _ in countries]
    for some, one in Rules.over(rules, data.catalog).ruled(engine, queries, now, K):
        for q, rows in zip(some, one.recommend(queries.take(some), K).rows, strict=True):
            out[q] = rows.tolist()
    return out


def test_a_pin_is_at_its_place_and_more_of_them_behind_it(engine, data):
    (plain,) = lists(engine, data, [])
    rules = [Rule("one", "pin", ids=("i9", "i8"), position=2), Rule("two", "pin", ids=("i7",))]
    (found,) = lists(engine, data, rules)
    assert found == [7, 9, 8, next(row for row in plain if row not in (7, 8, 9))]


def test_pins_that_want_one_place_stand_behind_each_other(engine, data):
    rules = [Rule("one", "pin", ids=("i9",)), Rule("two", "pin", ids=("i8",))]
    assert lists(engine, data, rules)[0][:2] == [9, 8]


def test_an_item_that_two_rules_pin_stands_where_the_first_says(engine, data):
    rules = [Rule("one", "pin", ids=("i9",), position=2), Rule("two", "pin", ids=("i9", "i8"))]
    found = lists(engine, data, rules)[0]
    assert found[1] == 9 and found[2] == 8


def test_quotas_come_after_boosts(engine, data):
    rules = [
        Rule("q", "quota", items='kind = "a"', most=1),
        Rule("b", "boost", items='kind = "a"', by=2.0),
    ]
    assert sum(row % 2 for row in lists(engine, data, rules)[0]) == 1


def test_boost_and_bury_turn_the_order(engine, data):
    (up,) = lists(engine, data, [Rule("r", "boost", items='kind = "a"', by=2.0)])
    (down,) = lists(engine, data, [Rule("r", "bury", items='kind = "a"', by=2.0)])
    assert all(row % 2 for row in up)
    assert all(row % 2 == 0 for row in down)


def test_what_is_hidden_is_not_there_and_the_list_is_full(engine, data):
    (plain,) = lists(engine, data, [])
    (found,) = lists(engine, data, [Rule("r", "hide", ids=(f"i{plain[0]}",))])
    assert plain[0] not in found
    assert len(found) == K
    assert min(found) >= 0


def test_a_quota_brings_what_it_asks_for(engine, data):
    rules = [Rule("less", "hide", items='kind = "b"'), Rule("q", "quota", ids=("i9",), least=1)]
    assert 9 in lists(engine, data, rules)[0]
    (most,) = lists(engine, data, [Rule("q", "quota", items='kind = "a"', most=1)])
    assert sum(row % 2 for row in most) == 1


def test_a_rule_holds_between_its_dates_only(engine, data):
    rule = Rule("r", "pin", ids=("i9",), start=100, stop=200)
    plain = lists(engine, data, [])
    assert lists(engine, data, [rule], now=99) == plain
    assert lists(engine, data, [rule], now=100)[0][0] == 9
    assert lists(engine, data, [rule], now=199)[0][0] == 9
    assert lists(engine, data, [rule], now=200) == plain


def test_a_rule_holds_for_its_audience_only(engine, data):
    rule = Rule("r", "hide", items='kind = "a"', audience='country = "FR"')
    german, french, nobody = lists(engine, data, [rule], countries=("DE", "FR", None))
    (plain,) = lists(engine, data, [])
    assert german == nobody == plain
    assert all(row % 2 == 0 for row in french)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"do": "boost"}, "either items or ids expected"),
        ({"do": "boost", "items": "x = 1", "ids": ("i1",)}, "either items or ids expected"),
        ({"do": "pin", "items": 'kind = "a"'}, "ids of the items to pin expected"),
        ({"do": "pin", "ids": ("i1",), "position": 0}, "position ≥ 1"),
        ({"do": "quota", "ids": ("i1",)}, "least or most expected"),
        ({"do": "boost", "ids": ("i1",), "by": np.inf}, "by a finite number ≥ 0 expected, inf"),
        ({"do": "hide", "ids": ("i1",), "start": 9, "stop": 9}, "until later than from expected"),
    ],
)
def test_a_rule_that_means_nothing_is_refused_by_name(wrong, words):
    with pytest.raises(ConfigError, match=f"rule 'summer': {words}"):
        Rule("summer", **wrong)


def test_rules_that_do_not_fit_the_catalog_are_refused(data):
    with pytest.raises(DataError, match="'i99' came"):
        Rules.over([Rule("r", "hide", ids=("i99",))], data.catalog)
    with pytest.raises(ConfigError, match="a column among kind expected, 'colour' came"):
        Rules.over([Rule("r", "hide", items='colour = "red"')], data.catalog)
    with pytest.raises(ConfigError, match="each name once expected, r came twice"):
        Rules.over([Rule("r", "hide", ids=("i1",))] * 2, data.catalog)


def test_an_audience_nobody_can_be_asked_about_is_refused(engine, data):
    with pytest.raises(ConfigError, match="rule 'r': audience: .*country expected, 'age' came"):
        lists(engine, data, [Rule("r", "hide", ids=("i1",), audience="age > 3")])


def test_no_rules_are_one_group(engine, data):
    groups = list(Rules.over([], data.catalog).ruled(engine, asked(["DE", "FR"]), 0, K))
    assert [some.tolist() for some, _ in groups] == [[0, 1]]
    assert np.array_equal(
        groups[0][1].recommend(asked(["DE"]), K).rows, engine.recommend(asked(["DE"]), K).rows
    )
