"""`bowerbird rerank`: a learned second stage for a run, kept where it surely helps."""

from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import out, print_json, print_table, shown, working
from bowerbird.ranking.features import Features
from bowerbird.ranking.recommender import FETCH
from bowerbird.ranking.rerank import Rerank, library
from bowerbird.runs.logged import read_logged
from bowerbird.runs.reranking import Verdict, keep_reranker, learned, lesson_of
from bowerbird.surfaces.kept import FOLDER
from bowerbird.surfaces.run_folder import load_run


def rerank(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    fetch: Annotated[int, typer.Option(min=2, help="Candidates that are put in order.")] = FETCH,
    seed: Annotated[int, typer.Option(min=0, help="Of who learns and who judges.")] = 0,
    logged: Annotated[
        Path | None,
        typer.Option(help="Learn from this file: list, rank, label and features as logged."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Learn to put a run's candidates into a better order, and keep it where it surely is better.

    The run's model is fitted once more without what its people did last; trees learn which of its
    candidates that was, from score, place, popularity, age, what follows what, and the columns of
    the catalog. A part of the people that nothing was learned from judges: the trees are kept only
    if the 95 % interval of the gain in NDCG@10 lies above 0. `recommend --rerank` uses them.

    [bold]Examples[/bold]

      bowerbird rerank runs/als

      bowerbird recommend runs/als --all-users --rerank --out recs.parquet

      bowerbird rerank runs/als --logged labelled.parquet
    """
    library()
    with working("loading the run"):
        loaded = load_run(run)
    settings = Rerank(seed=seed)
    with working("re-ranking") as say:
        if logged is None:
            lesson, names = lesson_of(loaded, fetch, seed, say)
        else:
            lesson, names = read_logged(logged, Features.of(loaded.data).names)
        trees, verdict = learned(lesson, names, settings, say)
        if verdict.kept:
            keep_reranker(loaded, trees, verdict, settings, fetch)
    if json:
        print_json(verdict.to_json())
    else:
        _tell(run, verdict)


def _tell(run: Path, verdict: Verdict) -> None:
    k, people = verdict.k, f"{verdict.people:,} people nothing was learned from"
    rows = [
        ["as retrieved", f"{verdict.before:.4f}", ""],
        ["re-ranked", f"{verdict.after:.4f}", f"{verdict.gain:+.4f}"],
    ]
    print_table(("order", f"NDCG@{k}", "gain"), rows)
    out.print(f"{people}; gain {verdict.low:+.4f} … {verdict.high:+.4f} (95 %)\n")
    used = [[name, f"{share:.1%}"] for name, share in verdict.importance.items() if share > 0]
    print_table(("feature", "share of the gain"), used)
    place = shown(run / FOLDER)
    if verdict.kept:
        out.print(
            f"\n{verdict.trees} trees, kept in {place}: «bowerbird recommend {shown(run)} --rerank»"
        )
    elif (run / FOLDER).is_dir():
        out.print(f"\nnot kept: it is not surely better; what {place} holds stays")
    else:
        out.print("\nnot kept: it is not surely better than the order there is")
