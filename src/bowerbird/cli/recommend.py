"""`bowerbird recommend`: lists from a run, for people it knows and people it never saw."""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
import typer
from numpy import ndarray

from bowerbird.cli.console import Say, err, out, print_json, print_table, shown, working
from bowerbird.cli.people import (
    Asked,
    asked_about,
    catalog_of_today,
    told_histories,
    wanted_ids,
)
from bowerbird.cli.reading import now
from bowerbird.data.dataset import Catalog
from bowerbird.data.fields import ids_as_they_came
from bowerbird.data.moments import seconds
from bowerbird.data.queries import Queries
from bowerbird.encoders.popularity import DAY_S
from bowerbird.errors import ConfigError
from bowerbird.index.index import Hits
from bowerbird.index.stored import digest
from bowerbird.ranking.features import Features
from bowerbird.runs.recipe import Recipe, read_recipe, run_recipe
from bowerbird.runs.streamed import FORMATS, Parts
from bowerbird.surfaces.kept import kept_index
from bowerbird.surfaces.run_folder import load_run
from bowerbird.surfaces.scenario import Reranked, Scenario, scenarios_of
from bowerbird.surfaces.surface import Ask, Surface, known_of_hits, surface_of

BATCH = 10_000
"""Users answered between two progress messages."""
SHOWN_USERS = 3
OF_PEOPLE = ("for-you", "next", "popular", "new", "trending")
"""Surfaces that a person's history is enough for."""


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
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="Items a user; else the scenario's, 10.")
    ] = None,
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
    scenario: Annotated[
        str, typer.Option(help="Of the recipe: its steps, rules, filters (bowerbird ask).")
    ] = "for-you",
    scenarios: Annotated[
        Path | None,
        typer.Option("--recipe", help="Scenarios of this recipe, not of the run's own."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="A file of rules instead of the scenario's.")
    ] = None,
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

      bowerbird recommend runs/shop --all-users --scenario home --out home.parquet

      bowerbird recommend runs/als --all-users --rerank --features --out lists.parquet

      bowerbird recommend runs/als --user 42 --filter 'price between 10 and 50' --never B001
    """
    if out_file is not None and out_file.suffix not in FORMATS:
        raise ConfigError(f"--out {out_file}: a file ending in {', '.join(FORMATS)} expected")
    with working("loading the run"):
        recipe, found = run_recipe(run), load_run(run)
        index = kept_index(run, len(found.data.catalog))
        loaded, current = catalog_of_today(found, items, recipe)
        wanted = wanted_ids(users, user)
        asked = asked_about(loaded.data, wanted, all_users, told_histories(history, recipe))
        # a catalog of today is asked for today; a run without dates has no other moment either
        past = loaded.data.dated and items is None
        moment = seconds(at) if at is not None else loaded.data.newest() if past else now()
        changes: dict[str, Any] = {"discount": discount or None, "repeats": allow_repeats or None}
        changes["rules"] = rules and str(rules)
        table = _of_people(
            read_recipe(scenarios) if scenarios else recipe, scenario, changes, rerank
        )
        wish = Ask(moment, index, k, filter, tuple(only) if only else None, tuple(never or ()))
        surface = surface_of(loaded, table, wish)
        if current is not None:
            surface = surface.among(current)
    known = known_of_hits(loaded, surface) if features else None
    lists = _Lists(surface, asked, loaded.data.catalog, known)
    if out_file is not None:
        day = str(at or moment // DAY_S)
        file = table.rules if isinstance(table.rules, str) else None
        told = [Path(name) for name in (history, items, file) if name]
        files = [run / "run.json", run / "rerank", run / "index" / "index.json", *told]
        facts = (day, k, filter, only, never, features, BATCH, table.model_dump(mode="json"))
        _write(lists, out_file, _question(facts, files, asked), json)
        return
    with working("recommending") as say:
        tables = [lists.part(number, say) for number in range(lists.count)]
    _notes(lists)
    _give(pl.concat(tables), lists, json)


def _of_people(recipe: Recipe | None, name: str, changes: dict[str, Any], rerank: bool) -> Scenario:
    """A scenario that people are asked about, with what the options change."""
    every = scenarios_of(recipe.scenarios if recipe else {})
    valid = [name for name, table in every.items() if table.surface in OF_PEOPLE]
    if name not in valid:
        raise ConfigError(f"--scenario: one of {', '.join(valid)} expected, {name!r} came")
    changed = {key: value for key, value in changes.items() if value is not None}
    if rerank and not any(isinstance(step, Reranked) for step in every[name].steps):
        changed["steps"] = (Reranked(step="rerank"), *every[name].steps)
    return every[name].model_copy(update=changed)


@dataclass(slots=True)
class _Lists:
    """The lists of everybody who is asked about, some people at a time."""

    surface: Surface
    asked: Asked
    catalog: Catalog
    features: Features | None = None  # that are to be told
    empty: int = 0  # people to whom nothing was left to recommend

    @property
    def count(self) -> int:
        """Parts, at least one."""
        return max(1, -(-len(self.asked.queries) // BATCH))

    def part(self, number: int, say: Say) -> pl.DataFrame:
        """Columns user, item, rank, score; ids in the type they came in."""
        users, total = self.asked.users, len(self.asked.users)
        rows = np.arange(number * BATCH, min((number + 1) * BATCH, total))
        seeds = np.array([zlib.crc32(users.ids[row].encode()) for row in rows], dtype=np.int64)
        hits, more = self._hits(self.asked.queries.take(rows), seeds)
        self.empty += int((hits.rows[:, 0] < 0).sum())
        query, place = np.nonzero(hits.rows >= 0)
        say(f"{min((number + 1) * BATCH, total):,} of {total:,} users")
        return pl.DataFrame(
            {
                "user": ids_as_they_came(users).gather(rows[query]),
                "item": ids_as_they_came(self.catalog.items).gather(hits.rows[query, place]),
                "rank": (place + 1).astype(np.int32),
                "score": hits.scores[query, place],
            }
        ).with_columns(
            pl.Series(name, values[query, place], nan_to_null=True) for name, values in more.items()
        )

    def _hits(self, queries: Queries, seeds: ndarray) -> tuple[Hits, dict[str, ndarray]]:
        if self.features is None:
            return self.surface.recommend(queries, seeds), {}
        return self.surface.logged(queries, seeds, self.features)


def _question(facts: Sequence[Any], files: Sequence[Path], asked: Asked) -> dict[str, Any]:
    """All that lists depend on: as long as it is the same, parts of them are, too."""
    people = hashlib.sha256("\n".join(asked.users.ids).encode()).hexdigest()
    every = [f for path in files for f in ([path] if path.is_file() else sorted(path.rglob("*")))]
    contents = [digest(path) for path in every if path.is_file()]
    told: dict[str, Any] = loads(dumps({"asked": facts, "files": contents, "people": people}))
    return told


def _write(lists: _Lists, file: Path, question: dict[str, Any], json: bool) -> None:
    """Into a file, part by part; what an interrupted job has left is gone on with."""
    parts = Parts.of(file, lists.count, question)
    missing = parts.missing()
    if len(missing) < parts.count:
        err.print(f"note: going on: {len(missing):,} of {parts.count:,} parts are left")
    with working("recommending") as say, _kept(parts):
        for number in missing:
            parts.write(number, lists.part(number, say))
        rows = parts.join()
    _notes(lists)
    err.print(f"{rows:,} rows for {len(lists.asked.users):,} users in {shown(file)}")
    if json:
        print_json(parts.read().to_dicts())


@contextmanager
def _kept(parts: Parts) -> Iterator[None]:
    """Whoever interrupts the work is told what is left of it."""
    try:
        yield
    except KeyboardInterrupt:
        done = parts.count - len(parts.missing())
        err.print(
            f"note: {done:,} of {parts.count:,} parts are kept in {shown(parts.folder)}: the same"
            " command goes on from there"
        )
        raise


def _notes(lists: _Lists) -> None:
    if strangers := lists.asked.strangers:
        who = "user" if strangers == 1 else "users"
        err.print(f"note: {strangers:,} {who} without a history got what is popular")
    if lists.empty:
        err.print(f"note: nothing is left to recommend to {lists.empty:,} of them")


def _give(table: pl.DataFrame, lists: _Lists, json: bool) -> None:
    """As JSON, or the first few for a person to read."""
    if json:
        print_json(table.to_dicts())
        return
    titles = dict(zip(lists.catalog.items.ids, lists.catalog.titles(), strict=True))
    users = lists.asked.users
    for id, user in zip(users.ids[:SHOWN_USERS], ids_as_they_came(users), strict=False):
        own = table.filter(pl.col("user") == user).rows(named=True)
        lines = [
            [str(r["rank"]), str(r["item"]), titles[str(r["item"])], f"{r['score']:.4f}"]
            for r in own
        ]
        print_table(("rank", "item", "title", "score"), lines, f"user {id}")
        out.print()
    if len(users) > SHOWN_USERS:
        out.print(f"… and {len(users) - SHOWN_USERS:,} more; keep all with --out FILE")
