"""`bowerbird recommend`: lists from a run, for people it knows and people it never saw."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
import typer

from bowerbird.cli.console import Say, err, out, print_json, print_table, shown, working
from bowerbird.cli.reading import now
from bowerbird.data.artifacts import whole
from bowerbird.data.dataset import Catalog, Dataset
from bowerbird.data.fields import ids_as_they_came, written_as
from bowerbird.data.importing import Inputs, import_dataset, read_catalog
from bowerbird.data.joining import behind, extended, retold
from bowerbird.data.moments import seconds
from bowerbird.data.queries import Queries
from bowerbird.data.schema import EventSchema, TableSchema
from bowerbird.data.tables import Source, opened
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError, DataError
from bowerbird.index.index import Hits
from bowerbird.ranking.features import Features
from bowerbird.ranking.recommender import Recommender
from bowerbird.ranking.step import as_they_are
from bowerbird.retrieval.eligible import eligible
from bowerbird.runs.assemble import recommender_of
from bowerbird.runs.indexing import kept_index
from bowerbird.runs.logged import feature_columns
from bowerbird.runs.recipe import Recipe, run_recipe
from bowerbird.runs.reranking import kept_reranker
from bowerbird.runs.run import Run, load_run
from bowerbird.runs.turning import turned

BATCH = 10_000
"""Users answered between two progress messages."""
SHOWN_USERS = 3

FORMATS = (".parquet", ".csv", ".tsv", ".jsonl")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked about, by id, and their histories in the rows of the run."""

    users: Vocabulary  # in the order asked
    queries: Queries
    strangers: int  # of them, people nobody knows anything of


