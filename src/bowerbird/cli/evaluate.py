"""`bowerbird evaluate`: several models on one split, judged on what they have not seen."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from bowerbird.cli.console import (
    err,
    out,
    print_facts,
    print_json,
    print_leaderboard,
    shown,
    working,
)
from bowerbird.cli.options import DataOptions, expanded, settings
from bowerbird.cli.reading import now, read, recipe_from
from bowerbird.data.artifacts import save_json, whole
from bowerbird.data.dataset import Dataset
from bowerbird.data.digest import data_digest
from bowerbird.data.importing import Imported
from bowerbird.data.joining import joined
from bowerbird.data.split import LeaveOneOut, Split, fixed
from bowerbird.data.tables import Source
from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation.health import Limits
from bowerbird.evaluation.page import page
from bowerbird.retrieval.models import FAST, MODELS
from bowerbird.runs.compare import Comparison, Plan, compare
from bowerbird.runs.recipe import Recipe, model_names
from bowerbird.runs.run import versions
from bowerbird.surfaces.strict import seconds_of

_SPLIT = "Split"
_BESIDE = "Dial and health"


@expanded
def evaluate(
    data: DataOptions,
    recipe: Annotated[Path | None, typer.Argument(help="A recipe (TOML).")] = None,
    models: Annotated[
        str, typer.Option(help=f"Comma-separated: {', '.join(MODELS)} or auto.")
    ] = ",".join(FAST),
    budget: Annotated[
        str | None,
        typer.Option(help="Time for each trained model, and for auto: 90s, 10m (auto), 1h."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="time | leave-one-out | cold-items | cold-users.", rich_help_panel=_SPLIT
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(help="A file of answers: the split is as given.", rich_help_panel=_SPLIT),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting of the split: --setting test_share=0.2.", rich_help_panel=_SPLIT
        ),
    ] = None,
    k: Annotated[
        str, typer.Option("-k", help="List lengths; the first chooses settings.")
    ] = "10,20,100",
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Folder for report.html and report.json.")
    ] = None,
    baseline: Annotated[str, typer.Option(help="The model that gains are over.")] = "popularity",
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    tune: Annotated[
        bool | None,
        typer.Option("--tune/--no-tune", help="Choose settings on validation (default)."),
    ] = None,
    refit: Annotated[
        bool, typer.Option(help="Fit on the validation events, too, once settings are chosen.")
    ] = True,
    allow_repeats: Annotated[
        bool, typer.Option("--allow-repeats", help="Seen items may be answers again.")
    ] = False,
    dial: Annotated[
        bool,
        typer.Option(
            help="Measure what holding back the popular buys, on validation.",
            rich_help_panel=_BESIDE,
        ),
    ] = True,
    gate: Annotated[
        str | None,
        typer.Option(
            help="health: end with an error where vectors do not keep a limit.",
            rich_help_panel=_BESIDE,
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            help="A limit of health: --limit dead=0.5.",
            rich_help_panel=_BESIDE,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Compare models honestly: full-catalog ranking, intervals, slices, exposure.

    Settings are chosen on a validation split inside the training data; the test split is read once.

    [bold]Examples[/bold]

      bowerbird evaluate --events e.parquet --items i.parquet --split time --out report

      bowerbird evaluate --events train.parquet --test test.parquet --models ease,als -k 20
    """
    names, lengths = model_names(models), _lengths(k)
    if test is not None and (split or setting):
        raise ConfigError("--test is a split by itself: leave out --split and --setting")
    model_names(baseline)
    limits = Limits.of(settings(limit, "--limit"))
    if gate not in (None, "health"):
        raise ConfigError(f"--gate: health expected, {gate!r} came")
    more = {"split": {**({"kind": split} if split else {}), **settings(setting)}}
    more["split"] |= {"repeats": True} if allow_repeats else {}
    asked = recipe_from(data, recipe, more if more["split"] else None)
    asked = asked if seed is None else asked.model_copy(update={"seed": seed})
    imported = read(asked.inputs(now()), quiet=json)
    cut, inner = _cut(asked, imported, test, allow_repeats)
    told = {asked.model.name: dict(asked.model.model_extra or {})}  # of the model in the recipe
    tuned = asked.model.tune if tune is None else tune
    plan = Plan(tuple(names), inner, lengths, asked.seed, tuned, refit, baseline, settings=told)
    plan = replace(plan, dial=dial, limits=limits)
    time = budget or asked.model.budget
    plan = plan if time is None else replace(plan, budget_s=seconds_of(time))
    with working("evaluating") as say:
        comparison = compare(cut, plan, lambda model, what: say(f"{model}: {what}"))
    facts = evaluation_facts(cut, plan, imported.data)
    report = {"facts": facts, **comparison.to_json()}
    if out_folder is not None:
        write_report(out_folder, comparison, report, shown(Path(asked.events.path)))
    if json:
        print_json(report)
    else:
        print_comparison(comparison, facts)
        if out_folder is not None:
            out.print(f"\nreport: {shown(out_folder / 'report.html')}")
    if gate is not None:
        _pass(comparison)


