"""`bowerbird ask`: one list of one surface, with the reasons for it."""

import zlib
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bowerbird.cli.console import out, print_json, print_table, working
from bowerbird.cli.question import Question
from bowerbird.cli.reading import now
from bowerbird.data.dataset import Catalog
from bowerbird.data.moments import seconds
from bowerbird.errors import ConfigError
from bowerbird.runs.recipe import read_recipe, run_recipe
from bowerbird.surfaces.kept import kept_index
from bowerbird.surfaces.people import people_for
from bowerbird.surfaces.run_folder import load_run
from bowerbird.surfaces.scenario import Scenario, scenarios_of
from bowerbird.surfaces.surface import Ask, surface_of


def ask(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    scenario: Annotated[
        str,
        typer.Argument(
            help="A scenario of the recipe, or a surface: for-you, similar, goes-with, next,"
            " search, popular, new, trending, audience."
        ),
    ] = "for-you",
    user: Annotated[
        str | None, typer.Option(help="Whose list.", rich_help_panel="Who and what")
    ] = None,
    item: Annotated[
        list[str] | None,
        typer.Option(
            help="About this item; repeated: a basket, or a session.",
            rich_help_panel="Who and what",
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="What is looked for.", rich_help_panel="Who and what")
    ] = None,
    trait: Annotated[
        list[str] | None,
        typer.Option(
            help="What is known of who asks: country=DE; repeated.", rich_help_panel="Who and what"
        ),
    ] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, help="Items a list.")] = None,
    at: Annotated[
        str | None, typer.Option(help="The moment of asking (ISO): dates of items and rules.")
    ] = None,
    filter: Annotated[
        str | None, typer.Option(help="Only what this is true of: 'price < 20'.")
    ] = None,
    never: Annotated[list[str] | None, typer.Option(help="Never this item; repeated.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Scenarios of this recipe, not of the run's own.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="A file of rules instead of the scenario's.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="The list without and with the rules.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Why each item.")] = False,
    seed: Annotated[
        int | None, typer.Option(help="Of what is explored; none: by who asks.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with all reasons.")] = False,
) -> None:
    """Ask one surface for one list.

    [bold]Examples[/bold]

      bowerbird ask runs/shop --user 42 --explain

      bowerbird ask runs/shop similar --item B004756YJA

      bowerbird ask runs/shop goes-with --item 50 --item 181 -k 5

      bowerbird ask runs/shop search --text "a film about chess"

      bowerbird ask runs/shop trending --trait gender=F

      bowerbird ask runs/shop audience --item 50 -k 20

      bowerbird ask runs/shop home --user 42 --rules rules.toml --dry-run
    """
    question = Question(user, tuple(item or ()), text, tuple(trait or ()))
    with working("loading the run"):
        told = read_recipe(recipe) if recipe else run_recipe(run)
        found = told.scenario(scenario) if told else _surface(scenario)
        if rules is not None:
            found = found.model_copy(update={"rules": str(rules)})
        loaded = load_run(run)
        moment = seconds(at) if at else loaded.data.newest() if loaded.data.dated else now()
        if found.surface == "audience":
            if never or text or trait or rules or dry_run or at:
                raise ConfigError("audience: --item or --user, -k and --filter expected, more came")
            people = people_for(loaded, found, user, question.items, k, filter)
            _show_people(people, json)
            return
        index = kept_index(run, len(loaded.data.catalog))
        asked = question.asked(loaded.data, found)
        wish = Ask(moment, index, k, filter, None, tuple(never or ()))
        surface = surface_of(loaded, found, wish)
    drawn = zlib.crc32(repr(question).encode()) if seed is None else seed
    (lists,) = surface.explained(asked, np.array([drawn]))
    if dry_run:
        (before,) = surface.without_rules().explained(asked, np.array([drawn]))
        _show_both(before, lists, loaded.data.catalog, json)
    elif json:
        print_json(lists)
    else:
        _show(lists, loaded.data.catalog, explain)


def _surface(name: str) -> Scenario:
    every = scenarios_of({})
    if name not in every:
        raise ConfigError(f"scenario: one of {', '.join(every)} expected, {name!r} came")
    return every[name]


def _show(lists: dict[str, Any], catalog: Catalog, explain: bool) -> None:
    """For a person to read."""
    titles = dict(zip(catalog.items.ids, catalog.titles(), strict=True))
    lines = [
        [str(item["rank"]), item["item"], titles[item["item"]], f"{item['score']:.4f}"]
        + ([_why(item, titles)] if explain else [])
        for item in lists["items"]
    ]
    columns = ("rank", "item", "title", "score") + (("why",) if explain else ())
    print_table(columns, lines, f"{lists['surface']} ({lists['rung']})")
    if explain:
        index = lists["index"]
        removed = [f"{name} {count:,}" for name, count in lists["removed"].items() if count]
        out.print(
            f"{lists['candidates']:,} candidates; removed: {', '.join(removed) or 'nothing'};"
            f" model {lists['model']} of {lists['run']}; index: {index['way'] if index else 'none'}"
        )


def _why(item: dict[str, Any], titles: dict[str, str]) -> str:
    """In a line: where from, because of what, what moved it, and whether it was drawn."""
    said = [str(item["source"])]
    if len(item["parts"]) > 1:
        said.append(", ".join(f"{name} {part:+.2f}" for name, part in item["parts"].items()))
    if item["because"]:
        told = (f"{titles[r['item']]} ({100 * r['share']:.0f} %)" for r in item["because"])
        said.append("because of " + ", ".join(told))
    for move in item["moved"]:
        said.append(f"{move['by']}: {move['from'] or 'in'} → {move['to']}")
    if item["propensity"] < 1:
        said.append(f"drawn with propensity {item['propensity']:.4f}")
    return "; ".join(said)


def _show_both(before: dict[str, Any], after: dict[str, Any], catalog: Catalog, json: bool) -> None:
    """The list without the rules beside the list with them."""
    if json:
        print_json({"before": before, "after": after})
        return
    titles = dict(zip(catalog.items.ids, catalog.titles(), strict=True))
    was = {item["item"]: item["rank"] for item in before["items"]}
    lines = []
    for old, new in zip_longest(before["items"], after["items"]):
        moved = "" if new is None else f"{was.get(new['item'], 'new')}"
        rules = [] if new is None else [m["by"] for m in new["moved"] if _by_rule(m["by"])]
        names = [titles[some["item"]] if some else "" for some in (old, new)]
        rank = str((old or new)["rank"])
        lines.append([rank, names[0], names[1], moved, ", ".join(rules)])
    print_table(("rank", "without rules", "with rules", "was", "moved by"), lines)


def _by_rule(name: str) -> bool:
    return name.startswith(("pin ", "rule "))


def _show_people(people: list[dict[str, Any]], json: bool) -> None:
    if json:
        print_json(people)
        return
    lines = [[str(one["rank"]), one["user"], f"{one['score']:.4f}"] for one in people]
    print_table(("rank", "user", "score"), lines, "audience")
