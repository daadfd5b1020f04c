"""Columns of a table become typed columns, and come back as they were."""

import string
from datetime import UTC, date, datetime, time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.columns import KINDS, NO_TIME, Column
from bowerbird.data.fields import (
    ids_as_they_came,
    read_field,
    read_fields,
    recognised,
    write_fields,
    written_as,
)
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("number", [1, 2]),
        ("number", [1.5, None]),
        ("number", ["1.5", "2"]),
        ("category", [True, False]),
        ("category", ["red", "green", "red"]),
        ("category", [None, None]),
        ("text", ["The long way home", "A short way out"]),
        ("text", ["One two three four five six"] * 3),
        ("url", ["https://a.example/1", "http://b.example/2"]),
        ("list", ["Drama|War", "Comedy", "War"]),
        ("list", ["Phones > Smart", "Phones > Old", "Books"]),
        ("list", [["a"], ["b", "c"]]),
        ("list", [[1, 2], [3]]),
        ("vector", [[0.5, 1.0], [0.25, 2.0]]),
        ("time", [date(2026, 1, 1)]),
        ("time", [datetime(2026, 1, 1, 12, tzinfo=UTC)]),
        ("category", [time(12, 30)]),
    ],
)
def test_the_kind_is_recognised_from_the_values(kind, values):
    assert recognised(pl.Series("x", values)) == kind


def test_a_fixed_size_array_is_a_vector_even_of_whole_numbers():
    assert recognised(pl.Series("x", [[1, 2]], dtype=pl.Array(pl.Int64, 2))) == "vector"


def test_availability_is_time_however_it_is_written():
    for name in ("available_from", "available_until"):
        assert recognised(pl.Series(name, ["2026-01-01"])) == "time"


def lists(values):
    column = read_field(pl.Series("x", values), "list", "t")
    return [sorted(words.split(", ")) if words else [] for words in column.words()]


def test_lists_are_read_from_text_and_from_lists():
    assert lists(["b | a", "", None, "a"]) == [["a", "b"], [], [], ["a"]]
    assert lists([["b", "a "], [], None, ["a", None, ""]]) == [["a", "b"], [], [], ["a"]]
    assert lists([[1, 2], [3]]) == [["1", "2"], ["3"]]


def test_a_path_of_categories_is_the_list_of_them():
    column = read_field(pl.Series("x", ["Home > Kitchen > Pans", "Home > Bath"]), "list", "t")
    assert column.words() == ["Home, Kitchen, Pans", "Home, Bath"]


def test_vectors_with_gaps_are_rows_of_nan():
    for dtype in (pl.List(pl.Float64), pl.Array(pl.Float32, 2)):
        series = pl.Series("v", [[1.0, 2.0], None, [3.0, 4.0]], dtype=dtype)
        expected = np.array([[1, 2], [np.nan, np.nan], [3, 4]], np.float32)
        np.testing.assert_array_equal(read_field(series, "vector", "t").values, expected)


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ([[1.0], [2.0, 3.0]], "vector", r"lengths \[1, 2\] came"),
        ([[], []], "vector", r"lengths \[0\] came"),
        (["a"], "vector", "lists of numbers expected, String came"),
        (["a"], "number", "values of kind number expected"),
        (["2026-01-01", "soon"], "time", "'soon' is no time, in row 2"),
        ([b"\xff"], None, "column 'x'"),
    ],
)
def test_values_that_do_not_fit_are_refused_with_table_and_column(values, kind, told):
    with pytest.raises(DataError, match=told) as error:
        read_field(pl.Series("x", values), kind, "items.csv")
    assert str(error.value).startswith("items.csv: column 'x': ")
    assert "--kind x=KIND" in str(error.value)


def test_an_unknown_kind_lists_the_kinds():
    with pytest.raises(ConfigError, match=", ".join(KINDS)):
        read_fields(pl.DataFrame({"x": [1]}), {"x": "prose"}, "items.csv")


def test_times_are_seconds_and_gaps_are_no_time():
    series = pl.Series("x", ["1970-01-02", None])
    assert read_field(series, "time", "t").values.tolist() == [86_400, NO_TIME]


@pytest.mark.parametrize(
    ("kind", "ids", "expected"),
    [
        ("String", ("007", "ü", "a,b\nc"), ["007", "ü", "a,b\nc"]),
        ("Int64", ("1", "-2"), [1, -2]),
        ("UInt64", (str(2**64 - 1),), [2**64 - 1]),
        ("Float64", ("1", "2.5"), [1.0, 2.5]),
    ],
)
def test_ids_are_written_in_the_type_they_came_in(kind, ids, expected):
    assert ids_as_they_came(Vocabulary(ids, kind)).to_list() == expected
    assert written_as(kind, ids)


def test_ids_that_do_not_fit_a_type_are_known_before():
    assert not written_as("Int8", ["300"])
    assert not written_as("UInt8", ["-1"])


WORD = (
    st.text(string.ascii_letters + "äé日 ,.-", min_size=1, max_size=8).map(str.strip).filter(bool)
)
N = 5


def rows_of(values):
    return st.lists(values, min_size=N, max_size=N)


VALUES = st.fixed_dictionaries(
    {
        "text": rows_of(st.one_of(st.none(), WORD)),
        "category": rows_of(st.one_of(st.none(), WORD)),
        "list": rows_of(st.lists(WORD, max_size=3)),
        "number": rows_of(st.floats(allow_infinity=False)),
        "time": rows_of(st.one_of(st.just(int(NO_TIME)), st.integers(-(10**10), 10**10))),
        "vector": rows_of(st.lists(st.floats(width=32), min_size=2, max_size=2)),
    }
)


@given(VALUES)
@settings(max_examples=50)
def test_fields_written_and_read_again_are_the_same(values):
    fields = {
        "text": Column.text(values["text"]),
        "category": Column.category(values["category"]),
        "list": Column.lists(values["list"]),
        "number": Column("number", np.array(values["number"], np.float64)),
        "time": Column("time", np.array(values["time"], np.int64)),
        "vector": Column("vector", np.array(values["vector"], np.float32)),
    }
    ids = Vocabulary(tuple(map(str, range(N))), "Int64")
    table = write_fields(ids, fields, "item")
    assert table["item"].to_list() == list(range(N))
    again = read_fields(table.drop("item"), {n: c.kind for n, c in fields.items()}, "t")
    for name, column in fields.items():
        assert again[name].kind == column.kind
        assert again[name].words() == column.words()
        if column.kind in ("number", "time", "vector"):
            np.testing.assert_array_equal(again[name].values, column.values)


def test_a_moment_of_a_zone_is_the_same_moment():
    series = pl.Series("x", [datetime(2026, 1, 31, 12, tzinfo=UTC)])
    there = series.dt.convert_time_zone("America/New_York")
    assert read_field(there, "time", "t").values.tolist() == [1_769_860_800]