def write_report(
    folder: Path,
    comparison: Comparison,
    report: dict[str, Any],
    title: str,
    blocks: list[tuple[str, list[list[str]]]] | None = None,
) -> None:
    """report.json and report.html, each whole."""
    if folder.is_file():
        raise ConfigError(f"--out {folder}: a folder expected, this is a file; choose another")
    with whole(folder / "report.json") as partial:
        save_json(partial, report)
    shown = [*(blocks or []), *newcomers(comparison)]
    title = f"Evaluation of {title}"
    looked = (shown, comparison.health, comparison.frontiers)
    html = page(comparison.board, comparison.reports, title, *looked)
    with whole(folder / "report.html") as partial:
        partial.write_text(html, "utf-8")


def _pass(comparison: Comparison) -> None:
    """The gate: nothing where all vectors are well.

    Raises:
        DataError: which model, which measure, what was expected and what came.
    """
    alarms = comparison.alarms()
    if not comparison.health:
        raise DataError(
            "--gate health: a model of vectors expected (als, content, sequence, …),"
            f" {', '.join(comparison.reports)} came: add one to --models"
        )
    if alarms:
        more = "" if len(alarms) == 1 else f" ({len(alarms) - 1} more in the report)"
        raise DataError(f"--gate health: {alarms[0]}{more}")


def newcomers(comparison: Comparison) -> list[tuple[str, list[list[str]]]]:
    """A table of the learning curves; none where nobody has a history long enough."""
    curves = comparison.newcomers
    if not curves:
        return []
    first = next(iter(curves.values()))
    head = ["model", *(f"{n} event{'s' * (n != 1)}" for n in first.revealed)]
    rows = [[name, *(f"{mean:.4f}" for mean in one.means())] for name, one in curves.items()]
    people = first.values.shape[1]
    title = f"NDCG@{first.k} for the same {people:,} people, had they come so many events ago"
    return [(title, [head, *rows])]


def print_comparison(comparison: Comparison, facts: dict[str, Any]) -> None:
    """The leaderboard, and by what rules it came about."""
    print_leaderboard(comparison.board)
    note = f"gain over {comparison.board.baseline}; ?: the interval of the gain holds 0\n"
    out.print(Text(note, style="dim"))
    rules = next(iter(comparison.reports.values())).facts
    print_facts({**rules, **{name: facts[name] for name in ("seed", "settings", "refit")}})
    beside = {f"health of {name}": one.verdict() for name, one in comparison.health.items()}
    beside |= {f"dial of {name}": one.sentence() for name, one in comparison.frontiers.items()}
    if beside:
        out.print("")
        print_facts(beside)
    for name, why in comparison.skipped.items():
        err.print(Text(f"{name} was skipped: {why}", style="yellow"))


def _cut(asked: Recipe, imported: Imported, test: str | None, repeats: bool) -> tuple[Split, Any]:
    """The split, and the rule that cuts validation out of its training data."""
    if test is None:
        rule = asked.rule()
        return rule.split(imported.data), rule.inner()
    inputs = asked.inputs(now())
    aside = inputs.quarantine and inputs.quarantine.with_stem(f"{inputs.quarantine.stem}-test")
    source = Source(test, asked.events.database)
    answers = replace(inputs, events=source, items=None, users=None, quarantine=aside)
    data, log = joined(imported.data, read(answers, quiet=True).data)
    return fixed(data, log, repeats), LeaveOneOut(repeats=repeats, seed=asked.seed)


def evaluation_facts(cut: Split, plan: Plan, data: Dataset) -> dict[str, Any]:
    """What to know to get the same numbers again."""
    return {
        "seed": plan.seed,
        "settings": "chosen on validation" if plan.tune else "defaults",
        "refit": "on validation too" if plan.refit else "fitted without the validation events",
        "data": data_digest(data),
        "train events": len(cut.train.log),
        "versions": versions(),
    }


def _lengths(told: str) -> tuple[int, ...]:
    try:
        lengths = tuple(int(part) for part in told.split(","))
    except ValueError:
        raise ConfigError(f"-k: whole numbers expected, such as 10,20; {told!r} came") from None
    if min(lengths) < 1:
        raise ConfigError(f"-k: list lengths of 1 or more expected, {told!r} came")
    return lengths
