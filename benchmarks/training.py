"""What training costs and gives, beside RecTools, LensKit and implicit: `benchmarks/training.py`.

All in one run, on the same cores, from the same split files, scored by the same neutral script.
Each peer has an environment of its own under benchmarks/out/peers, made from the pinned list
peers/NAME.txt where it is not there yet. RecTools takes hours: `--epochs 2` makes it less.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import PEERS, Bench, Done, bar, begin, environment, parser

FACTOR = 10.0
"""So many times the tokens/s of RecTools are to be reached."""
SHAPES = {
    "training-amazon-beauty": {"blocks": 1, "heads": 1, "max_len": 50, "dropout": 0.2},
    "training-ml-1m": {"blocks": 2, "heads": 1, "max_len": 200, "dropout": 0.1},
}
"""Of the networks in the paper on eSASRec (arXiv 2508.06450), by data set. The width is --dim;
its authors take 64 for ml-1m and 256 for the Amazon sets."""
NEGATIVES = 256
THEIR_NAMES = {
    "dim": "n_factors",
    "blocks": "n_blocks",
    "heads": "n_heads",
    "max_len": "session_max_len",
    "dropout": "dropout_rate",
    "negatives": "n_negatives",
}
NEIGHBOURS, FACTORS = 100, 128
SEQUENCE, SHAPED = "sequence, equal epochs", "sequence of RecTools' shape, equal epochs"
TIMED = "sequence, equal time"
SASREC, ESASREC = "RecTools SASRec", "RecTools eSASRec"
OTHERS = {
    "implicit ALS": ("implicit", "als", {"factors": FACTORS}),
    "implicit BM25": ("implicit", "bm25", {"K": NEIGHBOURS}),
    "LensKit ImplicitMF": ("lenskit", "implicit-mf", {"embedding_size": FACTORS}),
    "LensKit ItemKNN": ("lenskit", "item-knn", {"max_nbrs": NEIGHBOURS}),
}


@dataclass(frozen=True, slots=True)
class Beside:
    """One run: the benchmark, how much of RecTools, on how many cores."""

    bench: Bench
    epochs: int
    threads: int
    dim: int

    def peer(self, name: str, model: str, settings: dict[str, Any]) -> dict[str, Any]:
        """A peer fits and lists in a process of its own environment."""
        run = f"{name}-{model}"
        done = self.bench.run(
            *(environment(name), PEERS / f"{name}_lists.py", model),
            *("--past", "past.parquet", "--history", "history.parquet", "--out", f"{run}.parquet"),
            *(word for n, v in settings.items() for word in ("--set", f"{n}={v}")),
            *("--threads", self.threads, "--seed", self.bench.seed),
        )
        facts = json.loads((self.bench.scratch / f"{run}.json").read_text("utf-8"))
        row = {n: facts[n] for n in ("fit seconds", "epochs", "tokens", "versions") if n in facts}
        row |= {"settings": settings, "peak MB": round(done.peak_mb)}
        return {**row, **self._scored(run), "fit and recommend": done.cost()}

    def ours(self, run: str, model: str, *more: object, targets: int = 0) -> dict[str, Any]:
        """Train and recommend as a user would; `targets` are the tokens an epoch, where known."""
        made = self.bench.bowerbird(
            *("train", "--events", "past.parquet", "--model", model, *more),
            *("--seed", self.bench.seed, "--out", run, "--json"),
        )
        listed = self.bench.bowerbird(
            *("recommend", run, "--history", "history.parquet", "-k", 100),
            *("--out", f"{run}.parquet"),
        )
        facts = json.loads(made.out)
        chosen = facts["choice"]["settings"]
        row: dict[str, Any] = {"fit seconds": facts["seconds"]}
        row |= {"epochs": chosen["epochs"]} if "epochs" in chosen else {}
        row |= {"tokens": targets * chosen["epochs"]} if targets else {}
        row |= {"settings": chosen, "peak MB": round(max(made.peak_mb, listed.peak_mb))}
        costs = {"train": made.cost(), "recommend": listed.cost()}
        return {**row, **self._scored(run), **costs}

    def _scored(self, run: str) -> dict[str, Any]:
        done: Done = self.bench.python(
            *(self.bench.scorer, "--recs", f"{run}.parquet"),
            *("--truth", "truth.parquet", "--train", "history.parquet"),
        )
        scored: dict[str, Any] = json.loads(done.out)
        return scored


def measured(beside: Beside) -> None:
    """Everyone's last event is the answer; fitted without the last but one."""
    bench, epochs = beside.bench, beside.epochs
    source = bench.data / bench.name.removeprefix("training-") / "interactions.parquet"
    data = json.loads(bench.python(Path(__file__), "--split", source).out)
    shape = {"dim": beside.dim, **SHAPES[bench.name], "negatives": NEGATIVES}
    theirs = {THEIR_NAMES[name]: value for name, value in shape.items()}
    theirs |= {"lr": 0.001, "batch_size": 128, "epochs": epochs}
    fixed = ("--no-tune", "--setting", f"epochs={epochs}")
    shaped = (word for n, v in shape.items() for word in ("--setting", f"{n}={v}"))
    targets = data["next items an epoch"]
    rows = {name: beside.peer(*other) for name, other in OTHERS.items()}
    rows["cooccurrence"] = beside.ours("cooccurrence", "cooccurrence")
    rows["als"] = beside.ours("als", "als")
    rows[SEQUENCE] = beside.ours("sequence", "sequence", *fixed, targets=targets)
    rows[SHAPED] = beside.ours("shaped", "sequence", *fixed, *shaped, targets=targets)
    rows[SASREC] = beside.peer("rectools", "sasrec", theirs)
    rows[ESASREC] = beside.peer("rectools", "esasrec", theirs)
    budget = f"{max(1, round(rows[ESASREC]['fit seconds']))}s"
    rows[TIMED] = beside.ours("timed", "sequence", "--budget", budget)
    for row in rows.values():
        if "tokens" in row:
            row["tokens/s"] = round(row["tokens"] / row["fit seconds"], 1)
    bench.keep({"data": data, "rows": rows}, told(beside), bars_of(rows))


