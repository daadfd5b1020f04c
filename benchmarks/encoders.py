"""What trained encoders and their blend reach, by fixed protocols: `python benchmarks/encoders.py`.

Everything goes through the command line, lists are scored by a script that knows nothing of us.
Settings, parts and weights are chosen by the product on validation events inside what it is given;
each protocol reads its test events once. `--only ml-1m-sequence` runs one.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from measuring import Bench, Done, bar, run_all

SEED_OF_COLD = 42
BARS = {  # least NDCG@10 and HR@10 of everyone's last event, by data set and way
    "amazon-beauty-sequence": (0.050,),
    "amazon-beauty-auto": (0.058, 0.095),
    "amazon-beauty-refitted": (0.064,),
    "amazon-sports-auto": (0.034, 0.058),
    "amazon-sports-refitted": (0.039,),
    "ml-1m-sequence": (0.180,),
    "ml-1m-auto": (0.186, 0.316),
    "ml-1m-refitted": (0.186,),
}
"""`sequence` and `auto` are fitted without the last but one, as most papers do; `refitted` with."""


def leave_one_out(bench: Bench) -> None:
    """The last event of everyone is the answer; fitted without the last but one, or with it."""
    name, way = bench.name.rsplit("-", 1)
    tables = _loo_tables(bench, name)
    model = "sequence" if way == "sequence" else "auto"
    learned = "history" if way == "refitted" else "past"
    budget = "45m" if name == "ml-1m" else "20m"
    made = _train(bench, f"{learned}.parquet", "run", model, *tables, budget=budget)
    whose = ("--all-users",) if learned == "history" else ("--history", "history.parquet")
    figures = _scored(bench, "run", whose, made)
    told = _told("everyone's last event", "their last but one")
    told["fitted on"] = {
        "past": "all but the last two events",
        "history": "all but the last event",
    }[learned]
    reached = [
        bar(measure, figures[measure], least)
        for measure, least in zip(("ndcg@10", "hit@10"), BARS[bench.name], strict=False)
    ]
    bench.keep({model: figures}, told, reached)


def gowalla(bench: Bench) -> None:
    """The split that graph papers share; validation is a random fifth of each user's events."""
    folder = bench.data / "gowalla"
    made = _train(bench, folder / "train.parquet", "run", "auto", budget="45m")
    got = _scored(
        bench, "run", ("--all-users",), made, folder / "test.parquet", folder / "train.parquet"
    )
    bars = [
        bar("auto recall@20", got["recall@20"], 0.187),
        bar("auto ndcg@20", got["ndcg@20"], 0.156),
    ]
    bench.keep({"auto": got}, _told("as given", "a random fifth of the rest"), bars)


def time_split(bench: Bench) -> None:
    """One cut for all at nine tenths of the events; who comes after it is asked for the last."""
    events = pl.read_parquet(bench.data / "ml-1m" / "interactions.parquet")
    events = events.select("user", "item", "timestamp", "order")
    events = events.sort("user", "order", maintain_order=True)
    cut = int(np.quantile(events["timestamp"].to_numpy(), 0.9))
    late = events.filter(pl.col("timestamp") >= cut)["user"].unique()
    asked = events.filter(pl.col("user").is_in(late.implode()))
    last = pl.int_range(pl.len()).reverse().over("user") == 0
    to = bench.scratch
    to.mkdir(parents=True, exist_ok=True)
    events.filter(pl.col("timestamp") < cut).write_parquet(to / "past.parquet")
    asked.filter(~last).write_parquet(to / "history.parquet")
    asked.filter(last).select("user", "item").write_parquet(to / "truth.parquet")
    pl.read_parquet(bench.data / "ml-1m" / "items.parquet").write_parquet(to / "items.parquet")
    made = _train(bench, "past.parquet", "run", "auto", "--items", "items.parquet", budget="30m")
    got = _scored(bench, "run", ("--history", "history.parquet"), made)
    note = (
        "the last event of everyone who comes after the cut; before it all their events are known"
    )
    bench.keep(
        {"auto": got}, _told(note, "inside the past"), [bar("ndcg@10", got["ndcg@10"], 0.095)]
    )


def cold_beauty(bench: Bench) -> None:
    """A fifth of the items without an event; ranked among themselves, and among all."""
    folder, figures = bench.data / "amazon-beauty", {}
    for candidates in ("cold", "all"):
        done = bench.bowerbird(
            *("evaluate", "--events", folder / "interactions.parquet"),
            *("--items", folder / "items.parquet", "--models", "content,two-tower"),
            *("--split", "cold-items", "--setting", f"candidates={candidates}"),
            *("--setting", f"seed={SEED_OF_COLD}", "-k", "20,10,100", "--budget", "15m"),
            *("--no-dial", "--seed", bench.seed, "--json"),
        )
        reports = json.loads(done.out)["reports"]
        figures[f"among {candidates}"] = {
            name: {m: round(told["means"][m]["mean"], 5) for m in ("recall@20", "ndcg@20")}
            for name, told in reports.items()
        } | {"cost": done.cost()}
    got = figures["among cold"]["two-tower"]["recall@20"]
    told = _told("events of a random fifth of the items", "another fifth of the rest")
    bench.keep(figures, told, [bar("two-tower recall@20 among cold", got, 0.232)])


