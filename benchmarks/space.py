"""Are vectors that were kept still good after the next training? `python benchmarks/space.py`.

MovieLens 1M by time. A run is fitted without the newest events; the next one has them, or begins
from another seed. Whoever the older run knows is asked for a list of 20 by their old vector
among the new items, as they came and after the turn, and by their new vector. How much of the old
list is there? A fit by itself changes lists, so «new vector» is what can be expected at most.
"""

import sys
from typing import Any

import numpy as np
from numpy import ndarray

from films import liked
from measuring import Bench, bar, begin, parser

K, PEOPLE = 20, 2_000
CASES = {"1 % more events": 0.01, "5 % more events": 0.05, "20 % more events": 0.2}
MODELS: dict[str, dict[str, Any]] = {
    "als": {"dim": 64},
    "content": {"text": "tfidf", "dim": 64},
}


def measure(bench: Bench, names: list[str]) -> None:
    """Each model, each way to be trained again."""
    data = liked(bench)
    figures: dict[str, Any] = {}
    for name in names:
        figures[name] = {}
        new = _fitted(name, data, bench.seed)
        for case, share in CASES.items():
            before = data.with_log(data.log.where(_older(data, share)))
            figures[name][case] = _beside(_fitted(name, before, bench.seed), before, new, data)
            print(f"  {name}, {case}: {figures[name][case]}", flush=True)
        other = _fitted(name, data, bench.seed + 1)
        figures[name]["another seed"] = _beside(new, data, other, data)
        print(f"  {name}, another seed: {figures[name]['another seed']}", flush=True)
    told = [row for rows in figures.values() for row in rows.values()]
    worst = min(row["old vector, turned"] - row["new vector"] for row in told)
    protocol = {"data": "ml-1m, ratings of 4 and 5, by time", "k": K, "people": PEOPLE}
    bars = [bar("least of: old vector after the turn, less new vector", worst, -0.05)]
    bench.keep(figures, {**protocol, "settings": {name: MODELS[name] for name in names}}, bars)


def _beside(old: Any, before: Any, new: Any, data: Any) -> dict[str, Any]:  # noqa: ANN401  late
    from bowerbird.encoders.turned import Frame, turned
    from bowerbird.runs.align import SAME, onto

    found = onto(Frame.of(old, before), new, data)
    people = np.flatnonzero(before.queries().lengths())[:PEOPLE]
    asked = before.queries().take(people)
    u, u2 = old.encode_queries(asked), new.encode_queries(asked)
    v, v2 = old.encode_items(before.catalog), new.encode_items(data.catalog)
    placed = np.isfinite(v).all(axis=1) & np.isfinite(v2).all(axis=1)
    v, v2 = v[placed], v2[placed]
    lists = _best(u @ v.T)
    return {
        "residual": round(found.residual, 3),
        "mean cosine": round(found.mean_cosine, 3),
        "anchors": found.anchors,
        "one space": found.residual < SAME,
        "old vector, as it came": _overlap(_best(u @ v2.T), lists),
        "old vector, turned": _overlap(_best(u @ turned(v2, found.turn).T), lists),
        "new vector": _overlap(_best(u2 @ v2.T), lists),
    }


def _best(scores: ndarray) -> ndarray:
    best: ndarray = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return best


def _overlap(some: ndarray, lists: ndarray) -> float:
    shares = [len(set(a) & set(b)) / K for a, b in zip(some.tolist(), lists.tolist(), strict=True)]
    return round(float(np.mean(shares)), 3)


def _older(data: Any, share: float) -> ndarray:  # noqa: ANN401  imported late
    older: ndarray = data.log.times <= np.quantile(data.log.times, 1 - share)
    return older


def _fitted(name: str, data: Any, seed: int) -> Any:  # noqa: ANN401  imported late
    from bowerbird.retrieval.models import seeded

    return seeded(name, seed, **MODELS[name]).fit(data)


def main() -> None:
    """Measure, where the data is there."""
    options = parser(__doc__ or "", list(MODELS)).parse_args()
    bench = begin("space", options, ["ml-1m"])
    if bench is not None:
        measure(bench, options.only or list(MODELS))


if __name__ == "__main__":
    sys.exit(main())
