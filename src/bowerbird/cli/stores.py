"""`bowerbird store`: what a server keeps, copied, moved, and made ready for training."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import out, print_facts, print_json, shown, working
from bowerbird.store.copies import export as export_all
from bowerbird.store.copies import import_ as import_all
from bowerbird.store.opened import open_store
from bowerbird.store.opened import restore as restore_all
from bowerbird.store.parquet import compact as compact_facts

stores = typer.Typer(help="What a server keeps.", no_args_is_help=True)
Data = Annotated[str, typer.Option(help="The --data folder of the server.")]
Store = Annotated[
    str | None,
    typer.Option(
        envvar="BOWERBIRD_STORE", help="postgresql://USER@HOST/DATABASE, where that is the store."
    ),
]


def where_of(data: str, store: str | None) -> str:
    """Where what changes is kept."""
    return store or data


@stores.callback()
def group() -> None:
    """What a server keeps."""


@stores.command()
def show(
    data: Data = "bowerbird-data",
    store: Store = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """How much there is of everything.

    [bold]Example[/bold]

      bowerbird store show
    """
    with closing(open_store(where_of(data, store))) as opened:
        counts = dict(opened.facts.counts())
    if json:
        print_json(counts)
    else:
        print_facts({name: f"{count:,}" for name, count in counts.items()})


@stores.command()
def compact(
    out_folder: Annotated[Path, typer.Option("--out", help="Folder of Parquet files.")],
    data: Data = "bowerbird-data",
    store: Store = None,
) -> None:
    """Write what is new since the last time as Parquet, while the server runs.

    Killed at any point, the next time goes on where this one was.

    [bold]Example[/bold]

      bowerbird store compact --out facts
    """
    with closing(open_store(where_of(data, store))) as opened, working("writing"):
        written = compact_facts(opened.database, out_folder)
    out.print(f"{_counted(written)}: {shown(out_folder)}")


@stores.command()
def backup(
    to: Annotated[Path, typer.Argument(help="A new file; a new folder for PostgreSQL.")],
    data: Data = "bowerbird-data",
    store: Store = None,
) -> None:
    """A copy of everything as of one moment, while the server runs.

    Copy DATA/identity.key beside it: without it nobody is known again.

    [bold]Example[/bold]

      bowerbird store backup backups/2026-11-27.sqlite
    """
    with closing(open_store(where_of(data, store))) as opened, working("copying"):
        opened.backup(to)
    out.print(f"copied to {shown(to)}")


@stores.command()
def restore(
    source: Annotated[Path, typer.Argument(help="What «backup» or «export» wrote.")],
    data: Data = "bowerbird-data",
    store: Store = None,
) -> None:
    """Fill an empty store with a copy, of whichever database it came from.

    [bold]Examples[/bold]

      bowerbird store restore backups/2026-11-27.sqlite --data fresh

      bowerbird store restore copy --store postgresql://shop@db/shop
    """
    with working("restoring"):
        restore_all(source, where_of(data, store))
    out.print(f"restored from {shown(source)}")


@stores.command()
def export(
    out_folder: Annotated[Path, typer.Option("--out", help="A new folder.")],
    data: Data = "bowerbird-data",
    store: Store = None,
) -> None:
    """Everything as Parquet and JSON, as of one moment.

    [bold]Example[/bold]

      bowerbird store export --out copy
    """
    with closing(open_store(where_of(data, store))) as opened, working("writing"):
        export_all(opened.database, out_folder)
    out.print(f"written to {shown(out_folder)}")


@stores.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="A folder that «export» wrote.")],
    data: Data = "bowerbird-data",
    store: Store = None,
) -> None:
    """Add everything of an export; a later one brings what is new, and again does no harm.

    Facts count once, of items and people the newer state holds, who was deleted stays so.

    [bold]Example[/bold]

      bowerbird store import copy --store postgresql://shop@db/shop
    """
    with closing(open_store(where_of(data, store))) as opened, working("reading"):
        import_all(opened.database, source)
        counts = opened.facts.counts()
    out.print(f"the store holds {_counted(counts)}")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "nothing new"
