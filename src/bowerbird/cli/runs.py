"""`bowerbird runs`: which run of a folder answers, which did, and what differs between two."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bowerbird.cli.console import out, print_json, print_table
from bowerbird.cli.reading import now
from bowerbird.runs.differing import differing
from bowerbird.surfaces.registry import OWN, Entry, Registry

Runs = Annotated[Path, typer.Argument(help="The folder of runs.")]
Why = Annotated[str, typer.Option(help="For the books: RUNS/audit.jsonl keeps it.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
WHO = "command line"
SHORT = 12
"""Digits of a hash that are shown."""


def runs(
    folder: Runs,
    audit: Annotated[bool, typer.Option("--audit", help="What became of runs, and why.")] = False,
    json: Json = False,
) -> None:
    """The runs of a folder, the newest first: which answers, what made it, what it came from.

    [bold]Examples[/bold]

      bowerbird runs runs

      bowerbird runs runs --audit
    """
    registry = Registry(folder)
    if audit:
        _audit(registry, json)
        return
    entries = registry.entries()
    if json:
        print_json([_told(entry) for entry in entries])
        return
    rows = [
        [
            "→" if entry.current else "",
            entry.name,
            str(entry.facts.get("model")),
            _day(entry.made),
            str(entry.facts.get("parent") or ""),
            str(entry.facts.get("data"))[:SHORT],
            entry.retired or "",
        ]
        for entry in entries
    ]
    print_table(["", "run", "model", "made", "from", "data", "retired"], rows)


def promote(
    folder: Runs,
    run: Annotated[str, typer.Argument(help="Its name.")],
    why: Why = "",
    json: Json = False,
) -> None:
    """From now on this run answers; servers that have the folder follow within seconds.

    No gate is asked: «bowerbird retrain» does that.

    [bold]Example[/bold]

      bowerbird promote runs 20261127T020000Z --why "the gate could not say, we looked at lists"
    """
    line = Registry(folder).promote(run, now(), (WHO, why))
    _said(line.run, line.before, json)


def rollback(folder: Runs, why: Why = "", json: Json = False) -> None:
    """From now on the run answers again that did before: nothing is trained, nothing is copied.

    [bold]Example[/bold]

      bowerbird rollback runs --why "the home page looked odd"
    """
    line = Registry(folder).rollback(now(), (WHO, why))
    _said(line.run, line.before, json)


def diff(
    one: Annotated[Path, typer.Argument(help="A run folder.")],
    other: Annotated[Path, typer.Argument(help="Another one.")],
    json: Json = False,
) -> None:
    """What two runs differ in: data, settings, code, versions, space, and their lists.

    [bold]Example[/bold]

      bowerbird diff runs/20261126T020000Z runs/20261127T020000Z
    """
    told = differing(one, other)
    if json:
        print_json(told)
        return
    print_table(
        ["", one.name, other.name], [[name, *map(str, pair)] for name, pair in told.items()]
    )


def _told(entry: Entry) -> dict[str, Any]:
    facts = entry.facts
    kept = ("model", "data", "seed", "parent", "champion", "code", "space", "snapshot", "seconds")
    return {
        "run": entry.name,
        "current": entry.current,
        "retired": entry.retired,
        "made": entry.made,
        **{name: facts.get(name) for name in kept},
    }


def _audit(registry: Registry, json: bool) -> None:
    lines = registry.audit()
    if json:
        print_json([{name: getattr(line, name) for name in OWN} for line in lines])
        return
    rows = [[_day(line.at), line.what, line.run or "", line.who, line.why] for line in lines]
    print_table(["when", "what", "run", "who", "why"], rows)


def _said(run: str | None, before: str | None, json: bool) -> None:
    if json:
        print_json({"run": run, "before": before})
    else:
        out.print(f"{run} answers now, {before or 'none'} did before")


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""
