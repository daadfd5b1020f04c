"""`bowerbird mlflow`: the runs of a folder, told to MLflow."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import print_json, print_table, working
from bowerbird.runs.mlflow_export import ALIAS, export_runs
from bowerbird.surfaces.registry import Registry

QUIET = ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT")
"""Unless somebody has said otherwise, MLflow tells its makers nothing, and leaves our output be."""


def mlflow(
    folder: Annotated[Path, typer.Argument(help="The folder of runs.")],
    uri: Annotated[
        str,
        typer.Option(envvar="MLFLOW_TRACKING_URI", help="Of an MLflow server, or sqlite:///FILE."),
    ],
    name: Annotated[
        str, typer.Option(help="Of the experiment, and of the registered model.")
    ] = "bowerbird",
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Tell MLflow the runs of a folder: settings, figures, hashes, the verdict of the gate.

    Each is one MLflow run and one version of a registered model, however often the command is
    given; the alias «champion» is moved to the one that answers. Give it after every retrain,
    promote or rollback. Needs the extra mlflow.

    [bold]Examples[/bold]

      bowerbird mlflow runs --uri http://127.0.0.1:5000

      bowerbird mlflow runs --uri sqlite:///mlflow.db --name shop
    """
    for variable in QUIET:
        os.environ.setdefault(variable, "true")
    with working("telling MLflow"):
        told = export_runs(folder, uri, name)
    current = Registry(folder).current()
    if json:
        print_json([{**asdict(one), "champion": one.run == current} for one in told])
        return
    rows = [
        [ALIAS if one.run == current else "", one.run, one.version, "new" if one.new else ""]
        for one in told
    ]
    print_table(["", "run", "version", ""], rows)
