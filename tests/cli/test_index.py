"""`bowerbird index tune` and filters, on a world of more items than are looked at one by one."""

import json

import numpy as np
import polars as pl
import pytest

from bowerbird.cli.main import run
from bowerbird.data.synthetic import World
from bowerbird.index import chosen
from bowerbird.index.chosen import recall_of
from bowerbird.index.postgres import PostgresIndex
from bowerbird.retrieval.retriever import VectorRetriever
from bowerbird.surfaces.run_folder import load_run


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    World(n_users=400, n_items=3_000, n_events=30_000, seed=4).write(folder)
    return folder


@pytest.fixture(scope="module")
def trained(shop):
    tables = [f"--{name}={shop / name}.parquet" for name in ("events", "items")]
    folder = shop / "run"
    asked = ["--model", "als", "--no-tune", "--seed", "0", "--out", str(folder)]
    assert run(["train", *tables, *asked]) == 0
    return folder


def lists(trained, out, *more):
    asked = ["--all-users", "-k", "10", *more, "--out", str(out)]
    assert run(["recommend", str(trained), *asked]) == 0
    return pl.read_parquet(out)


def test_tuning_measures_keeps_and_serves_the_same_lists(trained, tmp_path, capsys):
    exact = lists(trained, tmp_path / "exact.parquet")
    capsys.readouterr()
    assert run(["index", "tune", str(trained), "--recall", "0.9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    pick = told["trials"][told["pick"]]
    assert told["recall"] >= 0.85 and pick["recall"] >= 0.9 and pick["ms"] > 0
    assert pick["read"] == min(t["read"] for t in told["trials"] if t["recall"] >= 0.9)
    assert (trained / "index" / "index.json").is_file()
    found = lists(trained, tmp_path / "found.parquet")
    both = exact.join(found, on=["user", "item"], how="inner").height
    assert found.height == exact.height and both / exact.height > 0.85
    assert run(["index", "tune", str(trained)]) == 0
    assert "→" in capsys.readouterr().out


def test_a_damaged_index_is_refused_and_tuned_anew(trained, tmp_path, capsys):
    assert run(["index", "tune", str(trained)]) == 0
    (file,) = [f for f in (trained / "index").iterdir() if f.suffix in (".faiss", ".safetensors")][
        :1
    ]
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert run(["recommend", str(trained), "--user", "u1"]) == 2
    told = capsys.readouterr().err
    assert "damaged since it was written: build the index again" in told
    assert f"«bowerbird index tune {trained}»" in told
    assert run(["index", "tune", str(trained)]) == 0
    assert run(["recommend", str(trained), "--user", "u1"]) == 0


def test_a_large_catalog_gets_its_index_when_it_is_trained(shop, tmp_path, monkeypatch):
    for place in ("bowerbird.index.chosen", "bowerbird.runs.run", "bowerbird.runs.indexing"):
        monkeypatch.setattr(f"{place}.CHEAP", 1_000)
    tables = [f"--{name}={shop / name}.parquet" for name in ("events", "items")]
    asked = ["--model", "als", "--no-tune", "--out", str(tmp_path / "run")]
    assert run(["train", *tables, *asked]) == 0
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["index"]["recall"] > 0.9 and (tmp_path / "run" / "index").is_dir()
    assert chosen.CHEAP == 1_000


def handed(trained, to, capsys, *more):
    capsys.readouterr()
    assert run(["index", "hand-over", str(trained), "--to", to, "-k", "10", "--json", *more]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["share"] for row in told] == [1, 0.5, 0.1, 0.01, 0.001, 0.0001]
    assert all(row["recall"] >= 0.95 and row["full"] == 1 and row["ms"] > 0 for row in told)


def test_a_run_is_handed_over_to_postgresql(trained, database, capsys):
    handed(trained, database.url, capsys, "--name", "shelf")
    index = PostgresIndex.open(database.url, "shelf")
    loaded = load_run(trained)
    retriever = VectorRetriever.over(loaded.fitted, loaded.data.catalog, index)
    own = VectorRetriever.over(loaded.fitted, loaded.data.catalog)
    queries = loaded.data.queries().take(np.arange(50))
    assert recall_of(retriever.retrieve(queries, 10), own.retrieve(queries, 10)) >= 0.95


def test_a_run_is_handed_over_to_qdrant_and_again(trained, tmp_path, capsys):
    pytest.importorskip("qdrant_edge", reason="no qdrant-edge-py here")
    for _ in range(2):
        handed(trained, f"qdrant:{tmp_path / 'vectors'}", capsys)
    assert run(["index", "hand-over", str(trained), "--to", f"qdrant:{tmp_path / 'vectors'}"]) == 0
    assert "100.0%" in capsys.readouterr().out


def test_what_cannot_be_handed_over_is_told(trained, shop, tmp_path, capsys):
    for to in ("mysql://shop:secret@db/shop", "qdrant:", "vectors"):
        assert run(["index", "hand-over", str(trained), "--to", to]) == 2
        told = capsys.readouterr().err
        assert "postgresql://USER@HOST/DATABASE or qdrant:FOLDER expected" in told
        assert "secret" not in told
    asked = ["--model", "cooccurrence", "--no-tune", "--out", str(tmp_path / "run")]
    assert run(["train", f"--events={shop / 'events.parquet'}", *asked]) == 0
    assert run(["index", "hand-over", str(tmp_path / "run"), "--to", "qdrant:x"]) == 2
    assert "a model with vectors expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "true_of"),
    [
        ("price < 20", pl.col("price") < 20),
        ('type = "course" and price between 10 and 40', pl.col("type") == "course"),
        (
            'not category in ("shelf 0", "shelf 1")',
            ~pl.col("category").is_in(["shelf 0", "shelf 1"]),
        ),
        ('title contains "GREAT"', pl.col("title").str.contains("Great")),
    ],
)
def test_a_filter_leaves_full_lists_of_what_it_is_true_of(shop, trained, tmp_path, words, true_of):
    items = pl.read_parquet(shop / "items.parquet")
    found = lists(trained, tmp_path / "f.parquet", "--filter", words)
    shown = items.filter(pl.col("item").is_in(found["item"].unique().to_list()))
    assert shown.select(true_of.all()).item() and found.height == 400 * 10


def test_only_never_and_a_filter_together(trained, tmp_path):
    some = [f"--only=i{row}" for row in range(40)]
    found = lists(trained, tmp_path / "o.parquet", *some, "--never=i3", "--filter=price > 0")
    assert set(found["item"]) <= {f"i{row}" for row in range(40) if row != 3}
    counts = found.group_by("user").len()["len"]
    assert counts.max() == 10 and np.median(counts) == 10
