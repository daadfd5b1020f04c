"""A retrain under way: what its finished steps have left, and a file that says how far it is.

RUNS/.retrain/asked.json     what was begun, and as of when; the same asked again goes on with it
RUNS/.retrain/<step>.json    what a finished step says, under a hash of all it rests on
RUNS/retrain.json            progress, for people and for a service; it stays when the work is over
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bowerbird.data.artifacts import save_json
from bowerbird.store.written import written
from bowerbird.surfaces.progress import PROGRESS, told_in

FOLDER, ASKED = ".retrain", "asked.json"
STALE_S = 86_400
"""Work that was interrupted so long ago is of another day: it is begun anew."""
OFTEN_S = 0.5
"""Between two news that are written down."""
STEPS = ("snapshot", "check", "train", "watch", "gate", "shadow", "promote")


@dataclass
class Work:
    """Of one folder of runs, held by one process."""

    runs: Path
    say: Callable[[str], object]
    clock: Callable[[], float]  # seconds since 1970 UTC
    told: dict[str, Any] = field(default_factory=dict)
    _key: str = ""
    _written: float = 0.0

    @property
    def folder(self) -> Path:
        """Of what is not finished."""
        return self.runs / FOLDER

    def begin(self, asked: dict[str, Any], token: int) -> int:
        """Go on with what was asked before in the same words, else begin; as of when (ms)."""
        now, asked = self.clock(), json.loads(json.dumps(asked))  # as it is read back
        before = told_in(self.folder / ASKED)
        same = before.get("asked") == asked
        if not same or now - before["as_of_ms"] / 1000 > STALE_S:
            shutil.rmtree(self.folder, ignore_errors=True)
            before = {"asked": asked, "as_of_ms": int(now * 1000)}
            self.folder.mkdir(parents=True)
            self._keep(self.folder / ASKED, before)
        as_of: int = before["as_of_ms"]
        self._key = _hash([asked, as_of])
        self.told = {"state": "running", "token": token, "pid": os.getpid(), "as_of_ms": as_of}
        self.told |= {"began": int(now), "step": None, "steps": []}
        self._progress()
        return as_of

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """What the step says; empty where it is still to be done, and then to be filled."""
        path, key = self.folder / f"{name}.json", _hash([self._key, name])
        found = told_in(path)
        facts: dict[str, Any] = found["facts"] if found and found["key"] == key else {}
        done, began = bool(facts), self.clock()
        self.told["step"] = name
        self.news("as before" if done else "begins")
        yield facts
        if not done:
            self._keep(path, {"key": key, "facts": facts})
        self._key = _hash([key, facts])
        took = round(self.clock() - began, 2)
        self.told["steps"].append({"step": name, "seconds": took, "again": done})
        self._progress()

    def news(self, text: str) -> None:
        """Tell what is being done within the step."""
        self.told["news"] = text
        if self.clock() - self._written >= OFTEN_S:
            self._progress()
        self.say(f"{self.told['step']}: {text}")

    def end(self, state: str, **more: Any) -> None:  # noqa: ANN401  whatever JSON can hold
        """It is over, and what is unfinished goes."""
        self.told |= {"state": state, "step": None, "ended": int(self.clock()), **more}
        self.told.pop("news", None)
        self._progress()
        shutil.rmtree(self.folder, ignore_errors=True)

    def failed(self, why: str) -> None:
        """It is over, and goes on where it was when it is asked again."""
        self.told |= {"state": "failed", "ended": int(self.clock()), "why": why}
        self._progress()

    def _progress(self) -> None:
        self._written = self.clock()
        self._keep(self.runs / PROGRESS, self.told)

    def _keep(self, path: Path, facts: Any) -> None:  # noqa: ANN401  as above
        with written(path) as partial:
            save_json(partial, facts)


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
