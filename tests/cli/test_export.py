"""Training the sequence model and exporting it, as people do."""

import json
from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest

from bowerbird.cli.main import run
from bowerbird.data.artifacts import load_arrays
from bowerbird.data.synthetic import World
from bowerbird.encoders.turned import Frame, TurnedEncoder
from bowerbird.runs.run import Trained, write_run
from bowerbird.runs.tune import Choice
from bowerbird.surfaces.run_folder import load_run


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    World(n_users=150, n_items=80, n_events=3000, seed=4).write(folder)
    tables = [f"--{name}={folder / name}.parquet" for name in ("events", "items", "users")]
    settings = ["--no-tune", *(f"--setting={s}" for s in ("dim=8", "epochs=2", "text=tfidf"))]
    made = ["train", *tables, "--model", "sequence", *settings, "--out", str(folder / "run")]
    assert run(made) == 0
    return folder


def test_a_trained_sequence_model_recommends_to_everybody(shop, tmp_path):
    out = tmp_path / "recs.parquet"
    assert run(["recommend", str(shop / "run"), "--all-users", "-k", "5", "--out", str(out)]) == 0
    assert pl.read_parquet(out).height == 150 * 5


@pytest.mark.skipif(find_spec("onnx") is None, reason="the extra onnx is not installed")
def test_a_run_is_exported_once_and_again_only_when_asked(shop, tmp_path, capsys):
    out = tmp_path / "onnx"
    capsys.readouterr()
    assert run(["export", str(shop / "run"), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"query.onnx", "item.onnx", "items.safetensors"} <= set(told["files"])
    assert max(told["largest difference"].values()) <= 1e-4
    assert run(["export", str(shop / "run"), "--out", str(out)]) == 2
    assert "is already there" in capsys.readouterr().err
    assert run(["export", str(shop / "run"), "--out", str(out), "--overwrite"]) == 0


@pytest.mark.skipif(find_spec("onnx") is None, reason="the extra onnx is not installed")
def test_of_a_run_that_was_turned_the_turn_is_exported_beside_the_vectors(shop, tmp_path):
    loaded = load_run(shop / "run")
    dim = loaded.fitted.encode_items(loaded.data.catalog).shape[1]
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((dim, dim)))[0]
    turned = TurnedEncoder(loaded.fitted, turn, Frame.of(loaded.fitted, loaded.data))
    trained = Trained(turned, Choice(loaded.fitted.estimator), loaded.fallback)
    write_run(tmp_path / "run", loaded.data, trained, {"model": "sequence", "seed": 0}, "")
    assert run(["export", str(tmp_path / "run"), "--out", str(tmp_path / "onnx")]) == 0
    arrays = load_arrays(tmp_path / "onnx" / "items.safetensors")
    there = turned.encode_items(loaded.data.catalog)
    np.testing.assert_allclose(arrays["vectors"] @ arrays["turn"], there, atol=1e-5)
    assert "turn" in json.loads((tmp_path / "onnx" / "inputs.json").read_text("utf-8"))


def test_a_model_without_a_network_cannot_be_exported(shop, tmp_path, capsys):
    events = f"--events={shop / 'events.parquet'}"
    out = str(tmp_path / "popular")
    assert run(["train", events, "--model", "popularity", "--no-tune", "--out", out]) == 0
    capsys.readouterr()
    assert run(["export", out, "--out", str(tmp_path / "onnx")]) == 2
    assert "model sequence or two-tower expected" in capsys.readouterr().err
