"""What a learned second stage adds to fast retrievers: `python benchmarks/reranking.py`.

Through the command line: `train`, `rerank`, and lists with and without it, scored by a script that
knows nothing of us. Settings, trees, and whether they are kept at all are chosen by the product on
events inside what it is given; the test is read once for each list. `--only ml-1m` runs one.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from measuring import Bench, bar, run_all

K = 10
MODELS = ("als", "cooccurrence")


def leave_one_out(bench: Bench) -> None:
    """The last event of everyone is the answer, asked with all that was before it."""
    name, to = bench.name.removeprefix("reranking-"), bench.scratch
    events = pl.read_parquet(bench.data / name / "interactions.parquet")
    events = events.sort("user", "order", maintain_order=True).select("user", "item", "order")
    last = pl.int_range(pl.len()).reverse().over("user") == 0
    events.filter(~last).write_parquet(to / "history.parquet")
    events.filter(last).select("user", "item").write_parquet(to / "truth.parquet")
    _items(bench, name, events)
    _measure(
        bench, "history.parquet", ("--all-users",), "everyone's last event; no times, an order"
    )


def by_time(bench: Bench) -> None:
    """One cut for all at nine tenths of the events; who comes after it is asked for the last."""
    to = bench.scratch
    events = pl.read_parquet(bench.data / "ml-1m" / "interactions.parquet")
    events = events.select("user", "item", "timestamp", "order")
    events = events.sort("user", "order", maintain_order=True)
    cut = int(np.quantile(events["timestamp"].to_numpy(), 0.9))
    late = events.filter(pl.col("timestamp") >= cut)["user"].unique()
    asked = events.filter(pl.col("user").is_in(late.implode()))
    last = pl.int_range(pl.len()).reverse().over("user") == 0
    events.filter(pl.col("timestamp") < cut).write_parquet(to / "past.parquet")
    asked.filter(~last).write_parquet(to / "history.parquet")
    asked.filter(last).select("user", "item").write_parquet(to / "truth.parquet")
    _items(bench, "ml-1m", events)
    note = "the last event of everyone who comes after the cut, asked with all before it"
    _measure(bench, "past.parquet", ("--history", "history.parquet"), note)


def _items(bench: Bench, name: str, events: pl.DataFrame) -> None:
    """The catalog: items that occur."""
    items = pl.read_parquet(bench.data / name / "items.parquet").join(events, on="item", how="semi")
    items.write_parquet(bench.scratch / "items.parquet")


def _measure(bench: Bench, learned: str, whose: tuple[str, ...], test: str) -> None:
    """Each model with and without its second stage."""
    figures, bars = {}, []
    for model in MODELS:
        made = bench.bowerbird(
            *("train", "--events", learned, "--items", "items.parquet", "--model", model),
            *("--seed", bench.seed, "--out", model, "--json"),
        )
        learning = bench.bowerbird("rerank", model, "--seed", bench.seed, "--json")
        verdict = json.loads(learning.out)
        row: dict[str, Any] = {
            "settings": json.loads(made.out)["choice"]["settings"],
            "validation": verdict,
            "cost": {"train": made.cost(), "rerank": learning.cost()},
            "test": {"as retrieved": _scored(bench, model, "plain", whose)},
        }
        if verdict["kept"]:
            row["test"]["re-ranked"] = _scored(bench, model, "rerank", whose)
            row["test gain"] = _gain(bench, f"{model}-plain", f"{model}-rerank")
            bars.append(bar(f"{model}: low end of the gain on the test", row["test gain"][1], 0.0))
        figures[model] = row
    told = {
        "test": test,
        "learned from": learned,
        "ranked": "the whole catalog, what the history holds left out",
        "candidates": "200 of the model",
        "chosen": "settings, number of trees, and whether they are kept, on events before the test",
        "test gain": "NDCG@10 person by person: mean, and the ends of its 95 % interval",
    }
    bench.keep({"models": figures}, told, bars)


def _scored(bench: Bench, run: str, way: str, whose: tuple[str, ...]) -> dict[str, Any]:
    """Lists of 100, scored by the neutral script."""
    name = f"{run}-{way}.parquet"
    more = ("--rerank",) if way == "rerank" else ()
    listed = bench.bowerbird("recommend", run, *whose, *more, "-k", 100, "--out", name)
    files = {"--recs": name, "--truth": "truth.parquet", "--train": "history.parquet"}
    told = bench.python(bench.scorer, *(word for pair in files.items() for word in pair))
    return {**json.loads(told.out), "recommend": listed.cost()}


def _gain(bench: Bench, plain: str, other: str) -> list[float]:
    """Mean of the differences in NDCG@10, and the ends of its interval."""
    from bowerbird.evaluation.bootstrap import intervals

    one, two = (_each(bench.scratch, name) for name in (plain, other))
    gain = (two - one)[:, None]
    low, high = intervals(gain, bench.seed)[:, 0]
    return [round(float(value), 5) for value in (gain.mean(), low, high)]


def _each(folder: Path, lists: str) -> np.ndarray:
    """NDCG@10 of everyone with one answer, in the order of the users."""
    found = pl.read_parquet(folder / f"{lists}.parquet").filter(pl.col("rank") <= K)
    truth = pl.read_parquet(folder / "truth.parquet").sort("user")
    placed = truth.join(found, on=["user", "item"], how="left", maintain_order="left")
    values: np.ndarray = (1 / np.log2(placed["rank"].fill_null(10**9).to_numpy() + 1.0)).copy()
    values[placed["rank"].is_null().to_numpy()] = 0
    return values


if __name__ == "__main__":
    run_all(
        __doc__ or "",
        {
            "reranking-ml-1m": (leave_one_out, ["ml-1m"]),
            "reranking-amazon-beauty": (leave_one_out, ["amazon-beauty"]),
            "reranking-ml-1m-time": (by_time, ["ml-1m"]),
        },
    )
