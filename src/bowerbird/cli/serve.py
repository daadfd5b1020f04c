"""`bowerbird serve`: a run behind HTTP."""

import logging
import os
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import err
from bowerbird.errors import ConfigError
from bowerbird.surfaces.strict import seconds_of


def serve(
    run: Annotated[
        Path, typer.Argument(help="A run folder, or a folder of runs with a file «current».")
    ],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free.")] = 8000,
    host: Annotated[str, typer.Option(help="Whom to answer; 0.0.0.0 is everybody.")] = "127.0.0.1",
    data: Annotated[Path, typer.Option(help="What changes: events, items, people, keys.")] = Path(
        "bowerbird-data"
    ),
    store: Annotated[
        str | None,
        typer.Option(help="postgresql://USER@HOST/DATABASE, not a file in --data."),
    ] = None,
    deadline_ms: Annotated[
        int, typer.Option(min=1, max=10_000, help="Until a list is answered, whatever it takes.")
    ] = 250,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second of a key.")] = 200.0,
    origin: Annotated[
        list[str] | None, typer.Option(help="Pages that may ask: https://shop.example; repeated.")
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            help="Where the console may fetch pictures: https://cdn.shop.example; repeated."
        ),
    ] = None,
    retrain: Annotated[
        str | None,
        typer.Option(help="Look so often whether a retrain is due, and make it: 10m."),
    ] = None,
    look: Annotated[bool, typer.Option("--open", help="Open its console in a browser.")] = False,
    log: Annotated[bool, typer.Option("--log/--no-log", help="A line of JSON a request.")] = True,
) -> None:
    """Answer over HTTP: events in, lists out.

    Nothing else is needed: events, items and keys go to a file in --data. Without keys only this
    machine is answered; «bowerbird keys create» makes one.

    [bold]Examples[/bold]

      bowerbird serve runs/first

      bowerbird serve runs --port 80 --host 0.0.0.0 --data /var/lib/bowerbird

      bowerbird serve runs --store postgresql://shop@db/shop

      bowerbird serve runs --retrain 10m

      bowerbird serve runs --open
    """
    try:
        from bowerbird.serving.console import checked_origins
        from bowerbird.serving.server import serve_forever
        from bowerbird.serving.service import Settings
    except ImportError as error:
        remedy = "pip install 'bowerbird[serve]'"
        raise ConfigError(f"serving needs {error.name}: {remedy}") from None
    alone = host in ("127.0.0.1", "localhost", "::1")
    if retrain is not None:
        seconds_of(retrain, "--retrain")
    origins, pictures = tuple(origin or ()), checked_origins(images or ())
    settings = Settings(deadline_ms, rate, alone, origins, pictures, retrain=retrain)
    logging.getLogger("bowerbird.serving").setLevel(logging.INFO)
    logging.getLogger("bowerbird.requests").setLevel(logging.INFO if log else logging.WARNING)
    serve_forever(run, store or data, data, settings, (host, port), _telling(look))


def _telling(look: bool) -> Callable[[str, str], None]:
    """Say where it listens, and show its console if somebody wants to see it."""

    def tell(words: str, address: str) -> None:
        err.print(words)
        seen = sys.platform in ("darwin", "win32") or os.environ.keys() & {
            "DISPLAY",
            "WAYLAND_DISPLAY",
        }
        if look and seen:  # else it would be a browser of text, in the terminal of the server
            webbrowser.open(address)

    return tell
