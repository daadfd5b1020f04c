"""Who is asked about: people by id, from a file, or from histories the run never saw."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bowerbird.cli.console import err
from bowerbird.data.dataset import Dataset
from bowerbird.data.fields import written_as
from bowerbird.data.importing import Inputs, import_dataset, read_catalog
from bowerbird.data.joining import behind, extended, retold
from bowerbird.data.queries import Queries
from bowerbird.data.schema import EventSchema, TableSchema
from bowerbird.data.tables import Source, opened
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError, DataError
from bowerbird.runs.recipe import Recipe
from bowerbird.surfaces.run_folder import Run


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked about, by id, and their histories in the rows of the run."""

    users: Vocabulary  # in the order asked
    queries: Queries
    strangers: int  # of them, people nobody knows anything of


def catalog_of_today(
    run: Run, items: str | None, recipe: Recipe | None
) -> tuple[Run, np.ndarray | None]:
    """The run over its own catalog and today's; and which rows are of today."""
    if items is None:
        return run, None
    table = recipe.items if recipe else None
    kinds = {name: column.kind for name, column in run.data.catalog.fields.items()}
    schema = TableSchema(table.id if table else None, kinds, table.ignore if table else ())
    newer = read_catalog(Source(items), schema)
    catalog = extended(run.data.catalog, newer)
    current = np.zeros(len(catalog), dtype=bool)
    current[catalog.items.rows(newer.items.ids)] = True
    return replace(run, data=replace(run.data, catalog=catalog)), current


def wanted_ids(users: Path | None, user: list[str] | None) -> list[str] | None:
    """The ids asked for, each once, in the order given; None: nobody was named."""
    ids = list(user or [])
    if users is not None:
        try:
            ids += [line.strip() for line in users.read_text("utf-8").splitlines() if line.strip()]
        except UnicodeDecodeError as error:
            raise DataError(f"{users}: text with one user id a line expected: {error}") from error
        if not ids:
            raise DataError(f"{users}: at least one user id expected, the file has none")
    return list(dict.fromkeys(ids)) if users is not None or user else None


def told_histories(history: str | None, recipe: Recipe | None) -> Dataset | None:
    """The histories in the file, read as the run's own events were, where it has the columns."""
    if history is None:
        return None
    source = Source(history)
    schema = recipe.inputs().event_schema if recipe else EventSchema()
    with opened(source) as rows:
        schema = schema.among(rows.collect_schema().names())
    imported = import_dataset(Inputs(source, event_schema=schema))
    for note in imported.notes:
        err.print(f"note: {note}")
    return imported.data


def asked_about(
    data: Dataset, wanted: list[str] | None, everyone: bool, strange: Dataset | None
) -> Asked:
    """Whose lists: histories from the file go before those of the run."""
    if wanted is None and not everyone and strange is None:
        raise ConfigError("--users FILE, --user ID, --all-users or --history FILE expected")
    ids, kind = data.users.ids, data.users.kind
    queries, told = data.queries(), Vocabulary(())
    if strange is not None:
        told, kind = strange.users, strange.users.kind
        queries = queries.then(retold(strange, data))
        ids = data.users.extended(told.ids).ids if everyone else told.ids
    ids = ids if wanted is None else tuple(wanted)
    from_file, known = told.rows(ids), data.users.rows(ids)
    rows = np.where(from_file >= 0, len(data.users) + from_file, known)
    # what the run knows of someone in the file is only what not to show again
    past = data.queries().take(np.where(from_file >= 0, known, -1))
    queries = behind(replace(past, weights=np.zeros_like(past.weights)), queries.take(rows))
    kind = kind if written_as(kind, ids) else "String"
    return Asked(Vocabulary(ids, kind), queries, int((queries.lengths() == 0).sum()))
