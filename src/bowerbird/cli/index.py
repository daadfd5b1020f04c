"""`bowerbird index`: how a run finds its items, measured and chosen."""

import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy import ndarray

from bowerbird.cli.console import out, print_json, print_table, shown, working
from bowerbird.errors import ConfigError
from bowerbird.index.chosen import ASKED, Chosen, Trial
from bowerbird.index.index import Index
from bowerbird.runs.handover import Found, hand_over, measured
from bowerbird.runs.indexing import RECALL, K, built, keep_index, vectors_of
from bowerbird.surfaces.run_folder import Run, load_run

TIMED = 50
"""Single queries timed, after a few that are not."""
WARM = 3
FREE = 1_000
"""Items up to which there is nothing to gain."""

index = typer.Typer(help="How a run finds its items.", no_args_is_help=True)


@index.callback()
def group() -> None:
    """How a run finds its items."""


@index.command()
def tune(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    recall: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Share of the exact list to be found.")
    ] = RECALL,
    k: Annotated[int, typer.Option("-k", min=1, help="Length of the list.")] = K,
    seed: Annotated[int, typer.Option(help="Of the sample of people.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Measure indexes against exact lists of the run's own people, and keep the best in the run.

    The one that reads the fewest vectors among those that find enough is kept; other people than
    those it was chosen on say how much it finds. Without this command lists are exact wherever that
    reads at most 20,000 vectors.

    [bold]Examples[/bold]

      bowerbird index tune runs/als

      bowerbird index tune runs/als --recall 0.99 -k 20
    """
    with working("loading the run"):
        loaded = load_run(run)
    with working("asking for exact and approximate lists"):
        found = built(
            loaded.fitted, loaded.data, (recall, k), seed, partial(milliseconds, k=k), free=FREE
        )
    if found is None:
        raise _without_vectors(loaded)
    with working("keeping the index"):
        keep_index(run, *found)
    if json:
        print_json(found[0].to_json())
    else:
        _tell(run, found[0])


@index.command("hand-over")
def hand(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    to: Annotated[
        str, typer.Option(help="postgresql://USER@HOST/DATABASE (pgvector), or qdrant:FOLDER.")
    ],
    name: Annotated[str, typer.Option(help="The table, in PostgreSQL.")] = "bowerbird",
    k: Annotated[int, typer.Option("-k", min=1, help="Length of the list.")] = K,
    seed: Annotated[int, typer.Option(help="Of the sample of people, and of filters.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Write the run's vectors into an engine, and measure it against exact lists.

    The run's own people ask, without a filter and with filters that leave a share of the items,
    drawn at random. A table or folder that an earlier hand-over made is replaced as a whole.

    [bold]Examples[/bold]

      bowerbird index hand-over runs/als --to postgresql://shop@db.example.com/shop

      bowerbird index hand-over runs/als --to qdrant:vectors
    """
    with working("loading the run"):
        loaded = load_run(run)
        found = vectors_of(loaded.fitted, loaded.data, seed)
    if found is None:
        raise _without_vectors(loaded)
    vectors, queries = found
    with working("handing the vectors over"):
        engine = hand_over(vectors, to, name)
    with working("asking for exact and approximate lists"):
        rows = measured(engine, vectors, queries[:ASKED], k, milliseconds, seed)
    if json:
        print_json([asdict(row) for row in rows])
        return
    columns = ("items left", f"recall@{k}", "full lists", "ms a query")
    print_table(columns, [_cells(row) for row in rows])


def milliseconds(index: Index, queries: ndarray, k: int, allow: ndarray | None = None) -> float:
    """The median time of a single query."""
    taken = []
    for query in queries[: TIMED + WARM, None]:
        start = time.perf_counter()
        index.search(query, k, allow)
        taken.append(time.perf_counter() - start)
    return round(1e3 * float(np.median(taken[WARM:])), 4) if len(taken) > WARM else float("nan")


def _cells(row: Found) -> list[str]:
    return [f"{row.share:.4%}", f"{row.recall:.3f}", f"{row.full:.1%}", f"{row.ms:.2f}"]


def _without_vectors(loaded: Run) -> ConfigError:
    model = loaded.facts["model"]
    return ConfigError(f"a model with vectors expected, {model} has none: it needs no index")


def _tell(run: Path, found: Chosen) -> None:
    columns = ("", "index", "setting", f"recall@{found.k}", "vectors read", "ms a query")
    rows = [
        [
            "→" if place == found.pick else "",
            trial.kind,
            _setting(trial),
            f"{trial.recall:.3f}",
            f"{trial.read:,.0f}",
            "" if trial.ms != trial.ms else f"{trial.ms:.3f}",
        ]
        for place, trial in enumerate(found.trials)
    ]
    print_table(columns, rows)
    pick = found.trials[found.pick]
    told = f"recall@{found.k} {found.recall:.3f} for people it was not chosen on"
    out.print(f"\n{pick.kind}, {_setting(pick)}: {told}; kept in {shown(run / 'index')}")


def _setting(trial: Trial) -> str:
    if trial.kind == "partitioned":
        return f"{trial.setting:.0f} drawers"
    return "exact" if trial.setting == 1 else f"cosine {trial.setting:g}"
