"""Files that say how the runs of a folder are made again: retraining writes, services read.

On this floor since neither may know the other.

RUNS/retrain.json    how far a retrain is, or what came of the last one
RUNS/triggers.json   what would make the next one begin, each with its value of the last look
RUNS/alerts.jsonl    what somebody should know, a line each, only ever added to
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bowerbird.data.artifacts import json_lines

PROGRESS, TRIGGERS, ALERTS = "retrain.json", "triggers.json", "alerts.jsonl"
STARTS = "from bowerbird.cli.start import main; main()"
"""What a process of its own runs, to be a command."""
TIMER_OF = "BOWERBIRD_TIMER_OF"
"""The variable that names the process of a server to a timer, which ends when that does."""


def told_in(path: Path) -> dict[str, Any]:
    """What one of these files says; empty where it is not there, or not whole."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def alerts_in(runs: Path) -> Iterator[dict[str, Any]]:
    """All there were, oldest first; none where they cannot be read."""
    with suppress(OSError):
        yield from json_lines(runs / ALERTS)


def under_way(told: Mapping[str, Any]) -> bool:
    """Does the process that wrote this progress still work on it? It may be of another server."""
    return told.get("state") == "running" and _alive(told.get("pid"))


def _alive(pid: object) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
