"""Lists of 100 for many queries in one call, by implicit or by RecTools, from the same factors.

    batches.py implicit|rectools FOLDER

The folder holds items.npy and queries.npy.
"""

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rounds import Ask, K, serve
from threadpoolctl import threadpool_limits

THREADS = 2


def implicit(items: np.ndarray, queries: np.ndarray) -> Ask:
    """What its `recommend` does with the factors; single-threaded BLAS, as the library asks for."""
    from implicit.cpu.topk import topk

    threadpool_limits(1, "blas")
    return lambda asked: topk(items, asked, K, num_threads=THREADS)[0]


def rectools(items: np.ndarray, queries: np.ndarray) -> Ask:
    """The ranker of its matrix factorisations; it is told whose factors by their numbers."""
    from rectools.models.rank import Distance, ImplicitRanker

    threadpool_limits(1, "blas")
    ranker = ImplicitRanker(Distance.DOT, queries, items, num_threads=THREADS, use_gpu=False)
    return lambda asked: ranker.rank(np.arange(len(asked)), k=K)[1]


LIBRARIES: dict[str, Callable[[np.ndarray, np.ndarray], Ask]] = {
    "implicit": implicit,
    "rectools": rectools,
}


def main() -> None:
    """Load, serve."""
    library, folder = sys.argv[1:]
    items, queries = (np.load(Path(folder) / f"{n}.npy") for n in ("items", "queries"))
    name = {"rectools": "RecTools"}.get(library, library)
    ask = LIBRARIES[library](items, queries)
    serve({"version": version(name)}, {"peer": ask}, queries, at_once=True)


if __name__ == "__main__":
    main()
