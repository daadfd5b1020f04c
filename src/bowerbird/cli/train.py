"""`bowerbird train`: data → run folder."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from bowerbird.cli.console import err, out, print_facts, print_json, print_table, shown, working
from bowerbird.cli.options import DataOptions, expanded, settings
from bowerbird.cli.reading import now, read, recipe_from
from bowerbird.encoders.session import Session
from bowerbird.errors import ConfigError
from bowerbird.retrieval.models import MODELS
from bowerbird.runs.run import Stopwatch, write_run
from bowerbird.runs.run import train as fit
from bowerbird.runs.tune import Choice
from bowerbird.surfaces.run_folder import load_facts

SHORT = {
    "history length": "people, {} events",
    "item popularity": "items, {}",
    "item age": "items, {}",
}
"""Slices that are shown on a terminal; run.json has all."""


@expanded
def train(
    data: DataOptions,
    recipe: Annotated[Path | None, typer.Argument(help="A recipe (TOML).")] = None,
    out_folder: Annotated[
        Path, typer.Option("--out", help="The run folder to write.", show_default=False)
    ] = Path("run"),
    model: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(MODELS)}, or auto: the best of them and their blend."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Time for auto (10m) and for what is trained: 90s, 10m, 1h."),
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
    The folder appears when it is complete. What is trained step by step goes on where it was
    interrupted, if the same command is given again.

    [bold]Examples[/bold]

      bowerbird train --events events.parquet --items items.parquet --model als --out runs/als

      bowerbird train recipe.toml --out runs/today --seed 1

      bowerbird train --events events.parquet --items items.parquet --model auto --budget 10m
    """
    if out_folder.exists() and not overwrite:
        raise ConfigError(f"--out {out_folder}: is already there; choose another, or --overwrite")
    if out_folder.exists() and not (out_folder / "run.json").is_file():
        raise ConfigError(f"--out {out_folder}: is no run folder, so it is not replaced")
    given = {"name": model, "tune": tune, "budget": budget}
    more = {"model": {name: value for name, value in given.items() if value is not None}}
    more["model"] |= settings(setting)
    asked = recipe_from(data, recipe, more)
    asked = asked if seed is None else asked.model_copy(update={"seed": seed})
    estimator, watch = asked.estimator(), Stopwatch()
    imported = read(asked.inputs(now()), quiet=json)
    with working(f"training {asked.model.name}") as say:
        fixed = tuple(asked.model.model_extra or {})
        unfinished = out_folder.with_name(f".{out_folder.name}.unfinished")
        session = Session(budget_s=asked.budget_s(), checkpoints=unfinished)
        told = (asked.seed, asked.model.tune, fixed, say, session)
        with _kept(unfinished):
            trained = fit(estimator, imported.data, *told)
    facts = {
        "model": asked.model.name,
        "seed": asked.seed,
        "trained_at": now(),
        "seconds": float(watch),
        "broken_rows": len(imported.quarantine),
    }
    with working("writing the run"):
        write_run(out_folder, imported.data, trained, facts, asked.seen_from(out_folder).text())
    shutil.rmtree(unfinished, ignore_errors=True)
    if json:
        print_json(load_facts(out_folder))
    else:
        _tell(out_folder, asked.model.name, imported.data.users.ids[0], trained.choice, watch)


@contextmanager
def _kept(unfinished: Path) -> Iterator[None]:
    """Whoever interrupts the work is told what is left of it."""
    try:
        yield
    except KeyboardInterrupt:
        if unfinished.exists():
            err.print(
                f"note: what was trained so far is kept in {shown(unfinished)}: the same command"
                " goes on from there"
            )
        raise


def _tell(folder: Path, model: str, user: str, choice: Choice, watch: Stopwatch) -> None:
    facts: dict[str, Any] = {"run": shown(folder), "model": model}
    if choice.scores:
        best = max(score for _, score in choice.scores)
        tried = f"{len(choice.scores)} settings tried on {choice.users:,} users"
        facts["validation"] = f"NDCG@10 {best:.4f}; {tried}"
    facts["settings"] = ", ".join(f"{k}={v}" for k, v in choice.to_json()["settings"].items())
    facts["seconds"] = float(watch)
    if choice.why:
        _tell_why(choice.why)
    print_facts(facts)
    out.print(f"\nnext: bowerbird recommend {shown(folder)} --user {user}")


def _tell_why(why: Mapping[str, Any]) -> None:
    """What each model reached, alone and by group, beside the blend; then in words."""
    parts = why.get("parts", [])
    weights = why.get("weights") or {}
    rows = [
        [
            part["model"],
            f"{part['score']:.4f}",
            f"{weights[part['model']]:.3f}" if part["model"] in weights else "",
            f"{part['seconds']:.0f}",
        ]
        for part in parts
    ]
    if "blend" in why:
        score = f"{why['blend']['score']:.4f}"
        rows.append(["blend", score, "", ""])
    if rows:
        print_table(["model", why["metric"], "weight", "seconds"], rows)
        _tell_slices(why)
    for name, reason in why.get("skipped", {}).items():
        err.print(Text(f"{name} was skipped: {reason}", style="yellow"))
    for line in why["words"]:
        out.print(line)
    out.print("")


def _tell_slices(why: Mapping[str, Any]) -> None:
    """Groups of people and of items; the best of each line is what serves them best."""
    names = [part["model"] for part in why["parts"]] + (["blend"] if "blend" in why else [])
    rows = [
        [SHORT[row["slice"]].format(row["group"]), f"{row['users']:,}"]
        + [_score(row["scores"].get(name)) for name in names]
        for row in why.get("slices", [])
        if row["slice"] in SHORT
    ]
    print_table(["group", "users", *names], rows)


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
