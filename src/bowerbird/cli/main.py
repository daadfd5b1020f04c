"""The `bowerbird` command: its commands by name, and what every one does with an error.

Exit codes: 0 done · 1 a bug of ours · 2 wrong usage or input · 130 interrupted.
"""

import os
import sys
from collections.abc import Collection
from importlib import import_module

import typer
from polars.exceptions import PolarsError
from rich.text import Text
from safetensors import SafetensorError

from bowerbird.cli.console import err
from bowerbird.errors import BowerbirdError

# typer raises its own copies of click's exceptions; this one it does not export by name
ClickException: type[Exception] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)
USAGE = 2

COMMANDS = (
    "check",
    "train",
    "evaluate",
    "recommend",
    "ask",
    "rerank",
    "similar",
    "map",
    "export",
    "datasets",
    "serve",
    "retrain",
    "triggers",
    "runs",
    "judge",
    "promote",
    "rollback",
    "diff",
    "recompute",
    "mlflow",
    "quickstart",
    "doctor",
)
"""Each is the function of its name in the module of its name, but for a few."""
PLACES = dict.fromkeys(("promote", "rollback", "diff"), "runs")
GROUPS = {"index": "index", "keys": "keys", "store": "stores", "online": "online"}
"""Commands that have commands of their own: where they are."""


def app_of(names: Collection[str]) -> typer.Typer:
    """The application with these commands: what another one needs is not imported."""
    app = typer.Typer(
        name="bowerbird",
        help="An embedding-based recommendation engine: check, train, evaluate, recommend, serve.",
        epilog="Exit codes: 0 done, 1 a bug, 2 wrong usage or input, 130 interrupted.",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(lambda: None)  # one command alone is still called by its name
    for name in COMMANDS:
        if name in names:
            app.command()(getattr(import_module(f"bowerbird.cli.{PLACES.get(name, name)}"), name))
    for name, module in GROUPS.items():
        if name in names:
            app.add_typer(getattr(import_module(f"bowerbird.cli.{module}"), module), name=name)
    return app


def run(arguments: list[str]) -> int:
    """The exit code of a command line; errors are told on one line."""
    every = (*COMMANDS, *GROUPS)
    try:
        app = app_of(every if not {*arguments[:1]} & {*every} else arguments[:1])
        code = app(arguments, prog_name="bowerbird", standalone_mode=False)
    except ClickException as error:
        if not arguments:
            return USAGE  # the help has been shown
        return _told(" ".join(getattr(error, "format_message", str)().split()), "; see --help")
    except BowerbirdError as error:
        return _told(" ".join(str(error).split()))
    except OSError as error:
        return _told(
            f"{error.filename or ''}: {error.strerror or error}".lstrip(": "), _remedy(error)
        )
    except MemoryError as error:
        return _told(f"not enough memory: {error}; try a smaller sample or another model")
    except (PolarsError, SafetensorError) as error:
        if "os error" not in str(error).lower():
            raise  # a bug of ours
        return _told(" ".join(str(error).split()), "; check the path and the space left")
    except typer.Abort:  # what typer makes of a Ctrl-C
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def _told(message: str, remedy: str = "") -> int:
    err.print(Text("error: ", style="bold red").append(message + remedy, style="default"))
    return USAGE


def _remedy(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads any more
        return ""
    if isinstance(error, PermissionError):
        return "; choose a place you may read and write"
    return "; check the path and the space left"
