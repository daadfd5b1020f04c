"""Do 10⁶ drawn places come as often as they say? `python benchmarks/exploration.py`.

Real scores: the 50 best items of one person, by ALS on MovieLens 1M. Lists of five are drawn with
100,000 seeds, each way. A place tells the probability of its item given those above it; so lists
are grouped by what is above a place, and in each group of at least 1,000 a chi-square compares how
often each item came with what it told. The groups of a place are added up.
"""

import sys
from typing import Any

import numpy as np
from numpy import ndarray

from measuring import Bench, bar, begin, parser

LISTS, K, AMONG = 100_000, 5, 50
GROUP, EXPECTED = 1_000, 5.0
"""Lists of a group, and of a cell of it, at least."""
LEAST = 0.001
"""Of a p-value; there are ten."""


def measure(bench: Bench) -> None:
    """Each way of drawing, place by place."""
    from bowerbird.index.index import Hits
    from bowerbird.ranking.explore import Explore

    best = _best(bench)
    ways = {
        "slots": Explore(epsilon=0.2, among=AMONG),
        "plackett-luce": Explore(way="plackett-luce", temperature=0.1, among=AMONG),
    }
    figures: dict[str, Any] = {"drawn": LISTS * K * len(ways)}
    smallest = 1.0
    for name, step in ways.items():
        many = Hits(*(np.repeat(each, LISTS, axis=0) for each in best))
        drawn, told = step.draw(many, K, bench.seed * LISTS + np.arange(LISTS))
        places = [_fit(drawn.rows, told, place) for place in range(K)]
        figures[name] = places
        smallest = min(smallest, *(place["p_value"] for place in places))
        print(f"  {name}: p-values {[place['p_value'] for place in places]}", flush=True)
    protocol = {
        "data": "ml-1m, all events; the first person of the file",
        "lists": LISTS,
        "places": K,
        "candidates": AMONG,
    }
    bench.keep(figures, protocol, [bar("smallest of ten p-values", smallest, LEAST)])


def _best(bench: Bench) -> Any:  # noqa: ANN401  imported late
    """The candidates of one person, as they are retrieved."""
    import polars as pl

    from bowerbird.data.dataset import Catalog, Dataset, Interactions
    from bowerbird.data.vocabulary import Vocabulary
    from bowerbird.encoders.als import Als
    from bowerbird.encoders.popularity import Popularity
    from bowerbird.runs.assemble import recommender_of

    events = pl.read_parquet(bench.data / "ml-1m" / "interactions.parquet")
    users, items = (
        events[name].rank("dense").to_numpy().astype(np.int32) - 1 for name in ("user", "item")
    )
    order = np.argsort(users, kind="stable")
    times = np.arange(len(order), dtype=np.int64)
    log = Interactions(users[order], items[order], times, np.ones(len(order), np.float32))
    names = [Vocabulary(tuple(map(str, range(int(some.max()) + 1)))) for some in (users, items)]
    data = Dataset(names[0], Catalog(names[1]), log, ordered=False, dated=False)
    engine = recommender_of(Als(dim=32, seed=bench.seed).fit(data), data, Popularity())
    return engine.recommend(data.queries().take(np.array([0])), AMONG)


def _fit(rows: ndarray, told: ndarray, place: int) -> dict[str, Any]:
    """Chi-square of one place, over the groups of lists that are alike above it."""
    from scipy.stats import chi2

    _, group, sizes = (
        np.unique(rows[:, :place], axis=0, return_inverse=True, return_counts=True)
        if place
        else (None, np.zeros(len(rows), np.int64), np.array([len(rows)]))
    )
    total, free, lists = 0.0, 0, 0
    for number in np.flatnonzero(sizes >= GROUP):
        inside = group.reshape(-1) == number
        _, first, counts = np.unique(rows[inside, place], return_index=True, return_counts=True)
        chances = told[inside, place][first]
        want = np.append(chances, max(1 - chances.sum(), 0)) * inside.sum()
        got = np.append(counts, 0)
        rare = want < EXPECTED  # small cells together
        want = np.append(want[~rare], want[rare].sum())
        got = np.append(got[~rare], got[rare].sum())
        some = want > 1e-9
        total += float(((got - want)[some] ** 2 / want[some]).sum())
        free += int(some.sum()) - 1
        lists += int(inside.sum())
    p_value = float(chi2.sf(total, free))
    share = lists / len(rows)
    return {
        "place": place + 1,
        "lists_compared": round(share, 3),
        "chi_square": round(total, 2),
        "degrees": free,
        "p_value": round(p_value, 4),
    }


def main() -> None:
    """Measure, where the data is there."""
    options = parser(__doc__ or "", []).parse_args()
    bench = begin("exploration", options, ["ml-1m"])
    if bench is not None:
        measure(bench)


if __name__ == "__main__":
    sys.exit(main())
