"""What the popularity dial buys on MovieLens 1M: `python benchmarks/popularity.py`.

Everyone's last event is the test, the last but one validation; the model has seen neither. The
dial, a discount of scores, EASE and MMR re-ranking are judged on validation; the position chosen
there is read on the test once, by a script that knows nothing of us. `--run FOLDER` takes a run
of `--model` that was fitted without everyone's last two events; `--model als --no-test` tries the
script in minutes, reads no test event and keeps nothing.
"""

import json
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from measuring import Bench, bar, begin, parser

K, POOL, TOLERANCE = 10, 200, 0.01
DIAL = (0.0, *(round(0.1 * 1.12**step, 3) for step in range(40)))
SCORES = (0.0, *(round(0.01 * 1.2**step, 4) for step in range(24)))
MMR = (0.99, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Weights of relevance; the rest is distance from what stands above."""
FIGURES = ("accuracy", "coverage", "gini", "arp", "tail")


@dataclass(frozen=True, slots=True)
class Known:
    """An encoder whose queries have been encoded: the moment of a query is its row."""

    items: ndarray
    queries: ndarray

    def encode_items(self, catalog: Any) -> ndarray:  # noqa: ANN401  imported late
        """As they are."""
        return self.items

    def encode_queries(self, queries: Any) -> ndarray:  # noqa: ANN401  imported late
        """Of these rows."""
        return np.asarray(self.queries[queries.now])

    def save(self, folder: Path) -> None:
        """It is not kept."""


def measure(bench: Bench, run: Path | None, model: str, test: bool) -> None:
    """The frontier on validation, the chosen position on the test."""
    _tables(bench)
    folder = bench.scratch / "run"
    if run is None:
        _train(bench, "run", model)
    else:
        folder.symlink_to(run, target_is_directory=True)
    _train(bench, "ease", "ease")
    points, alpha = _frontiers(bench, folder)
    dial = points["dial"]
    chosen = next(p for p in dial if p["alpha"] == alpha)
    figures: dict[str, Any] = {
        "validation": points,
        "chosen": chosen,
        "at the same accuracy": {name: _within(points[name]) for name in points},
        "dominated": {
            name: sum(any(_beats(d, p) for d in dial) for p in points[name]) / len(points[name])
            for name in ("ease", "ease on the same candidates", "mmr")
            if points.get(name)
        },
    }
    if not test:
        print(json.dumps(figures | {"validation": "not shown"}, indent=1))
        shutil.rmtree(bench.scratch, ignore_errors=True)
        return
    figures["test"] = tested = {
        str(alpha): _tested(bench, folder, alpha) for alpha in (0.0, chosen["alpha"])
    }
    start, end = tested["0.0"], tested[str(chosen["alpha"])]
    bars = [
        bar("test ndcg@10 kept", end["ndcg@10"] / start["ndcg@10"], 0.99),
        bar("test coverage@10 gained", end["coverage@10"] / start["coverage@10"] - 1, 0.30),
        bar("test popularity (ARP@10) lost", 1 - end["arp@10"] / start["arp@10"], 0.15),
        *(bar(f"share of {n} dominated", v, 1.0) for n, v in figures["dominated"].items()),
    ]
    told = {
        "model": json.loads((folder / "run.json").read_text("utf-8"))["model"],
        "test": "everyone's last event",
        "validation": "their last but one; no model has seen either",
        "ranked": "the whole catalog, what the history holds left out",
        "chosen": f"the largest α whose validation NDCG@10 is within {TOLERANCE:.0%} of the best, "
        "and surely of α = 0 (lower end of the 95 % interval of the loss)",
        "mmr": f"cosine of item vectors, the {POOL} best of the model, scores brought to 0 … 1",
        "coverage": "of the items in the training events",
    }
    bench.keep(figures, told, bars)


def _tables(bench: Bench) -> None:
    """The past (without the last two), history (without the last), truth; items that occur."""
    folder, to = bench.data / "ml-1m", bench.scratch
    to.mkdir(parents=True, exist_ok=True)
    events = pl.read_parquet(folder / "interactions.parquet")
    events = events.select("user", "item", "timestamp", "order")
    events = events.sort("user", "order", maintain_order=True)
    from_end = pl.int_range(pl.len()).reverse().over("user")
    events.filter(from_end >= 2).write_parquet(to / "past.parquet")
    events.filter(from_end >= 1).write_parquet(to / "history.parquet")
    for name, place in {"validation": 1, "truth": 0}.items():
        one = events.filter(from_end == place).select("user", "item")
        one.write_parquet(to / f"{name}.parquet")
    items = pl.read_parquet(folder / "items.parquet").join(events, on="item", how="semi")
    items.write_parquet(to / "items.parquet")


def _train(bench: Bench, run: str, model: str) -> None:
    """Fitted without the last two events of everyone."""
    bench.bowerbird(
        *("train", "--events", "past.parquet", "--items", "items.parquet", "--model", model),
        *("--seed", bench.seed, "--out", run, "--budget", "45m", "--json"),
    )


def _frontiers(bench: Bench, folder: Path) -> tuple[dict[str, list[dict[str, float]]], float]:
    """Every way of giving up a little accuracy, judged by the same people; the dial's position."""
    from bowerbird.evaluation.frontier import frontier
    from bowerbird.ranking.diversify import Mmr
    from bowerbird.retrieval.dial import Dial
    from bowerbird.retrieval.discounted import Discounted, log_popularity
    from bowerbird.retrieval.models import as_retriever
    from bowerbird.retrieval.retriever import VectorRetriever
    from bowerbird.surfaces.run_folder import load_run

    run, ease = load_run(folder), load_run(bench.scratch / "ease")
    judge = _Judge.of(run.data, bench.scratch / "validation.parquet")
    print("  judging positions on validation", flush=True)
    main = as_retriever(run.fitted, run.data.catalog)
    dial = Dial.over(main, run.data)
    found: dict[str, Any] = {}
    if isinstance(main, VectorRetriever):
        known = Known(main.vectors, main.encoder.encode_queries(judge.queries))
        main = VectorRetriever(known, main.vectors, main.index)
        dial = replace(dial, main=main)
        level = log_popularity(run.data.item_counts())
        plain = Discounted.over(known, run.data.catalog, level)
        found["discount of scores"] = [
            (a, plain.with_alpha(a).retrieve(judge.queries, K, None, judge.seen)) for a in SCORES
        ]
    pool = main.retrieve(judge.queries, POOL, None, judge.seen)
    if isinstance(main, VectorRetriever):
        steps = [Mmr(main.vectors, weight, K) for weight in MMR]
        found["mmr"] = [(step.weight, step(judge.queries, pool).top(K)) for step in steps]
    candidates = dial.candidates(judge.queries, K, None, judge.seen)
    found["dial"] = [(a, dial.with_alpha(a).turned(candidates, K)) for a in DIAL]
    other = Dial.over(ease.fitted, ease.data)
    theirs = other.candidates(judge.queries, K, None, judge.seen)
    found["ease"] = [(0.0, ease.fitted.retrieve(judge.queries, K, None, judge.seen))]
    found["ease, turned"] = [(a, other.with_alpha(a).turned(theirs, K)) for a in DIAL]
    found["ease on the same candidates"] = [(0.0, _by(ease.fitted, judge.queries, pool))]
    turned = {alpha: judge.report(hits) for alpha, hits in found["dial"]}
    chosen = frontier(turned, f"ndcg@{K}", TOLERANCE).pick.alpha
    points = {name: [judge.point(*each) for each in some] for name, some in found.items()}
    return points, chosen


def _by(scorer: Any, queries: Any, pool: Any) -> Any:  # noqa: ANN401  imported late
    """The pool in the order of another model's scores."""
    from bowerbird.index.index import Hits

    scores = scorer.scores(queries, pool.rows)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return Hits(*(np.take_along_axis(each, order, 1) for each in (pool.rows, scores)))


@dataclass(frozen=True, slots=True)
class _Judge:
    """Everyone, by the event before the last."""

    queries: Any
    seen: Any
    holdout: Any
    background: Any

    @classmethod
    def of(cls, data: Any, answers: Path) -> "_Judge":  # noqa: ANN401  imported late
        from scipy.sparse import csr_array

        from bowerbird.data.split import Holdout
        from bowerbird.evaluation.background import Background
        from bowerbird.ranking.recommender import history

        told = pl.read_parquet(answers).with_columns(pl.all().cast(pl.String))
        users, items = (
            named.rows(told[name].to_list())
            for named, name in ((data.users, "user"), (data.catalog.items, "item"))
        )
        known = (users >= 0) & (items >= 0)
        b, n = len(data.users), len(data.catalog)
        ones = np.ones(int(known.sum()), np.float32)
        relevant = csr_array((ones, (users[known], items[known])), shape=(b, n))
        queries = replace(data.queries(), now=np.arange(b, dtype=np.int64))
        rules = {"split": "everyone's last but one event"}
        holdout = Holdout(np.arange(b, dtype=np.int32), queries, relevant, rules=rules)
        return cls(queries, history(queries, n), holdout, Background.of(data))

    def report(self, hits: Any) -> Any:  # noqa: ANN401  imported late
        """Everyone's values for these lists."""
        from bowerbird.evaluation.offline import judge

        return judge(hits, self.holdout, self.background, (K,))

    def point(self, alpha: float, hits: Any) -> dict[str, float]:  # noqa: ANN401  imported late
        """Figures of these lists."""
        report = self.report(hits)
        names = ("ndcg", "coverage", "gini", "arp", "aplt")
        values = (round(report.mean(f"{name}@{K}"), 5) for name in names)
        return {"alpha": alpha, **dict(zip(FIGURES, values, strict=True))}


def _within(points: list[dict[str, float]]) -> dict[str, float]:
    """What the furthest position within the tolerance has gained over the first."""
    best = max(point["accuracy"] for point in points)
    last = [p for p in points if p["accuracy"] >= (1 - TOLERANCE) * best][-1]
    gained = {name: round(last[name] / points[0][name] - 1, 4) for name in FIGURES}
    return {"alpha": last["alpha"], **gained}


def _beats(one: dict[str, float], other: dict[str, float]) -> bool:
    """As accurate, as much of the catalog, as little of the popular."""
    least = all(one[name] >= other[name] for name in ("accuracy", "coverage"))
    return least and one["arp"] <= other["arp"]


def _tested(bench: Bench, folder: Path, alpha: float) -> dict[str, float]:
    """Lists as a user gets them, scored by the neutral script; and how popular they are."""
    name = f"lists-{alpha}.parquet"
    bench.bowerbird(
        *("recommend", folder.name, "--history", "history.parquet", "-k", K),
        *("--discount", alpha, "--out", name),
    )
    files = {"--recs": name, "--truth": "truth.parquet", "--train": "past.parquet"}
    told = bench.python(bench.scorer, *(word for pair in files.items() for word in pair))
    scored = json.loads(told.out)
    metrics = [f"{name}@{K}" for name in ("ndcg", "hit", "coverage", "gini", "tail_share")]
    counts = pl.read_parquet(bench.scratch / "past.parquet").group_by("item").len("count")
    shown = pl.read_parquet(bench.scratch / name).join(counts, on="item", how="left")
    popularity: Any = shown["count"].fill_null(0).mean()
    return {metric: scored[metric] for metric in metrics} | {f"arp@{K}": round(popularity, 2)}


def main() -> None:
    """Measure, where the data is there."""
    options = parser(__doc__ or "", [])
    options.add_argument("--run", type=Path, help="fitted without everyone's last two events")
    options.add_argument("--model", default="sequence", help="what is trained, or in --run")
    options.add_argument("--no-test", action="store_true", help="validation only; keeps nothing")
    told = options.parse_args()
    bench = begin(f"popularity-ml-1m-{told.model}", told, ["ml-1m"])
    if bench is not None:
        measure(bench, told.run and told.run.resolve(), told.model, not told.no_test)


if __name__ == "__main__":
    sys.exit(main())