def bars_of(rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Ten times the throughput; lists no worse at equal epochs, nor in equal time."""
    speed = rows[ESASREC]["tokens/s"]
    best = max(rows[name]["ndcg@10"] for name in (SASREC, ESASREC))
    ratios = {name: rows[name]["tokens/s"] / speed for name in (SEQUENCE, SHAPED)}
    return [
        *(bar(f"{n}: tokens/s over eSASRec's", ratio, FACTOR) for n, ratio in ratios.items()),
        bar("sequence, ndcg@10 at equal epochs", rows[SEQUENCE]["ndcg@10"], best),
        bar("sequence, ndcg@10 in eSASRec's time", rows[TIMED]["ndcg@10"], best),
    ]


def told(beside: Beside) -> dict[str, Any]:
    """What was compared with what, and by which rules."""
    return {
        "test": "everyone's last event; lists of 100 by the history before it",
        "fitted on": "histories without their last two events; no texts. The order is known to "
        "all that look at it, timestamps (ml-1m) to ours alone",
        "ranked": "the whole catalog, what the history holds left out",
        "cores": f"{beside.threads} for everyone (affinity and thread pools)",
        "fit seconds": "from the file to the fitted model, imports of libraries left out; ours "
        "with the choice of settings, except at equal epochs",
        "tokens": "real next items that the network was asked for, over all epochs; RecTools has "
        "the newest max_len of a history, ours has all",
        "tokens/s": "tokens by fit seconds",
        "peak MB": "fit and lists in one process; ours: the larger of train and recommend",
        "equal time": "ours is given eSASRec's fit seconds as --budget: it finds the epochs on "
        "validation events inside the past, then fits anew on all of it",
        "RecTools": f"{beside.epochs} epochs, sampled softmax, {NEGATIVES} negatives, 128 a batch",
        "other peers": f"as they come, with {FACTORS} factors or {NEIGHBOURS} neighbours",
        "precision": "ours in bfloat16 where the processor multiplies it; the others as they come",
        "bfloat16 here": bfloat16(),
    }


def bfloat16() -> bool:
    """Does this processor multiply it?"""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and "avx512_bf16" in cpuinfo.read_text("utf-8")


def split(source: Path) -> None:
    """Files, and what is in them; in a process of its own, so that this one stays small."""
    import polars as pl

    events = pl.read_parquet(source)
    events = events.select("user", "item", *sorted({"timestamp", "order"} & set(events.columns)))
    events = events.sort("user", "order", maintain_order=True)
    from_end = pl.int_range(pl.len()).reverse().over("user")
    past = events.filter(from_end >= 2)
    past.write_parquet("past.parquet")
    events.filter(from_end >= 1).write_parquet("history.parquet")
    events.filter(from_end == 0).select("user", "item").write_parquet("truth.parquet")
    facts = {"events": events.height, "past": past.height}
    facts |= {f"{name}s": events[name].n_unique() for name in ("user", "item")}
    facts["next items an epoch"] = past.height - past["user"].n_unique()  # none leads to a first
    print(json.dumps(facts))


def confine(threads: int) -> None:
    """The same cores and the same thread pools for every process that is started from here."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    for name in ("OMP", "OPENBLAS", "MKL", "RAYON", "NUMEXPR"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = "inductor"  # in the scratch folder, not in /tmp


def options() -> argparse.Namespace:
    """What the command line says."""
    told = parser(__doc__ or "", list(SHAPES))
    told.add_argument("--epochs", type=int, default=10, help="of RecTools, and ours beside it")
    told.add_argument("--threads", type=int, default=2, help="cores, for everyone")
    told.add_argument("--dim", type=int, default=64, help="width of RecTools' networks")
    return told.parse_args()


def main() -> None:
    """Run the benchmarks that were asked for, or all; with --split, only cut the events."""
    if sys.argv[1:2] == ["--split"]:
        split(Path(sys.argv[2]))
        return
    asked = options()
    for name in asked.only or SHAPES:
        data = f"{name.removeprefix('training-')}/interactions.parquet"
        bench = begin(name, asked, [data])
        if bench is not None:
            for peer in ("rectools", *dict.fromkeys(other[0] for other in OTHERS.values())):
                environment(peer)  # before the cores are counted out
            confine(asked.threads)
            measured(Beside(bench, asked.epochs, asked.threads, asked.dim))


if __name__ == "__main__":
    main()
