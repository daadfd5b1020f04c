"""The timer: whether a retrain is due is looked at again and again, by processes of their own."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bowerbird.cli.main import run
from bowerbird.surfaces.progress import alerts_in
from processes import PATIENCE_S, Process
from retrains import made

COMMAND = Path(sys.executable).with_name("bowerbird")


@pytest.fixture
def shop(tmp_path):
    """A shop to which nothing has happened for long: due by the clock, and refused."""
    shop = made(tmp_path)
    shop.store.close()
    return shop


def until(holds):
    end = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def processes_of(runs):
    """Whoever was started with this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(runs).encode() in words and b"retrain" in words:
            found.append(int(path.parent.name))
    return found


def test_what_is_due_is_made_once_and_then_cools_down(shop, capsys):
    words = [str(shop.runs), "--data", str(shop.data)]
    assert run(["triggers", *words]) == 0
    assert "due: schedule" in capsys.readouterr().out
    assert run(["retrain", *words, "--due"]) == 20
    (alert,) = alerts_in(shop.runs)
    assert alert["kind"] == "refused" and alert["text"].endswith("first goes on answering")
    capsys.readouterr()
    assert run(["retrain", *words, "--due", "--json"]) == 10
    told = json.loads(capsys.readouterr().out)
    assert told["state"] == "not due" and told["words"] == ["not due"]
    assert run(["triggers", *words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cooling_until"] > told["as_of"] and not told["due"]
    assert len(list(alerts_in(shop.runs))) == 1


def test_an_error_is_an_alert_and_a_broken_plan_too(shop, capsys):
    (shop.runs / "retrain.toml").write_text("[triggers]\nevery = 'often'\n")
    assert run(["retrain", str(shop.runs), "--data", str(shop.data)]) == 30
    assert "every: this: a time such as" in capsys.readouterr().err
    assert [alert["kind"] for alert in alerts_in(shop.runs)] == ["failed"]


def test_a_timer_looks_until_it_is_stopped_and_leaves_nobody_behind(shop):
    words = [COMMAND, "retrain", shop.runs, "--data", shop.data, "--timer", "1s"]
    timer = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    look = shop.runs / "triggers.json"
    first = until(lambda: list(alerts_in(shop.runs)) and look.stat().st_mtime_ns)
    until(lambda: look.stat().st_mtime_ns > first)  # it has looked again
    timer.send_signal(signal.SIGTERM)
    out, _ = timer.communicate(timeout=PATIENCE_S)
    assert timer.returncode == 130 and processes_of(shop.runs) == []
    assert out.startswith("refused: no run was made") and "not due" in out
    assert len(list(alerts_in(shop.runs))) == 1


def test_a_server_keeps_its_runs_current_and_shows_why(shop):
    with Process(shop.runs, shop.data, "--retrain", "1s") as server:
        until(lambda: server.ask("GET", "/v1/alerts").json()["alerts"])
        told = server.ask("GET", "/v1/retrain/triggers").json()
        assert {one["name"] for one in told["triggers"]} >= {"schedule", "drift", "manual"}
        (alert,) = server.ask("GET", "/v1/alerts").json()["alerts"]
        assert alert["kind"] == "refused" and "Nothing happened" in alert["text"]
        numbers = server.ask("GET", "/metrics").text
        assert 'bowerbird_retrain{state="refused"} 1.0' in numbers
        assert 'bowerbird_alerts{kind="refused"} 1.0' in numbers
        assert 'bowerbird_trigger_limit{trigger="schedule"} 86400.0' in numbers
        assert "bowerbird_run_age_seconds" in numbers
        server.stop()
    assert processes_of(shop.runs) == []


def test_a_timer_does_not_outlive_a_server_that_is_killed(shop):
    with Process(shop.runs, shop.data, "--retrain", "1s") as server:
        until(lambda: (shop.runs / "triggers.json").exists())
        server.kill()
        until(lambda: processes_of(shop.runs) == [])
