"""`bowerbird triggers`: what would make the next retrain begin; and a timer that lets it begin."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import err, out, print_json, print_table, working
from bowerbird.cli.reading import now
from bowerbird.cli.stores import Data, Store, where_of
from bowerbird.data.moments import moment_text
from bowerbird.runs.alerts import of_look
from bowerbird.runs.plan import Plan, plan_of
from bowerbird.runs.retrain import run_before
from bowerbird.runs.triggers import Look, keep, looked
from bowerbird.store.identity import Identity
from bowerbird.store.opened import open_store
from bowerbird.store.store import Store as Opened
from bowerbird.surfaces.progress import STARTS, TIMER_OF
from bowerbird.surfaces.registry import Registry
from bowerbird.surfaces.telling import tell

NICE = 10
"""What a server's timer starts stands back behind lists."""


def triggers(
    folder: Annotated[Path, typer.Argument(help="The folder of runs.")],
    data: Data = "bowerbird-data",
    store: Store = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """What would make a retrain due, each with its value of now and its limit.

    «bowerbird retrain --due» retrains if one of them has fired, --timer looks again and again.
    Limits are in RUNS/retrain.toml, see docs/retraining.md.

    [bold]Examples[/bold]

      bowerbird triggers runs

      bowerbird triggers runs --data /var/lib/bowerbird --json
    """
    plan, identity = plan_of(folder), Identity.kept(Path(data))
    with closing(open_store(where_of(data, store))) as opened, working("looking"):
        found = look(folder, opened, identity, plan)
    if json:
        print_json(found.to_json())
        return
    rows = [
        ["fired" if one.fired else "", one.name, _figure(one.value), _figure(one.limit), one.words]
        for one in found.triggers
    ]
    print_table(["", "trigger", "now", "limit", ""], rows)
    out.print(verdict(found))


def look(runs: Path, store: Opened, identity: Identity, plan: Plan) -> Look:
    """Every trigger as of now, kept in RUNS; what has fired since the last look is told."""
    registry = Registry(runs)
    before, _ = run_before(registry)
    found = looked(registry, before, store, identity, plan, now())
    alerts = of_look(found, runs)
    keep(runs, found)
    for alert in alerts:
        tell(runs, alert, plan.alerts, err.print)
    return found


def timer(every_s: float, words: Sequence[str]) -> int:
    """Look again and again, each time in a process of its own, which gives all memory back.

    Args:
        every_s: seconds between the beginnings of two looks.
        words: of the command that looks, and retrains if it is due.
    """
    server = os.environ.get(TIMER_OF)
    if server:
        os.nice(NICE)
    try:
        while _wanted(server):
            began = time.monotonic()
            _looked([sys.executable, "-c", STARTS, *words])
            while time.monotonic() < began + every_s and _wanted(server):
                time.sleep(min(1.0, every_s))
    except KeyboardInterrupt:
        if server is None:
            raise
    return 0  # its server stops: that is no interruption to be told


def _wanted(server: str | None) -> bool:
    return server in (None, str(os.getppid()))


def _looked(words: Sequence[str]) -> None:
    child = subprocess.Popen(words)
    try:
        child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()


def verdict(found: Look) -> str:
    """Is it due, and why, in a line."""
    fired = ", ".join(found.fired())
    if found.due:
        return f"due: {fired}"
    if fired and found.cooling_until:
        return f"not due before {moment_text(found.cooling_until)} (cooldown): {fired}"
    return "not due" + (f": {fired}, but one is under way" if fired else "")


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.3g}"
