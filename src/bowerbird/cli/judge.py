"""`bowerbird judge`: what runs are worth, kept beside them for the console's leaderboard."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from bowerbird.cli.console import err, print_json, print_table, working
from bowerbird.cli.reading import now
from bowerbird.errors import BowerbirdError, ConfigError
from bowerbird.runs.reporting import METRIC, Bench, judged_anew, keep
from bowerbird.surfaces.registry import Registry
from bowerbird.surfaces.run_folder import load_run


def judge(
    folder: Annotated[Path, typer.Argument(help="The folder of runs.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Runs of it; all that may answer, if none is named.")
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(help="The run whose events judge; the one that answers, if none is named."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Judge runs side by side, and keep what comes of it beside each: NAME.report.json.

    The settings of each are learned once more from the events before a cut, and asked about those
    after it: all by the same people. It takes as long as training the runs once more.

    [bold]Examples[/bold]

      bowerbird judge runs

      bowerbird judge runs als ease --on als
    """
    registry = Registry(folder)
    there = [entry.name for entry in registry.entries() if entry.retired is None]
    by = on or registry.current() or next(iter(there), "")
    for name in (by, *(names or [])):
        if name not in registry.names():
            have = ", ".join(registry.names()) or "none"
            raise ConfigError(f"a run of {folder} ({have}) expected, {name!r} came")
    told, skipped = list[dict[str, Any]](), dict[str, str]()
    with working("judging") as say:
        bench = Bench.of(load_run(folder / by), now(), say)
        for name in names or there:
            try:
                found = judged_anew(load_run(folder / name), bench, say)
            except BowerbirdError as error:
                skipped[name] = str(error)
                continue
            keep(folder / name, found)
            told.append({"run": name, **found.to_json()})
    told.sort(key=lambda one: -(one["means"][METRIC]["mean"] or 0.0))
    for name, why in skipped.items():
        err.print(Text(f"{name} was skipped: {why}", style="yellow"))
    if json:
        print_json(told)
        return
    rows = [[one["run"], *_figures(one["means"][METRIC])] for one in told]
    print_table(["run", METRIC, "95 % interval"], rows)


def _figures(found: dict[str, float | None]) -> list[str]:
    mean, low, high = (found[name] for name in ("mean", "low", "high"))
    if mean is None or low is None or high is None:
        return ["–", "–"]
    return [f"{mean:.4f}", f"{low:.4f} to {high:.4f}"]
