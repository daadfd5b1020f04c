"""A retrain, started from the service: a process of its own, whose progress is a file.

Training and serving never share a process, so that no training takes memory or time from lists.
"""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from threading import Lock
from typing import Any

from bowerbird.errors import ConfigError
from bowerbird.surfaces.registry import PROGRESS

STARTS = "from bowerbird.cli.start import main; main()"
STORE = "BOWERBIRD_STORE"
"""The variable that says where the store is: an argument could be read by every other process."""
log = logging.getLogger("bowerbird.serving")


class Retraining:
    """Of the folder of runs that is served; one at a time."""

    def __init__(self, runs: Path, data: Path, store: str | None) -> None:
        """Of these runs, from what this store has taken.

        Args:
            runs: the folder.
            data: the folder of what this machine keeps.
            store: the URL of a database; None: the store is in `data`.
        """
        self._runs, self._data, self._store = runs, data, store
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._key: str | None = None

    def start(self, key: str | None) -> bool:
        """Begin one, unless one is under way; whether it was begun.

        Args:
            key: the same key begins it once, however often it is said.

        Raises:
            ConfigError: one run is served, not a folder of runs.
        """
        if (self._runs / "run.json").is_file():
            came = f"{self._runs.name} is served alone: serve the folder of runs above it"
            raise ConfigError(f"a folder of runs expected, {came}")
        with self._lock:
            if self._running() or (key is not None and key == self._key):
                return False
            words = [sys.executable, "-c", STARTS, "retrain", self._runs, "--data", self._data]
            environment = {**os.environ, **({STORE: self._store} if self._store else {})}
            self._child = subprocess.Popen(
                [str(word) for word in words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # the end of this server is not its end
            )
            self._key = key
            log.info("retraining begins, process %s", self._child.pid)
            return True

    def progress(self) -> dict[str, Any]:
        """How far it is, or what came of the last one; `state` «none» where there never was one."""
        with self._lock:
            running, child = self._running(), self._child
        told: dict[str, Any] = {"state": "none"}
        path = self._runs / PROGRESS
        if path.is_file():
            told = json.loads(path.read_text("utf-8"))
        if running and told.get("pid") != (child.pid if child else None):
            return {"state": "running", "step": None}  # it has not written anything yet
        if told["state"] == "running" and not running and not _alive(told.get("pid")):
            return {**told, "state": "failed", "why": "it was killed; the next one goes on"}
        return told

    def _running(self) -> bool:
        return self._child is not None and self._child.poll() is None


def _alive(pid: object) -> bool:
    """Somebody else may have started it, on this machine."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
