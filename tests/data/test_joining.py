"""What is known keeps its rows; what is new is appended."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Interactions
from bowerbird.data.fields import ids_as_they_came
from bowerbird.data.importing import Inputs, import_dataset
from bowerbird.data.joining import extended, joined, together
from bowerbird.data.tables import Source
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import DataError


@pytest.fixture
def dataset(tmp_path):
    def read(rows, columns=("user", "item", "time")):
        path = tmp_path / "e.parquet"
        pl.DataFrame(rows, schema=list(columns), orient="row").write_parquet(path)
        return import_dataset(Inputs(Source(str(path)))).data

    return read


def test_known_users_and_items_stay_where_they_are(dataset):
    data = dataset([("b", "y", 1), ("c", "x", 2)])
    other = dataset([("a", "x", 5), ("b", "w", 4), ("b", "y", 3)])
    whole, log = joined(data, other)
    assert whole.users.ids == ("b", "c", "a")
    assert whole.catalog.items.ids == ("x", "y", "w")
    assert log.users.tolist() == [0, 0, 2]
    assert log.items.tolist() == [1, 2, 0]
    assert log.times.tolist() == [3, 4, 5]
    np.testing.assert_array_equal(whole.log.users, data.log.users)


def test_ties_keep_the_order_of_the_other_file(dataset):
    data = dataset([("b", "y", 1)])
    _, log = joined(data, dataset([("b", "x", 9), ("b", "z", 9), ("b", "y", 9)]))
    assert log.items.tolist() == [1, 2, 0]


def test_traits_of_the_new_are_unknown(dataset):
    data = dataset([("b", "y", 1)])
    data = type(data)(
        data.users, data.catalog, data.log, {"age": Column("number", np.array([3.0]))}
    )
    whole, _ = joined(data, dataset([("a", "y", 1)]))
    np.testing.assert_array_equal(whole.traits["age"].values, [3, np.nan])


@pytest.mark.parametrize(
    ("newer", "kind"), [((2, 3), "Int64"), (("2", "x"), "String"), (("2", "007"), "String")]
)
def test_ids_become_text_when_the_new_do_not_fit_the_type(dataset, newer, kind):
    data = dataset([(1, 2, 1)])
    whole, _ = joined(data, dataset([(1, item, 1) for item in newer]))
    assert whole.catalog.items.kind == kind
    assert len(ids_as_they_came(whole.catalog.items)) == 2


def test_what_the_newer_table_says_of_an_item_goes_before():
    old = Catalog(
        Vocabulary(("b", "a")),
        {"title": Column.text(["Heat", "Babe"]), "year": Column("number", np.array([1995.0, 1]))},
    )
    new = Catalog(
        Vocabulary(("c", "a")),
        {"title": Column.text(["Dune", "Babe!"]), "tags": Column.lists([["x", "y"], []])},
    )
    both = extended(old, new)
    assert both.items.ids == ("b", "a", "c")
    assert both.titles() == ["Heat", "Babe!", "Dune"]
    assert both.fields["tags"].words() == ["", "", "x, y"]
    assert both.fields["year"].values[0] == 1995


def test_bare_new_items_know_nothing():
    old = Catalog(Vocabulary(("b",)), {"title": Column.text(["Heat"])})
    both = extended(old, Catalog(Vocabulary(("a", "b"))))
    assert both.items.ids == ("b", "a")
    assert both.fields["title"].words() == ["Heat", ""]


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.lists(st.sampled_from("abcdef"), unique=True),
)
def test_every_id_is_there_once_and_the_old_come_first(old, new):
    both = extended(Catalog(Vocabulary(tuple(old))), Catalog(Vocabulary(tuple(new))))
    assert both.items.ids[: len(old)] == tuple(old)
    assert sorted(both.items.ids) == sorted({*old, *new})


@given(st.data())
def test_two_logs_are_one_as_if_all_had_been_sorted(data):
    def log(names):
        n = data.draw(st.integers(0, 12))
        draw = np.random.default_rng(data.draw(st.integers(0, 99)))
        users, times = draw.integers(0, 4, n), draw.integers(0, 5, n)
        by = np.lexsort((times, users))
        types = draw.integers(0, len(names), n).astype(np.int16)
        weights = draw.random(n).astype(np.float32)
        items = draw.integers(0, 9, n).astype(np.int32)
        users, times = users[by].astype(np.int32), times[by].astype(np.int64)
        return Interactions(users, items, times, weights, types, names)

    one, other = log(("view", "cart")), log(("cart", "like"))
    both = together(one, other)
    users, times, items, weights = (
        np.concatenate([getattr(one, n), getattr(other, n)])
        for n in ("users", "times", "items", "weights")
    )
    by = np.lexsort((times, users))
    np.testing.assert_array_equal(both.items, items[by])
    np.testing.assert_array_equal(both.weights, weights[by])
    told = [x.type_names[c] for x in (one, other) for c in x.types]
    assert [both.type_names[code] for code in both.types] == [told[place] for place in by]
    bare = together(replace(one, types=None, type_names=("event",)), other)
    assert bare.types is None
    np.testing.assert_array_equal(bare.items, both.items)


def test_vectors_of_another_length_are_told():
    def of(id, length):
        vectors = Column("vector", np.ones((1, length), np.float32))
        return Catalog(Vocabulary((id,)), {"look": vectors})

    with pytest.raises(DataError, match="'look': vectors of 2 numbers expected, 3 came"):
        extended(of("a", 2), of("b", 3))
