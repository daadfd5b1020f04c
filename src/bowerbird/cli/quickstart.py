"""`bowerbird quickstart`: the main job on real data, from fetching to a page with lists."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from bowerbird.cli.console import out, print_findings, print_table, shown, working
from bowerbird.cli.evaluate import evaluation_facts, newcomers, print_comparison, write_report
from bowerbird.cli.reading import now
from bowerbird.data.check import check
from bowerbird.data.dataset import Dataset
from bowerbird.data.importing import import_dataset
from bowerbird.data.known import KNOWN, default_cache, fetch
from bowerbird.data.split import ByTime
from bowerbird.index.index import Hits
from bowerbird.retrieval.models import FAST, as_retriever
from bowerbird.runs.compare import Comparison, Plan, compare
from bowerbird.runs.recipe import ModelTable, Recipe, recipe_of
from bowerbird.runs.run import Stopwatch, Trained, write_run
from bowerbird.runs.tune import settings_of
from bowerbird.surfaces.assemble import recommender_of
from bowerbird.surfaces.progress import STARTS
from bowerbird.surfaces.registry import Registry

DATA = "movielens-100k-films"
FILMS = (
    "Toy Story (1995)",
    "Star Wars (1977)",
    "Fargo (1996)",
    "The Silence of the Lambs (1991)",
    "Casablanca (1942)",
)
PEOPLE = 3
EPOCHS = 8
"""Of the sequence model: it begins with what counting knows, and this should take minutes."""
LISTED = 5
RUNS = "runs"
BESIDE = "als"
"""Kept as well: two models can be held side by side, and this one has a vector for each film."""
Block = tuple[str, list[list[str]]]


def quickstart(
    folder: Annotated[Path, typer.Option("--out", help="Where the report and the run go.")] = Path(
        "quickstart"
    ),
    seed: Annotated[int, typer.Option(min=0)] = 0,
    look: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Serve it and open its console; in a terminal yes."),
    ] = None,
) -> None:
    """Fetch MovieLens 100K, check it, train every model, and show what came of it.

    Everything is learned from the ratings before one moment and judged on those after it. At the
    end a browser opens the console of what was made; Ctrl-C ends it.

    [bold]Example[/bold]

      bowerbird quickstart --out first-look
    """
    watch = Stopwatch()
    _title(f"1  Data: {KNOWN[DATA].title}")
    recipe = _recipe(seed)
    imported = import_dataset(recipe.inputs(now()))
    print_findings(check(imported.data, imported.quarantine, now()))
    _title("2  Every model, judged on the newest tenth of the ratings")
    rule = ByTime()
    cut = rule.split(imported.data)
    networks = ["sequence"] if find_spec("torch") else []
    short = {"sequence": {"epochs": EPOCHS}}
    models = (*FAST, *networks, "blend")
    plan = Plan(models, rule.inner(), (10, 20, 100), seed, settings=short)
    with working("comparing") as say:
        comparison = compare(cut, plan, lambda model, what: say(f"{model}: {what}"))
    facts = evaluation_facts(cut, plan, imported.data)
    print_comparison(comparison, facts)
    # half of those asked have no past; for them all models show what is popular
    best = next(row.model for row in comparison.board.rows if row.model != "popularity")
    blocks = [*_people(comparison, cut.train, best), _films(comparison, cut.train)]
    _title(f"3  What three people liked, and what {best} shows them")
    for block in blocks[:-1]:
        _show(block)
    _title("4  Nearest films, as content sees them")
    _show(blocks[-1])
    if cold := newcomers(comparison):
        _title("5  How soon is a newcomer known?")
        _show(cold[0])
    report = {"facts": facts, **comparison.to_json()}
    write_report(folder, comparison, report, DATA, blocks)
    for model in dict.fromkeys((BESIDE, best)):
        _kept(folder / RUNS / model, model, comparison, imported.data, recipe)
    runs = Registry(folder / RUNS)
    if runs.current() != best:
        runs.promote(best, now(), ("quickstart", "the best on the newest tenth of the ratings"))
    _title("6  To go on")
    _next(folder, best)
    out.print(Text(f"\n{float(watch):.0f} s", style="dim"))
    if out.is_terminal if look is None else look:
        _opened(folder)


def _kept(folder: Path, model: str, comparison: Comparison, data: Dataset, recipe: Recipe) -> None:
    """A run of this model, fitted on everything."""
    choice, watch = comparison.choices[model], Stopwatch()
    trained = Trained(choice.estimator.fit(data), choice, comparison.fallback)
    told = {"model": model, "seed": recipe.seed, "trained_at": now(), "seconds": float(watch)}
    asked = ModelTable(name=model, tune=False, **settings_of(choice.estimator))
    kept = recipe.model_copy(update={"model": asked}).seen_from(folder)
    write_run(folder, data, trained, told, kept.text())


def _next(folder: Path, best: str) -> None:
    """What there is now, and what can be done with it."""
    runs, run = shown(folder / RUNS), shown(folder / RUNS / best)
    out.print(f"report  {shown(folder / 'report.html')}   (open it in a browser)")
    out.print(f"runs    {runs}   ({best} and {BESIDE}, fitted on everything; {best} answers)")
    out.print(f"next    bowerbird recommend {run} --user 1")
    out.print(f"        bowerbird serve {runs} --open   (its console; then docs/first-clicks.md)")


def _opened(folder: Path) -> None:
    """The console, in place of this process, so that Ctrl-C ends the server."""
    told = ["serve", folder / RUNS, "--data", folder / "data", "--port", "0", "--no-log", "--open"]
    out.file.flush()
    os.execv(sys.executable, [sys.executable, "-c", STARTS, *map(str, told)])


def _recipe(seed: int) -> Recipe:
    with working(f"fetching {DATA}") as say:
        data = fetch(DATA, default_cache(), lambda size: say(f"{size / 1e6:.1f} MB"))
    told = {
        "events": {"path": str(data / "events.parquet"), "threshold": 4.0},
        "items": {"path": str(data / "items.parquet")},
        "users": {"path": str(data / "users.parquet")},
        "seed": seed,
    }
    return recipe_of(told, "quickstart")


def _people(comparison: Comparison, train: Dataset, best: str) -> list[Block]:
    """Three people with a past: the last they liked, beside the first that are recommended."""
    report = comparison.reports[best]
    lengths = np.bincount(train.log.users[train.log.weights > 0], minlength=len(train.users))
    asked = np.flatnonzero(lengths[report.users] >= 2 * LISTED)
    chosen = asked[np.linspace(0, len(asked) - 1, PEOPLE).astype(int)]
    users = report.users[chosen]
    engine = recommender_of(comparison.fitted[best], train, comparison.fallback)
    queries = train.queries().take(users.astype(np.int64))
    hits, titles = engine.recommend(queries, LISTED), train.catalog.titles()
    liked = queries.known(len(train.catalog))
    blocks = []
    for q, user in enumerate(users):
        past = [titles[row] for row in liked.history(q)[::-1][:LISTED]]
        rows = zip(past, (titles[row] for row in hits.rows[q]), strict=True)
        head = ["liked last", f"recommended by {best}"]
        blocks.append((f"User {train.users.ids[user]}", [head, *map(list, rows)]))
    return blocks


def _films(comparison: Comparison, train: Dataset) -> Block:
    """Five well-known films and what lies nearest to them."""
    name = "content" if "content" in comparison.fitted else comparison.board.rows[0].model
    titles = train.catalog.titles()
    rows = np.array([titles.index(film) for film in FILMS if film in titles], dtype=np.int32)
    hits: Hits = as_retriever(comparison.fitted[name], train.catalog).similar(rows, 3)
    table = [
        [titles[row], ", ".join(titles[near] for near in found if near >= 0)]
        for row, found in zip(rows, hits.rows, strict=True)
    ]
    return "Nearest films", [["film", f"nearest by {name}"], *table]


def _show(block: Block) -> None:
    title, (head, *rows) = block
    print_table(head, rows, title)
    out.print()


def _title(words: str) -> None:
    out.print()
    out.print(Text(words, style="bold"))
    out.print()
