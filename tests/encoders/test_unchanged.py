import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders.unchanged import Fingerprints

COLUMNS = (("title", "text"), ("kind", "category"), ("tags", "list"), ("price", "number"))
EVERY = (*COLUMNS, ("look", "vector 2"))


def catalog(**fields):
    size = len(next(iter(fields.values())))
    return Catalog(Vocabulary(tuple(f"{row:03}" for row in range(size))), fields)


def shop():
    return catalog(
        title=Column.text(["a", "b", ""]),
        kind=Column.category(["x", None, "y"]),
        tags=Column.lists([["p", "q"], [], ["q"]]),
        price=Column("number", np.array([1.0, np.nan, 3.0])),
        look=Column("vector", np.array([[1, 2], [np.nan, np.nan], [3, 4]], np.float32)),
    )


def test_a_row_is_found_wherever_it_stands_and_whatever_its_labels_code():
    known = Fingerprints.of(shop(), EVERY)
    moved = catalog(
        title=Column.text(["", "new", "a"]),
        kind=Column.category(["y", "w", "x"]),
        tags=Column.lists([["q"], ["b"], ["p", "q"]]),
        price=Column("number", np.array([3.0, 0.0, 1.0])),
        look=Column("vector", np.array([[3, 4], [0, 0], [1, 2]], np.float32)),
    )
    assert known.rows_of(Fingerprints.of(moved, EVERY)).tolist() == [2, -1, 0]


@pytest.mark.parametrize(
    "changed",
    [
        {"title": Column.text(["A", "b", ""])},
        {"kind": Column.category(["y", None, "y"])},
        {"tags": Column.lists([["p, q"], [], ["q"]])},
        {"tags": Column.lists([["q", "p"], [], ["q"]])},
        {"price": Column("number", np.array([1.0000001, np.nan, 3.0]))},
        {"price": Column("number", np.array([np.nan, np.nan, 3.0]))},
        {"look": Column("vector", np.array([[1, 2.5], [np.nan] * 2, [3, 4]], np.float32))},
    ],
)
def test_any_change_of_a_row_is_one_and_the_others_are_not(changed):
    known = Fingerprints.of(shop(), EVERY)
    now = Fingerprints.of(catalog(**{**shop().fields, **changed}), EVERY)
    assert known.rows_of(now).tolist() == [-1, 1, 2]


def test_a_missing_column_is_an_empty_one():
    columns = (("title", "text"), ("price", "number"), ("note", "text"))
    known = Fingerprints.of(catalog(title=Column.text(["a"])), columns)
    blank = catalog(
        title=Column.text(["a"]),
        price=Column("number", np.array([np.nan])),
        note=Column.text([""]),
    )
    assert known.rows_of(Fingerprints.of(blank, columns)).tolist() == [0]


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, unique=True))
def test_rows_that_differ_are_told_apart(rows):
    titles, notes = zip(*rows, strict=True)
    some = catalog(title=Column.text(list(titles)), note=Column.text(list(notes)))
    prints = Fingerprints.of(some, (("title", "text"), ("note", "text")))
    assert prints.rows_of(prints).tolist() == list(range(len(rows)))


def test_images_are_compared_by_their_bytes_and_taken_as_they_were_where_they_are_gone(tmp_path):
    paths = [str(tmp_path / name) for name in "abc"]
    for path in paths[:2]:
        (tmp_path / path).write_text(path)
    some = catalog(image=Column("url", np.array([*paths[:2], ""], dtype=object)))
    columns = (("image", "image"),)
    known = Fingerprints.of(some, columns)
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_text("changed")
    assert known.rows_of(Fingerprints.of(some, columns)).tolist() == [0, -1, 2]
