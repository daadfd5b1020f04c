"""Are these vectors well? Figures, the limits they have to keep, and a sentence for each alarm.

No accuracy is asked for: a space can be sick where a holdout is still content. As a gate: no alarm,
and the vectors may be served.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32, Int64
from numpy import ndarray

from bowerbird.errors import ConfigError, DataError
from bowerbird.evaluation import space
from bowerbird.evaluation.lights import Light, at_most, number, percent, watched
from bowerbird.evaluation.report import plain
from bowerbird.index.exact import ExactIndex

SAMPLE = 5000
"""Queries asked and items paired, at most; drawn with the seed."""
ANCHORS = 1000
"""Items whose neighbours' categories are read, at most."""
REACH, SHOWN = 100, 10
"""Dead is who is in nobody's first 100; a hub stands in too many first tens."""
SMALL = 10
"""Of a catalog below REACH·SMALL items every tenth place is far enough: all would be in reach."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a figure becomes an alarm; the first six look at one space, the last four at two."""

    effective_rank: float = 0.3  # at least, as a share of the dimensions there could be
    mean_cosine: float = 0.3  # of all pairs, at most
    dead: float = 0.2  # share of items nobody is shown, beyond what chance misses
    norm_popularity: float = 0.6  # Spearman, at most
    unplaced: float = 0.01  # share of the items with interactions
    tied: float = 0.1  # share of neighbouring places
    rank_drop: float = 0.2  # against the space before, relative
    dead_rise: float = 0.05  # against the space before
    agreement_drop: float = 0.2  # of same-category neighbours beyond chance, relative
    slope_rise: float = 0.1  # of length by popularity, against the space before

    @classmethod
    def of(cls, told: Mapping[str, object]) -> "Limits":
        """The limits with these changed, by name.

        Raises:
            ConfigError: there is no such limit, or it is no finite number.
        """
        valid = [each.name for each in fields(cls)]
        changed: dict[str, float] = {}
        for name, value in told.items():
            if name not in valid:
                raise ConfigError(f"limit: one of {', '.join(valid)} expected, {name!r} came")
            if not isinstance(value, int | float) or not abs(value) < np.inf:
                raise ConfigError(f"limit {name}: a finite number expected, {value!r} came")
            changed[name] = float(value)
        return replace(cls(), **changed)


