"""How good the lists are, on public data, by fixed protocols: `python benchmarks/quality.py`.

Settings are chosen by the product itself, on validation events inside what it is given to learn
from. Each protocol reads its test events once.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl

from measuring import Bench, bar, run_all

ALL = "popularity,cooccurrence,ease,graph-filter,als,content"
NO_TEXTS = "popularity,cooccurrence,ease,graph-filter,als"
LARGE = "popularity,cooccurrence,graph-filter,als"


def leave_one_out(bench: Bench) -> None:
    """Last event of everyone; co-occurrence also fitted without the last but one."""
    tables = _loo_tables(bench)
    figures: dict[str, Any] = {}
    figures["fitted without validation"] = _lists(
        bench, "past", "a", "--history", "history.parquet"
    )
    figures["fitted on all but the test event"] = _lists(bench, "history", "b", "--all-users")
    report = _evaluate(
        bench, ALL, "--events", "events.parquet", *tables, "--split", "leave-one-out"
    )
    figures["models"] = _rows(report)
    neutral = figures["fitted on all but the test event"]["ndcg@10"]
    own = figures["models"]["cooccurrence"]["ndcg@10"]
    figures["own evaluator minus neutral scorer, ndcg@10"] = round(own - neutral, 6)
    at_least = {"amazon-beauty": (0.053, 0.060), "ml-1m": (0.158, 0.158)}[bench.name]
    bars = [
        bar(f"co-occurrence {name}, ndcg@10", figures[name]["ndcg@10"], least)
        for name, least in zip(list(figures)[:2], at_least, strict=True)
    ]
    bench.keep(figures, _protocol(report), bars)


def _loo_tables(bench: Bench) -> list[str]:
    """events, history (without the last), past (without the last two), truth; items that occur."""
    folder, to = bench.data / bench.name, bench.scratch
    events = pl.read_parquet(folder / "interactions.parquet")
    events = events.select("user", "item", *({"timestamp", "order"} & set(events.columns)))
    events = events.sort("user", "order", maintain_order=True)
    from_end = pl.int_range(pl.len()).reverse().over("user")
    events.write_parquet(to / "events.parquet")
    events.filter(from_end >= 1).write_parquet(to / "history.parquet")
    events.filter(from_end >= 2).write_parquet(to / "past.parquet")
    events.filter(from_end == 0).select("user", "item").write_parquet(to / "truth.parquet")
    items = pl.read_parquet(folder / "items.parquet").join(events, on="item", how="semi")
    items.write_parquet(to / "items.parquet")
    return ["--items", "items.parquet"]


def _lists(bench: Bench, learned: str, run: str, *whose: str) -> dict[str, Any]:
    """Train and recommend as a user would; scored by a script that knows nothing of us."""
    trained = bench.bowerbird(
        *("train", "--events", f"{learned}.parquet", "--items", "items.parquet"),
        *("--model", "cooccurrence", "--seed", bench.seed, "--out", run, "--json"),
    )
    listed = bench.bowerbird("recommend", run, *whose, "-k", 100, "--out", f"{run}.parquet")
    scored = bench.python(
        *(bench.scorer, "--recs", f"{run}.parquet"),
        *("--truth", "truth.parquet", "--train", "history.parquet"),
    )
    chosen = json.loads(trained.out)["choice"]
    return {
        **json.loads(scored.out),
        "settings": chosen["settings"],
        "validation ndcg@10": _best(chosen),
        "train": trained.cost(),
        "recommend": listed.cost(),
    }


def gowalla(bench: Bench) -> None:
    """The split that graph papers share; they print Recall@20 and NDCG@20."""
    report = _fixed(bench, LARGE)
    figures = {"models": _rows(report)}
    got = figures["models"]["graph-filter"]["recall@20"]
    bench.keep(figures, _protocol(report), [bar("graph-filter recall@20", got, 0.184)])


def amazonelectronics(bench: Bench) -> None:
    """A split of the same family, small enough for a minute."""
    report = _fixed(bench, NO_TEXTS)
    figures = {"models": _rows(report)}
    got = figures["models"]["ease"]["ndcg@20"]
    bench.keep(figures, _protocol(report), [bar("ease ndcg@20", got, 0.080)])


def _fixed(bench: Bench, models: str) -> dict[str, Any]:
    folder = bench.data / bench.name
    tables = ("--events", folder / "train.parquet", "--test", folder / "test.parquet")
    return _evaluate(bench, models, *tables, lengths="20,10,100")


def cold_items(bench: Bench) -> None:
    """A fifth of the items of amazon-beauty never met in training: among themselves, among all."""
    folder = bench.data / "amazon-beauty"
    figures, protocol = {}, {}
    for candidates in ("cold", "all"):
        report = _evaluate(
            *(bench, "popularity,cooccurrence,als,content"),
            *("--events", folder / "interactions.parquet", "--items", folder / "items.parquet"),
            *("--split", "cold-items", "--setting", f"candidates={candidates}"),
            *("--setting", "seed=42"),
            lengths="20,10,100",
        )
        figures[f"ranked among {candidates} items"] = _rows(report)
        protocol[f"ranked among {candidates} items"] = _protocol(report)
    bench.keep(figures, protocol)


def movielens_100k(bench: Bench) -> None:
    """One cut in time for everybody."""
    folder = _fetched(bench)
    report = _evaluate(
        *(bench, ALL, "--events", folder / "events.parquet", "--items", folder / "items.parquet"),
        *("--split", "time"),
    )
    bench.keep({"models": _rows(report)}, _protocol(report))


def quickstart(bench: Bench) -> None:
    """What `make quickstart` prints."""
    done = bench.bowerbird("quickstart", "--out", "quickstart", "--seed", bench.seed)
    report = json.loads((bench.scratch / "quickstart" / "report.json").read_text("utf-8"))
    report["cost"] = done.cost()
    bench.keep({"models": _rows(report)}, _protocol(report))


def complete_journey(bench: Bench) -> None:
    """Groceries, one cut in time: with repeat purchases as answers, and only with new products."""
    folder = _fetched(bench)
    figures, protocol = {}, {}
    for what, more in {"repeats count": ["--allow-repeats"], "new products only": []}.items():
        report = _evaluate(
            *(bench, "popularity,cooccurrence,als,content"),
            *("--events", folder / "events.parquet", "--items", folder / "items.parquet"),
            *("--split", "time", *more),
        )
        figures[what], protocol[what] = _rows(report), _protocol(report)
    bench.keep(figures, protocol)


def _fetched(bench: Bench) -> Path:
    """The folder of a data set that the product knows how to fetch."""
    files = json.loads(bench.bowerbird("datasets", bench.name, "--json").out)
    return Path(files["events"]).parent


def _evaluate(
    bench: Bench, models: str, *arguments: object, lengths: str = "10,20,100"
) -> dict[str, Any]:
    """The report of `bowerbird evaluate --json`, with what it cost."""
    done = bench.bowerbird(
        *("evaluate", *arguments, "--models", models, "-k", lengths),
        *("--seed", bench.seed, "--json"),
    )
    return {**json.loads(done.out), "cost": done.cost()}


def _rows(report: dict[str, Any]) -> dict[str, Any]:
    """Model → accuracy with its interval, exposure, the settings chosen and what it cost."""
    rows: dict[str, Any] = {}
    for name, told in report["reports"].items():
        means = {
            f"{metric}@{k}": told["means"][f"{metric}@{k}"]
            for metric in ("ndcg", "recall", "hit", "mrr")
            for k in (10, 20, 100)
        }
        exposure = ("coverage@10", "catalog_coverage@10", "gini@10")
        totals = {name: round(told["totals"][name], 4) for name in exposure}
        between = {n: [round(m["low"], 5), round(m["high"], 5)] for n, m in means.items()}
        rows[name] = {
            **{metric: round(mean["mean"], 6) for metric, mean in means.items()},
            "intervals (95 %)": {n: between[n] for n in ("ndcg@10", "ndcg@20", "recall@20")},
            **totals,
            "settings": report["settings"][name]["settings"],
            "validation": _best(report["settings"][name]),
            "seconds": report["seconds"][name],
        }
    return {**rows, **{name: {"skipped": why} for name, why in report["skipped"].items()}}


def _best(choice: dict[str, Any]) -> dict[str, Any] | None:
    """What the chosen settings reached on validation, and how many were tried."""
    if not choice["tried"]:
        return None
    metric = next(name for name in choice["tried"][0] if name.startswith("ndcg@"))
    best = max(tried[metric] for tried in choice["tried"])
    return {metric: round(best, 6), "tried": len(choice["tried"]), "users": choice["users"]}


def _protocol(report: dict[str, Any]) -> dict[str, Any]:
    """By what rules the figures came about."""
    rules = next(iter(report["reports"].values()))["facts"]
    shared = ("split", "cut", "ties", "seen", "gain", "repeats", "catalog", "users", "seed")
    facts = {name: rules[name] for name in (*shared, "judged", "cold items")}
    own = ("settings", "refit", "data", "train events")
    facts |= {name: report["facts"][name] for name in own}
    return {**facts, "cost of the evaluation": report["cost"]}


BENCHMARKS = {
    "amazon-beauty": (leave_one_out, ["amazon-beauty"]),
    "ml-1m": (leave_one_out, ["ml-1m"]),
    "gowalla": (gowalla, ["gowalla"]),
    "amazonelectronics": (amazonelectronics, ["amazonelectronics"]),
    "cold-items": (cold_items, ["amazon-beauty"]),
    "movielens-100k": (movielens_100k, []),
    "quickstart": (quickstart, []),
    "complete-journey": (complete_journey, []),
}


if __name__ == "__main__":
    run_all(__doc__ or "", BENCHMARKS)
