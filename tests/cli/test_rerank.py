"""`bowerbird rerank`, and lists that go through what it keeps."""

import json
import sys

import numpy as np
import polars as pl
import pytest

from bowerbird.cli.main import run

SHELVES, EACH, PEOPLE = 10, 6, 240


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Everybody takes five of the six items of one shelf; a run that shows what is popular."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(0)
    shelf = rng.integers(0, SHELVES, PEOPLE)
    rows = [
        (f"u{user}", f"i{shelf[user] * EACH + item}", place)
        for user in range(PEOPLE)
        for place, item in enumerate(rng.permutation(EACH)[:5])
    ]
    pl.DataFrame(rows, ["user", "item", "order"], orient="row").write_parquet(
        folder / "events.parquet"
    )
    items = [(f"i{row}", f"shelf {row // EACH}") for row in range(SHELVES * EACH)]
    pl.DataFrame(items, ["item", "shelf"], orient="row").write_parquet(folder / "items.parquet")
    return folder


@pytest.fixture
def trained(shop, tmp_path):
    tables = [f"--{name}={shop / name}.parquet" for name in ("events", "items")]
    asked = ["--kind", "shelf=category", "--model", "popularity", "--no-tune"]
    assert run(["train", *tables, *asked, "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def lists(trained, file, *more):
    asked = ["--all-users", "-k", "3", *more, "--out", str(file)]
    assert run(["recommend", str(trained), *asked]) == 0
    return pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file)


def of_their_shelf(shop, found):
    """Share of the first places that hold the one item of the shelf that is left."""
    events, items = (pl.read_parquet(shop / f"{n}.parquet") for n in ("events", "items"))
    own = events.join(items, on="item").unique("user").select("user", own="shelf")
    first = found.filter(pl.col("rank") == 1).join(items, on="item").join(own, on="user")
    return (first["shelf"] == first["own"]).mean()


def test_what_is_learned_is_kept_and_puts_lists_in_order(shop, trained, tmp_path, capsys):
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    assert run(["recommend", str(trained), "--user", "u1", "--rerank"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"a re-ranker expected in {trained}, none is there: «bowerbird rerank" in told
    assert of_their_shelf(shop, lists(trained, tmp_path / "plain.parquet")) < 0.3
    capsys.readouterr()
    assert run(["rerank", str(trained), "--fetch", "60", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kept"] and told["gain"] > 0.3 and told["low"] < told["gain"] < told["high"]
    facts = json.loads((trained / "rerank" / "rerank.json").read_text())
    assert facts["validation"] == told and facts["versions"]["lightgbm"]
    assert of_their_shelf(shop, lists(trained, tmp_path / "new.parquet", "--rerank")) > 0.95
    assert run(["rerank", str(trained), "--fetch", "60"]) == 0
    told = capsys.readouterr().out
    assert "re-ranked" in told and "follows" in told and "--rerank»" in told


def test_lists_are_logged_labelled_and_learned_from(shop, trained, tmp_path, capsys):
    pytest.importorskip("lightgbm", reason="the extra rerank is not installed")
    plain = lists(trained, tmp_path / "plain.csv", "-k", "60")
    found = lists(trained, tmp_path / "logged.csv", "-k", "60", "--features")
    shared = ["user", "item", "rank", "score"]
    assert found.select(shared).equals(plain.select(shared))
    assert {"f_score", "f_popularity", "f_share.shelf"} <= set(found.columns)
    labelled = found.with_columns(label=(pl.col("f_share.shelf") == 1).cast(pl.Int8))
    labelled.write_csv(tmp_path / "labelled.csv")
    assert run(["rerank", str(trained), "--logged", str(tmp_path / "labelled.csv")]) == 0
    assert "kept in" in capsys.readouterr().out
    assert of_their_shelf(shop, lists(trained, tmp_path / "new.parquet", "--rerank")) > 0.95
    # nothing to learn: labels that were drawn; what was kept stays
    rng = np.random.default_rng(3)
    drawn = found.with_columns(label=pl.Series(rng.integers(0, 2, found.height)))
    drawn.write_parquet(tmp_path / "drawn.parquet")
    kept = (trained / "rerank" / "model.txt").read_bytes()
    assert run(["rerank", str(trained), "--logged", str(tmp_path / "drawn.parquet")]) == 0
    assert "not kept" in capsys.readouterr().out
    assert (trained / "rerank" / "model.txt").read_bytes() == kept


def test_features_are_among_all_candidates_however_short_the_list(trained, tmp_path):
    long = lists(trained, tmp_path / "long.parquet", "-k", "60", "--features")
    short = lists(trained, tmp_path / "short.parquet", "-k", "2", "--features")
    features = [name for name in long.columns if name.startswith("f_")]
    both = short.join(long, on=["user", "item"], suffix="_long")
    assert both.height == short.height == 2 * PEOPLE
    for name in features:
        assert both[name].equals(both[f"{name}_long"].alias(name), null_equal=True), name


def test_without_the_library_the_remedy_is_told(trained, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    assert run(["rerank", str(trained)]) == 2
    assert "pip install 'bowerbird[rerank]'" in capsys.readouterr().err
