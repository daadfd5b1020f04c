"""What somebody should know: a line in RUNS/alerts.jsonl, and to an address where one is named.

What is watched never fails because nobody could be told.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bowerbird.errors import ArtifactError
from bowerbird.runs.plan import KINDS, AlertsTable, Kind
from bowerbird.runs.retrain import Outcome
from bowerbird.runs.triggers import Look
from bowerbird.store.written import append
from bowerbird.surfaces.progress import ALERTS, TRIGGERS, told_in

TRIES, PATIENCE_S = 3, 10.0
"""How often an address is tried, and how long each time."""
Say = Callable[[str], object]
Pause = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that happened."""

    at: int  # seconds since 1970 UTC
    kind: Kind
    run: str | None
    text: str


def of_outcome(outcome: Outcome, now: int) -> Alert | None:
    """A retrain that did not promote; None where it did, or had nothing to judge."""
    if outcome.state == "promoted" or (outcome.state == "kept champion" and outcome.run is None):
        return None
    words = " ".join(outcome.words)
    stays = f"{outcome.champion} goes on answering" if outcome.champion else "no run answers"
    return Alert(now, outcome.state, outcome.run, f"{outcome.state}: {words}; {stays}")


def of_error(error: BaseException, now: int) -> Alert:
    """A retrain that ended with an error."""
    return Alert(now, "failed", None, f"retrain failed: {' '.join(str(error).split())}")


def of_look(look: Look, runs: Path) -> list[Alert]:
    """Triggers that nobody wants, where they have fired since the look before this one.

    To be asked before the look is kept.
    """
    before = {one["name"] for one in told_in(runs / TRIGGERS).get("triggers", []) if one["fired"]}
    return [
        Alert(look.as_of, kind, None, f"{kind}: {trigger.words}")
        for trigger in look.triggers
        for kind in KINDS
        if kind == trigger.name and trigger.fired and kind not in before
    ]


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
        fault = _sent(table.webhook, told, pause)
        if fault is not None:
            say(f"the alert «{alert.kind}» could not be sent: {fault}")


def _sent(webhook: str, told: Mapping[str, Any], pause: Pause) -> str | None:
    """Why it could not be sent; None: it was. The address may hold a secret, and is not told."""
    headers = {"Content-Type": "application/json", "User-Agent": "bowerbird"}
    fault = "no answer"
    for nth in range(TRIES):
        if nth:
            pause(2.0**nth)
        asked = urllib.request.Request(webhook, json.dumps(told).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_S):
                return None
        except urllib.error.HTTPError as error:
            fault = f"status {error.code}"
            error.close()
            if 400 <= error.code < 500 and error.code != 429:
                return fault  # it will say the same again
        except (OSError, ValueError) as error:
            fault = str(getattr(error, "reason", error))
    return fault
