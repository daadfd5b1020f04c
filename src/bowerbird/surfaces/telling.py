"""Telling somebody: a line in RUNS/alerts.jsonl, and a message to an address where one is named.

What is watched never fails because nobody could be told.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal

from bowerbird.errors import ArtifactError
from bowerbird.store.written import append
from bowerbird.surfaces.progress import ALERTS
from bowerbird.surfaces.retrain_file import AlertsTable, Kind

TRIES, PATIENCE_S = 3, 10.0
"""How often an address is tried, and how long each time."""
Say = Callable[[str], object]
Pause = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that happened."""

    at: int  # seconds since 1970 UTC
    kind: Kind | Literal["test"]
    run: str | None
    text: str


def tell(runs: Path, alert: Alert, table: AlertsTable, say: Say, pause: Pause = time.sleep) -> None:
    """Write it down, and send it, if it is one of those that are wanted.

    Args:
        runs: the folder of runs.
        alert: what happened.
        table: where to, and which.
        say: told what could not be done.
        pause: waits so many seconds between tries.
    """
    if alert.kind not in table.on:
        return
    told = {**asdict(alert), "runs": runs.name}
    try:
        append(runs / ALERTS, json.dumps(told, ensure_ascii=False))
    except ArtifactError as error:
        say(f"{runs / ALERTS}: cannot be written: {error}")
    if table.webhook is not None:
        fault = _sent(table.webhook, told, pause, TRIES)
        if fault is not None:
            say(f"the alert «{alert.kind}» could not be sent: {fault}")


def tried(runs: Path, webhook: str, now: int) -> str | None:
    """Send a message that nothing has happened, once; why it could not be, or None: it was."""
    alert = Alert(now, "test", None, "test: alerts of this service arrive here")
    return _sent(webhook, {**asdict(alert), "runs": runs.name}, time.sleep, 1)


def _sent(webhook: str, told: Mapping[str, Any], pause: Pause, tries: int) -> str | None:
    """Why it could not be sent; None: it was. The address may hold a secret, and is not told."""
    headers = {"Content-Type": "application/json", "User-Agent": "bowerbird"}
    fault = "no answer"
    for nth in range(tries):
        if nth:
            pause(2.0**nth)
        try:
            asked = urllib.request.Request(webhook, json.dumps(told).encode(), headers)
            with urllib.request.urlopen(asked, timeout=PATIENCE_S):
                return None
        except urllib.error.HTTPError as error:
            fault = f"status {error.code}"
            error.close()
            if 400 <= error.code < 500 and error.code != 429:
                return fault  # it will say the same again
        except HTTPException:  # holds the address
            fault = "no web server answers there, or the address is none"
        except (OSError, ValueError) as error:
            fault = str(getattr(error, "reason", error))
    return fault
