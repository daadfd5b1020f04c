"""Single queries to our indexes beside exact scans, bare faiss and graph libraries:
`python benchmarks/retrieval.py --only retrieval-100k-als`.

All are given the same learned vectors, whose lengths differ, and asked the same queries on one
core: 200 of one, 200 of the other, round by round. What is compared is the ratio within a round.
Settings are chosen on other queries than those that are timed.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from factors import factors, folder_of
from measuring import PEERS, Bench, bar, begin, environment, parser
from peers.rounds import (
    ASKED,
    TUNED,
    Ask,
    Child,
    K,
    place,
    ratio,
    recall,
    serve,
    singly,
    speed,
)

RECALL = 0.95
ROUNDS, A_ROUND, A_SCAN = 7, 200, 20
"""Rounds, queries a round, and of those that read every vector."""
SCANS = ("ours, exact", "faiss Flat", "numpy, blocked")
LAYER = 1.1
"""A search through our layer may take so many times that of the bare library."""
LIBRARIES = ("faiss", "hnswlib", "usearch", "voyager")
EVERY = tuple((library, kind) for library in LIBRARIES for kind in ("augmented", "raw"))
SOME = (("hnswlib", "raw"), ("hnswlib", "augmented"), ("faiss", "raw"))
"""Where a graph takes a quarter of an hour to build."""
SETS: dict[str, tuple[float, int, tuple[tuple[str, str], ...]]] = {
    "100k-als": (10.0, 200, EVERY),
    "100k-two-tower": (10.0, 200, EVERY),
    "1m-als": (30.0, 100, SOME),
    "1m-two-tower": (30.0, 100, SOME),
    "gowalla": (0.0, 200, EVERY),
}
"""Of each set of vectors: so many times the speed of an exact scan is to be reached (0: no bar),
candidates at the construction of graphs, and the graphs."""


def measured(bench: Bench) -> None:
    """Our own engines side by side, then each peer beside the drawers that find as much."""
    name = bench.name.removeprefix("retrieval-")
    factor, construction, peers = SETS[name]
    python, facts, folder = environment("graphs"), factors(bench, name), folder_of(name)
    with child(bench, 1, sys.executable, Path(__file__), "--child", folder, bench.seed) as ours:
        rows = alone(ours)
        compared: dict[str, Any] = {}
        for library, kind in peers:
            words = (python, PEERS / "graphs.py", library, kind, folder, construction, RECALL)
            with child(bench, 1, *words) as peer:
                compared[f"{library}, {kind}"] = beside(ours, peer, rows)
        told = {n: v for n, v in ours.facts.items() if n not in ("recalls", "bare")}
    figures = {"vectors": facts, "ours": {**told, "rows": rows}, "peers": compared}
    bench.keep(figures, protocol(construction), bars_of(rows, compared, factor))


@contextmanager
def child(bench: Bench, threads: int, *words: object) -> Iterator[Child]:
    """An engine in a process of its own, on so many cores, its command line noted."""
    told = [str(word) for word in words]
    bench.commands.append(bench.plain(" ".join(told)))
    print(f"  {bench.commands[-1]}", flush=True)
    with Child(told, bench.scratch, threads) as made:
        print(f"    {json.dumps(made.facts)[:160]}", flush=True)
        yield made


def alone(ours: Child) -> dict[str, dict[str, Any]]:
    """Every engine of our own process in every round; speed over the faster exact scan."""
    recalls: dict[str, float] = ours.facts["recalls"]
    taken: dict[str, list[float]] = {name: [] for name in recalls}
    for number in range(ROUNDS):
        for name in recalls:
            count = A_SCAN if name in SCANS else A_ROUND
            taken[name].append(ours.ms(name, place(number, A_ROUND), count, "cpu"))
    fastest = min(SCANS[:2], key=lambda name: statistics.median(taken[name]))
    bare = {theirs: taken[mine] for theirs, mine in ours.facts["bare"]}
    rows = {}
    for name, found in recalls.items():
        rows[name] = {"recall": found, **speed(taken[name])}
        rows[name]["x of the faster exact scan"] = ratio(taken[fastest], taken[name])
        if name in bare:
            rows[name]["our layer takes"] = ratio(bare[name], taken[name])
    return rows


def beside(ours: Child, peer: Child, rows: dict[str, Any]) -> dict[str, Any]:
    """A peer in turn with the fastest drawers of ours that find the target and what it finds."""
    wanted = max(peer.facts["recall"], RECALL)
    equal = [n for n, r in rows.items() if n.startswith("drawers") and r["recall"] >= wanted]
    mine = min(equal or ["ours, pruned"], key=lambda name: rows[name]["ms"])
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS):
        taken[0].append(ours.ms(mine, place(number, A_ROUND), A_ROUND, "cpu"))
        taken[1].append(peer.ms("peer", place(number, A_ROUND), A_ROUND, "cpu"))
    row = {**peer.facts, **speed(taken[1]), "beside": mine, "our recall": rows[mine]["recall"]}
    return {
        **row,
        "our queries/s": speed(taken[0])["queries/s"],
        "ours / theirs": ratio(*taken[::-1]),
    }


def bars_of(rows: dict[str, Any], compared: dict[str, Any], factor: float) -> list[dict[str, Any]]:
    """The recall and the speed that are asked for, the cost of our layer, and every peer."""
    mine = rows["ours, chosen"]
    bars = [bar("recall@100 of the index that was chosen", mine["recall"], RECALL)]
    if factor:
        what = "queries/s of the chosen index over the faster exact scan"
        bars.append(bar(what, mine["x of the faster exact scan"], factor))
    bars += [
        bar(f"speed of {name} kept by our layer", 1 / row["our layer takes"], 1 / LAYER)
        for name, row in rows.items()
        if "our layer takes" in row
    ]
    return bars + [
        bar(f"queries/s over {name}, at no less recall", row["ours / theirs"], 1.0)
        for name, row in compared.items()
    ]


def protocol(construction: int) -> dict[str, Any]:
    """What was compared with what, and by which rules."""
    return {
        "asked": f"the {K} highest inner products, one query at a time, on one core",
        "ms": "of processor time, which is what passes on a core that nobody else uses; this one "
        "was shared, and whatever takes long was interrupted most",
        "recall": f"mean share of the exact list over {ASKED} queries",
        "settings": f"chosen on {TUNED} other queries: ours by `chosen` (`bowerbird index tune`) "
        f"for a recall of {RECALL}, peers widened until they reach it, or until a minute is over",
        "a round": f"{A_ROUND} queries of one engine, the same of the other ({A_SCAN} of exact "
        f"scans); the median of each; {ROUNDS} rounds, the median of the ratios",
        "exact scan": "our ExactIndex or faiss IndexFlatIP, whichever is faster here",
        "bare faiss": "our own drawers, asked through faiss alone, the same opened; and "
        "IndexIVFFlat, L2, over the vectors with one more coordinate, as many drawers, of which as "
        "few are opened as are enough",
        "graphs": f"M 16, construction {construction}, built by two threads; raw: inner product "
        "over the vectors; augmented: L2 over the vectors with one more coordinate",
        "beside a peer": "of our drawers the fastest that reach the target and the peer's recall",
    }


def serve_ours(folder: Path, seed: int) -> None:
    """Be the process that holds our indexes, exact scans and bare faiss."""
    import faiss
    import numpy as np

    from bowerbird.index.exact import ExactIndex

    items, queries = (np.load(folder / f"{name}.npy") for name in ("items", "queries"))
    queries = queries[: TUNED + ASKED]
    faiss.omp_set_num_threads(2)
    exact = ExactIndex(items)
    truth = exact.search(queries, K).rows
    np.save("truth.npy", truth)
    indexes, theirs, facts = built(items, queries[:TUNED], truth[:TUNED], seed)
    faiss.omp_set_num_threads(1)
    engines = {"ours, exact": ours(exact), **scans(items), **indexes, **theirs}
    asked = singly(queries[TUNED:])
    facts["recalls"] = {
        name: 1.0 if name in SCANS else recall(ask, asked, truth[TUNED:])
        for name, ask in engines.items()
    }
    serve(facts, engines, queries)


def built(
    items: Any,  # noqa: ANN401  arrays, imported late
    tuned: Any,  # noqa: ANN401  imported late
    truth: Any,  # noqa: ANN401  imported late
    seed: int,
) -> tuple[dict[str, Ask], dict[str, Ask], dict[str, Any]]:
    """Our indexes, bare faiss that opens as many drawers, and how they came to be."""
    from bowerbird.index.chosen import chosen
    from bowerbird.index.partitioned import PartitionedIndex
    from bowerbird.index.pruned import PrunedIndex

    start = time.perf_counter()
    found = chosen(items, tuned, RECALL, K, seed, free=1_000)
    seconds = {"choosing": round(time.perf_counter() - start, 1)}
    start = time.perf_counter()
    drawers = PartitionedIndex.over(items, seed=seed)
    seconds["drawers"] = round(time.perf_counter() - start, 1)
    tried = [t for t in found.trials if t.kind == "partitioned"]
    enough = [t for t in tried if t.recall >= RECALL] or tried[-1:]
    probes = int(min(enough, key=lambda trial: trial.read).setting)
    theirs = {
        "bare faiss, our drawers": the_same(drawers, probes),
        "bare faiss, L2": bare_faiss(items, tuned, truth, (drawers.lists.nlist, seed)),
    }
    indexes = {"ours, pruned": ours(PrunedIndex.over(items)), "ours, chosen": ours(found.index)}
    for opened in (int(trial.setting) for trial in tried):
        indexes[f"drawers, {opened} opened"] = ours(replace(drawers, probes=opened))
    pick = found.trials[found.pick]
    facts = {"chosen": f"{pick.kind}, {pick.setting:g}", "recall told": round(found.recall, 5)}
    facts |= {"seconds": seconds, "drawers": drawers.lists.nlist}
    facts["bare"] = [("bare faiss, our drawers", f"drawers, {probes} opened")]
    return indexes, theirs, facts


def ours(index: Any) -> Ask:  # noqa: ANN401  an Index, imported late
    """As a server asks it."""
    return lambda query: index.search(query, K).rows[0]  # type: ignore[no-any-return]  as above


def scans(items: Any) -> dict[str, Ask]:  # noqa: ANN401  an array, imported late
    """Exact answers of others: every vector is read."""
    import faiss
    import numpy as np

    flat = faiss.IndexFlatIP(items.shape[1])
    flat.add(items)

    def blocked(query: np.ndarray) -> np.ndarray:
        scores = np.concatenate(
            [items[s : s + 8_192] @ query[0] for s in range(0, len(items), 8_192)]
        )
        best = np.argpartition(scores, len(scores) - K)[-K:]
        return best[np.argsort(-scores[best])]

    return {"faiss Flat": lambda query: flat.search(query, K)[1][0], "numpy, blocked": blocked}


def the_same(drawers: Any, probes: int) -> Ask:  # noqa: ANN401  a PartitionedIndex
    """Our drawers, asked through the library alone."""
    import numpy as np

    lists, promises, shrink = drawers.lists, drawers.drawers, np.float32(1 / drawers.scale)
    lists.nprobe = probes
    rest = np.zeros((1, promises.d - drawers.vectors.shape[1]), np.float32)

    def ask(query: np.ndarray) -> np.ndarray:
        longer = np.concatenate([query * shrink, rest], axis=1)
        longer[0, lists.d] = np.linalg.norm(longer)
        promised, opened = promises.search(longer, probes)
        return lists.search_preassigned(longer[:, : lists.d], K, opened, promised)[1][0]

    return ask


def bare_faiss(
    items: Any,  # noqa: ANN401  arrays, imported late
    tuned: Any,  # noqa: ANN401  imported late
    truth: Any,  # noqa: ANN401  imported late
    made: tuple[int, int],  # of so many drawers, from this seed
) -> Ask:
    """The library by itself, over the longer vectors; it opens as few drawers as are enough."""
    import faiss
    import numpy as np

    from bowerbird.index.augmented import augmented
    from bowerbird.index.partitioned import LESSONS

    (count, seed), longer = made, augmented(items)
    faiss.omp_set_num_threads(2)
    quantizer = faiss.IndexFlatL2(longer.shape[1])
    index = faiss.IndexIVFFlat(quantizer, longer.shape[1], count, faiss.METRIC_L2)
    index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = seed + 1, 10, LESSONS
    index.cp.min_points_per_centroid = 1
    index.train(longer)
    index.add(longer)
    zero = np.zeros((1, 1), np.float32)

    def ask(query: np.ndarray) -> np.ndarray:
        return index.search(np.concatenate([query, zero], axis=1), K)[1][0]

    asked, index.nprobe = singly(tuned), 1
    while recall(ask, asked, truth) < RECALL and index.nprobe < count:
        index.nprobe += -(-index.nprobe // 20)
    faiss.omp_set_num_threads(1)
    return ask


def main() -> None:
    """Run the benchmarks that were asked for, or all; with --child, hold our indexes."""
    if sys.argv[1:2] == ["--child"]:
        serve_ours(Path(sys.argv[2]), int(sys.argv[3]))
        return
    names = [f"retrieval-{name}" for name in SETS]
    options = parser(__doc__ or "", names).parse_args()
    for name in options.only or names:
        needs = ["gowalla/train.parquet"] if name.endswith("gowalla") else []
        bench = begin(name, options, needs)
        if bench is not None:
            measured(bench)


if __name__ == "__main__":
    main()
