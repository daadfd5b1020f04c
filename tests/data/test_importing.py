"""The same shop is the same dataset, however its tables are written."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data import importing
from bowerbird.data.columns import NO_TIME
from bowerbird.data.fields import ids_as_they_came
from bowerbird.data.importing import Inputs, import_dataset, read_catalog, text_kind
from bowerbird.data.schema import EventSchema, TableSchema
from bowerbird.data.tables import Source
from bowerbird.errors import DataError

EVENTS = pl.DataFrame(
    {
        "user_id": [7, 10, 7, 10, 7],
        "item_id": ["b", "a", "a", "c", "b"],
        "timestamp": [300, 200, 100, 400, 300],
        "event": ["view", "purchase", "view", "cart", "purchase"],
        "price": [None, 9.5, None, 3.0, 2.5],
        "device": ["phone", "desk", "phone", None, "phone"],
    }
)
ITEMS = pl.DataFrame(
    {
        "item_id": ["c", "a", "b"],
        "title": ["The third item", "The first item", "The second item"],
        "genre": ["x|y", "x", "y"],
        "weight_kg": [3.5, 1.5, None],
        "available_from": ["2026-01-01", None, None],
    }
)
CONTEXT = EventSchema(context=("device",))


def written(frame, path):
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path)
    return Source(str(path))


def events(tmp_path, columns, schema=None, suffix=".parquet", **more):
    """The dataset of one event table."""
    source = written(pl.DataFrame(columns, strict=False), tmp_path / f"e{suffix}")
    return import_dataset(Inputs(source, event_schema=schema or EventSchema(), **more)).data


def named(data):
    """The log by id: what a person would write down."""
    log = data.log
    users, items = (ids_as_they_came(v).to_list() for v in (data.users, data.catalog.items))
    return [
        (users[u], items[i], int(t), float(w))
        for u, i, t, w in zip(log.users, log.items, log.times, log.weights, strict=True)
    ]


def same(left, right):
    """Two datasets, to the last value."""
    assert left.users == right.users
    assert left.catalog.items == right.catalog.items
    assert (left.ordered, left.dated) == (right.ordered, right.dated)
    for name in ("users", "items", "times", "weights", "types", "values", "type_names"):
        np.testing.assert_array_equal(getattr(left.log, name), getattr(right.log, name))
    for columns in ("fields",):
        mine, other = getattr(left.catalog, columns), getattr(right.catalog, columns)
        assert {n: (c.kind, c.words()) for n, c in mine.items()} == {
            n: (c.kind, c.words()) for n, c in other.items()
        }
    assert {n: c.words() for n, c in left.log.context.items()} == {
        n: c.words() for n, c in right.log.context.items()
    }


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    folder = tmp_path_factory.mktemp("truth")
    inputs = Inputs(
        written(EVENTS, folder / "events.parquet"),
        written(ITEMS, folder / "items.parquet"),
        event_schema=CONTEXT,
    )
    return import_dataset(inputs).data


def test_the_dataset_is_what_was_written(truth):
    assert truth.users.ids == ("7", "10")
    assert truth.users.kind == "Int64"
    assert truth.catalog.items.ids == ("a", "b", "c")
    assert named(truth) == [
        (7, "a", 100, 1), (7, "b", 300, 1), (7, "b", 300, 5), (10, "a", 200, 5), (10, "c", 400, 3)
    ]  # fmt: skip
    assert truth.log.type_names == ("cart", "purchase", "view")
    assert truth.log.types.tolist() == [2, 2, 1, 1, 0]
    np.testing.assert_array_equal(truth.log.values, np.float32([np.nan, np.nan, 2.5, 9.5, 3]))
    assert truth.log.context["device"].words() == ["phone", "phone", "phone", "desk", ""]
    fields = truth.catalog.fields
    assert {name: column.kind for name, column in fields.items()} == {
        "title": "text", "genre": "list", "weight_kg": "number", "available_from": "time"
    }  # fmt: skip
    assert truth.catalog.titles() == ["The first item", "The second item", "The third item"]
    assert fields["genre"].words() == ["x", "y", "x, y"]
    np.testing.assert_array_equal(fields["weight_kg"].values, [1.5, np.nan, 3.5])
    assert fields["available_from"].values.tolist() == [NO_TIME, NO_TIME, 1_767_225_600]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_dataset(tmp_path, truth, suffix):
    inputs = Inputs(
        written(EVENTS, tmp_path / f"events{suffix}"),
        written(ITEMS, tmp_path / f"items{suffix}"),
        event_schema=CONTEXT,
    )
    same(import_dataset(inputs).data, truth)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_folder_of_parts_gives_the_same_dataset(tmp_path, truth, suffix):
    (tmp_path / "events").mkdir()
    written(EVENTS.head(2), tmp_path / "events" / f"0{suffix}")
    written(EVENTS.tail(3), tmp_path / "events" / f"1{suffix}")
    items = written(ITEMS, tmp_path / f"items{suffix}")
    inputs = Inputs(Source(str(tmp_path / "events")), items, event_schema=CONTEXT)
    same(import_dataset(inputs).data, truth)


def test_sqlite_gives_the_same_dataset(tmp_path, truth):
    with sqlite3.connect(tmp_path / "shop.db") as database:
        for name, frame in (("events", EVENTS), ("items", ITEMS)):
            database.execute(f"CREATE TABLE {name} ({', '.join(frame.columns)})")
            holes = ", ".join("?" * frame.width)
            database.executemany(f"INSERT INTO {name} VALUES ({holes})", frame.rows())
    database.close()
    url = f"sqlite:///{tmp_path}/shop.db"
    inputs = Inputs(Source("events", url), Source("SELECT * FROM items", url), event_schema=CONTEXT)
    same(import_dataset(inputs).data, truth)


def test_duckdb_gives_the_same_dataset(tmp_path, truth):
    duckdb = pytest.importorskip("duckdb", reason="the extra sql is not installed")
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as database:
        for name, frame in (("events", EVENTS), ("items", ITEMS)):
            frame.write_parquet(tmp_path / f"{name}.parquet")
            database.execute(f"CREATE TABLE {name} AS FROM '{tmp_path}/{name}.parquet'")
    url = f"duckdb:///{tmp_path}/shop.duckdb"
    inputs = Inputs(Source("events", url), Source("FROM items", url), event_schema=CONTEXT)
    same(import_dataset(inputs).data, truth)


def test_batches_make_no_difference(tmp_path, truth, monkeypatch):
    monkeypatch.setattr(importing, "BATCH_ROWS", 1)
    inputs = Inputs(
        written(EVENTS, tmp_path / "events.csv"),
        written(ITEMS, tmp_path / "items.csv"),
        event_schema=CONTEXT,
    )
    told = []
    same(import_dataset(inputs, told.append).data, truth)
    assert told[-1] == 5


@pytest.mark.parametrize(
    ("ids", "suffix", "kind", "back"),
    [
        (["007", "8"], ".csv", "String", ["007", "8"]),
        (["8", "10"], ".csv", "Int64", [8, 10]),
        (["-0", "1"], ".csv", "String", ["-0", "1"]),
        (["--5", "1"], ".csv", "String", ["--5", "1"]),
        (["٣", "1"], ".csv", "String", ["1", "٣"]),
        (["9" * 25, "1"], ".csv", "String", ["1", "9" * 25]),
        (["007", "8"], ".jsonl", "String", ["007", "8"]),
        ([10, 8], ".jsonl", "Int64", [8, 10]),
        ([10, 8], ".parquet", "Int64", [8, 10]),
        ([10.0, 8.0], ".parquet", "Float64", [8.0, 10.0]),
        ([2.5, 10.0], ".parquet", "Float64", [2.5, 10.0]),
        (["a,b", "line\nbreak", 'quote"d'], ".csv", "String", ["a,b", "line\nbreak", 'quote"d']),
        (["ü日🎬", "z"], ".jsonl", "String", ["z", "ü日🎬"]),
        (["6fa459ea-ee8a-3ca4-894e-db77e160355e"], ".parquet", "String",
         ["6fa459ea-ee8a-3ca4-894e-db77e160355e"]),
        ([2**63 - 1, 5], ".parquet", "Int64", [5, 2**63 - 1]),
    ],
)  # fmt: skip
def test_ids_are_given_back_as_they_came(tmp_path, ids, suffix, kind, back):
    data = events(tmp_path, {"user": ids, "item": ids[::-1]}, suffix=suffix)
    assert data.users.kind == data.catalog.items.kind == kind
    assert ids_as_they_came(data.users).to_list() == back
    assert ids_as_they_came(data.catalog.items).to_list() == back


def test_small_and_unsigned_integers_keep_their_type(tmp_path):
    for dtype in (pl.UInt8, pl.Int16, pl.UInt64):
        data = events(tmp_path, {"user": pl.Series([1, 2], dtype=dtype), "item": [1, 2]})
        assert data.users.kind == str(dtype)
        assert ids_as_they_came(data.users).dtype == dtype


def test_text_is_a_whole_number_only_if_it_looks_the_same_again():
    assert text_kind(["0", "-1", "9" * 18]) == "Int64"
    for id in ("-0", "01", "+1", "1.0", "1e3", "--1", "", "9" * 25, "²"):
        assert text_kind(["1", id]) == "String"


@pytest.mark.parametrize(
    ("event_items", "table_items", "kind"),
    [
        ([1, 2], [1, 2, 3], "Int64"),
        ([1.0, 2.0], [1, 2], "Float64"),
        ([1, 2], ["1", "2", "x"], "String"),
        ([1.0, 2.0], ["1", "2", "x"], "String"),
        ([1, 2], ["1", "2", "007"], "String"),
        (["1", "2"], [1, 2], "String"),
    ],
)
def test_ids_of_two_tables_meet_in_a_type_that_holds_both(tmp_path, event_items, table_items, kind):
    rows = {"user": [1] * len(event_items), "item": event_items}
    items = written(pl.DataFrame({"id": table_items}), tmp_path / "i.parquet")
    data = events(tmp_path, rows, items=items)
    assert data.catalog.items.kind == kind
    assert len(ids_as_they_came(data.catalog.items)) == len(table_items)


def test_a_small_type_of_the_events_does_not_break_larger_ids_of_the_catalog(tmp_path):
    items = written(pl.DataFrame({"id": [1, 300]}), tmp_path / "i.parquet")
    rows = {"user": [1], "item": pl.Series([1], dtype=pl.UInt8)}
    data = events(tmp_path, rows, items=items)
    assert ids_as_they_came(data.catalog.items).to_list() == ["1", "300"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_epochs_of_any_unit_give_the_same_times(tmp_path, unit, suffix):
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    rows = {"user": [1, 1], "item": [1, 2], "ts": [1_700_000_000 * factor, 1_700_000_060 * factor]}
    data = events(tmp_path, rows, suffix=suffix)
    assert data.log.times.tolist() == [1_700_000_000, 1_700_000_060]
    assert data.dated and data.ordered


def test_text_and_typed_moments_give_the_same_times(tmp_path):
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=h) for h in (0, 5)]
    base = {"user": [1, 1], "item": [1, 2]}
    typed = events(tmp_path, {**base, "time": moments})
    text = events(tmp_path, {**base, "time": ["2026-01-01T02:00:00+02:00", "2026-01-01 05:00"]})
    same(typed, text)


def test_fractions_of_a_second_decide_who_came_first(tmp_path):
    moments = ["2026-01-01T00:00:00.9", "2026-01-01T00:00:00.1", "2026-01-01T00:00:00.5"]
    data = events(tmp_path, {"user": [1, 1, 1], "item": ["c", "a", "b"], "time": moments})
    assert [item for _, item, *_ in named(data)] == ["a", "b", "c"]


def test_order_breaks_ties_of_time(tmp_path):
    rows = {"user": [1, 1, 1], "item": ["c", "a", "b"], "time": [5, 5, 4], "order": [2, 1, 9]}
    assert [item for _, item, *_ in named(events(tmp_path, rows))] == ["b", "a", "c"]


def test_order_alone_is_the_time(tmp_path):
    rows = {"user": [1, 1], "item": ["b", "a"], "position": ["2", "1"]}
    data = events(tmp_path, rows, suffix=".csv")
    assert [(item, t) for _, item, t, _ in named(data)] == [("a", 1), ("b", 2)]
    assert data.ordered and not data.dated


def test_what_ties_keeps_the_order_of_the_source(tmp_path):
    items = [f"{n}" for n in (5, 3, 9, 1, 7) * 20]
    for times in ({"time": [1] * 100}, {}):
        data = events(tmp_path, {"user": [1] * 100, "item": items, **times})
        assert [str(item) for _, item, *_ in named(data)] == items


def test_far_moments_sort_as_near_ones_do(tmp_path):
    rows = {"user": [2, 1, 2, 1], "item": [1, 2, 3, 4], "time": [-1.5, 1e17 + 1e3, 9e16, 0.25]}
    data = events(tmp_path, rows)
    assert [item for _, item, *_ in named(data)] == [4, 2, 1, 3]


def test_without_time_and_order_the_data_is_unordered(tmp_path):
    source = written(pl.DataFrame({"user": [1, 1], "item": [1, 2]}), tmp_path / "e.csv")
    imported = import_dataset(Inputs(source))
    assert not imported.data.ordered and not imported.data.dated
    assert "who came first is not known" in imported.notes[0]


def test_ratings_below_the_threshold_are_seen_but_not_liked(tmp_path):
    rows = {"user": [1, 1, 1], "item": [1, 2, 3], "rating": [3.5, 4.0, 5.0]}
    data = events(tmp_path, rows, EventSchema(threshold=4.0))
    assert data.log.weights.tolist() == [0, 1, 1]
    assert data.item_counts().tolist() == [0, 1, 1]
    source = Source(str(tmp_path / "e.parquet"))
    assert "--threshold 4" in import_dataset(Inputs(source)).notes[0]


def test_type_weight_and_given_weight_multiply(tmp_path):
    rows = {
        "user": [1] * 4, "item": [1, 2, 3, 4],
        "event": ["view", "Purchase", "wave", "view"], "weight": [2, 0.5, 3, 0],
    }  # fmt: skip
    data = events(tmp_path, rows, EventSchema(type_weights={"view": 2.0, "purchase": 10.0}))
    assert data.log.weights.tolist() == [4, 5, 3, 0]
    source = Source(str(tmp_path / "e.parquet"))
    notes = import_dataset(Inputs(source)).notes
    assert "event types without a weight count 1: wave" in notes


def test_a_missing_price_is_no_fault_however_it_is_written(tmp_path):
    for suffix, prices in (
        (".parquet", [1.5, None, float("nan")]),
        (".csv", ["1.5", "", "NaN"]),
        (".jsonl", [1.5, None, None]),
    ):
        rows = {"user": [1, 1, 1], "item": [1, 2, 3], "price": prices}
        values = events(tmp_path, rows, suffix=suffix).log.values
        np.testing.assert_array_equal(values, np.float32([1.5, np.nan, np.nan]))


def test_columns_may_have_any_name_even_those_we_use(tmp_path):
    rows = {"user": [1, 2], "item": [1, 2], "row": [5, 6], "reason": ["a", "b"], "_user": [8, 9]}
    schema = EventSchema(context=("row", "reason"))
    data = events(tmp_path, rows, schema)
    assert data.log.context["row"].words() == ["5", "6"]
    assert data.log.context["reason"].words() == ["a", "b"]
    table = {"item": [1, 2], "id": ["x", "y"], "row": [1, 2], "reason": ["p", "q"]}
    items = written(pl.DataFrame(table), tmp_path / "i.parquet")
    fields = events(tmp_path, rows, items=items).catalog.fields
    assert {name: column.words() for name, column in fields.items()} == {
        "id": ["x", "y"], "row": ["1", "2"], "reason": ["p", "q"]
    }  # fmt: skip


def test_a_field_called_as_the_ids_are_is_kept_under_another_name(tmp_path):
    items = written(pl.DataFrame({"sku": ["a"], "item": ["Lamp"]}), tmp_path / "i.parquet")
    assert read_catalog(items, TableSchema(id="sku")).fields["item_"].words() == ["Lamp"]


def test_several_types_of_items_live_in_one_catalog(tmp_path):
    items = pl.DataFrame(
        {"item_id": ["a", "b", "c"], "type": ["film", "book", "film"], "pages": [None, 300, None]}
    )
    data = events(tmp_path, {"user": [1], "item": ["b"]}, items=written(items, tmp_path / "i.csv"))
    assert data.catalog.types().words() == ["film", "book", "film"]
    np.testing.assert_array_equal(data.catalog.fields["pages"].values, [np.nan, 300, np.nan])


def test_availability_decides_what_may_be_shown(tmp_path):
    items = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "available_from": [None, "1970-01-01T00:01:40", None],
            "available_until": [None, None, "1970-01-01T00:03:20Z"],
        }
    )
    catalog = read_catalog(written(items, tmp_path / "i.csv"))
    assert catalog.available(50).tolist() == [True, False, True]
    assert catalog.available(100).tolist() == [True, True, True]
    assert catalog.available(200).tolist() == [True, True, False]


def test_vectors_urls_and_lists_come_with_the_item(tmp_path):
    items = pl.DataFrame(
        {
            "item_id": [2, 1],
            "image": ["https://x.example/2.jpg", None],
            "look": [[0.5, 1.0], None],
            "tags": [["b", "a"], []],
        }
    )
    for suffix in (".parquet", ".jsonl"):
        catalog = read_catalog(written(items, tmp_path / f"i{suffix}"))
        fields = catalog.fields
        assert catalog.items.ids == ("2", "1")
        assert fields["image"].words() == ["https://x.example/2.jpg", ""]
        np.testing.assert_array_equal(fields["look"].values, [[0.5, 1.0], [np.nan, np.nan]])
        assert fields["tags"].words() in (["b, a", ""], ["a, b", ""])


def test_kinds_that_are_given_win_and_ignored_columns_are_gone(tmp_path):
    items = written(ITEMS, tmp_path / "i.csv")
    schema = TableSchema(kinds={"title": "category"}, ignore=("genre",))
    fields = read_catalog(items, schema).fields
    assert fields["title"].kind == "category"
    assert "genre" not in fields


def test_users_without_events_and_traits_of_strangers(tmp_path):
    users = written(pl.DataFrame({"user": [1, 3], "age": [30, 40]}), tmp_path / "u.csv")
    data = events(tmp_path, {"user": [2, 1], "item": [1, 1]}, users=users)
    assert data.users.ids == ("1", "2", "3")
    np.testing.assert_array_equal(data.traits["age"].values, [30, np.nan, 40])


def broken(tmp_path, **more):
    rows = {
        "user": ["a", "", "c", "d", "e"],
        "item": ["x", "x", "zz", "y", "x"],
        "time": ["5", "6", "7", "never", "2026-01-01"],
        "note": ["1", "2", "3", "4, and, 5 came", "6"],
    }
    items = written(pl.DataFrame({"item": ["x", "y"]}), tmp_path / "i.csv")
    source = written(pl.DataFrame(rows), tmp_path / "e.csv")
    return Inputs(source, items, quarantine=tmp_path / "q.jsonl", **more)


def test_broken_rows_are_written_down_with_their_reason(tmp_path):
    with pytest.raises(DataError) as told:
        import_dataset(broken(tmp_path))
    where = f"{tmp_path}/e.csv"
    assert str(told.value) == (
        f"{where}: row 2: column user: an id expected, nothing came and 2 more "
        f"(all in {tmp_path}/q.jsonl); repair them, or go on without them: --max-broken 0.4286, "
        "or keep such items: --unknown-items keep"
    )
    lines = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert [(line["file"], line["row"], line["reason"]) for line in lines] == [
        (where, 2, "column user: an id expected, nothing came"),
        (where, 3, f"column item: an item of {tmp_path}/i.csv expected, zz came"),
        (where, 4, "column time: a moment expected (ISO text or epoch number), never came"),
    ]
    assert lines[2]["data"] == {"user": "d", "item": "y", "time": "never", "note": "4, and, 5 came"}


def test_a_share_of_broken_rows_may_be_left_out_and_no_more(tmp_path):
    imported = import_dataset(broken(tmp_path, max_broken=0.4286))
    assert [user for user, *_ in named(imported.data)] == ["a", "e"]
    assert imported.notes[-1] == "3 broken rows of 7; left out"
    with pytest.raises(DataError, match=r"--max-broken 0\.4286"):
        import_dataset(broken(tmp_path, max_broken=0.42))


def test_unknown_items_can_be_kept_bare(tmp_path):
    data = import_dataset(broken(tmp_path, max_broken=0.5, unknown_items="keep")).data
    assert data.catalog.items.ids == ("x", "y", "zz")
    assert [user for user, *_ in named(data)] == ["a", "c", "e"]


def test_reasons_are_counted_by_kind_whatever_came(tmp_path):
    rows = {"user": ["a"] * 4, "item": ["x"] * 4, "time": ["1", "a, b came", "?\n,", "c"]}
    source = written(pl.DataFrame(rows), tmp_path / "e.csv")
    found = import_dataset(Inputs(source, max_broken=0.75)).quarantine
    assert found.counts == {(f"{tmp_path}/e.csv", "column time: a moment expected"): 3}


def test_a_moment_more_than_a_day_ahead_is_broken(tmp_path):
    rows = {"user": [1, 1], "item": [1, 2], "time": [1_000 + 86_400, 1_000 + 86_401]}
    with pytest.raises(DataError, match="row 2: column time: a moment in the past expected"):
        events(tmp_path, rows, now=1_000)


def test_nothing_is_left_of_a_table_of_broken_rows(tmp_path):
    with pytest.raises(DataError, match="no whole one came; .*row 1: column time"):
        events(tmp_path, {"user": [1], "item": [1], "time": ["?"]}, max_broken=1.0)


def test_more_event_types_than_a_code_can_tell_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "MAX_TYPES", 2)
    rows = {"user": [1] * 3, "item": [1] * 3, "event": ["a", "b", "c"]}
    with pytest.raises(DataError, match="at most 2 event types expected"):
        events(tmp_path, rows)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 4), st.sampled_from("abcde"), st.integers(0, 10**6), st.integers(0, 9)
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: (row[0], row[2]),  # no ties
)


@given(rows=ROWS, seed=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_rows_makes_no_difference(tmp_path_factory, rows, seed):
    folder = tmp_path_factory.mktemp("rows")
    columns = ["user", "item", "time", "weight"]
    shuffled = list(rows)
    seed.shuffle(shuffled)
    one, other = (
        written(pl.DataFrame(r, schema=columns, orient="row"), folder / f"{n}.csv")
        for n, r in enumerate((rows, shuffled))
    )
    same(import_dataset(Inputs(one)).data, import_dataset(Inputs(other)).data)
    expected = sorted((u, i, t, float(w)) for u, i, t, w in rows)
    assert sorted(named(import_dataset(Inputs(one)).data)) == expected


def test_a_column_that_means_something_else_can_be_switched_off(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("user,item,type,price\na,x,gift,-3\n")
    plain = import_dataset(Inputs(Source(str(path)))).data.log
    assert plain.type_names == ("gift",)
    schema = EventSchema(type="", value="")
    off = import_dataset(Inputs(Source(str(path)), event_schema=schema)).data.log
    assert (off.type_names, off.values) == (("event",), None)


def test_an_item_table_may_call_its_id_as_the_events_do(tmp_path):
    (tmp_path / "e.csv").write_text("who,article\na,x\n")
    (tmp_path / "i.csv").write_text("title,Article\nHeat,x\n")
    inputs = Inputs(
        Source(str(tmp_path / "e.csv")),
        Source(str(tmp_path / "i.csv")),
        event_schema=EventSchema(user="who", item="article"),
    )
    assert import_dataset(inputs).data.catalog.titles() == ["Heat"]


def test_a_later_import_without_broken_rows_takes_the_earlier_ones_away(tmp_path):
    import_dataset(broken(tmp_path, max_broken=0.5))
    assert (tmp_path / "q.jsonl").exists()
    good = written(pl.DataFrame({"user": ["a"], "item": ["x"]}), tmp_path / "good.csv")
    import_dataset(Inputs(good, quarantine=tmp_path / "q.jsonl"))
    assert not (tmp_path / "q.jsonl").exists()
    import_dataset(Inputs(good, quarantine=tmp_path / "good.csv"))  # named by mistake
    assert (tmp_path / "good.csv").exists()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_order_is_a_whole_number_however_it_is_written(tmp_path, suffix):
    rows = {"user": ["a"] * 3, "item": ["x", "y", "z"], "order": [2.0, 1.0, 1.7]}
    with pytest.raises(DataError, match=r"row 3: column order: a whole number expected, 1\.7 came"):
        events(tmp_path, rows, suffix=suffix)
    data = events(tmp_path, rows, suffix=suffix, max_broken=0.5)
    assert [item for _, item, *_ in named(data)] == ["y", "x"]


def test_a_large_order_is_exact(tmp_path):
    rows = {
        "user": ["a"] * 2,
        "item": ["x", "y"],
        "order": ["9007199254740993", "9007199254740992"],
    }
    assert [item for _, item, *_ in named(events(tmp_path, rows, suffix=".csv"))] == ["y", "x"]
