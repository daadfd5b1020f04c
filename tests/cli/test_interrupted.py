"""Whatever ends a command, what it was to write is whole or not there."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bowerbird.data.synthetic import World

COMMAND = Path(sys.executable).with_name("bowerbird")
TRAIN = ("train", "--events", "events.parquet", "--model", "als", "--out", "runs/als")
STARTED = 1.8
"""Seconds of computing after which training is under way, and long before it ends."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    World(n_users=8_000, n_items=1_500, n_events=300_000, seed=3).write(folder)
    return folder


@pytest.fixture
def shop(world, tmp_path):
    (tmp_path / "events.parquet").symlink_to(world / "events.parquet")
    return tmp_path


def started(shop, *arguments, **more):
    return subprocess.Popen(
        [COMMAND, *arguments], cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **more,
    )  # fmt: skip


def under_way(process):
    """Wait for the work, not for the clock: the machine may be busy with other things."""
    times = psutil.Process(process.pid).cpu_times
    while process.poll() is None and times().user < STARTED:
        time.sleep(0.02)
    assert process.poll() is None


def left(shop):
    return sorted(str(path.relative_to(shop)) for path in shop.rglob("*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_leaves_nothing_behind(shop, number):
    process = started(shop, *TRAIN)
    under_way(process)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert told == "interrupted: nothing was left half-written\n"
    assert left(shop) == ["events.parquet"]


def test_a_killed_training_leaves_no_run_and_the_next_one_works(shop):
    process = started(shop, *TRAIN)
    under_way(process)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not (shop / "runs/als").exists()
    again = started(shop, *TRAIN, "--model", "popularity", "--no-tune")
    _, told = again.communicate(timeout=60)
    assert again.returncode == 0, told
    whole = started(shop, "doctor", "runs/als")
    assert "whole; popularity" in whole.communicate(timeout=60)[0]
    assert left(shop / "runs")[0] == "als"


def full_disk():
    """No file of this process may grow beyond 1 MB: what a full disk looks like to it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))


@pytest.mark.parametrize(
    "arguments",
    [
        (*TRAIN, "--model", "popularity", "--no-tune"),
        ("datasets", "--synthetic", "runs/als", "--events", "300000"),
    ],
    ids=["train", "datasets"],
)
def test_a_full_disk_is_told_and_nothing_is_left(shop, arguments):
    process = started(shop, *arguments, preexec_fn=full_disk)
    _, told = process.communicate(timeout=60)
    lines = [line for line in told.splitlines() if not line.startswith("note: ")]
    assert process.returncode == 2, told
    assert len(lines) == 1 and lines[0].startswith("error: ")
    assert "File too large" in lines[0]
    assert not (shop / "runs/als").exists()
    assert left(shop) == ["events.parquet", "runs"]


def test_a_folder_without_permission_is_told(shop):
    if os.geteuid() == 0:  # root may write everywhere but into the kernel's own files
        arguments, where = ("--out", "/proc/runs/als"), "/proc/runs"
    else:
        (shop / "closed").mkdir(mode=0o500)
        arguments, where = ("--out", "closed/als"), "closed"
    process = started(shop, *TRAIN, "--model", "popularity", "--no-tune", *arguments)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told.startswith("error: ") and told.count("\n") == 1
    assert where in told
