"""Everything people get wrong ends in one line that helps, exit code 2, and nothing half-written.

The table is data: bad_input.toml.
"""

import json
import os
import random
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bowerbird.cli.main import run as command_line

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("bad_input.toml").read_text("utf-8")
)["case"]
SAMPLE = 6
"""Cases that are run as real processes, too: each takes as long as starting Python."""
COMMAND = Path(sys.executable).with_name("bowerbird")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good data and a run trained on it."""
    folder = tmp_path_factory.mktemp("shop")
    events = [
        (f"u{user}", f"i{(user * 7 + step * step) % 30}", 1_700_000_000 + user * 60 + step * 3600)
        for user in range(40)
        for step in range(6)
    ]
    pl.DataFrame(events, schema=["user", "item", "timestamp"], orient="row").write_csv(
        folder / "good.csv"
    )
    items = {"item_id": [f"i{i}" for i in range(30)], "title": [f"The item {i}" for i in range(30)]}
    pl.DataFrame(items).write_csv(folder / "items.csv")
    train = f"train --events {folder}/good.csv --items {folder}/items.csv --no-tune --json"
    assert command_line([*shlex.split(train), "--out", str(folder / "run")]) == 0
    return folder


def prepared(case: dict[str, Any], shop: Path, folder: Path) -> None:
    """The files of a case."""
    for name in ("good.csv", "items.csv"):
        shutil.copy(shop / name, folder)
    if case.get("run"):
        shutil.copytree(shop / "run", folder / "run")
    for name in case.get("folders", []):
        (folder / name).mkdir()
    contents = {name: text.encode() for name, text in case.get("files", {}).items()}
    contents |= {name: bytes.fromhex(text) for name, text in case.get("bytes", {}).items()}
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    for name, columns in case.get("parquet", {}).items():
        pl.DataFrame(columns).write_parquet(folder / name)
    if "sqlite" in case:
        with sqlite3.connect(folder / case["sqlite"]) as database:
            database.execute("CREATE TABLE events (user INTEGER, item INTEGER)")
            database.execute("INSERT INTO events VALUES (1, 2), (1, 3), (2, 3)")
        database.close()
    for name in case.get("cut", []):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    if "flip" in case:
        content = bytearray((folder / case["flip"]).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / case["flip"]).write_bytes(content)
    if "remove" in case:
        (folder / case["remove"]).unlink()


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, with their contents."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def verify(
    case: dict[str, Any], code: int, told: str, before: dict[str, bytes], folder: Path
) -> None:
    """What is promised of every case."""
    lines = [line for line in told.splitlines() if not line.startswith("note: ")]
    assert code == 2, told
    assert len(lines) == 1, told
    assert lines[0].startswith("error: ")
    for words in case["says"]:
        assert words in lines[0]
    after = everything(folder)
    quarantine = "quarantine.jsonl"
    assert {k: v for k, v in after.items() if k != quarantine} == before
    assert not (folder / "out").exists()
    for line in after.get(quarantine, b"").decode().splitlines():
        assert {"file", "row", "reason", "data"} == set(json.loads(line))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_it_ends_in_one_line_that_helps(
    case: dict[str, Any],
    shop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if "lacks" in case:
        monkeypatch.setitem(sys.modules, case["lacks"], None)
    if "needs" in case and find_spec(case["needs"]) is None:
        pytest.skip(f"needs {case['needs']}")
    prepared(case, shop, tmp_path)
    before = everything(tmp_path)
    monkeypatch.chdir(tmp_path)
    code = command_line(shlex.split(case["command"]))
    verify(case, code, capfd.readouterr().err, before, tmp_path)


def test_the_installed_command_says_the_same(shop: Path, tmp_path: Path) -> None:
    possible = [case for case in CASES if not {"lacks", "needs"} & set(case)]
    cases = random.Random(2026).sample(possible, SAMPLE)

    def told(case: dict[str, Any]) -> None:
        folder = tmp_path / str(cases.index(case))
        folder.mkdir()
        prepared(case, shop, folder)
        before = everything(folder)
        done = subprocess.run(
            [COMMAND, *shlex.split(case["command"])],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
        verify(case, done.returncode, done.stderr, before, folder)

    with ThreadPoolExecutor(2) as workers:
        assert list(workers.map(told, cases)) == [None] * SAMPLE


def test_no_name_of_a_case_comes_twice() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 100
