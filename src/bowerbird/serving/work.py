"""Long work, done by commands in processes of their own: begun, followed, stopped.

Training and serving never share a process. What is known of a piece of work is on disk, so a server
that starts again finds it as it is:

<kind>/begun.json      what was begun, when, and which process that is
<kind>/progress.jsonl  what the process tells, see surfaces/followed
<kind>/out, err        what it prints
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from bowerbird.errors import ConfigError
from bowerbird.store.written import written
from bowerbird.surfaces.followed import FOLLOWED, followed
from bowerbird.surfaces.progress import STARTS, told_in

BEGUN, PROGRESS, OUT, ERR, STOPPED = "begun.json", "progress.jsonl", "out", "err", "stopped"
TAIL = 2_000
"""Bytes of what it says in the end, at most."""
KILLED = "it was killed before its end: by somebody, or because there was not enough memory"


class Work:
    """Of one server; of each kind one piece at a time."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        """Work whose files are in this folder.

        Args:
            folder: is made when it is needed.
            clock: seconds since 1970 UTC.
        """
        self._folder, self._clock = folder, clock
        self._lock = Lock()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def begin(
        self,
        kind: str,
        words: Sequence[str | Path],
        about: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> bool:
        """Run `bowerbird` with these words, unless work of this kind is under way; was it begun?

        Args:
            kind: a name of a folder.
            words: a command, its arguments and options.
            about: is told beside the progress.
            variables: of its environment, besides those of this process.

        Raises:
            ConfigError: the process cannot be begun, or its files cannot be written.
        """
        with self._lock:
            if self._running(kind):
                return False
            place = self._folder / kind
            try:
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir(parents=True)
                child = self._begun(place, [str(word) for word in words], variables or {})
                begun = {"pid": child.pid, "is": _which(child.pid), "began": int(self._clock())}
                with written(place / BEGUN) as partial:
                    partial.write_text(json.dumps({**begun, "about": dict(about or {})}), "utf-8")
            except OSError as error:
                raise ConfigError(f"{place}: a process could not be begun: {error}") from error
            self._children[kind] = child
            return True

    def told(self, kind: str) -> dict[str, Any]:
        """How far it is, or what came of it.

        Keys: state (none, running, done, failed, killed), step, news, steps (each with seconds),
        about, began, ended (seconds since 1970 UTC), code, why (in words, unless it is done).
        """
        with self._lock:
            place, running = self._folder / kind, self._running(kind)
        begun = told_in(place / BEGUN)
        told = followed(place / PROGRESS)
        told |= {"about": begun.get("about", {}), "began": begun.get("began"), "ended": None}
        told["state"], told["why"] = _state(place, bool(begun), running, told["code"])
        if begun and not running:
            told["ended"] = _changed(place)
        return told

    def result(self, kind: str) -> Any:  # noqa: ANN401  whatever JSON can hold
        """What it printed, where that is JSON; else None."""
        with suppress(OSError, ValueError):
            return json.loads((self._folder / kind / OUT).read_text("utf-8"))
        return None

    def stop(self, kind: str) -> bool:
        """Ask it to end; said again, end it. Was there anything to stop?"""
        with self._lock:
            if not self._running(kind):
                return False
            marker = self._folder / kind / STOPPED
            number = signal.SIGKILL if marker.exists() else signal.SIGTERM
            marker.touch()
            with suppress(ProcessLookupError):
                os.killpg(told_in(self._folder / kind / BEGUN)["pid"], number)
            return True

    def forget(self, kind: str) -> None:
        """As if it had never been; what is under way goes on."""
        with self._lock:
            if not self._running(kind):
                shutil.rmtree(self._folder / kind, ignore_errors=True)

    def _begun(
        self, place: Path, words: list[str], variables: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        with (place / OUT).open("wb") as out, (place / ERR).open("wb") as err:
            return subprocess.Popen(
                [sys.executable, "-c", STARTS, *words],
                env={**os.environ, **variables, FOLLOWED: str((place / PROGRESS).resolve())},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # the end of this server is not its end
            )

    def _running(self, kind: str) -> bool:
        child = self._children.get(kind)
        if child is not None:
            return child.poll() is None
        begun = told_in(self._folder / kind / BEGUN)  # of a server that was here before
        return bool(begun) and _which(begun["pid"]) == begun["is"] is not None


def _which(pid: int) -> str | None:
    """What tells a process from a later one of the same number; None: there is none."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return None if told[0] == "Z" else told[19]  # when it began, see proc(5)
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None
    with suppress(OSError):  # a system without /proc: the number has to do
        os.kill(pid, 0)
        return "there"
    return None


def _state(place: Path, begun: bool, running: bool, code: int | None) -> tuple[str, str | None]:
    if not begun:
        return "none", None
    if running:
        return "running", None
    if code == 0:
        return "done", None
    if (place / STOPPED).exists():
        return "killed", "it was stopped"
    if code is None:
        return "killed", KILLED
    return "failed", _said(place / ERR) or f"it ended with the code {code}"


def _said(path: Path) -> str:
    """Why it ended, as the command told it; of a bug the last lines."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL, 0))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return told[-1] if told else " ".join(lines[-3:])
    return ""


def _changed(place: Path) -> int:
    files = (place / PROGRESS, place / BEGUN)
    return int(max(file.stat().st_mtime for file in files if file.exists()))
