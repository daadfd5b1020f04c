"""How often the gate is wrong, and how many people it needs: `python benchmarks/gate.py`.

Pairs of values are those of real lists: two models are fitted to a made-up world and asked by its
people about what came after a cut. People are drawn again from these pairs, and each one's two
values change places by chance, so that neither model is better. A model that is worse by x finds
nothing, for people drawn by chance with probability x, of what it has found.

like    ALS that has nearly settled, and the same with another seed
unlike  ALS as it comes (15 iterations), and the same with another seed
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy import ndarray

from measuring import Bench, bar, begin, parser, with_tests

TRIES = {500: 300, 2000: 250, 10_000: 40}
"""By the number of people."""
DRAWS = 400
"""Of the bootstrap, each try with a seed of its own: with one for all, chance in the draws would be
the same in all of them."""
LOSSES = (-0.05, 0.0, 0.01, 0.05)
"""Of the challenger; below 0 it is better."""
MARGINS = (0.01, 0.02, 0.05)
CUTS = {
    "history length": (0.05, 0.1, 0.2, 0.2, 0.25, 0.2),
    "device": (0.5, 0.3, 0.2),
    "age": (0.25, 0.25, 0.25, 0.25),
    "relevant": (0.6, 0.3, 0.1),
}
"""Sixteen slices: four ways to cut people, each with the shares of its groups."""
NEW = "history length: 0"
COLLAPSES = (0.0, 0.5, 1.0)
"""What the model loses for the newest people, one in twenty."""
FALSE, POWER = 0.035, 0.8
AT_ONCE = 2
"""Processes."""


@dataclass(frozen=True)
class Pair:
    """What two equally good models have found for each person."""

    one: ndarray
    other: ndarray

    def drawn(self, n: int, random: np.random.Generator) -> tuple[ndarray, ndarray]:
        """Of n people: both models, neither better."""
        people = random.integers(0, len(self.one), n)
        swap = random.random(n) < 0.5
        one, other = self.one[people], self.other[people]
        return np.where(swap, other, one), np.where(swap, one, other)

    def told(self) -> dict[str, float]:
        """How good they are, how unlike, and how many people a margin needs."""
        gained = np.concatenate([self.one - self.other, self.other - self.one])
        level, spread = float(np.concatenate([self.one, self.other]).mean()), float(gained.std())
        needed = {
            f"people for {margin:.0%}": float(f"{(2.8 * spread / (margin * level)) ** 2:.2g}")
            for margin in MARGINS
        }
        return {"ndcg@10": round(level, 4), "deviation": round(spread, 4), **needed}


def pairs(seed: int) -> dict[str, Pair]:
    """Of a world of 4,000 people, by how unlike the models are."""
    from bowerbird.data.split import ByTime
    from bowerbird.data.synthetic import World
    from bowerbird.encoders.als import Als
    from bowerbird.encoders.popularity import Popularity
    from bowerbird.evaluation.background import Background
    from bowerbird.evaluation.offline import evaluate
    from bowerbird.surfaces.assemble import recommender_of

    world = World(n_users=4000, n_items=200, n_events=120_000, dim=8, seed=42 + seed).make().dataset
    train, holdout = ByTime(test_share=0.2).split(world)
    background, popular = Background.of(train), Popularity(window_days=7.0)

    def values(iterations: int, seed: int) -> ndarray:
        fitted = Als(dim=8, iterations=iterations, seed=seed).fit(train)
        engine = replace(recommender_of(fitted, train, popular), allow=holdout.allow)
        found = evaluate(engine.recommend, holdout, background).values["ndcg@10"]
        return found[np.isfinite(found)]

    return {
        name: Pair(*(values(iterations, seed) for seed in (1, 2)))
        for name, iterations in (("like", 100), ("unlike", 15))
    }


def thinned(values: ndarray, share: float, random: np.random.Generator) -> ndarray:
    """The same, with nothing found for this share of people."""
    return np.where(random.random(len(values)) < share, 0.0, values)


def through(pair: Pair, n: int, loss: float, seed: int) -> float:
    """How often a challenger that loses so much passes, of n people."""
    from bowerbird.runs.gate import decide
    from bowerbird.runs.policy import Policy
    from gates import model

    passed = 0
    for attempt in range(TRIES[n]):
        random = np.random.default_rng([seed, n, round(1000 * loss) + 100, attempt])
        new, old = pair.drawn(n, random)
        new, old = thinned(new, max(loss, 0), random), thinned(old, max(-loss, 0), random)
        passed += decide(model(new), model(old), {}, Policy(draws=DRAWS, seed=attempt)).passed
    return passed / TRIES[n]


def slices_lost(pair: Pair, n: int, collapse: float, seed: int) -> dict[str, float]:
    """How often a slice is called lost; beside it, had each slice been judged for itself."""
    from bowerbird.runs.gate import decide, lost_in
    from bowerbird.runs.policy import Policy
    from gates import model

    together, alone = 0, 0
    for attempt in range(TRIES[n]):
        random = np.random.default_rng([seed, n, round(100 * collapse), attempt, 7])
        new, old = pair.drawn(n, random)
        parts = _cut(n, random)
        new = np.where(parts[NEW], thinned(new, collapse, random), new)
        policy = Policy(draws=DRAWS, seed=attempt)
        verdict = decide(model(new, parts), model(old, parts), {}, policy)
        together += any(lost_in(each, policy) for each in verdict.slices)
        alone += any(_lost_alone(new[some] - old[some], old[some]) for some in parts.values())
    return {"together": together / TRIES[n], "each for itself": alone / TRIES[n]}


def _lost_alone(gained: ndarray, old: ndarray) -> bool:
    """The same rule without a thought to the other slices: 1.96 standard errors."""
    upper = gained.mean() + 1.96 * gained.std() / np.sqrt(len(gained))
    return bool(len(gained) >= 30 and upper < 0 and gained.mean() < -0.05 * old.mean())


def _cut(n: int, random: np.random.Generator) -> dict[str, ndarray]:
    """Who is in which slice."""
    parts = {}
    for name, shares in CUTS.items():
        group = np.searchsorted(np.cumsum(shares)[:-1], random.random(n), side="right")
        parts |= {f"{name}: {place}": group == place for place in range(len(shares))}
    return parts


def outcomes(seed: int) -> list[dict[str, Any]]:
    """What the gate says to models whose place is known: measured and decided, all of it."""
    from bowerbird.data.split import ByTime
    from bowerbird.data.synthetic import World
    from bowerbird.encoders.als import Als
    from bowerbird.encoders.popularity import Popularity
    from bowerbird.runs.gate import decide
    from bowerbird.runs.judging import Contender, judged

    world = World(n_users=2000, n_items=80, n_events=60_000, dim=4, seed=42 + seed).make().dataset
    split = ByTime(test_share=0.2).split(world)
    train, popular = split.train, Popularity(window_days=7.0)
    mixed = replace(train.log, items=np.random.default_rng(seed).permutation(train.log.items))

    def als(iterations: int, seed: int) -> Contender:
        return Contender(Als(dim=4, iterations=iterations, seed=seed).fit(train), train, popular)

    champion = als(200, 0)
    challengers = {
        "the champion itself": champion,
        "another seed, settled (200 iterations)": als(200, 1),
        "another seed, 15 iterations": als(15, 1),
        "learned from shuffled items": replace(
            champion, fitted=Als(dim=4, iterations=20).fit(train.with_log(mixed))
        ),
        "popular of the last 7 days": Contender(popular.fit(train), train, popular),
    }
    rows = []
    for name, challenger in challengers.items():
        verdict = decide(*judged(challenger, champion, split))
        lost = [check.name for check in verdict.checks if not check.passed]
        rows.append({"challenger": name, "outcome": verdict.outcome, "failed": lost})
        print(f"  {rows[-1]}", flush=True)
    return rows


def measure(bench: Bench) -> None:
    """Errors and power of the comparison and of the slices; outcomes on a world."""
    with_tests()
    found = pairs(bench.seed)
    names = list(found)
    with ProcessPoolExecutor(AT_ONCE) as pool:
        passes = {
            (name, n, loss): pool.submit(through, found[name], n, loss, bench.seed)
            for name, n, loss in product(names, TRIES, LOSSES)
        }
        lost = {
            (n, collapse): pool.submit(slices_lost, found["unlike"], n, collapse, bench.seed)
            for n, collapse in product(TRIES, COLLAPSES)
        }
        accuracy = [
            {
                "pair": name,
                "people": n,
                "tries": TRIES[n],
                "passes at a loss of": {
                    f"{loss:+.0%}": passes[name, n, loss].result() for loss in LOSSES
                },
            }
            for name, n in product(names, TRIES)
        ]
        slices = [
            {
                "people": n,
                "tries": TRIES[n],
                "refused where new people lose": {
                    f"{collapse:.0%}": lost[n, collapse].result() for collapse in COLLAPSES
                },
            }
            for n in TRIES
        ]
    figures = {
        "pairs": {name: pair.told() for name, pair in found.items()},
        "accuracy": accuracy,
        "slices": slices,
        "outcomes": outcomes(bench.seed),
    }
    bench.keep(figures, protocol(), bars(accuracy, slices))


def bars(accuracy: list[dict[str, Any]], slices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What has to be reached, over all tries."""

    def share(rows: list[tuple[float, int]]) -> float:
        return sum(each * tries for each, tries in rows) / sum(tries for _, tries in rows)

    told = "refused where new people lose"
    wrong = share([(row["passes at a loss of"]["+1%"], row["tries"]) for row in accuracy])
    chance = share([(row[told]["0%"]["together"], row["tries"]) for row in slices])
    seen = slices[1][told]["100%"]["together"]
    return [
        bar("worse by the margin, and not let through", 1 - wrong, 1 - FALSE),
        bar("equal, and no slice called lost", 1 - chance, 1 - FALSE),
        bar("nothing found for new people, seen among 2,000 people", seen, POWER),
    ]


def protocol() -> dict[str, Any]:
    """What was done, for the result file."""
    return {
        "data": "World(4000 people, 200 items, 120,000 events, dim 8), the last fifth held out",
        "tries, by people": {str(n): tries for n, tries in TRIES.items()},
        "draws of the bootstrap": DRAWS,
        "slices": CUTS,
        "policy": "defaults but for the draws",
    }


def main() -> None:
    """Measure; nothing is fetched."""
    options = parser(__doc__ or "", []).parse_args()
    bench = begin("gate", options, [])
    if bench is not None:
        measure(bench)


if __name__ == "__main__":
    sys.exit(main())
