"""How fast lists come, beside the library `implicit` on the same matrix: `benchmarks/speed.py`.

Every contender runs in a process of its own, one after another, several times round; what is
compared is the ratio within a round, since machines are noisy and rounds are alike.
"""

import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser

ROUNDS = 5
LENGTHS = (10, 100)
NEIGHBOURS = 100
DIM, REGULARIZATION, ALPHA, ITERATIONS = 64, 1.0, 10.0, 15
PAIRS = {
    "cooccurrence": ("implicit BM25", "implicit cosine"),
    "als": ("implicit ALS", "implicit ALS, folding in"),
}
CONTENDERS = [name for ours, theirs in PAIRS.items() for name in (ours, *theirs)]

Answer = Callable[[int], object]


def fitted(name: str, data: Any, seed: int) -> Answer:  # noqa: ANN401  a Dataset, imported late
    """Fit a contender; what comes back recommends k items to everyone, seen ones left out."""
    if name in PAIRS:
        return _ours(name, data, seed)
    return _theirs(name, data, seed)


def _ours(name: str, data: Any, seed: int) -> Answer:  # noqa: ANN401  imported late
    from bowerbird.encoders.popularity import Popularity
    from bowerbird.retrieval.models import estimator_of
    from bowerbird.surfaces.assemble import recommender_of

    settings: dict[str, Any] = {}
    if name == "als":
        settings = {"dim": DIM, "regularization": REGULARIZATION, "alpha": ALPHA}
        settings |= {"iterations": ITERATIONS, "seed": seed}
    recommender = recommender_of(estimator_of(name, **settings).fit(data), data, Popularity())
    everyone = data.queries()
    return lambda k: recommender.recommend(everyone, k)


def _theirs(name: str, data: Any, seed: int) -> Answer:  # noqa: ANN401  imported late
    import numpy as np
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")  # as the library asks for
    met = csr_matrix(data.matrix())
    model: Any
    if "ALS" in name:
        model = AlternatingLeastSquares(DIM, REGULARIZATION, ALPHA, random_state=seed)
        model.iterations = ITERATIONS
    else:
        model = (BM25Recommender if "BM25" in name else CosineRecommender)(K=NEIGHBOURS)
    model.fit(met, show_progress=False)
    everyone, again = np.arange(met.shape[0]), "folding in" in name
    return lambda k: model.recommend(everyone, met, N=k, recalculate_user=again)


def child(name: str, events: str, seed: int) -> None:
    """Measure one contender in this process and print what came."""
    from bowerbird.data.importing import Inputs, import_dataset
    from bowerbird.data.tables import Source

    warnings.simplefilter("ignore")
    data = import_dataset(Inputs(Source(events))).data
    start = time.perf_counter()
    answer = fitted(name, data, seed)
    figures = {"fit seconds": time.perf_counter() - start}
    for k in LENGTHS:
        start, busy = time.perf_counter(), time.process_time()
        answer(k)
        figures[f"users/s, k={k}"] = len(data.users) / (time.perf_counter() - start)
        figures[f"users per CPU second, k={k}"] = len(data.users) / (time.process_time() - busy)
    print(json.dumps(figures))


def beauty(bench: Bench) -> None:
    """Fit on everything, then lists for everyone."""
    events = bench.data / "amazon-beauty" / "interactions.parquet"
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for number in range(ROUNDS):
        turn = CONTENDERS[number % len(CONTENDERS) :] + CONTENDERS[: number % len(CONTENDERS)]
        for name in turn:
            done = bench.python(Path(__file__), "--child", name, events, bench.seed)
            measured[name].append({**json.loads(done.out), "peak MB": done.peak_mb})
    medians = {
        name: {what: _three(statistics.median(r[what] for r in runs)) for what in runs[0]}
        for name, runs in measured.items()
    }
    figures = {"medians": medians, "median ratio, ours to theirs": _ratios(measured)}
    bars = [
        bar(f"{pair}, {what}", ratio[what], 1.0)
        for pair, ratio in figures["median ratio, ours to theirs"].items()
        for what in (f"users/s, k={k}" for k in LENGTHS)
    ]
    protocol = {
        "data": "amazon-beauty, all events; reading the file is not timed",
        "rounds": ROUNDS,
        "what is timed": "fit; lists for all 22,363 users in one call, seen items left out",
        "compared": "the ratio within a round; the median over the rounds",
        "implicit": f"K={NEIGHBOURS} neighbours; ALS {DIM} factors, {ITERATIONS} iterations",
        "als": "ours solves every user's vector anew from the history; implicit ALS looks up the "
        "one it trained, «folding in» solves it anew",
        "threads": "as many as there are cores, for both",
    }
    bench.keep(figures, protocol, bars)


def _ratios(measured: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        f"{ours} / {name}": {
            what: _three(statistics.median(o[what] / t[what] for o, t in rounds))
            for what in measured[ours][0]
        }
        for ours, theirs in PAIRS.items()
        for name in theirs
        for rounds in [list(zip(measured[ours], measured[name], strict=True))]
    }


def _three(value: float) -> float:
    return float(f"{value:.3g}")


def main() -> None:
    """Run the benchmark; with --child, be one of its contenders."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    bench = begin("speed", parser(__doc__ or "", ["speed"]).parse_args(), ["amazon-beauty"])
    if bench is not None:
        beauty(bench)


if __name__ == "__main__":
    main()
