"""`bowerbird train`: data → run folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bowerbird.cli.console import out, print_facts, print_json, shown, working
from bowerbird.cli.options import DataOptions, expanded, settings
from bowerbird.cli.reading import now, read, recipe_from
from bowerbird.errors import ConfigError
from bowerbird.runs.run import Stopwatch, load_facts, write_run
from bowerbird.runs.run import train as fit
from bowerbird.runs.tune import Choice


@expanded
def train(
    data: DataOptions,
    recipe: Annotated[Path | None, typer.Argument(help="A recipe (TOML).")] = None,
    out_folder: Annotated[
        Path, typer.Option("--out", help="The run folder to write.", show_default=False)
    ] = Path("run"),
    model: Annotated[
        str | None,
        typer.Option(help="popularity, cooccurrence, ease, graph-filter, als or content."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(help="A setting of the model: --setting dim=128; it is then not chosen."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    tune: Annotated[
        bool | None,
        typer.Option("--tune/--no-tune", help="Choose settings on validation first (default)."),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace the run that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The run's facts as JSON.")] = False,
) -> None:
    """Learn from the data and keep everything needed to recommend in one folder.

    Settings that are not given are chosen with everyone's last event held out; the model is then
    fitted on everything.
    The folder appears when it is complete; Ctrl-C leaves nothing behind.

    [bold]Examples[/bold]

      bowerbird train --events events.parquet --items items.parquet --model als --out runs/als

      bowerbird train recipe.toml --out runs/today --seed 1
    """
    if out_folder.exists() and not overwrite:
        raise ConfigError(f"--out {out_folder}: is already there; choose another, or --overwrite")
    if out_folder.exists() and not (out_folder / "run.json").is_file():
        raise ConfigError(f"--out {out_folder}: is no run folder, so it is not replaced")
    given = {"name": model, "tune": tune}
    more = {"model": {name: value for name, value in given.items() if value is not None}}
    more["model"] |= settings(setting)
    asked = recipe_from(data, recipe, more)
    asked = asked if seed is None else asked.model_copy(update={"seed": seed})
    estimator, watch = asked.estimator(), Stopwatch()
    imported = read(asked.inputs(now()), quiet=json)
    with working(f"training {asked.model.name}") as say:
        fixed = tuple(asked.model.model_extra or {})
        trained = fit(estimator, imported.data, asked.seed, asked.model.tune, fixed, say)
    facts = {
        "model": asked.model.name,
        "seed": asked.seed,
        "trained_at": now(),
        "seconds": float(watch),
        "broken_rows": len(imported.quarantine),
    }
    with working("writing the run"):
        write_run(out_folder, imported.data, trained, facts, asked.seen_from(out_folder).text())
    if json:
        print_json(load_facts(out_folder))
    else:
        _tell(out_folder, asked.model.name, imported.data.users.ids[0], trained.choice, watch)


def _tell(folder: Path, model: str, user: str, choice: Choice, watch: Stopwatch) -> None:
    facts: dict[str, Any] = {"run": shown(folder), "model": model}
    if choice.scores:
        best = max(score for _, score in choice.scores)
        tried = f"{len(choice.scores)} settings tried on {choice.users:,} users"
        facts["validation"] = f"NDCG@10 {best:.4f}; {tried}"
    facts["settings"] = ", ".join(f"{k}={v}" for k, v in choice.to_json()["settings"].items())
    facts["seconds"] = float(watch)
    print_facts(facts)
    out.print(f"\nnext: bowerbird recommend {shown(folder)} --user {user}")
