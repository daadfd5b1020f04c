"""From options and a recipe file to a dataset, with progress: how every command begins."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bowerbird.cli.console import err, working
from bowerbird.cli.options import DataOptions
from bowerbird.data.importing import Imported, Inputs, import_dataset
from bowerbird.errors import ConfigError
from bowerbird.runs.recipe import Recipe, read_recipe, recipe_of


def recipe_from(
    data: DataOptions, recipe: Path | None, more: Mapping[str, Mapping[str, Any]] | None = None
) -> Recipe:
    """The recipe file with the options laid over it.

    Raises:
        ConfigError: neither a recipe nor --events was given, or one of them is wrong.
    """
    told: dict[str, Any] = {}
    if recipe is not None:
        told = read_recipe(recipe).model_dump(exclude_unset=True)
    tables = data.tables()
    for name, table in [*tables.items(), *(more or {}).items()]:
        old = told.get(name) or {}
        told[name] = {**old, **table}
        if name == "events" and "weights" in table:
            told[name]["weights"] = {**old.get("weights", {}), **table["weights"]}
    if "path" not in told.get("events", {}):
        raise ConfigError("--events FILE or a recipe expected; see --help for examples")
    if told.get("items") and "path" not in told["items"]:
        raise ConfigError("--kind describes a column of --items FILE, which is missing")
    return recipe_of(told, str(recipe) if recipe else "options")


def read(inputs: Inputs, quiet: bool = False) -> Imported:
    """The dataset, its notes told on standard error."""
    with working("reading events") as say:
        imported = import_dataset(inputs, lambda rows: say(f"{rows:,}"))
    if not quiet:
        for note in imported.notes:
            err.print(f"note: {note}")
    return imported


def now() -> int:
    """Seconds since 1970: the only place where the command line reads the clock."""
    return int(time.time())  # noqa: TID251  this is the edge
