"""A training that dies goes on where it was: the same command, the same model as if it had not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bowerbird.cli.main import run
from bowerbird.data.synthetic import World
from bowerbird.encoders.checkpoint import FILE as CHECKPOINT
from bowerbird.runs.settled import FILE as CHOSEN

pytest.importorskip("torch", reason="the extra train is not installed")
COMMAND = Path(sys.executable).with_name("bowerbird")
TABLES = [f"--{name}={name}.parquet" for name in ("events", "items", "users")]
SETTINGS = [f"--setting={s}" for s in ("epochs=4", "patience=4", "dim=16", "text=tfidf")]
TRAIN = ["train", *TABLES, "--model", "sequence", *SETTINGS, "--out"]


@pytest.fixture
def shop(tmp_path):
    World(n_users=150, n_items=60, n_events=2500, seed=4).write(tmp_path)
    return tmp_path


def started(shop, out):
    one = {**os.environ, "OMP_NUM_THREADS": "1"}  # as many threads, as many orders of summing
    return subprocess.Popen(
        [COMMAND, *TRAIN, out], cwd=shop, env=one, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def in_order(files):
    try:
        times = [file.stat().st_mtime_ns for file in files]
    except FileNotFoundError:
        return False
    return times == sorted(times)


def ended(process):
    _, told = process.communicate(timeout=300)
    return process.returncode, told


def stopped_when(process, number, *files):
    """Send the signal as soon as these files are there, the last one written after the others."""
    while process.poll() is None and not in_order(files):
        time.sleep(0.002)
    assert process.poll() is None, process.communicate()[1]
    process.send_signal(number)
    return ended(process)


def facts(folder):
    told = json.loads((folder / "run.json").read_text("utf-8"))
    model = {name: digest for name, digest in told["files"].items() if name.startswith("model/")}
    return told["choice"], told["metrics"], told["fallback"], model


def test_a_training_killed_twice_makes_the_model_of_one_that_was_not(shop):
    assert ended(started(shop, "whole"))[0] == 0
    unfinished = shop / ".cut.unfinished"
    checkpoint, chosen = unfinished / CHECKPOINT, unfinished / CHOSEN
    killed = -signal.SIGKILL
    assert stopped_when(started(shop, "cut"), signal.SIGKILL, checkpoint)[0] == killed
    assert checkpoint.exists() and not chosen.exists() and not (shop / "cut").exists()
    assert stopped_when(started(shop, "cut"), signal.SIGKILL, chosen, checkpoint)[0] == killed
    kept = chosen.read_bytes()
    assert checkpoint.exists() and not (shop / "cut").exists()
    process = started(shop, "cut")
    code, told = ended(process)
    assert code == 0, told
    assert facts(shop / "cut") == facts(shop / "whole")
    assert facts(shop / "cut")[0]["settings"] == json.loads(kept)["settings"]
    assert not unfinished.exists()


def test_an_interrupted_training_says_how_to_go_on_and_damage_is_told(shop, monkeypatch, capsys):
    checkpoint = shop / ".run.unfinished" / CHECKPOINT
    code, told = stopped_when(started(shop, "run"), signal.SIGINT, checkpoint)
    assert code == 130
    kept = "note: what was trained so far is kept in .run.unfinished: the same command goes on"
    assert " ".join(told.split()).startswith(kept)
    assert told.endswith("interrupted: nothing was left half-written\n")
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: len(content) // 2])
    monkeypatch.chdir(shop)
    assert run([*TRAIN, "run"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert told.startswith("error: a checkpoint of this version expected")
    assert CHECKPOINT in told and "damaged" in told and "remove the file" in told
    assert not (shop / "run").exists() and checkpoint.exists()
