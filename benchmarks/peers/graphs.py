"""A graph index of hnswlib, usearch, voyager or faiss over the vectors, or over these made equally
long by one more coordinate: built, its search widened until it finds enough, then asked in rounds.

    graphs.py LIBRARY raw|augmented FOLDER CONSTRUCTION TARGET

The folder holds items.npy and queries.npy; truth.npy, the exact lists, lies where it is run.
"""

import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rounds import ASKED, TUNED, Ask, K, recall, serve, singly

M, THREADS = 16, 2
WIDTHS = (100, 150, 200, 300, 400, 600, 800, 1_200, 1_600, 2_400, 3_200)
"""How many candidates a search keeps (ef)."""
BUDGET = 60.0
"""Seconds that trying them may take; the widest tried is kept then."""

Widen = Callable[[int], None]


def usearch(vectors: np.ndarray, augmented: bool, construction: int) -> tuple[Ask, Widen]:
    """Unum's."""
    from usearch.index import Index

    index = Index(
        ndim=vectors.shape[1],
        metric="l2sq" if augmented else "ip",
        dtype="f32",
        connectivity=M,
        expansion_add=construction,
    )
    index.add(np.arange(len(vectors)), vectors, threads=THREADS)

    def widen(width: int) -> None:
        index.expansion_search = width

    return lambda query: index.search(query[0], K, threads=1).keys, widen


def hnswlib(vectors: np.ndarray, augmented: bool, construction: int) -> tuple[Ask, Widen]:
    """The authors' of HNSW."""
    import hnswlib

    index = hnswlib.Index("l2" if augmented else "ip", vectors.shape[1])
    index.init_index(len(vectors), ef_construction=construction, M=M, random_seed=1)
    index.add_items(vectors, num_threads=THREADS)
    return lambda query: index.knn_query(query, K, num_threads=1)[0][0], index.set_ef


def voyager(vectors: np.ndarray, augmented: bool, construction: int) -> tuple[Ask, Widen]:
    """Spotify's; for inner products it adds a coordinate of its own."""
    from voyager import Index, Space

    space = Space.Euclidean if augmented else Space.InnerProduct
    index = Index(space, vectors.shape[1], M=M, ef_construction=construction, random_seed=1)
    index.add_items(vectors, num_threads=THREADS)
    widths = [K]

    def widen(width: int) -> None:
        widths[0] = width

    return lambda query: index.query(query[0], K, 1, widths[0])[0], widen


def faiss(vectors: np.ndarray, augmented: bool, construction: int) -> tuple[Ask, Widen]:
    """Meta's."""
    import faiss

    faiss.omp_set_num_threads(THREADS)
    metric = faiss.METRIC_L2 if augmented else faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexHNSWFlat(vectors.shape[1], M, metric)
    index.hnsw.efConstruction = construction
    index.add(vectors)
    faiss.omp_set_num_threads(1)

    def widen(width: int) -> None:
        index.hnsw.efSearch = width

    return lambda query: index.search(query, K)[1][0], widen


LIBRARIES = {"usearch": usearch, "hnswlib": hnswlib, "voyager": voyager, "faiss": faiss}


def longer(vectors: np.ndarray) -> np.ndarray:
    """Each with one more coordinate, so that all are as long as the longest."""
    squares = (vectors.astype(np.float64) ** 2).sum(axis=1)
    last = np.sqrt(squares.max() - squares).astype(np.float32)
    return np.hstack([vectors, last[:, None]])


def main() -> None:
    """Build, widen, serve."""
    library, kind, folder, construction, target = sys.argv[1:]
    items, queries = (np.load(Path(folder) / f"{n}.npy") for n in ("items", "queries"))
    queries, truth = queries[: TUNED + ASKED], np.load("truth.npy")
    augmented = kind == "augmented"
    if augmented:
        items = longer(items)
        queries = np.hstack([queries, np.zeros((len(queries), 1), np.float32)])
    start = time.perf_counter()
    ask, widen = LIBRARIES[library](items, augmented, int(construction))
    built, start = time.perf_counter() - start, time.perf_counter()
    for width in WIDTHS:
        widen(width)
        found = recall(ask, singly(queries[:TUNED]), truth[:TUNED])
        if found >= float(target) or time.perf_counter() - start > BUDGET:
            break
    found = recall(ask, singly(queries[TUNED:]), truth[TUNED:])
    name = {"faiss": "faiss-cpu"}.get(library, library)
    facts = {"recall": found, "setting": f"M {M}, construction {construction}, search {width}"}
    facts |= {"build seconds": round(built, 1), "version": version(name)}
    serve(facts, {"peer": ask}, queries)


if __name__ == "__main__":
    main()
