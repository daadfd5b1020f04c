"""Lists of 100 behind a filter, from half of the items to one in ten thousand:
`python benchmarks/filters.py`.

Ours at 100,000 and at a million items; at 100,000 beside the same question to Qdrant Edge, LanceDB
and pgvector, which hold the same vectors, or these with one more coordinate. What the filter leaves
is drawn by chance.
"""

import json
import sys
from pathlib import Path
from typing import Any

from factors import factors, folder_of
from measuring import PEERS, Bench, bar, begin, environment, parser
from peers.rounds import JUDGED, TUNED, Ask, Child, K, judged, place, ratio, serve, singly, speed
from retrieval import RECALL, child

NAME = "retrieval-filters"
SETS = ("100k-als", "1m-als")
SHARES = (0.5, 0.1, 0.01, 0.001, 0.0001)
DATABASES = ("qdrant", "lancedb", "pgvector")
ROUNDS, A_ROUND = 3, 25


def measured(bench: Bench) -> None:
    """Ours alone, then each database in turn with ours."""
    python = environment("databases")
    figures, bars = dict[str, Any](), list[dict[str, Any]]()
    for name in SETS:
        facts, folder = factors(bench, name), folder_of(name)
        words = (sys.executable, Path(__file__), "--child", folder, bench.seed)
        with child(bench, 1, *words) as ours:
            told = ours.facts
            rows, compared = beside(ours, None), dict[str, Any]()
            for database in DATABASES if name == SETS[0] else ():
                for kind in ("augmented", "raw"):
                    asked = (PEERS / "databases.py", database, kind, folder, RECALL)
                    with child(bench, 1, python, *asked) as peer:
                        more = {n: v for n, v in peer.facts.items() if n != "rows"}
                        row = {**more, "rows": beside(ours, peer)}
                        compared[f"{database}, {kind}"] = row
        figures[name] = {"vectors": facts, "index": told["index"], "ours": rows}
        figures[name]["databases"] = compared
        bars += bars_of(name, rows)
    bench.keep(figures, protocol(), bars)


def beside(ours: Child, peer: Child | None) -> dict[str, Any]:
    """Every share: what is found, how fast; of a peer also how much faster ours is."""
    rows: dict[str, Any] = {}
    asked = peer or ours
    for share in map(str, SHARES):
        mine, theirs = list[float](), list[float]()
        for number in range(ROUNDS):
            start = place(number, A_ROUND)
            mine.append(ours.ms(share, start, A_ROUND))
            if peer is not None:
                theirs.append(peer.ms(share, start, A_ROUND))
        found, full = asked.facts["rows"][share]
        rows[share] = {"recall": found, "shortest list": full, **speed(theirs or mine)}
        if peer is not None:
            rows[share]["ours / theirs"] = ratio(theirs, mine)
    return rows


def bars_of(name: str, rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Found, and full, at every share."""
    return [
        made
        for share, row in rows.items()
        for made in (
            bar(f"{name}, {float(share):.2%} allowed: recall@100", row["recall"], RECALL),
            bar(f"{name}, {float(share):.2%} allowed: shortest list", row["shortest list"], 1.0),
        )
    ]


def protocol() -> dict[str, Any]:
    """What was compared with what, and by which rules."""
    return {
        "asked": f"the {K} highest inner products among items whose number is below another, one "
        "query at a time, on one core; databases have as many threads as they take",
        "filter": "a number below another; the numbers are a permutation drawn by chance",
        "ours": "the index that `chosen` takes for a recall of .95; the numbers are compared anew "
        "for every query, and this is in the time",
        "recall": f"mean share of the exact filtered list over {JUDGED} queries",
        "shortest list": "its hits by those that could be there, 100 or all that are allowed",
        "databases": "an index over the vectors and one over the numbers; widened until they find "
        "95 % without a filter, or as far as they are tried; raw: inner product; augmented: L2 "
        "over the vectors with one more coordinate",
        "a round": f"{A_ROUND} queries of one, the same of the other; {ROUNDS} rounds",
    }


def serve_ours(folder: Path, seed: int) -> None:
    """Be the process that holds our index; the exact lists are written for the others."""
    import faiss
    import numpy as np

    from bowerbird.index.chosen import chosen
    from bowerbird.index.exact import ExactIndex

    items, queries = (np.load(folder / f"{name}.npy") for name in ("items", "queries"))
    queries = queries[: TUNED + JUDGED]
    lots = np.random.default_rng(seed).permutation(len(items)).astype(np.int32)
    exact = ExactIndex(items)
    np.save("lots.npy", lots)
    np.save("truth.npy", exact.search(queries[:JUDGED], K).rows)
    faiss.omp_set_num_threads(2)
    found = chosen(items, queries[:TUNED], RECALL, K, seed, free=1_000)
    faiss.omp_set_num_threads(1)
    limits = {str(share): round(share * len(items)) for share in SHARES}
    Path("limits.json").write_text(json.dumps(limits), "utf-8")

    def below(limit: int) -> Ask:
        return lambda query: found.index.search(query, K, lots < limit).rows[0]

    engines = {share: below(limit) for share, limit in limits.items()}
    rows = {}
    for share, limit in limits.items():
        truth = exact.search(queries[TUNED:], K, lots < limit).rows
        np.save(f"truth-{share}.npy", truth)
        rows[share] = judged(engines[share], singly(queries[TUNED:]), truth)
    pick = found.trials[found.pick]
    serve({"index": f"{pick.kind}, {pick.setting:g}", "rows": rows}, engines, queries)


def main() -> None:
    """Run the benchmark; with --child, hold our index."""
    if sys.argv[1:2] == ["--child"]:
        serve_ours(Path(sys.argv[2]), int(sys.argv[3]))
        return
    bench = begin(NAME, parser(__doc__ or "", [NAME]).parse_args(), [])
    if bench is not None:
        measured(bench)


if __name__ == "__main__":
    main()
