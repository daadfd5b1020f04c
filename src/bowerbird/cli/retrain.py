"""`bowerbird retrain`: all there is by now → a run, judged, and promoted if it is no worse."""

import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from polars.exceptions import PolarsError
from rich.text import Text
from safetensors import SafetensorError

from bowerbird.cli.console import err, out, print_json, shown, working
from bowerbird.cli.reading import now
from bowerbird.cli.stores import Data, Store, where_of
from bowerbird.cli.triggers import look, verdict
from bowerbird.cli.triggers import timer as ticking
from bowerbird.errors import BowerbirdError
from bowerbird.runs.alerts import of_error, of_outcome
from bowerbird.runs.plan import Plan, Training, plan_of
from bowerbird.runs.replay import Replayed, replayed
from bowerbird.runs.retrain import CODES, ERROR, Outcome
from bowerbird.runs.retrain import retrain as made_again
from bowerbird.runs.triggers import Look
from bowerbird.store.identity import Identity
from bowerbird.store.opened import open_store
from bowerbird.surfaces.progress import PROGRESS, told_in, under_way
from bowerbird.surfaces.strict import seconds_of
from bowerbird.surfaces.telling import tell

FAULTS = (BowerbirdError, OSError, MemoryError, PolarsError, SafetensorError)
"""What ends with 30: the same command goes on when it is mended."""
DIFFERS = 10
"""Exit code where a run that was made again is not the same."""


def retrain(
    runs: Annotated[Path, typer.Argument(help="The folder of runs that is served.")],
    data: Data = "bowerbird-data",
    store: Store = None,
    window: Annotated[
        str | None, typer.Option(help="The newest events: they judge, and are not learned from.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Choose settings again, as the recipe says.")
    ] = False,
    training: Annotated[
        Training | None,
        typer.Option(help="full, warm: on from the run before, or none: its model as it is."),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option("--accept", help="The newest events are right, whatever the check finds."),
    ] = False,
    due: Annotated[
        bool, typer.Option("--due", help="Only if a trigger has fired («bowerbird triggers»).")
    ] = False,
    timer: Annotated[
        str | None,
        typer.Option(help="Stay, and look so often whether it is due: 10m. Ctrl-C stops it."),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(help="Make this run again from what it was made from, and compare the bytes."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="What came of it as JSON.")] = False,
) -> int:
    """Make a run of all there is by now, and let it answer if it is no worse than what does.

    snapshot → check → train → align → index → gate → shadow → promote. Given again after it was
    interrupted, it goes on where it was; of two at once the second is refused. Servers that have
    this folder follow by themselves.
    RUNS/retrain.toml says how, see docs/retraining.md.

    [bold]Exit codes[/bold]  0 promoted · 10 the run that answers stays · 20 the newest events are
    broken or made up, nothing was learned · 30 an error

    [bold]Examples[/bold]

      bowerbird retrain runs

      bowerbird retrain runs --data /var/lib/bowerbird --window 2d

      bowerbird retrain runs --store postgresql://shop@db/shop --anew

      bowerbird retrain runs --training none

      bowerbird retrain runs --timer 10m

      bowerbird retrain runs --replay 20261127T020000Z
    """
    plan = Plan()
    try:
        plan = plan_of(runs)
        if window is not None:
            plan = replace(plan, window_s=int(seconds_of(window, "--window")))
        training = training or plan.training
        plan = replace(plan, anew=anew or plan.anew, training=training, accept=accept)
        if timer is not None:
            return ticking(seconds_of(timer, "--timer"), without_timer(sys.argv[1:]))
        identity = Identity.kept(Path(data))
        with closing(open_store(where_of(data, store))) as opened, working("retraining") as say:
            if replay is not None:
                return _compared(replayed(runs, replay, opened, identity, say), json)
            if due and not (found := look(runs, opened, identity, plan)).due:
                return _not_due(found, json)
            outcome = made_again(runs, opened, identity, plan, time.time, say)  # noqa: TID251  edge
    except FAULTS as error:
        return _failed(runs, error, plan)
    _tell(runs, outcome, json)
    alert = of_outcome(outcome, now())
    if alert is not None:
        tell(runs, alert, plan.alerts, err.print)
    return outcome.code


def without_timer(words: list[str]) -> list[str]:
    """The same command, but that it looks once.

    >>> without_timer(["retrain", "runs", "--timer", "10m", "--window", "2d"])
    ['retrain', 'runs', '--window', '2d', '--due']
    >>> without_timer(["retrain", "--timer=10m", "runs"])
    ['retrain', 'runs', '--due']
    """
    kept, skip = [], False
    for word in words:
        if not skip and not word.startswith("--timer"):
            kept.append(word)
        skip = word == "--timer"
    return [*kept, "--due"]


def _failed(runs: Path, error: Exception, plan: Plan) -> int:
    err.print(Text("error: ", style="bold red").append(" ".join(str(error).split()), "default"))
    if runs.is_dir() and not under_way(told_in(runs / PROGRESS)):  # else another one is at work
        tell(runs, of_error(error, now()), plan.alerts, err.print)
    return ERROR


def _not_due(found: Look, json: bool) -> int:
    words, code = verdict(found), CODES["kept champion"]
    if json:
        print_json({"state": "not due", "code": code, "words": [words]})
    else:
        out.print(words)
    return code


def _compared(found: Replayed, json: bool) -> int:
    differ = [name for name, same in found.files.items() if not same]
    if json:
        told = {"run": found.run, "same": found.same, "data": found.data, "differ": differ}
        print_json({**told, "same code": found.code})
    elif found.same:
        out.print(f"{found.run}: the same, byte by byte ({len(found.files)} files)")
    else:
        out.print(f"{found.run}: not the same: {', '.join(differ) or 'the data'}")
        if found.data[0] != found.data[1]:
            out.print("  the data differ: items have changed since, or people were deleted")
        if not found.code:
            out.print("  it was made by another version of the code")
    return 0 if found.same else DIFFERS


def _tell(runs: Path, outcome: Outcome, json: bool) -> None:
    if json:
        told = {"state": outcome.state, "code": CODES[outcome.state], "run": outcome.run}
        print_json({**told, "champion": outcome.champion, "words": outcome.words})
        return
    out.print(f"{outcome.state}: {outcome.run or 'no run was made'}")
    for line in outcome.words:
        out.print(f"  {line}")
    page = runs / f"{outcome.run}.gate.html"
    if outcome.run and page.is_file():
        out.print(f"\nthe verdict as a page: {shown(page)}")
