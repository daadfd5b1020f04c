"""`bowerbird export`: a trained model as ONNX."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bowerbird.cli.console import print_facts, print_json, shown, working
from bowerbird.encoders.exported import export as write
from bowerbird.encoders.transformer import TransformerEncoder
from bowerbird.encoders.turned import TurnedEncoder
from bowerbird.encoders.two_tower import TwoTowerEncoder
from bowerbird.errors import ConfigError
from bowerbird.surfaces.run_folder import load_run

PROBES = 64
"""Histories on which the exported network is held beside the model."""


def export(
    run: Annotated[Path, typer.Argument(help="A run folder of sequence or two-tower.")],
    out_folder: Annotated[
        Path, typer.Option("--out", help="The folder to write.", show_default=False)
    ] = Path("onnx"),
    overwrite: Annotated[bool, typer.Option(help="Replace the folder that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="What was written, as JSON.")] = False,
) -> None:
    """Write the query and item networks of a run as ONNX, with item vectors and a description.

    The networks are run beside the model and refused if they differ by more than 0.0001.
    Needs the extras train and onnx.

    [bold]Example[/bold]

      bowerbird export runs/sequence --out onnx
    """
    if out_folder.exists() and not (overwrite and (out_folder / "query.onnx").is_file()):
        raise ConfigError(
            f"--out {out_folder}: is already there; choose another, or --overwrite an export"
        )
    with working("loading the run"):
        loaded = load_run(run)
    turn = loaded.fitted.turn if isinstance(loaded.fitted, TurnedEncoder) else None
    fitted = loaded.fitted.inner if isinstance(loaded.fitted, TurnedEncoder) else loaded.fitted
    if not isinstance(fitted, TransformerEncoder | TwoTowerEncoder):
        raise ConfigError(
            f"a run of model sequence or two-tower expected in {run}, one of"
            f" {loaded.facts['model']} came: it has no networks to export; train with"
            " --model sequence or --model two-tower"
        )
    queries = loaded.data.queries()
    with working("exporting"):
        probes = queries.take(np.arange(min(PROBES, len(queries))))
        apart = write(fitted, out_folder, probes, turn)
    files = sorted(path.name for path in out_folder.iterdir())
    facts = {"folder": shown(out_folder), "files": files, "largest difference": apart}
    if json:
        print_json(facts)
        return
    told = ", ".join(f"{name} {difference:.1e}" for name, difference in apart.items())
    print_facts({**facts, "files": ", ".join(files), "largest difference": told})
