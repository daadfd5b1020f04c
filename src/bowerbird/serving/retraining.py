"""A retrain, started from the service: a process of its own, whose progress is a file.

Training and serving never share a process, so that no training takes memory or time from lists.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from bowerbird.errors import ConfigError
from bowerbird.serving.served_runs import check_folder
from bowerbird.surfaces.progress import (
    PROGRESS,
    STARTS,
    TIMER_OF,
    TRIGGERS,
    alerts_in,
    told_in,
    under_way,
)
from bowerbird.surfaces.retrain_file import FILE, TABLES, change, table_of, told_in_file
from bowerbird.surfaces.telling import tried

STORE = "BOWERBIRD_STORE"
"""The variable that says where the store is: an argument could be read by every other process."""
Tables = Mapping[str, Mapping[str, Any]]
"""What RUNS/retrain.toml says, by table and key."""
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
        self._timer: subprocess.Popen[bytes] | None = None
        self._key: str | None = None

    def start(self, key: str | None) -> bool:
        """Begin one, unless one is under way; whether it was begun.

        Args:
            key: the same key begins it once, however often it is said.

        Raises:
            ConfigError: one run is served, not a folder of runs.
        """
        with self._lock:
            if self._running() or (key is not None and key == self._key):
                return False
            self._child = self._begun([], {})
            self._key = key
            log.info("retraining begins, process %s", self._child.pid)
            return True

    def look_every(self, timer: str) -> None:
        """Look so often whether a retrain is due, as long as this server lives.

        Args:
            timer: a time such as 10m.

        Raises:
            ConfigError: one run is served, not a folder of runs.
        """
        self._timer = self._begun(["--timer", timer], {TIMER_OF: str(os.getpid())})
        log.info("whether a retrain is due is looked at every %s", timer)

    def triggers(self) -> dict[str, Any]:
        """What would make one begin, as of the last look; empty where nobody has looked."""
        return told_in(self._runs / TRIGGERS)

    def alerts(self, last: int) -> list[dict[str, Any]]:
        """What somebody should know, the newest first."""
        return list(alerts_in(self._runs))[: -last - 1 : -1]

    def tables(self) -> dict[str, dict[str, Any]]:
        """What is said of when a retrain is due, and of who is told; the defaults are not in it.

        Raises:
            ConfigError: the file cannot be read, or says what cannot be meant.
        """
        told = told_in_file(self._runs / FILE)
        tables = {name: table_of(kind, told, name, FILE) for name, kind in TABLES.items()}
        return {n: table.model_dump(exclude_unset=True) for n, table in tables.items()}

    def change_tables(self, changes: Tables) -> Tables:
        """Say some of it anew, from the next look on; what was said of these until then.

        Raises:
            ConfigError: it cannot be meant, or one run is served, not a folder of runs.
        """
        check_folder(self._runs)
        with self._lock:
            return change(self._runs / FILE, changes)

    def try_alert(self, now: int) -> str | None:
        """Send a message that nothing has happened; why it could not be, or None: it was.

        Raises:
            ConfigError: no address is named.
        """
        webhook = self.tables()["alerts"].get("webhook")
        if webhook is None:
            raise ConfigError("an address for alerts expected, [alerts] webhook names none")
        return tried(self._runs, webhook, now)

    def close(self) -> None:
        """The timer ends; a retrain that it began goes on where it was with the next one."""
        if self._timer is not None:
            self._timer.terminate()
            self._timer.wait()

    def progress(self) -> dict[str, Any]:
        """How far it is, or what came of the last one; `state` «none» where there never was one."""
        with self._lock:
            running, child = self._running(), self._child
        told = {"state": "none", **told_in(self._runs / PROGRESS)}
        if running and told.get("pid") != (child.pid if child else None):
            return {"state": "running", "step": None}  # it has not written anything yet
        if told["state"] == "running" and not running and not under_way(told):
            return {**told, "state": "failed", "why": "it was killed; the next one goes on"}
        return told

    def _begun(self, more: list[str], variables: dict[str, str]) -> "subprocess.Popen[bytes]":
        check_folder(self._runs)
        words = [sys.executable, "-c", STARTS, "retrain", self._runs, "--data", self._data, *more]
        store = {STORE: self._store} if self._store else {}
        return subprocess.Popen(
            [str(word) for word in words],
            env={**os.environ, **store, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # the end of this server is not its end
        )

    def _running(self) -> bool:
        return self._child is not None and self._child.poll() is None