def recommend(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    users: Annotated[
        Path | None, typer.Option(help="A text file, one user id a line.", rich_help_panel="Who")
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option(help="One user; may be repeated.", rich_help_panel="Who")
    ] = None,
    all_users: Annotated[bool, typer.Option("--all-users", rich_help_panel="Who")] = False,
    history: Annotated[
        str | None,
        typer.Option(
            help="Events of people the run never saw (user, item, order or timestamp).",
            rich_help_panel="Who",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Items a user.")] = 10,
    out_file: Annotated[
        Path | None, typer.Option("--out", help=f"A file ending in {', '.join(FORMATS)}.")
    ] = None,
    items: Annotated[
        str | None, typer.Option(help="The catalog of today: only its items, new ones too.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="The moment of asking (ISO); decides what is available.")
    ] = None,
    filter: Annotated[
        str | None,
        typer.Option(
            help="Only items of which this is true: 'price < 20 and genre contains \"jazz\"'.",
            rich_help_panel="What",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this item; may be repeated.", rich_help_panel="What"),
    ] = None,
    never: Annotated[
        list[str] | None,
        typer.Option(help="Never this item; may be repeated.", rich_help_panel="What"),
    ] = None,
    allow_repeats: Annotated[
        bool, typer.Option("--allow-repeats", help="Seen items, too.", rich_help_panel="What")
    ] = False,
    discount: Annotated[
        float, typer.Option(help="Hold the popular back: 0 not at all, 1 a little, 5 much.")
    ] = 0.0,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="In the order of the run's learned second stage.")
    ] = False,
    features: Annotated[
        bool, typer.Option("--features", help="Columns f_NAME too: what is known of each hit.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Lists as JSON.")] = False,
) -> None:
    """Recommend k items to each user: columns user, item, rank (from 1), score.

    Everyone gets an answer: who is unknown gets what is popular.

    [bold]Examples[/bold]

      bowerbird recommend runs/als --user 42

      bowerbird recommend runs/als --all-users -k 100 --out recs.parquet

      bowerbird recommend runs/als --history sessions.parquet -k 20 --out recs.csv

      bowerbird recommend runs/als --user 42 --discount 2

      bowerbird recommend runs/als --all-users --rerank --features --out lists.parquet

      bowerbird recommend runs/als --user 42 --filter 'price between 10 and 50' --never B001
    """
    if out_file is not None and out_file.suffix not in FORMATS:
        raise ConfigError(f"--out {out_file}: a file ending in {', '.join(FORMATS)} expected")
    with working("loading the run"):
        recipe = run_recipe(run)
        found = load_run(run)
        index = kept_index(run, len(found.data.catalog))
        loaded, current = _catalog_of_today(found, items, recipe)
        wanted = _wanted(users, user)
        asked = _asked(loaded.data, wanted, all_users, _told(history, recipe))
    # a catalog of today is asked for today; a run without dates has no other moment either
    past = loaded.data.dated and items is None
    moment = seconds(at) if at is not None else loaded.data.newest() if past else now()
    may = eligible(loaded.data.catalog, moment, filter, only, never or ()).allow
    if current is not None:
        may = current if may is None else current & may
    model = (loaded.fitted, loaded.data, loaded.fallback)
    engine = replace(recommender_of(*model, allow_repeats, index=index), allow=may)
    if discount:
        engine = turned(engine, loaded.data, discount)
    engine, log = _refined(engine, loaded, rerank, features)
    with working("recommending") as say:
        hits, more = _lists(engine, log, asked.queries, k, say)
        table = _table(asked, loaded.data.catalog, hits).with_columns(
            pl.Series(name, values, nan_to_null=True) for name, values in more.items()
        )
    if asked.strangers:
        who = "user" if asked.strangers == 1 else "users"
        err.print(f"note: {asked.strangers:,} {who} without a history got what is popular")
    if empty := int((hits.rows[:, 0] < 0).sum()):
        err.print(f"note: nothing is left to recommend to {empty:,} of them")
    _give(table, loaded.data.catalog, asked, hits, (out_file, json))


def _refined(
    engine: Recommender, run: Run, rerank: bool, features: bool
) -> tuple[Recommender, Features | None]:
    """The engine with the run's second stage, and the features that are to be written."""
    step = kept_reranker(run) if rerank else None
    if rerank and step is None:
        remedy = f"«bowerbird rerank {run.folder}» learns one"
        raise ConfigError(
            f"--rerank: a re-ranker expected in {run.folder}, none is there: {remedy}"
        )
    if step is not None:
        engine = replace(engine, steps={"rerank": step}, fetch=step.fetch)
    if not features:
        return engine, None
    log = Features.of(run.data) if step is None else step.features
    # places and relevance are among all candidates, as they are where a re-ranker is learned
    return replace(engine, steps={**engine.steps, "logged": as_they_are}), log


def _lists(
    engine: Recommender, log: Features | None, queries: Queries, k: int, say: Say
) -> tuple[Hits, dict[str, np.ndarray]]:
    """Everybody's list, a batch at a time; and columns of features, a value a place."""
    parts, logs = [], []
    for start in range(0, len(queries), BATCH):
        stop = min(start + BATCH, len(queries))
        some = queries.take(np.arange(start, stop))
        made = engine.lists(some, k)
        parts.append(made.hits)
        if log is not None:
            logs.append(feature_columns(log, some, made.stages["candidates"], made.hits))
        say(f"{stop:,} of {len(queries):,} users")
    hits = Hits(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    return hits, {name: np.concatenate([each[name] for each in logs]) for name in (logs or [{}])[0]}


def _catalog_of_today(
    run: Run, items: str | None, recipe: Recipe | None
) -> tuple[Run, np.ndarray | None]:
    """The run over its own catalog and today's; and which rows are of today."""
    if items is None:
        return run, None
    table = recipe.items if recipe else None
    kinds = {name: column.kind for name, column in run.data.catalog.fields.items()}
    schema = TableSchema(table.id if table else None, kinds, table.ignore if table else ())
    newer = read_catalog(Source(items), schema)
    catalog = extended(run.data.catalog, newer)
    current = np.zeros(len(catalog), dtype=bool)
    current[catalog.items.rows(newer.items.ids)] = True
    return replace(run, data=replace(run.data, catalog=catalog)), current


def _wanted(users: Path | None, user: list[str] | None) -> list[str] | None:
    """The ids asked for, each once, in the order given; None: nobody was named."""
    ids = list(user or [])
    if users is not None:
        try:
            ids += [line.strip() for line in users.read_text("utf-8").splitlines() if line.strip()]
        except UnicodeDecodeError as error:
            raise DataError(f"{users}: text with one user id a line expected: {error}") from error
        if not ids:
            raise DataError(f"{users}: at least one user id expected, the file has none")
    return list(dict.fromkeys(ids)) if users is not None or user else None


def _told(history: str | None, recipe: Recipe | None) -> Dataset | None:
    """The histories in the file, read as the run's own events were, where it has the columns."""
    if history is None:
        return None
    source = Source(history)
    schema = recipe.inputs().event_schema if recipe else EventSchema()
    with opened(source) as rows:
        schema = schema.among(rows.collect_schema().names())
    imported = import_dataset(Inputs(source, event_schema=schema))
    for note in imported.notes:
        err.print(f"note: {note}")
    return imported.data


def _asked(
    data: Dataset, wanted: list[str] | None, everyone: bool, strange: Dataset | None
) -> Asked:
    """Whose lists: histories from the file go before those of the run."""
    if wanted is None and not everyone and strange is None:
        raise ConfigError("--users FILE, --user ID, --all-users or --history FILE expected")
    ids, kind = data.users.ids, data.users.kind
    queries, told = data.queries(), Vocabulary(())
    if strange is not None:
        told, kind = strange.users, strange.users.kind
        queries = queries.then(retold(strange, data))
        ids = data.users.extended(told.ids).ids if everyone else told.ids
    ids = ids if wanted is None else tuple(wanted)
    from_file, known = told.rows(ids), data.users.rows(ids)
    rows = np.where(from_file >= 0, len(data.users) + from_file, known)
    # what the run knows of someone in the file is only what not to show again
    past = data.queries().take(np.where(from_file >= 0, known, -1))
    queries = behind(replace(past, weights=np.zeros_like(past.weights)), queries.take(rows))
    kind = kind if written_as(kind, ids) else "String"
    return Asked(Vocabulary(ids, kind), queries, int((queries.lengths() == 0).sum()))


def _table(asked: Asked, catalog: Catalog, hits: Hits) -> pl.DataFrame:
    """Columns user, item, rank, score; ids in the type they came in."""
    query, place = np.nonzero(hits.rows >= 0)
    users, items = ids_as_they_came(asked.users), ids_as_they_came(catalog.items)
    return pl.DataFrame(
        {
            "user": users.gather(query),
            "item": items.gather(hits.rows[query, place]),
            "rank": (place + 1).astype(np.int32),
            "score": hits.scores[query, place],
        }
    )


def _give(
    table: pl.DataFrame, catalog: Catalog, asked: Asked, hits: Hits, to: tuple[Path | None, bool]
) -> None:
    """Into the file, as JSON, or the first few for a person to read."""
    file, json = to
    if file is not None:
        with whole(file) as partial:
            if file.suffix == ".parquet":
                table.write_parquet(partial)
            elif file.suffix == ".jsonl":
                table.write_ndjson(partial)
            else:
                table.write_csv(partial, separator="\t" if file.suffix == ".tsv" else ",")
        err.print(f"{table.height:,} rows for {len(asked.users):,} users in {shown(file)}")
    if json:
        print_json(table.to_dicts())
    if file is not None or json:
        return
    titles = catalog.titles()
    for q in range(min(SHOWN_USERS, len(asked.users))):
        rows = [row for row in hits.rows[q] if row >= 0]
        lines = [
            [str(rank), catalog.items.ids[row], titles[row], f"{score:.4f}"]
            for rank, (row, score) in enumerate(zip(rows, hits.scores[q], strict=False), 1)
        ]
        print_table(("rank", "item", "title", "score"), lines, f"user {asked.users.ids[q]}")
        out.print()
    if len(asked.users) > SHOWN_USERS:
        out.print(f"… and {len(asked.users) - SHOWN_USERS:,} more; keep all with --out FILE")
