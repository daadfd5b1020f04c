"""Requests drawn from the service's own description of itself, one by one and in stories."""

import re
import subprocess
import sys
from pathlib import Path

from processes import Process
from servers import write

TOOL = Path(sys.executable).with_name("schemathesis")
SETTINGS = Path(__file__).with_name("schemathesis.toml")


def test_no_request_that_can_be_drawn_breaks_the_service(tmp_path):
    with Process(write(tmp_path / "first"), tmp_path / "data", "--no-log") as server:
        made = {"kind": "secret", "scopes": ["admin"], "name": "test"}
        key = server.ask("POST", "/v1/keys", json=made).json()["key"]
        words = ["--config-file", SETTINGS, "run", f"{server.url}/v1/openapi.json"]
        words += ["--header", f"Authorization: Bearer {key}", "--max-examples", "3"]
        done = subprocess.run([TOOL, *words], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-8000:]
        whole = re.search(r"Selected: (\d+)/\1\n  Tested: \1\n", done.stdout)
        assert whole, done.stdout[-1500:]
        server.stop()
        assert not [line for line in server.told if "fault" in line]