def citeulike(bench: Bench) -> None:
    """Articles nobody has in their library yet, by their tags."""
    folder, to = bench.data / "citeulike-a", bench.scratch
    to.mkdir(parents=True, exist_ok=True)
    items, test = (pl.read_parquet(folder / f"{name}.parquet") for name in ("items", "test"))
    train = pl.concat([pl.read_parquet(folder / f"{n}.parquet") for n in ("train",)])
    items.filter(pl.col("item").is_in(test["item"].unique().implode())).write_parquet(
        to / "cold.parquet"
    )
    train.write_parquet(to / "train.parquet")
    figures = {}
    for model in ("content", "two-tower"):
        made = _train(
            bench, "train.parquet", model, model, "--items", folder / "items.parquet", budget="15m"
        )
        whose = ("--all-users", "--items", "cold.parquet")
        figures[model] = _scored(
            bench, model, whose, made, folder / "test.parquet", "train.parquet"
        )
    got = figures["two-tower"]["recall@20"]
    told = _told("as given (Heater split)", "inside train") | {"ranked": "the held-out articles"}
    bench.keep(figures, told, [bar("recall@20", got, 0.40)])


def funnel(bench: Bench) -> None:
    """Purchases from views and carts, beside the same model that sees purchases only."""
    folder, to = bench.data / "retailrocket", bench.scratch
    to.mkdir(parents=True, exist_ok=True)
    events, test = (pl.read_parquet(folder / f"{n}.parquet") for n in ("events", "test_buy"))
    events.filter(pl.col("event") == "buy").write_parquet(to / "bought.parquet")
    items = pl.concat([events["item"], test["item"]]).unique().sort()
    pl.DataFrame({"item": items}).write_parquet(to / "items.parquet")
    figures = {}
    for name, source in {
        "all events": folder / "events.parquet",
        "purchases": "bought.parquet",
    }.items():
        run = name.replace(" ", "-")
        made = _train(
            *(bench, source, run, "two-tower", "--items", "items.parquet"),
            *("--type-column", "event"),
            budget="10m",
        )
        figures[name] = _scored(
            bench, run, ("--all-users",), made, folder / "test_buy.parquet", source
        )
    gain = figures["all events"]["ndcg@10"] / max(figures["purchases"]["ndcg@10"], 1e-9)
    figures["gain"] = round(gain, 3)
    told = _told("one purchase of everyone", "inside the events")
    bench.keep(figures, told, [bar("ndcg@10 over purchases only", gain, 1.3)])


def _loo_tables(bench: Bench, name: str) -> list[Any]:
    """events, history (without the last), past (without the last two), truth; items that occur."""
    folder, to = bench.data / name, bench.scratch
    to.mkdir(parents=True, exist_ok=True)
    events = pl.read_parquet(folder / "interactions.parquet")
    events = events.select("user", "item", *sorted({"timestamp", "order"} & set(events.columns)))
    events = events.sort("user", "order", maintain_order=True)
    from_end = pl.int_range(pl.len()).reverse().over("user")
    events.filter(from_end >= 1).write_parquet(to / "history.parquet")
    events.filter(from_end >= 2).write_parquet(to / "past.parquet")
    events.filter(from_end == 0).select("user", "item").write_parquet(to / "truth.parquet")
    if not (folder / "items.parquet").exists():
        return []
    items = pl.read_parquet(folder / "items.parquet").join(events, on="item", how="semi")
    items.write_parquet(to / "items.parquet")
    return ["--items", "items.parquet"]


def _train(
    bench: Bench, events: Path | str, run: str, model: str, *more: object, budget: str
) -> Done:
    """A run, as a user would make it."""
    return bench.bowerbird(
        *("train", "--events", events, *more, "--model", model, "--budget", budget),
        *("--seed", bench.seed, "--out", run, "--json"),
    )


def _scored(
    bench: Bench,
    run: str,
    whose: tuple[object, ...],
    made: Done,
    truth: Path | str = "truth.parquet",
    train: Path | str = "history.parquet",
) -> dict[str, Any]:
    """Lists of 100, scored by the neutral script; what was chosen, and what it all cost."""
    listed = bench.bowerbird("recommend", run, *whose, "-k", 100, "--out", f"{run}.parquet")
    scored = bench.python(
        bench.scorer, "--recs", f"{run}.parquet", "--truth", truth, "--train", train
    )
    facts = json.loads(made.out)
    return {
        **json.loads(scored.out),
        "choice": facts["choice"],
        "train": made.cost(),
        "recommend": listed.cost(),
    }


def _told(test: str, validation: str) -> dict[str, str]:
    return {
        "test": test,
        "validation": validation,
        "ranked": "the whole catalog, what the history holds left out",
        "ties": "to the lower row",
        "max_len": "200",
        "query time": "not given",
    }


BENCHMARKS = {name: (leave_one_out, [name.rsplit("-", 1)[0]]) for name in BARS} | {
    "ml-1m-time": (time_split, ["ml-1m"]),
    "gowalla-auto": (gowalla, ["gowalla"]),
    "cold-encoders": (cold_beauty, ["amazon-beauty"]),
    "citeulike-encoders": (citeulike, ["citeulike-a"]),
    "retailrocket-encoders": (funnel, ["retailrocket"]),
}


if __name__ == "__main__":
    run_all(__doc__ or "", BENCHMARKS)
