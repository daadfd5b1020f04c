"""`bowerbird check`: is this data fit to learn from?"""

from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import print_findings, print_json, working
from bowerbird.cli.options import DataOptions, expanded
from bowerbird.cli.reading import now, read, recipe_from
from bowerbird.data import check as checking


@expanded
def check(
    data: DataOptions,
    recipe: Annotated[Path | None, typer.Argument(help="A recipe (TOML).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Findings as JSON.")] = False,
) -> None:
    """Say what is wrong with the data, and what to do about it.

    Broken rows are written to the quarantine file with their reason. Exit code 2 if there are
    errors.

    [bold]Examples[/bold]

      bowerbird check --events events.csv --items items.csv

      bowerbird check --database postgresql://me@host/shop --events "SELECT * FROM events"
    """
    moment = now()
    asked = recipe_from(data, recipe, {"quality": {"max_broken": 1.0}})
    imported = read(asked.inputs(moment), quiet=json)
    with working("looking"):
        findings = checking.check(imported.data, imported.quarantine, moment)
    if json:
        print_json([finding.to_json() for finding in findings])
    else:
        print_findings(findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(2)
