"""What is given every night is given well: files that are short, and right about exit codes."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from bowerbird.cli.main import app_of
from bowerbird.runs.retrain import CODES, ERROR
from nightly import (
    EXPECTED,
    FILES,
    PLACE,
    PROGRAM,
    cronjob,
    crontab,
    laid,
    ran_by,
    shell,
    unit,
    words_of,
)

DEPLOY = FILES.parent
COMMAND = Path(sys.executable).with_name("bowerbird")
GIVEN = sorted(file for file in FILES.iterdir() if file.suffix != ".timer")
STATES = {**CODES, "failed": ERROR}
STANDS_IN = '#!/bin/sh\necho "{code}: said"\nexit {code}\n'


@pytest.mark.parametrize("file", sorted(FILES.iterdir()), ids=lambda file: file.name)
def test_a_recipe_has_at_most_fifteen_lines_that_fit_a_page(file):
    lines = [line for line in file.read_text("utf-8").splitlines() if line]
    assert len(lines) <= 15
    assert max(map(len, lines)) <= (200 if file.name == "crontab" else 100)  # one line a job


@pytest.mark.parametrize("file", GIVEN, ids=lambda file: file.name)
def test_the_command_line_takes_what_a_recipe_gives(file):
    program, name, *words = words_of(file)
    assert program == ("bowerbird" if file.suffix == ".yaml" else PROGRAM)
    command = get_command(app_of([name])).commands[name]
    told = command.make_context(name, words).params
    assert (told["runs"], told["data"]) == (Path("runs"), "data")
    place = {".service": "%S/bowerbird"}.get(file.suffix, PLACE)
    assert place in file.read_text("utf-8")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", EXPECTED)
def test_refused_is_seen_and_an_error_is_tried_again(name, state, tmp_path):
    if name not in ("cron", "kubernetes"):
        pytest.importorskip(name, reason="run by benchmarks/schedulers.py")
    program = tmp_path / "stands-in"
    program.write_text(STANDS_IN.format(code=STATES[state]), "utf-8")
    program.chmod(0o755)
    laid(tmp_path, program)
    assert ran_by(name, tmp_path, sys.executable) == EXPECTED[name][state]


def test_cron_reads_the_line_as_the_shell_does():
    settings, (*when, line) = crontab((FILES / "crontab").read_text("utf-8"))
    assert when == ["0", "2", "*", "*", "*"]
    assert "%" not in line and "MAILTO" in settings  # cron makes line breaks of %


def test_the_unit_works_where_the_service_does_and_as_the_same_user():
    told, service = unit(FILES / "bowerbird-retrain.service"), unit(DEPLOY / "bowerbird.service")
    own = told["Service"]
    for key in ("DynamicUser", "StateDirectory", "WorkingDirectory"):
        assert own[key] == service["Service"][key]
    assert own["User"] == "bowerbird"  # a dynamic user is named after its unit, if nothing else
    assert own["Type"] == "oneshot" and own["SuccessExitStatus"].split() == ["10", "20"]
    assert (own["Restart"], own["RestartSec"]) == ("on-failure", "10min")
    assert int(told["Unit"]["StartLimitBurst"]) == 3
    timer = unit(FILES / "bowerbird-retrain.timer")
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Install"]["WantedBy"] == "timers.target"


def test_the_unit_warns_of_what_was_refused_and_of_nothing_else(tmp_path):
    words = shlex.split(unit(FILES / "bowerbird-retrain.service")["Service"]["ExecStopPost"])
    assert words[:2] == ["sh", "-c"]
    said = {code: shell(words[2], {"EXIT_STATUS": code}, tmp_path) for code in ("0", "20", "30")}
    assert all(done.returncode == 0 for done in said.values())
    assert said["20"].stdout.startswith("<4>refused")  # 4 is a warning to the journal
    assert not said["0"].stdout and not said["30"].stdout


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_unit_and_timer(tmp_path):
    copies = [tmp_path / f"bowerbird-retrain.{kind}" for kind in ("service", "timer")]
    for copy in copies:
        text = (FILES / copy.name).read_text("utf-8")
        copy.write_text(text.replace(PROGRAM, str(COMMAND)), "utf-8")
    words = ["systemd-analyze", "verify", *copies]
    verified = subprocess.run(words, capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and not verified.stderr, verified.stderr


def test_the_cron_job_runs_the_image_once_at_a_time():
    told, job, container = cronjob(FILES / "cronjob.yaml")
    image = (DEPLOY / "Containerfile").read_text("utf-8")
    assert (told["apiVersion"], told["kind"]) == ("batch/v1", "CronJob")
    assert told["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["template"]["spec"]
    assert pod["restartPolicy"] == "Never" and job["backoffLimit"] == 3
    assert container["image"].startswith("bowerbird:")
    assert f"--uid {pod['securityContext']['fsGroup']} " in image
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2, 20]}}
    (volume,), (mounted,) = pod["volumes"], container["volumeMounts"]
    assert mounted == {"name": volume["name"], "mountPath": container["workingDir"]}


@pytest.mark.parametrize("file", sorted(FILES.glob("*.py")), ids=lambda file: file.name)
def test_what_is_python_is_python(file):
    compile(file.read_text("utf-8"), file.name, "exec")
