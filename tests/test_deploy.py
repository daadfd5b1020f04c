"""What is deployed is what there is: commands, options, paths of deploy/, and who may do what."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from typer.main import get_command

from bowerbird.cli.main import COMMANDS, GROUPS, app_of

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
COMMAND = Path(sys.executable).with_name("bowerbird")
HARDENED = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectSystem": "strict",
    "MemoryDenyWriteExecute": "yes",
    "RestrictNamespaces": "yes",
    "CapabilityBoundingSet": "",
}
WITHOUT_WRITTEN_CODE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
sys.exit(77) if libc.prctl(65, 1, 0, 0, 0) else os.execv(sys.argv[1], sys.argv[1:])
"""
"""What systemd's MemoryDenyWriteExecute asks of the kernel; 77: it is too old."""


def options(command):
    """Names of the options of a command, with how many values each takes."""
    found = get_command(app_of((*COMMANDS, *GROUPS)))
    for word in command:
        found = found.commands[word]
    return {
        name: 0 if p.is_flag else 1
        for p in found.params
        if p.param_type_name == "option"
        for name in (*p.opts, *p.secondary_opts)
    }


def checked(words):
    """Options of a command line by name, all of them known; «bowerbird serve RUN …» expected."""
    (name, run, *rest), known, told = words, options(["serve"]), {}
    assert name == "serve" and not run.startswith("-")
    while rest:
        option = rest.pop(0)
        assert option in known, option
        told[option] = rest.pop(0) if known[option] else True
    return {"run": run, **told}


def unit():
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / "bowerbird.service")
    return parser


def environment():
    """What the unit says, which a parser of one value a key does not see whole."""
    lines = (DEPLOY / "bowerbird.service").read_text("utf-8").splitlines()
    told = [line.removeprefix("Environment=") for line in lines if line.startswith("Environment=")]
    return dict(pair.split("=", 1) for pair in told)


def instructions():
    """(name, arguments) of every instruction of the Containerfile, lines joined."""
    text = (DEPLOY / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def test_the_unit_starts_what_there_is_as_nobody_who_may_do_anything():
    service = unit()["Service"]
    program, *words = shlex.split(service["ExecStart"])
    told = checked(words)
    assert Path(program).name == COMMAND.name
    assert service["WorkingDirectory"].endswith(service["StateDirectory"])
    for inside in (told["run"], told["--data"]):
        assert not Path(inside).is_absolute()
    assert {name: service.get(name) for name in HARDENED} == HARDENED
    assert unit()["Install"]["WantedBy"] == "multi-user.target"


def test_the_unit_waits_longer_than_the_server_takes_to_stop():
    from bowerbird.serving.server import GRACE_S, LINGER_S

    needed = GRACE_S + LINGER_S + 5 + 5  # the list log and the watch are given five each
    assert int(unit()["Service"]["TimeoutStopSec"]) > needed


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit_and_finds_little_exposed(tmp_path):
    text = (DEPLOY / "bowerbird.service").read_text("utf-8")
    program = shlex.split(unit()["Service"]["ExecStart"])[0]
    copy = tmp_path / "bowerbird.service"
    copy.write_text(text.replace(f"ExecStart={program}", f"ExecStart={COMMAND}"), "utf-8")

    def analyze(*words):
        return subprocess.run(
            ["systemd-analyze", *words, copy], capture_output=True, text=True, check=False
        )

    verified = analyze("verify")
    assert verified.returncode == 0 and not verified.stderr, verified.stderr
    exposed = analyze("security", "--offline=true", "--threshold=20")  # of 100
    assert exposed.returncode == 0, exposed.stdout[-300:]


@pytest.mark.skipif(sys.platform != "linux", reason="systemd runs on Linux")
def test_the_program_starts_where_no_memory_is_both_written_and_run():
    words = [sys.executable, "-c", WITHOUT_WRITTEN_CODE, sys.executable, "-c"]
    code = "import bowerbird.serving.app, bowerbird.surfaces.surface, bowerbird.cli.main"
    done = subprocess.run(
        [*words, code], env=os.environ | environment(), capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        pytest.skip("the kernel cannot refuse it")
    assert done.returncode == 0, done.stderr


def test_the_image_is_built_of_what_there_is_and_does_not_run_as_root():
    told = instructions()
    names = [name for name, _ in told]
    assert names[0] == "FROM" and names[-2:] == ["ENTRYPOINT", "CMD"]
    assert names.index("COPY") < names.index("USER")
    (user,) = [arguments for name, arguments in told if name == "USER"]
    made = " ".join(arguments for name, arguments in told if name == "RUN")
    assert user.isdecimal() and int(user) > 0 and f"--uid {user}" in made
    for name, arguments in told:
        if name == "COPY":
            assert all((ROOT / source).exists() for source in arguments.split()[:-1])
    extras = made.partition("[")[2].partition("]")[0].split(",")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert {"serve", "pg"} <= set(extras)
    assert all(f"\n{extra} = [" in project for extra in extras)


def test_the_image_serves_what_is_mounted_and_asks_whether_it_is_ready():
    from bowerbird.serving.app import ROUTES

    told = dict(instructions())
    served = checked(json.loads(told["CMD"]))
    assert json.loads(told["ENTRYPOINT"]) == ["bowerbird"]
    assert served["--host"] == "0.0.0.0" and served["--port"] == told["EXPOSE"]
    assert served["--data"] == told["VOLUME"]
    probe = told["HEALTHCHECK"]
    assert f":{told['EXPOSE']}/v1/health/ready" in probe
    assert "GET /v1/health/ready" in {route.name for route in ROUTES}


def test_compose_runs_the_image_beside_a_database_that_is_there_first():
    yaml = pytest.importorskip("yaml", reason="no PyYAML here")
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    service, database = told["services"]["service"], told["services"]["database"]
    built = service["build"]
    assert (DEPLOY / built["context"] / built["dockerfile"]).resolve() == DEPLOY / "Containerfile"
    served = checked(service["command"])
    env = database["environment"]
    where = f"postgresql://{env['POSTGRES_USER']}@database/{env['POSTGRES_DB']}"
    assert served["--store"] == where
    assert service["environment"]["PGPASSWORD"] == env["POSTGRES_PASSWORD"]
    assert service["depends_on"]["database"]["condition"] == "service_healthy"
    assert database["healthcheck"]["test"][1] == "pg_isready"
    mounted = {place.split(":")[1]: place.split(":")[0] for place in service["volumes"]}
    assert served["run"] in mounted and mounted[served["--data"]] in told["volumes"]
    assert service["ports"] == [f"127.0.0.1:{served['--port']}:{served['--port']}"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize(
    "file", sorted(filter(Path.is_file, DEPLOY.iterdir())), ids=lambda file: file.name
)
def test_what_a_file_says_of_its_use_is_what_there_is(file):
    head = [line for line in file.read_text("utf-8").splitlines() if line.startswith("#")]
    text = " ".join(line.lstrip("# ").rstrip("\\") for line in head)
    for path in re.findall(r"deploy/[\w.]+", text):
        assert (ROOT / path).exists(), path
    for group, command, more in re.findall(r"bowerbird (keys) (\w+)([^#«]*)", text):
        known = options([group, command])
        assert all(option in known for option in re.findall(r"--[\w-]+", more)), more
