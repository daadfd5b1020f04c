"""Whatever the format, the rows are the same; and what cannot be read is told with its place."""

import sqlite3
import uuid

import polars as pl
import pytest

from bowerbird.data import tables
from bowerbird.data.tables import Source, mixed_ids, opened, untyped
from bowerbird.errors import ConfigError, DataError

FRAME = pl.DataFrame({"user": ["a", "b"], "item": ["1", "2"], "n": ["x,y", "line\nbreak"]})


def rows(source):
    with opened(source) as frame:
        return frame.collect()


def same(left, right):
    assert left.rows() == right.rows()
    assert left.columns == right.columns


@pytest.fixture
def sqlite(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE events (user TEXT, item TEXT, n TEXT)")
        database.executemany("INSERT INTO events VALUES (?, ?, ?)", FRAME.rows())
    database.close()
    return f"sqlite:///{path}"


@pytest.mark.parametrize("name", ["e.csv", "E.CSV", "e.tsv", "e.jsonl", "e.ndjson", "e.parquet"])
def test_every_format_gives_the_same_rows(tmp_path, name):
    path = tmp_path / name
    if name.endswith("parquet"):
        FRAME.write_parquet(path)
    elif "json" in name:
        FRAME.write_ndjson(path)
    else:
        FRAME.write_csv(path, separator="\t" if name.endswith("tsv") else ",")
    same(rows(Source(str(path))), FRAME)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_of_a_csv_is_that_of_its_header(tmp_path, separator):
    FRAME.write_csv(tmp_path / "e.csv", separator=separator)
    same(rows(Source(str(tmp_path / "e.csv"))), FRAME)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    FRAME.write_csv(tmp_path / "e.csv", include_bom=True)
    same(rows(Source(str(tmp_path / "e.csv"))), FRAME)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_signs_in_a_file_name_are_no_patterns(tmp_path, suffix):
    for name in ("e[1]*", "e1"):
        frame = FRAME.with_columns(n=pl.lit(name))
        write = {"csv": frame.write_csv, "jsonl": frame.write_ndjson}
        write.get(suffix, frame.write_parquet)(tmp_path / f"{name}.{suffix}")
    assert set(rows(Source(str(tmp_path / f"e[1]*.{suffix}")))["n"]) == {"e[1]*"}


def test_csv_values_stay_text_and_a_folder_of_csv_is_known_to_be_untyped(tmp_path):
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "b.csv").write_text("user,item\n007,2\n")
    (folder / "a.csv").write_text("user,item\n1,1e3\n")
    assert rows(Source(str(folder))).rows() == [("1", "1e3"), ("007", "2")]
    assert untyped(Source(str(folder)))
    assert untyped(Source(str(folder / "a.csv")))
    assert not untyped(Source("SELECT 1", "sqlite://"))
    assert not untyped(Source(str(tmp_path / "nothing")))


def test_a_table_name_or_a_query_of_sqlite_gives_its_rows(sqlite):
    same(rows(Source("events", sqlite)), FRAME)
    same(rows(Source("SELECT * FROM events;", sqlite)), FRAME)
    same(rows(Source("SELECT\n*\nFROM\nevents", sqlite)), FRAME)


def test_batches_of_a_query_may_have_types_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "SQL_BATCH", 2)
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE t (a, b)")
        values = [(None, 1), (None, 2), (5, 1.5), (6, 2.5), ("x", 3.0)]
        database.executemany("INSERT INTO t VALUES (?, ?)", values)
    database.close()
    found = rows(Source("t", f"sqlite:///{tmp_path}/shop.db"))
    assert found["a"].to_list() == [None, None, "5", "6", "x"]
    assert found["b"].to_list() == [1, 2, 1.5, 2.5, 3]


def test_a_table_or_a_query_of_duckdb_gives_its_rows(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="the extra sql is not installed")
    key = uuid.UUID(int=7)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as database:
        database.execute("CREATE TABLE events (user UUID, item BIGINT)")
        database.execute("INSERT INTO events VALUES (?, 3)", [key])
    url = f"duckdb:///{tmp_path}/shop.duckdb"
    assert rows(Source("events", url)).rows() == [(str(key), 3)]
    assert rows(Source('SELECT item + 1 AS "a b" FROM events', url)).rows() == [(4,)]
    assert rows(Source("SELECT 1 AS user", "duckdb://")).rows() == [(1,)]


def test_objects_of_a_driver_become_text():
    key = uuid.UUID(int=7)
    frame = pl.DataFrame({"user": pl.Series([key, None], dtype=pl.Object), "n": [1, 2]})
    assert tables._writable(frame).rows() == [(str(key), 1), (None, 2)]


def test_a_password_is_never_shown():
    source = Source("events", "nodialect://me:secret@host/shop")
    with pytest.raises(ConfigError) as told, opened(source):
        pass
    assert "secret" not in str(told.value)
    assert "***@host/shop" in str(told.value)


def test_the_first_bad_line_is_named(tmp_path):
    csv, jsonl = tmp_path / "e.csv", tmp_path / "e.jsonl"
    csv.write_text('a,b\n1,2\n"x\ny",3\n1,2,3\n')
    with pytest.raises(DataError, match=r"e\.csv: row 3: 2 fields expected"):
        rows_or_error(csv)
    jsonl.write_text('{"a": 1}\n\n{"a": \n')
    with pytest.raises(DataError, match=r"e\.jsonl: row 3: a JSON object a line expected"):
        rows_or_error(jsonl)


def rows_or_error(path):
    try:
        return rows(Source(str(path)))
    except pl.exceptions.PolarsError as error:
        raise tables.unreadable(path, error) from error


def test_a_field_longer_than_any_csv_has_is_told(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("a,b\n" + "x" * 200_000 + ",1,2\n")
    with pytest.raises(DataError, match="field larger than field limit"):
        rows_or_error(path)


def test_ids_of_two_types_are_found_with_their_rows(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text('{"u": null}\n{"u": 1}\n\n{"u": "1"}\n')
    assert mixed_ids(Source(str(path)), "u") == "a number in row 2 and text in row 4"
    path.write_text('{"u": 1}\n{"u": 2.5}\n')
    assert mixed_ids(Source(str(path)), "u") == ""
    assert mixed_ids(Source("SELECT 1", "sqlite://"), "u") == ""
