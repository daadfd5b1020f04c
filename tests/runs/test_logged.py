"""Features written beside lists, and read back with labels."""

import numpy as np
import polars as pl
import pytest

from bowerbird.data.queries import Queries
from bowerbird.errors import DataError
from bowerbird.index.index import Hits
from bowerbird.ranking.features import Features
from bowerbird.runs.logged import read_logged
from bowerbird.surfaces.feature_columns import feature_columns
from worlds import dataset

NAMES = ("score", "history")
WELL = {
    "list": ["b", "b", "a", "a"],
    "rank": [2, 1, 1, 3],
    "label": [1, 0, 0, 1],
    "f_history": [4.0, 4.0, None, None],
    "f_score": [0.5, 0.75, 0.25, 0.125],
}


def file_of(folder, name="lists.parquet", **changed):
    table = pl.DataFrame({**WELL, **changed}).select(pl.all())
    file = folder / name
    table.write_csv(file) if name.endswith("csv") else table.write_parquet(file)
    return file


def test_columns_are_the_features_of_the_candidates_whatever_is_shown(monkeypatch):
    monkeypatch.setattr("bowerbird.surfaces.feature_columns.BLOCK", 1)
    features = Features.of(dataset([[0, 1, 2], [2, 3, 1]]))
    queries = Queries.of([[0], [2, 1]])
    scores = np.array([[3, 2, 1], [6, 5, 4]], np.float32)
    candidates = Hits(np.array([[1, 2, 3], [3, 0, 1]], np.int32), scores)
    shown = Hits(np.array([[3, 1], [0, -1]], np.int32), np.ones((2, 2), np.float32))
    told = feature_columns(features, queries, candidates, shown)
    assert list(told) == [f"f_{name}" for name in features.names]
    assert told["f_score"].tolist() == [1, 3, 5]
    assert told["f_reciprocal_rank"] == pytest.approx([1 / 3, 1, 1 / 2])
    pinned = Hits(np.array([[2], [2]], np.int32), np.ones((2, 1), np.float32))
    told = feature_columns(features, queries, candidates, pinned)
    assert told["f_score"] == pytest.approx([2, np.nan], nan_ok=True)  # 2 is no candidate of both


@pytest.mark.parametrize("name", ["lists.parquet", "lists.csv"])
def test_a_file_is_read_list_by_list_in_the_order_of_the_ranks(tmp_path, name):
    lesson, found = read_logged(file_of(tmp_path, name), NAMES)
    assert found == NAMES and lesson.hits.rows.tolist() == [[0, 1], [0, 1]]
    assert lesson.features[..., 0].tolist() == [[0.25, 0.125], [0.75, 0.5]]
    assert np.isnan(lesson.features[0, :, 1]).all() and lesson.features[1, 0, 1] == 4
    assert lesson.right().tolist() == [[False, True], [False, True]]


def test_a_list_may_go_by_its_user(tmp_path):
    table = pl.DataFrame(WELL).rename({"list": "user"})
    table.write_parquet(tmp_path / "lists.parquet")
    assert len(read_logged(tmp_path / "lists.parquet", NAMES)[0]) == 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"label": [1, 0, 2, 0]}, "label 0 or 1 expected, 2.0 came"),
        ({"label": [1, 0, None, 0]}, "label 0 or 1 expected, None came"),
        ({"rank": [2, 1, 0, 3]}, "rank from 1 on and a list expected in each row, 0 in list a"),
        ({"rank": [2, 2, 1, 3]}, "rank 2 of list 'b' came twice"),
        ({"rank": ["x", "1", "1", "3"]}, "whole numbers in rank, 0 or 1 in label"),
        ({"f_nonsense": [1.0] * 4}, "f_nonsense came; «bowerbird recommend RUN --features"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_the_reason(tmp_path, changed, told):
    with pytest.raises(DataError, match=told):
        read_logged(file_of(tmp_path, **changed), NAMES)


@pytest.mark.parametrize("missing", ["list", "rank", "label"])
def test_a_missing_column_is_named(tmp_path, missing):
    pl.DataFrame(WELL).drop(missing).write_parquet(tmp_path / "lists.parquet")
    with pytest.raises(DataError, match=f"a column '{missing}' expected"):
        read_logged(tmp_path / "lists.parquet", NAMES)


def test_a_file_without_features_or_rows_is_refused(tmp_path):
    table = pl.DataFrame(WELL)
    table.drop("f_score", "f_history").write_parquet(tmp_path / "bare.parquet")
    with pytest.raises(DataError, match="features among f_score, f_history expected, none came"):
        read_logged(tmp_path / "bare.parquet", NAMES)
    table.head(0).write_parquet(tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="the file has no rows"):
        read_logged(tmp_path / "empty.parquet", NAMES)
