"""What a peer is told on its command line, and what it hands back: lists and a few facts.

It runs in the peer's own environment, which has polars and numpy and knows nothing of bowerbird.
"""

import argparse
import json
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl


@dataclass(frozen=True, slots=True)
class Task:
    """Learn from past, list for everyone in history; both have user and item, oldest first."""

    model: str
    past: Path
    history: Path
    out: Path  # the lists go here; the facts beside it, as .json
    settings: dict[str, Any]
    k: int
    threads: int
    seed: int


@dataclass(frozen=True, slots=True)
class Known:
    """Events in rows: who and what, and the ids behind the rows, which are sorted."""

    users: np.ndarray
    items: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray


def task(about: str, models: tuple[str, ...]) -> Task:
    """What the command line asks for."""
    options = argparse.ArgumentParser(description=about)
    options.add_argument("model", choices=models)
    for name in ("past", "history", "out"):
        options.add_argument(f"--{name}", type=Path, required=True)
    options.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER")
    for name, usual in {"k": 100, "threads": 1, "seed": 0}.items():
        options.add_argument(f"--{name}", type=int, default=usual)
    told = vars(options.parse_args())
    pairs = (setting.partition("=") for setting in told.pop("set"))
    return Task(**told, settings={name: json.loads(value) for name, _, value in pairs})


def rows(task: Task) -> tuple[Known, Known]:
    """Past and history over the same ids: everyone and everything in the history."""
    tables = [pl.read_parquet(path, columns=["user", "item"]) for path in (task.past, task.history)]
    user_ids, item_ids = (tables[1][name].unique().sort().to_numpy() for name in ("user", "item"))
    past, history = (
        Known(
            np.searchsorted(user_ids, table["user"].to_numpy()).astype(np.int32),
            np.searchsorted(item_ids, table["item"].to_numpy()).astype(np.int32),
            user_ids,
            item_ids,
        )
        for table in tables
    )
    return past, history


class Stopwatch:
    """Seconds since it was made or last asked."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def lap(self) -> float:
        """Seconds, and from here on anew."""
        now = time.perf_counter()
        passed, self.start = now - self.start, now
        return round(passed, 3)


def hand_back(task: Task, lists: pl.DataFrame, facts: dict[str, Any], made_by: list[str]) -> None:
    """The lists (user, item, rank from 1) and what they cost.

    Args:
        task: what was asked.
        lists: of everyone in the history.
        facts: "fit seconds" from file to fitted model, "recommend seconds"; of what is trained
            also "epochs" and "tokens", the next items it was asked for in all of them.
        made_by: distributions whose versions are told.
    """
    lists.select("user", "item", "rank").write_parquet(task.out)
    told = {**facts, "model": task.model, "settings": task.settings, "threads": task.threads}
    told["versions"] = {name: version(name) for name in made_by}
    task.out.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
