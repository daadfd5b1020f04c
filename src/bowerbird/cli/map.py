"""`bowerbird map`: where the items of a run lie, on a plane that people can look at."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bowerbird.cli.console import err, out, print_facts, print_json, shown, working
from bowerbird.errors import ConfigError
from bowerbird.evaluation.layout import REMEDY, Ways, has_tsne
from bowerbird.runs.mapping import mapped, run_before
from bowerbird.surfaces.kept_map import FOLDER, has_map, map_facts
from bowerbird.surfaces.run_folder import load_run


def map(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    like: Annotated[
        Path | None,
        typer.Option(help="Begin with the map of this run. Else of the run before, if it has one."),
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Begin with no other map.")] = False,
    method: Annotated[
        str | None, typer.Option(help="tsne or pca. Else tsne where openTSNE is installed.")
    ] = None,
    sample: Annotated[
        int, typer.Option(help="Items laid out by themselves; others are placed among them.")
    ] = 100_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Make a map of a run's items, kept in the run: what the model holds to be alike lies together.

    How much of who is nearest whom the map keeps is measured and told with it: no plane holds all
    of a space. Begun with another run's map, items stay where they were unless their neighbours
    have changed.

    [bold]Examples[/bold]

      bowerbird map runs/als

      bowerbird map runs/new --like runs/old

      bowerbird map runs/als --method pca --anew
    """
    if like is not None and anew:
        raise ConfigError("--like or --anew expected, both came")
    if like is not None and not has_map(like):
        raise ConfigError(f"--like: a run with a map expected: «bowerbird map {like}» makes one")
    with working("loading the run"):
        loaded = load_run(run)
    with working("mapping") as say:
        before = like or (None if anew else run_before(loaded))
        mapped(loaded, Ways(method, seed, sample, say=say), before)
    facts = map_facts(run)
    if like is not None and not facts["like"]:
        err.print("note: nothing was begun with: the other map has other items or another method")
    if json:
        print_json(facts)
    else:
        _tell(run, facts)


def _tell(run: Path, facts: dict[str, Any]) -> None:
    kept = facts["neighbours_kept"]
    near = f"the {facts['neighbours']} nearest of each"
    told: dict[str, Any] = {
        "method": facts["method"],
        "items": f"{facts['placed']:,} of {facts['items']:,} have a place",
        "neighbours": "too few items" if kept is None else f"{kept:.0%} kept, of {near}",
    }
    if facts["like"]:
        told["begun with"] = f"{facts['begun_with']:,} places of {facts['like']}"
    print_facts(told)
    if facts["method"] == "pca" and not has_tsne():
        err.print(f"note: openTSNE keeps far more neighbours: {REMEDY}")
    out.print(f"\nkept in {shown(run / FOLDER)}; the console of «bowerbird serve» shows it")
