"""Exact lists of 100 for many queries at once: `python benchmarks/batch.py`.

Beside the speed of a matrix product of the same factors on the same cores, and beside what implicit
and RecTools do in `recommend`, round by round on two cores.
"""

import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from factors import factors, folder_of
from measuring import PEERS, Bench, bar, begin, environment, parser
from peers.rounds import Child, K, ratio, serve
from retrieval import child

NAME = "retrieval-batch"
SETS = {"100k-als": 4_096, "1m-als": 512}
"""Queries of a call."""
ROUNDS, THREADS = 3, 2
SHARE, FASTER = 0.5, 2.0
"""Of the speed of a matrix product; than others."""
LIBRARIES = ("implicit", "rectools")
PRODUCTS = ("matrix product, one call", "matrix product, a part on each core")
OURS = ("ours, ExactIndex", "ours, PrunedIndex")
TILE = (256, 12_288)
"""Queries and vectors that are multiplied at once."""


def measured(bench: Bench) -> None:
    """Everyone in every round, set by set."""
    figures, bars = dict[str, Any](), list[dict[str, Any]]()
    pythons = {library: environment(library) for library in LIBRARIES}
    for name, count in SETS.items():
        facts, folder = factors(bench, name), folder_of(name)
        taken: dict[str, list[float]] = {}
        with child(bench, THREADS, sys.executable, Path(__file__), "--child", folder) as ours:
            asked: dict[str, tuple[Child, str]] = {n: (ours, n) for n in (*PRODUCTS, *OURS)}
            for library, python in pythons.items():
                words = (python, PEERS / "batches.py", library, folder)
                with child(bench, THREADS, *words) as peer:
                    _rounds(taken, {**asked, library: (peer, "peer")}, count)
        rows = _rows(taken, 2e-6 * count * facts["items"] * facts["dim"])
        figures[name] = {"vectors": facts, "queries": count, "rows": rows}
        bars += _bars(name, taken, rows)
    bench.keep(figures, protocol(), bars)


def _rounds(taken: dict[str, list[float]], asked: dict[str, tuple[Child, str]], count: int) -> None:
    for _ in range(ROUNDS):
        for name, (process, engine) in asked.items():
            taken.setdefault(name, []).append(process.ms(engine, 0, count))


def _rows(taken: dict[str, list[float]], megaflop: float) -> dict[str, Any]:
    medians = {name: statistics.median(times) for name, times in taken.items()}
    return {
        name: {"seconds": round(ms / 1e3, 3), "GFLOP/s": round(megaflop / ms, 1)}
        for name, ms in medians.items()
    }


def _bars(name: str, taken: dict[str, list[float]], rows: dict[str, Any]) -> list[dict[str, Any]]:
    fastest = min(PRODUCTS, key=lambda product: rows[product]["seconds"])
    bars = [
        bar(
            f"{name}: speed of {mine} over a matrix product",
            ratio(taken[fastest], taken[mine]),
            SHARE,
        )
        for mine in OURS
    ]
    for number, library in enumerate(LIBRARIES):
        part = slice(number * ROUNDS, (number + 1) * ROUNDS)
        for mine in OURS:
            got = ratio(taken[library], taken[mine][part])
            bars.append(bar(f"{name}: speed of {mine} over {library}", got, FASTER))
    return bars


def protocol() -> dict[str, Any]:
    """What was compared with what, and by which rules."""
    return {
        "timed": f"one call that gives the {K} highest inner products of every query",
        "matrix product": "float32, by the same BLAS, all queries with all vectors, the scores "
        f"thrown away; {TILE[0]} queries in a call on all cores, or {TILE[0]} × {TILE[1]} at a "
        "time on each core; bars are judged by the faster of the two",
        "GFLOP/s": "2 · queries · vectors · dim by seconds; PrunedIndex gives the same lists, but "
        "leaves most of these products out",
        "implicit": "its topk, which `recommend` calls; nothing is left out of the lists",
        "rectools": "its ImplicitRanker, which `recommend` of its factorisations calls",
        "compared": f"ratios within a round, the median of {ROUNDS} rounds",
        "threads": THREADS,
    }


def serve_ours(folder: Path) -> None:
    """Be the process that holds our exact indexes, and multiplies."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from bowerbird.index.exact import ExactIndex
    from bowerbird.index.pruned import PrunedIndex

    items, queries = (np.load(folder / f"{name}.npy") for name in ("items", "queries"))
    b, width = TILE
    whole = np.empty((b, len(items)), np.float32)

    def once(asked: np.ndarray) -> np.ndarray:
        for start in range(0, len(asked), b):
            np.matmul(asked[start : start + b], items.T, out=whole[: len(asked) - start])
        return whole

    def parts(asked: np.ndarray) -> np.ndarray:
        def some(start: int) -> None:
            for first in range(0, len(items), width):
                asked[start : start + b] @ items[first : first + width].T

        with threadpool_limits(1), ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(some, range(0, len(asked), b)))
        return whole

    exact, pruned = ExactIndex(items), PrunedIndex.over(items)
    engines: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        **dict(zip(PRODUCTS, (once, parts), strict=True)),
        OURS[0]: lambda asked: exact.search(asked, K).rows,
        OURS[1]: lambda asked: pruned.search(asked, K).rows,
    }
    serve({}, engines, queries, at_once=True)


def main() -> None:
    """Run the benchmark; with --child, be the process that holds our indexes."""
    if sys.argv[1:2] == ["--child"]:
        serve_ours(Path(sys.argv[2]))
        return
    bench = begin(NAME, parser(__doc__ or "", [NAME]).parse_args(), [])
    if bench is not None:
        measured(bench)


if __name__ == "__main__":
    main()
