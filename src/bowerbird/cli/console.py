"""What people see: tables, findings and progress on the terminal; plain JSON for machines."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bowerbird.data.check import Finding
from bowerbird.evaluation.leaderboard import Cell, Leaderboard
from bowerbird.surfaces.followed import FOLLOWED, step

out = Console(highlight=False, markup=False, soft_wrap=not sys.stdout.isatty())
"""Results. Piped, lines are as long as they are."""
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""Progress and errors: never in the way of a result."""

IN_TERMINAL = ("recall", "coverage")
"""Metrics beside the first that fit in 80 columns; the report has all."""

Say = Callable[[str], None]


@contextmanager
def working(what: str) -> Iterator[Say]:
    """A line that says what is being done, on a terminal, and in the file of whoever follows.

    Call it with news.
    """
    with err.status(what) as status, step(os.environ.get(FOLLOWED), what) as note:

        def say(news: str) -> None:
            status.update(escape(f"{what}: {news}"))  # names may look like markup
            note(news)

        yield say


def print_json(facts: object) -> None:
    """For --json: nothing else is written to standard output."""
    sys.stdout.write(json.dumps(facts, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def print_findings(findings: Sequence[Finding]) -> None:
    """One finding a paragraph, the worst first."""
    colours = {"error": "bold red", "warning": "yellow", "note": "dim"}
    for finding in findings:
        line = Text(f"{finding.level:8}", style=colours[finding.level]).append(
            finding.message, style="default"
        )
        out.print(line)
        if finding.example:
            out.print(Text(f"{'':8}for example {finding.example}", style="dim"))
        if finding.remedy:
            out.print(Text(f"{'':8}→ {finding.remedy}"))


def print_leaderboard(board: Leaderboard) -> None:
    """Models by rows, best first; 95 % intervals; gains over the baseline."""
    first, *others = board.metrics
    rest = [name for name in others if name.partition("@")[0] in IN_TERMINAL]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("model", no_wrap=True)
    for name in (first, "95 % interval", "gain"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in rest:
        table.add_column(name, justify="right", no_wrap=True)
    for row in board.rows:
        cell = row.cells[first]
        rest_cells = [_number(row.cells[name].mean) for name in rest]
        table.add_row(row.model, _number(cell.mean), _interval(cell), _gain(cell), *rest_cells)
    out.print(table)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Any small table."""
    table = Table(box=None, header_style="bold", pad_edge=False, title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    out.print(table)


def print_facts(facts: dict[str, Any]) -> None:
    """Name and value, a line each."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        out.print(Text(f"{name:{width}}  ", style="dim").append(str(value), style="default"))


def shown(path: Path) -> str:
    """A path as short as it can be said."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"


def _interval(cell: Cell) -> str:
    return f"{_number(cell.low)} … {_number(cell.high)}"


def _gain(cell: Cell) -> str:
    if cell.gain is None:
        return ""
    mark = "" if cell.sure else " ?"  # the interval of the difference holds 0
    return f"{cell.gain:+.4f}{mark}"
