"""`bowerbird similar`: what a run holds to be like an item."""

from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import print_json, print_table, working
from bowerbird.cli.reading import now
from bowerbird.errors import DataError
from bowerbird.retrieval.models import as_retriever
from bowerbird.surfaces.run_folder import load_run


def similar(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    item: Annotated[str, typer.Argument(help="An item id.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show the k items most like one item, as the model of this run sees it.

    [bold]Examples[/bold]

      bowerbird similar runs/als 50 -k 5

      bowerbird similar runs/content B004756YJA --json
    """
    with working("loading the run"):
        loaded = load_run(run)
    catalog = loaded.data.catalog
    if item not in catalog.items:
        known = ", ".join(catalog.items.ids[:3])
        raise DataError(f"item {item!r} is not among the {len(catalog):,} of {run} ({known}, …)")
    asked = catalog.items.rows([item])
    allow = catalog.available(loaded.data.newest() if loaded.data.dated else now())
    hits = as_retriever(loaded.fitted, catalog).similar(asked, k, allow)
    titles = catalog.titles()
    pairs = zip(hits.rows[0].tolist(), hits.scores[0].tolist(), strict=True)
    found = [(rank, row, score) for rank, (row, score) in enumerate(pairs, 1) if row >= 0]
    if not found:
        model = loaded.facts["model"]
        remedy = "train with --model content, which looks at what is written on an item"
        raise DataError(f"model {model} knows nothing that is like item {item!r}; {remedy}")
    ids = catalog.items.ids
    if json:
        print_json([{"item": ids[row], "rank": rank, "score": s} for rank, row, s in found])
        return
    lines = [[str(rank), ids[row], titles[row], f"{score:.4f}"] for rank, row, score in found]
    print_table(("rank", "item", "title", "score"), lines, f"like {titles[int(asked[0])]}")