@dataclass(frozen=True, slots=True)
class Health:
    """The figures of one space. NaN is a figure that cannot be had."""

    items: int
    dim: int
    queries: int  # asked; those of zeros have nothing to say and are not
    broken_items: int  # vectors of zeros, with infinity, or with some NaN
    broken_queries: int  # with NaN or infinity
    unplaced: float  # share of the items with interactions whose vector is all NaN
    effective_rank: float  # 1 … min(items, dim)
    top_share: float
    uniformity: float
    uniformity_gap: float  # above the least there is; 0 is evenly spread
    mean_cosine: float
    mean_share: float
    hubness: float  # skewness of N_10
    hubness_by_chance: float
    most_shown: float  # the greatest hub: its share of the first tens
    reach: int  # places of a list in which an item is not dead
    dead: float  # share of the items with a sound vector
    dead_by_chance: float
    norm_popularity: float
    norm_slope: float  # an item met 1 % more often has a vector so many % longer
    same_category: float
    same_category_by_chance: float
    tied: float
    limits: Limits = field(default_factory=Limits)

    def alarms(self, before: "Health | None" = None) -> tuple[str, ...]:
        """A sentence for each limit that is not kept; none, and the vectors may be served.

        Args:
            before: of the space that is served now; what got much worse is an alarm, too.
        """
        return tuple(light.sentence() for light in self.lights(before) if light.ok is False)

    def verdict(self, before: "Health | None" = None) -> str:
        """«healthy», or which limits are not kept."""
        failed = [light.name.lower() for light in self.lights(before) if light.ok is False]
        return "healthy" if not failed else f"not healthy: {', '.join(failed)}"

    def lights(self, before: "Health | None" = None) -> tuple[Light, ...]:
        """Every figure with its limit, what is broken first."""
        alone = (*_integrity(self), *_geometry(self, before), *_reach(self))
        return alone if before is None else (*alone, *_against(self, before))

    @property
    def dead_beyond_chance(self) -> float:
        """(dead - by chance) / (1 - by chance), at least 0: few queries cannot reach every item."""
        if not self.dead_by_chance < 1:
            return float("nan")
        return max(0.0, (self.dead - self.dead_by_chance) / (1 - self.dead_by_chance))

    def to_json(self) -> dict[str, object]:
        """Plain data: figures, limits, alarms. What cannot be said is None."""
        figures = {
            name: plain(value) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return {**figures, "verdict": self.verdict(), "alarms": list(self.alarms())}


def health_of(
    items: Float32[ndarray, "n dim"],
    queries: Float32[ndarray, "b width"],
    counts: Int64[ndarray, "counted"],
    categories: Int32[ndarray, "coded"] | None = None,
    limits: Limits = Limits(),
    seed: int = 0,
) -> Health:
    """The figures of a space: its item vectors, and the query vectors that look into it.

    Args:
        items: of what may be shown: hidden items would count as dead. A row of NaN is an item that
            cannot be placed; that is an alarm only for items with interactions.
        queries: of people as they are asked; a row of zeros has nothing to say and is left out.
        counts: training interactions of each item.
        categories: codes, -1 where there is none; None leaves that figure out.
        limits: where a figure becomes an alarm.
        seed: of the samples of queries and items.

    Raises:
        DataError: the arrays are not of one space and one catalog.

    Cost: 5,000 queries against all items, 5,000² pairs, and one product of dim² an item.
    """
    _check(items, queries, counts, categories)
    random = np.random.default_rng(seed)
    placed = ~np.isnan(items).all(axis=1)
    finite, sane = np.isfinite(items).all(axis=1), np.isfinite(queries).all(axis=1)
    speaks = sane & np.any(queries, axis=1)
    length = np.linalg.norm(np.where(finite[:, None], items, 0), axis=1)
    there, whole = items[finite], finite & (length > 0)
    warm = counts > 0
    sample = _drawn(items[whole], SAMPLE, random)
    spread = space.uniformity(sample)
    lists = _lists(items[whole], _drawn(queries[speaks], SAMPLE, random))
    return Health(
        items=len(items),
        dim=items.shape[1],
        broken_items=int((placed & ~whole).sum()),
        broken_queries=int((~sane).sum()),
        unplaced=float((~placed[warm]).mean()) if warm.any() else float("nan"),
        effective_rank=space.effective_rank(there),
        top_share=space.top_share(there),
        uniformity=spread,
        uniformity_gap=spread - space.uniformity_bound(items.shape[1]),
        mean_cosine=space.mean_cosine(there),
        mean_share=space.mean_share(there),
        norm_popularity=space.norm_popularity(items[whole], counts[whole]),
        norm_slope=space.norm_slope(items[whole], counts[whole]),
        limits=limits,
        **lists,
        **_agreement(items, whole, categories, random),
    )


def _check(items: ndarray, queries: ndarray, counts: ndarray, categories: ndarray | None) -> None:
    if items.shape[1] != queries.shape[1]:
        raise DataError(
            f"queries of dim {items.shape[1]} expected (the items), {queries.shape[1]} came:"
            " encode both with one encoder"
        )
    for name, values in (("counts", counts), ("categories", categories)):
        if values is not None and len(values) != len(items):
            raise DataError(
                f"{name} of {len(items)} items expected, {len(values)} came:"
                " take all from one catalog"
            )


def _drawn(vectors: ndarray, most: int, random: np.random.Generator) -> ndarray:
    if len(vectors) <= most:
        return vectors
    return np.asarray(vectors[np.sort(random.choice(len(vectors), most, replace=False))])


def _lists(items: ndarray, queries: ndarray) -> dict[str, Any]:
    """Who is shown to whom: hubs, the dead, ties."""
    n, b = len(items), len(queries)
    reach = max(1, min(REACH, n // SMALL))
    hits = ExactIndex(items).search(queries, max(reach, SHOWN))
    first = space.reached(hits.rows[:, :SHOWN], n)
    far = space.reached(hits.rows[:, :reach], n)
    mean = float(first.mean()) if n else 0.0
    asked = n > 0 and b > 0
    return {
        "queries": b,
        "hubness": space.hubness(first),
        "hubness_by_chance": mean**-0.5 if mean else float("nan"),
        "most_shown": float(first.max()) / b if asked else float("nan"),
        "reach": reach,
        "dead": float((far == 0).mean()) if asked else float("nan"),
        "dead_by_chance": space.dead_by_chance(n, b, reach) if asked else float("nan"),
        "tied": space.tied_share(hits.scores),
    }


def _agreement(
    items: ndarray, whole: ndarray, categories: ndarray | None, random: np.random.Generator
) -> dict[str, Any]:
    if categories is None:
        return {"same_category": float("nan"), "same_category_by_chance": float("nan")}
    known = whole & (categories >= 0)
    asked = _drawn(np.arange(int(known.sum())), ANCHORS, random)
    same, chance = space.category_agreement(items[known], categories[known], asked)
    return {"same_category": same, "same_category_by_chance": chance}


def _integrity(health: Health) -> tuple[Light, ...]:
    limits = health.limits
    return (
        Light(
            "Broken vectors",
            f"{health.broken_items:,} items, {health.broken_queries:,} queries",
            "none",
            not health.broken_items and not health.broken_queries,
            "A vector of zeros fits nobody, one with NaN or infinity cannot be compared",
            "look for a failed load, an untrained row or a loss that ran away, and train again",
        ),
        at_most(
            ("Items without a vector", f"{percent(health.unplaced)} of those with interactions"),
            (health.unplaced, limits.unplaced, percent(limits.unplaced)),
            "The model cannot recommend what it cannot place",
            "give it what it reads (texts, interactions), or put another model beside it",
        ),
    )


def _geometry(health: Health, before: Health | None) -> tuple[Light, ...]:
    limits, room = health.limits, min(health.items, health.dim)
    least = limits.effective_rank * room
    rank, gap = health.effective_rank, number(health.uniformity_gap, 3)
    length = limits.norm_popularity
    if before is not None and before.norm_popularity > length:
        length = 1.0  # a trait of what is served: that it grew is told by the slope
    return (
        Light(
            "Effective dimensions",
            f"{number(rank, 1)} of {room}",
            f"at least {least:.1f}",
            None if rank != rank else rank >= least,
            "How many directions the vectors use; in few, unlike items fall together",
            "take more or harder negatives or less regularization, or a smaller dim",
        ),
        watched(
            "Largest direction",
            f"{percent(health.top_share)} of the variance",
            "What one direction has alone; had it all, everybody would get one order",
        ),
        watched(
            "Spread",
            f"{number(health.uniformity, 3)}, {gap} above an even one",
            "Uniformity; the less, the more of the room is used",
        ),
        at_most(
            ("Mean cosine", number(health.mean_cosine, 3)),
            (health.mean_cosine, limits.mean_cosine, f"{limits.mean_cosine:g}"),
            "How far all lean one way; the further, the less cosines tell them apart",
            "subtract the mean vector, or give popularity a dimension of its own",
        ),
        at_most(
            ("Length by popularity", f"{number(health.norm_popularity)} (Spearman)"),
            (health.norm_popularity, length, f"{length:g}"),
            "How much the popular have longer vectors; inner products favour long ones",
            "compare by cosine, correct the negatives (logQ), or turn the popularity dial",
        ),
    )


def _reach(health: Health) -> tuple[Light, ...]:
    limits = health.limits
    chance = f"{number(health.hubness_by_chance)} by chance"
    hubs = f"skewness {number(health.hubness)} ({chance})"
    dead = f"{percent(health.dead)} ({percent(health.dead_by_chance)} by chance)"
    chance = percent(health.same_category_by_chance)
    same = f"{percent(health.same_category)} ({chance} by chance)"
    if health.same_category != health.same_category:
        same = "no category column"
    return (
        at_most(
            ("Dead items", dead),
            (health.dead_beyond_chance, limits.dead, f"{percent(limits.dead)} beyond chance"),
            f"Items that none of {health.queries:,} people has among the first {health.reach}",
            "turn the popularity dial, or keep places for new and rare items",
        ),
        watched(
            "Hubs",
            f"{hubs}; the greatest in {percent(health.most_shown)} of the lists",
            "Far above chance, a few items stand in everybody's list",
        ),
        watched("Neighbours of one category", same, "Do near vectors mean alike items?"),
        at_most(
            ("Tied places", percent(health.tied)),
            (health.tied, limits.tied, percent(limits.tied)),
            "Equal scores are ordered by row, not by taste",
            "look for items with one and the same vector",
        ),
    )


def _against(health: Health, before: Health) -> tuple[Light, ...]:
    limits = health.limits
    dead = health.dead_beyond_chance - before.dead_beyond_chance
    rank = 1 - health.effective_rank / before.effective_rank
    slope = health.norm_slope - before.norm_slope
    beyond, once = (h.same_category - h.same_category_by_chance for h in (health, before))
    agreement = 1 - beyond / once if once > 0 else float("nan")
    return (
        at_most(
            ("Effective dimensions lost", percent(rank)),
            (rank, limits.rank_drop, percent(limits.rank_drop)),
            "The space before used so many more directions",
            "compare settings and data of the two, and train again",
        ),
        at_most(
            ("Dead items gained", f"{number(100 * dead, 1)} points"),
            (dead, limits.dead_rise, f"{100 * limits.dead_rise:g} points"),
            "So much more of the catalog is in nobody's reach than before",
            "look at what is new in the catalog, or turn the popularity dial",
        ),
        at_most(
            ("Category neighbours lost", percent(agreement)),
            (agreement, limits.agreement_drop, percent(limits.agreement_drop)),
            "How much less items stand beside their like than before",
            "check that vectors and ids are in one order",
        ),
        at_most(
            ("Length by popularity gained", number(slope)),
            (slope, limits.slope_rise, f"{limits.slope_rise:g}"),
            "So much steeper do vectors grow with popularity than before",
            "look for what scales vectors, or turn the popularity dial",
        ),
    )
