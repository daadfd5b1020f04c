"""Long work in processes of its own: begun once, followed, stopped, found again."""

import os
import signal
import time

import pytest

from bowerbird.serving.work import Work
from consoles import until

EVENTS = "user,item,timestamp\n" + "".join(
    f"u{n % 40},i{n % 30},{n * 1000}\n" for n in range(2_000)
)


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path / "work", lambda: 7.0)


@pytest.fixture
def events(tmp_path):
    (tmp_path / "events.csv").write_text(EVENTS)
    return tmp_path / "events.csv"


def over(work, kind):
    told = until(lambda: (told := work.told(kind))["state"] != "running" and told, 60)
    return told or work.told(kind)


def test_of_work_that_never_was_there_is_nothing(work):
    told = work.told("train")
    assert (told["state"], told["steps"], told["about"]) == ("none", [], {})
    assert work.result("train") is None and not work.stop("train")


def test_a_command_tells_its_steps_and_what_it_printed(work, events, tmp_path):
    words = ["train", "--events", events, "--model", "popularity", "--no-tune", "--json"]
    assert work.begin("train", [*words, "--out", tmp_path / "run"], {"run": "run"})
    assert not work.begin("train", ["doctor"])  # one at a time
    told = over(work, "train")
    assert (told["state"], told["code"], told["why"]) == ("done", 0, None), told
    steps = ["reading events", "training popularity", "writing the run"]
    assert [one["step"] for one in told["steps"]] == steps
    assert told["about"] == {"run": "run"} and told["began"] == 7 and told["ended"] > 7
    assert work.result("train")["model"] == "popularity"
    again = Work(tmp_path / "work", lambda: 8.0)
    assert again.told("train")["state"] == "done"
    again.forget("train")
    assert work.told("train")["state"] == "none"


def test_a_command_that_fails_says_why_in_its_own_words(work, tmp_path):
    work.begin("check", ["check", "--events", tmp_path / "nothing.csv"])
    told = over(work, "check")
    assert (told["state"], told["code"]) == ("failed", 2)
    assert "nothing.csv: no such file or folder" in told["why"]


def test_work_outlives_its_server_and_is_stopped_by_the_next(work, events, tmp_path):
    words = ["retrain", tmp_path, "--timer", "10m"]
    assert work.begin("wait", words)
    next_one = Work(tmp_path / "work", time.monotonic)
    assert next_one.told("wait")["state"] == "running" and not next_one.begin("wait", words)
    assert next_one.stop("wait")
    assert next_one.stop("wait") in (True, False)  # said again, it is killed
    until(lambda: work.told("wait")["state"] != "running")
    told = next_one.told("wait")
    assert (told["state"], told["why"]) == ("killed", "it was stopped")
    assert next_one.begin("wait", ["check", "--events", events])
    assert over(next_one, "wait")["state"] == "done"


def test_what_was_killed_says_so(work, tmp_path):
    work.begin("wait", ["retrain", tmp_path, "--timer", "10m"])
    os.kill(work._children["wait"].pid, signal.SIGKILL)
    told = over(work, "wait")
    assert told["state"] == "killed" and "killed before its end" in told["why"]
