"""The files of deploy/retrain/ as their schedulers run them: for tests, and for a benchmark."""

import json
import os
import shlex
import sqlite3
import subprocess
from configparser import ConfigParser
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

FILES = Path(__file__).parent.parent / "deploy" / "retrain"
PROGRAM, PLACE = "/opt/bowerbird/bin/bowerbird", "/var/lib/bowerbird"
WAITS = {"sleep 600": "sleep 0", "delay=600": "delay=0.1", "delay_seconds=600": "delay_seconds=0"}
COUNTED = '#!/bin/sh\necho >> "{place}/tries"\nexec {program} "$@"\n'
SILENT = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
}
"""No examples, nothing sent to anybody, patience."""
DAGSTER = """
import runpy, sys, dagster as dg
job = runpy.run_path(sys.argv[1])["bowerbird_retrain"]
with dg.instance_for_test() as instance:
    done = job.execute_in_process(instance=instance, raise_on_error=False)
    tag = instance.get_run_by_id(done.run_id).tags.get("bowerbird")
    print("success" if done.success else "failure", tag or "")
"""
PREFECT = """
import runpy, sys
state = runpy.run_path(sys.argv[1])["retrain"](return_state=True)
print(state.type.value.lower(), state.name)
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it, in the scheduler's words, and how often the command was given."""

    state: str
    tries: int

    def to_json(self):
        return asdict(self)


EXPECTED = {
    "cron": {
        "promoted": Ran("no mail, 0", 1),
        "kept champion": Ran("no mail, 0", 1),
        "refused": Ran("mail, 20", 1),
        "failed": Ran("mail, 30", 3),
    },
    "kubernetes": {
        "promoted": Ran("Complete", 1),
        "kept champion": Ran("Complete", 1),
        "refused": Ran("Failed: PodFailurePolicy", 1),
        "failed": Ran("Failed: BackoffLimitExceeded", 4),
    },
    "airflow": {
        "promoted": Ran("success", 1),
        "kept champion": Ran("success", 1),
        "refused": Ran("skipped", 1),
        "failed": Ran("failed", 4),
    },
    "dagster": {
        "promoted": Ran("success promoted", 1),
        "kept champion": Ran("success kept-champion", 1),
        "refused": Ran("success refused", 1),
        "failed": Ran("failure", 4),
    },
    "prefect": {
        "promoted": Ran("completed Promoted", 1),
        "kept champion": Ran("completed Kept champion", 1),
        "refused": Ran("completed Refused", 1),
        "failed": Ran("failed Failed", 4),
    },
}
"""What each makes of what came of a retrain."""


def ran_by(name, place, python):
    """The files laid there, run by this scheduler, which this Python has."""
    by = {"cron": cron, "kubernetes": kubernetes, "airflow": airflow}
    by |= {"dagster": dagster, "prefect": prefect}
    return by[name](place, python)


def laid(place, program):
    """The files as they are for a shop in this folder, with this program; waits take no time."""
    counted = place / "bowerbird"
    counted.write_text(COUNTED.format(place=place, program=program), "utf-8")
    counted.chmod(0o755)
    (place / "files").mkdir()
    for file in FILES.iterdir():
        text = file.read_text("utf-8").replace(PROGRAM, str(counted)).replace(PLACE, str(place))
        for long, short in WAITS.items():
            text = text.replace(long, short)
        (place / "files" / file.name).write_text(text, "utf-8")


def ran(place, state):
    """With how often the counted program was called."""
    return Ran(state, len((place / "tries").read_text("utf-8").splitlines()))


def crontab(text):
    """Its settings, and what a shell is given."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    *settings, job = lines
    return dict(line.split("=", 1) for line in settings), job.split(maxsplit=5)


def cron(place, python=None):
    """A mail or none, and the code it ends with."""
    settings, (*_, line) = crontab((place / "files" / "crontab").read_text("utf-8"))
    done = shell(line, {**os.environ, **settings}, place)
    return ran(place, f"{'mail' if done.stdout else 'no mail'}, {done.returncode}")


def unit(file):
    """A unit of systemd by its sections."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(file)
    return parser


def cronjob(file):
    """The job, its policy for failures, and its one container."""
    told = yaml.safe_load(file.read_text("utf-8"))
    job = told["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    return told, job, container


def kubernetes(place, python=None):
    """What the job controller makes of a pod that ends so: complete, failed, or another pod."""
    _, job, container = cronjob(place / "files" / "cronjob.yaml")
    (rule,) = job["podFailurePolicy"]["rules"]
    path = f"{place}{os.pathsep}{os.environ['PATH']}"
    for _ in range(1 + job["backoffLimit"]):
        words = container["command"]
        env = {**os.environ, "PATH": path}
        code = subprocess.run(words, cwd=place, env=env, capture_output=True).returncode
        if code == 0:
            return ran(place, "Complete")
        if code in rule["onExitCodes"]["values"]:
            return ran(place, "Failed: PodFailurePolicy")
    return ran(place, "Failed: BackoffLimitExceeded")


def airflow(place, python):
    """The state of the task."""
    home = place / "airflow"
    folder = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags")}
    (home / "dags").mkdir(parents=True)
    text = (place / "files" / "airflow_dag.py").read_text("utf-8")
    (home / "dags" / "airflow_dag.py").write_text(text, "utf-8")
    env = {**os.environ, **SILENT, **folder}
    for words in (["db", "migrate"], ["dags", "test", "bowerbird_retrain"]):
        subprocess.run([python, "-m", "airflow", *words], cwd=place, env=env, capture_output=True)
    database = sqlite3.connect(home / "airflow.db")
    ((state,),) = database.execute("SELECT state FROM task_instance").fetchall()
    database.close()
    return ran(place, state)


def dagster(place, python):
    """The state of the run, and the tag that it was given."""
    return ran(place, said(place, python, DAGSTER, "dagster_job.py"))


def prefect(place, python):
    """Type and name of the state of the flow."""
    return ran(place, said(place, python, PREFECT, "prefect_flow.py"))


def said(place, python, code, name):
    """The last line that the code prints which runs a file."""
    env = {**os.environ, **SILENT, "PREFECT_HOME": str(place / "prefect")}
    words = [python, "-c", code, str(place / "files" / name)]
    done = subprocess.run(words, cwd=place, env=env, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return lines[-1].strip()


def shell(line, env, place):
    """As /bin/sh runs it."""
    words = ["sh", "-c", line]
    return subprocess.run(words, cwd=place, env=env, capture_output=True, text=True)


def words_of(file):
    """The command line of bowerbird that a file gives, as words."""
    text = file.read_text("utf-8")
    if file.name == "crontab":
        return shlex.split(crontab(text)[0]["RETRAIN"])
    if file.suffix == ".service":
        return shlex.split(unit(file)["Service"]["ExecStart"])
    if file.suffix == ".yaml":
        return shlex.split(cronjob(file)[2]["command"][-1].split(";")[0])
    (line,) = [line for line in text.splitlines() if line.startswith("RETRAIN = ")]
    told = json.loads(line.removeprefix("RETRAIN = "))
    return shlex.split(told) if isinstance(told, str) else told
