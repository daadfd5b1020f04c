"""Do 10⁶ drawn places come as often as they say? `python benchmarks/exploration.py`.

Real scores: the 50 best items of one person, by ALS on MovieLens 1M. Lists of five are drawn with
100,000 seeds, each way. A place tells the probability of its item given those above it. Lists are
grouped by what is above a place; in each group of at least 1,000 the probability of every item is
worked out by the plain definition, the told ones must be the same, and a chi-square compares how
often each item came. The groups of a place are added up.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from measuring import Bench, bar, begin, parser

LISTS, K, AMONG = 100_000, 5, 50
EPSILON, TEMPERATURE = 0.2, 0.1
GROUP, EXPECTED = 1_000, 5.0
"""Lists of a group, and of a cell of it, at least."""
LEAST = 0.001
"""Of a p-value; there are ten."""


def measure(bench: Bench) -> None:
    """Each way of drawing, place by place."""
    from bowerbird.index.index import Hits
    from bowerbird.ranking.explore import Explore

    best = _best(bench)
    scores = best.scores[0].astype(np.float64)
    relevance = (scores - scores.min()) / (scores.max() - scores.min())
    weights = np.exp(relevance / TEMPERATURE)
    ways = {
        "slots": (Explore(epsilon=EPSILON, among=AMONG), _slots),
        "plackett-luce": (
            Explore(way="plackett-luce", temperature=TEMPERATURE, among=AMONG),
            lambda left: weights * left / (weights * left).sum(),
        ),
    }
    figures: dict[str, Any] = {"drawn": LISTS * K * len(ways)}
    smallest = 1.0
    for name, (step, plainly) in ways.items():
        many = Hits(*(np.repeat(each, LISTS, axis=0) for each in best))
        drawn, told = step.draw(many, K, bench.seed * LISTS + np.arange(LISTS))
        spots = np.argsort(best.rows[0])[np.searchsorted(np.sort(best.rows[0]), drawn.rows)]
        places = [_fit(spots, told, place, plainly) for place in range(K)]
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
    from bowerbird.surfaces.assemble import recommender_of

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


def _slots(left: ndarray) -> ndarray:
    """Of each candidate that is left: the best, or any."""
    chances = EPSILON * left / left.sum()
    chances[int(np.argmax(left))] += 1 - EPSILON
    return chances


def _fit(
    spots: ndarray, told: ndarray, place: int, plainly: Callable[[ndarray], ndarray]
) -> dict[str, Any]:
    """Chi-square of one place, over the groups of lists that are alike above it."""
    from scipy.stats import chi2

    key = (spots[:, :place] * AMONG ** np.arange(place)).sum(axis=1)
    _, group, sizes = np.unique(key, return_inverse=True, return_counts=True)
    total, free, lists, off = 0.0, 0, 0, 0.0
    for number in np.flatnonzero(sizes >= GROUP):
        inside = group == number
        left = np.ones(AMONG, dtype=bool)
        left[spots[inside][0, :place]] = False
        chances = plainly(left)
        off = max(off, float(np.abs(told[inside, place] - chances[spots[inside, place]]).max()))
        want = chances * inside.sum()
        got = np.bincount(spots[inside, place], minlength=AMONG)
        rare = want < EXPECTED  # small cells together
        want = np.append(want[~rare], want[rare].sum())
        got = np.append(got[~rare], got[rare].sum())
        some = want > 0
        total += float(((got - want)[some] ** 2 / want[some]).sum())
        free += int(some.sum()) - 1
        lists += int(inside.sum())
    return {
        "place": place + 1,
        "groups": int((sizes >= GROUP).sum()),
        "lists_compared": round(lists / len(spots), 3),
        "told_is_off_by_at_most": off,
        "chi_square": round(total, 2),
        "degrees": free,
        "p_value": round(float(chi2.sf(total, free)), 4),
    }


def main() -> None:
    """Measure, where the data is there."""
    options = parser(__doc__ or "", []).parse_args()
    bench = begin("exploration", options, ["ml-1m"])
    if bench is not None:
        measure(bench)


if __name__ == "__main__":
    sys.exit(main())
