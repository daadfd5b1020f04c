import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.columns import NO_TIME, Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError, DataError
from bowerbird.retrieval.eligible import eligible
from bowerbird.retrieval.expression import parsed

DAY = 86_400
CATALOG = Catalog(
    Vocabulary.of(["a", "b", "c", "d"]),
    {
        "price": Column("number", np.array([5.0, 20.0, np.nan, 100.0])),
        "brand": Column.category(["Acme", "Bolt", None, "Acme"]),
        "tags": Column.lists([["red", "new"], [], ["blue"], ["red"]]),
        "title": Column.text(["Red shoe", "Blue hat", "", 'A "quoted" one']),
        "since": Column("time", np.array([0, 10 * DAY, NO_TIME, 20 * DAY])),
        "picture": Column("vector", np.array([[1.0], [np.nan], [0], [2]], np.float32)),
    },
)
ROWS = (CATALOG.fields, len(CATALOG))


def found(text):
    return "".join(np.array(list("abcd"))[parsed(text).mask(*ROWS)])


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("price < 20", "a"),
        ("price <= 20", "ab"),
        ("price > 2e1", "d"),
        ("price >= 20", "bd"),
        ("price = 20.0", "b"),
        ("price != 20", "ad"),
        ("price in (5, 100)", "ad"),
        ("price between 5 and 20", "ab"),
        ("price is none", "c"),
        ("price is not none", "abd"),
        ('brand = "Acme"', "ad"),
        ("brand != 'Acme'", "b"),
        ('brand in ("Bolt", "Nobody")', "b"),
        ('brand = "Nobody"', ""),
        ('tags contains "red"', "ad"),
        ('tags in ("new", "blue")', "ac"),
        ("tags is none", "b"),
        ('title contains "RED"', "a"),
        ('title = "Blue hat"', "b"),
        (r'title contains "\"quoted\""', "d"),
        ('since >= "1970-01-11"', "bd"),
        ('since between "1970-01-01" and "1970-01-11T00:00"', "ab"),
        ("picture is not none", "acd"),
        ('price < 50 and brand = "Acme" or tags contains "blue"', "ac"),
        ('price < 50 and (brand = "Acme" or tags contains "blue")', "a"),
        ("not price < 20", "bcd"),
        ("NOT (price < 20 OR price is none)", "bd"),
        ("not not price < 20", "a"),
    ],
)
def test_what_it_says_is_what_is_found(text, items):
    assert found(text) == items


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the name of a column expected at character 1, the end came"),
        ("price", "expected at character 6, the end came"),
        ("price <", "a number or a word in quotes expected at character 8"),
        ("price < 3 price", "«and», «or» or the end expected at character 11, 'price' came"),
        ("(price < 3", "«)» expected at character 11"),
        ("price in 3", "«(» expected at character 10"),
        ("price between 3", "«and» expected at character 16"),
        ("price ~ 3", "a sign expected at '~ 3'"),
        ('brand = "open', "expected at '\"open'"),
        ("prize < 3", "a column among price, brand"),
        ("brand < 3", "brand is a category: =, !=, in, is none expected"),
        ('tags = "red"', "tags is a list: contains, in, is none expected"),
        ('price < "3"', "write it without quotes"),
        ("brand = 3", 'write "3"'),
        ('since > "soon"', "a moment such as"),
        ("and = 3", "the name of a column expected"),
        ("not " * 40 + "price < 3", "at most 32 brackets and nots"),
        ("(" * 40 + "price < 3" + ")" * 40, "at most 32 brackets and nots"),
        ("price < 3 or " * 2_000 + "price < 3", "at most 10,000 characters"),
        ("__import__('os').system('true')", "expected"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text, told):
    with pytest.raises(ConfigError) as refused:
        found(text)
    assert told in str(refused.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        mask = parsed(text).mask(*ROWS)
    except ConfigError:
        return
    assert mask.shape == (4,)


questions = st.sampled_from(
    ["price < 20", 'brand = "Acme"', 'tags contains "red"', "price is none", 'title contains "e"']
)


@given(questions, questions, questions)
def test_and_binds_before_or_and_de_morgan_holds(a, b, c):
    one = {t: parsed(t).mask(*ROWS) for t in (a, b, c)}
    assert np.array_equal(parsed(f"{a} or {b} and {c}").mask(*ROWS), one[a] | one[b] & one[c])
    left = parsed(f"not ({a} and {b})").mask(*ROWS)
    assert np.array_equal(left, parsed(f"not {a} or not {b}").mask(*ROWS))


def test_rules_are_counted_in_their_order():
    until = Column("time", np.array([NO_TIME, 5, NO_TIME, NO_TIME]))
    catalog = Catalog(CATALOG.items, {**CATALOG.fields, "available_until": until})
    left = eligible(catalog, 9, 'tags contains "red" or brand = "Bolt"', ["a", "b", "c"], ["a"])
    assert left.removed == {"availability": 1, "filter": 1, "only": 1, "never": 1}
    assert not left.allow.any() and left.share == 0
    assert eligible(CATALOG).allow is None and eligible(CATALOG).share == 1
    assert eligible(CATALOG, only=[]).share == 0


def test_an_unknown_id_is_told():
    with pytest.raises(DataError, match="items of the catalog .* expected, 'x', 'y' came"):
        eligible(CATALOG, never=["a", "x", "y"])
