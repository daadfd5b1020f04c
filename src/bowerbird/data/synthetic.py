"""A world whose truth is known: tests, docs and scale runs need no download.

Items lie in clusters of a vector space; the words of a title come from its cluster. A user is a
taste in the same space that drifts in steps from one vector to another. A visit picks a cluster
by taste, an item of it by popularity (Zipf), and ends as a view, a cart or a purchase: the nearer
the item to the taste, the further. All these probabilities are written down in `Truth`, so that an
oracle can be scored beside a recommender.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64
from numpy import ndarray

from bowerbird.data.artifacts import whole
from bowerbird.data.columns import Column
from bowerbird.data.dataset import AVAILABLE_FROM, ITEM_TYPE, Catalog, Dataset, Interactions
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

START = 1_767_225_600
"""2026-01-01 00:00 UTC: when the world begins."""
DAY = 86_400
DAYS = 90
PERIODS = 9
"""Tastes stand still for ten days, then take a step."""
FUNNEL = ("view", "cart", "purchase")
WEIGHTS = (1.0, 3.0, 5.0)
TYPES = ("article", "course", "bundle")
DEVICES = ("desktop", "phone", "tablet")
BLOCK = 1 << 19
"""Events made at once: keeps a block's tables near 200 MB whatever the world's size."""

SHARPNESS = 6.0  # of a taste: near 0 all clusters are alike, at 6 the favourite gets about half
ZIPF = 0.9  # exponent of popularity within a cluster
LATE = 0.2  # share of the items that arrive while the world is watched


@dataclass(frozen=True, slots=True)
class Truth:
    """What no recommender is told."""

    centres: Float32[ndarray, "c dim"]
    items: Float32[ndarray, "n dim"]  # unit vectors
    clusters: Int32[ndarray, "n"]  # of each item, ascending
    popularity: Float64[ndarray, "n"]  # P(item | its cluster) once everything has arrived
    arrivals: Int64[ndarray, "n"]  # seconds since 1970 UTC
    tops: Int32[ndarray, "c"]  # each cluster's most popular item: always there, and visited
    # in place of those of its cluster that have not arrived yet
    first: Float32[ndarray, "u dim"]  # taste at the beginning
    last: Float32[ndarray, "u dim"]  # taste at the end of the world

    def tastes(self, users: Int32[ndarray, "b"], time: int) -> Float32[ndarray, "b dim"]:
        """What these users like at this moment."""
        return self._between(users, np.repeat(_period(np.array([time])), len(users)))

    def visits(self, users: Int32[ndarray, "b"], time: int) -> Float64[ndarray, "b n"]:
        """P(item | user visits something now); each row sums to 1."""
        chance = self.popularity.copy()
        absent = np.flatnonzero(self.arrivals > time)
        np.add.at(chance, self.tops[self.clusters[absent]], chance[absent])
        chance[absent] = 0
        joint: Float64[ndarray, "b n"]
        joint = self.choices(self.tastes(users, time))[:, self.clusters] * chance
        return joint

    def purchases(self, users: Int32[ndarray, "b"], time: int) -> Float64[ndarray, "b n"]:
        """P(item is bought at the next visit): what an oracle ranks by."""
        cart, purchase = deeds(self.tastes(users, time) @ self.items.T)
        bought: Float64[ndarray, "b n"] = self.visits(users, time) * cart * purchase
        return bought

    def choices(self, tastes: Float32[ndarray, "b dim"]) -> Float64[ndarray, "b c"]:
        """P(cluster | taste) = softmax(sharpness · taste · centre)."""
        score = np.exp((SHARPNESS * (tastes @ self.centres.T)).astype(np.float64))
        chance: Float64[ndarray, "b c"] = score / score.sum(axis=1, keepdims=True)
        return chance

    def _between(self, users: ndarray, period: ndarray) -> Float32[ndarray, "e dim"]:
        step = np.asarray(period / (PERIODS - 1), np.float32)[..., None]
        taste: Float32[ndarray, "e dim"] = self.first[users] * (1 - step) + self.last[users] * step
        return taste


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The data, and what made them."""

    dataset: Dataset
    truth: Truth


@dataclass(frozen=True, slots=True)
class World:
    """The settings of a synthetic world; the same settings make the same bytes.

    >>> World(n_users=5, n_items=8, n_events=20).make().dataset.log.types.shape
    (20,)
    """

    n_users: int = 1000
    n_items: int = 500
    n_events: int = 30_000
    n_types: int = 2  # sorts of items, 1 to 3
    dim: int = 16
    drift: float = 0.5  # how far tastes move in the 90 days: 0 not at all, 1 to another taste
    seed: int = 42

    def __post_init__(self) -> None:
        if min(self.n_users, self.n_items, self.n_events, self.dim) < 1:
            raise ConfigError(f"at least 1 user, item, event and dim expected, {self} came")
        if not 1 <= self.n_types <= len(TYPES):
            raise ConfigError(f"1 to {len(TYPES)} item types expected, {self.n_types} came")
        if not 0 <= self.drift <= 1:
            raise ConfigError(f"drift from 0 to 1 expected, {self.drift} came")

    def make(self) -> Synthetic:
        """The whole world in memory: about 60 bytes an event."""
        truth, catalog, traits = self._stage()
        blocks = list(self._blocks(truth, catalog))
        users, items, times, weights, types, values = (
            np.concatenate([getattr(block, name) for block in blocks])
            for name in ("users", "items", "times", "weights", "types", "values")
        )
        log = Interactions(users, items, times, weights, types, FUNNEL, values)
        names = Vocabulary(tuple(f"u{row}" for row in range(self.n_users)))
        return Synthetic(Dataset(names, catalog, log, traits), truth)

    def write(self, folder: Path) -> Truth:
        """events.parquet, items.parquet and users.parquet into the folder; what made them.

        Block by block, so that the log need not fit into memory.
        """
        import polars as pl

        truth, catalog, traits = self._stage()
        with whole(folder) as partial:
            parts = partial / "parts"
            parts.mkdir(parents=True)
            _frame("item", "i", catalog.fields, self.n_items).write_parquet(
                partial / "items.parquet"
            )
            _frame("user", "u", traits, self.n_users).write_parquet(partial / "users.parquet")
            for number, block in enumerate(self._blocks(truth, catalog)):
                _events(block).write_parquet(parts / f"{number:05d}.parquet")
            pl.scan_parquet(parts / "*.parquet").sink_parquet(partial / "events.parquet")
            for part in parts.iterdir():
                part.unlink()
            parts.rmdir()
        return truth

    def _stage(self) -> tuple[Truth, Catalog, dict[str, Column]]:
        """Everything but the events."""
        rng = np.random.default_rng([self.seed, 0])
        n_clusters = int(np.clip(self.n_items // 25, 2, 64))
        _, clusters = np.unique(rng.integers(n_clusters, size=self.n_items), return_inverse=True)
        clusters = np.sort(clusters).astype(np.int32)
        centres = _unit(rng.standard_normal((int(clusters[-1]) + 1, self.dim)))
        items = _unit(centres[clusters] + 0.6 * _noise(rng, self.n_items, self.dim))
        arrivals = START - rng.integers(1, 365 * DAY, self.n_items)
        popularity = _zipf(rng, clusters)
        heads = np.flatnonzero(np.diff(clusters, prepend=-1))  # where each cluster begins
        tops = np.lexsort((-popularity, clusters))[heads].astype(np.int32)
        late = rng.random(self.n_items) < LATE
        late[tops] = False
        arrivals[late] = START + rng.integers(1, DAYS * DAY, late.sum())
        first, favourites = _tastes(rng, self.n_users, centres)
        last = first * np.float32(1 - self.drift)
        last += np.float32(self.drift) * _tastes(rng, self.n_users, centres)[0]
        truth = Truth(centres, items, clusters, popularity, arrivals, tops, first, _unit(last))
        fields = _fields(rng, clusters, self.n_types) | {AVAILABLE_FROM: Column("time", arrivals)}
        catalog = Catalog(Vocabulary(tuple(f"i{row}" for row in range(self.n_items))), fields)
        return truth, catalog, _traits(rng, favourites)

    def _blocks(self, truth: Truth, catalog: Catalog) -> Iterator[Interactions]:
        """The log, some users at a time."""
        rng = np.random.default_rng([self.seed, 1])
        activity = rng.lognormal(0.0, 1.0, self.n_users)
        budget = rng.multinomial(self.n_events, activity / activity.sum())
        # neither too many events nor too many tables of tastes at once
        block = np.cumsum(budget) // BLOCK + np.arange(self.n_users) // 16384
        stops = [*(np.flatnonzero(np.diff(block)) + 1), self.n_users]
        start = 0
        for stop in stops:
            users = np.arange(start, stop, dtype=np.int32)
            draw = np.random.default_rng([self.seed, 2, start])
            yield _block(draw, truth, catalog.fields["price"].values, users, budget[start:stop])
            start = stop


def deeds(affinity: ndarray) -> tuple[ndarray, ndarray]:
    """P(cart | view) and P(purchase | cart), for taste · item."""
    cart, purchase = (1 / (1 + np.exp(-x)) for x in (5 * affinity - 3.5, 4 * affinity - 2))
    return cart, purchase


def _block(
    rng: np.random.Generator,
    truth: Truth,
    prices: Float64[ndarray, "n"],
    users: Int32[ndarray, "b"],
    budget: Int64[ndarray, "b"],
) -> Interactions:
    """As many events of each user as its budget says, sorted by user and time."""
    owner = np.repeat(np.arange(len(users)), budget)
    times = START + rng.integers(0, DAYS * DAY, len(owner))
    period = _period(times)
    items = _picked(rng, truth, users, owner * PERIODS + period, times)
    affinity = np.einsum("ed,ed->e", truth._between(users[owner], period), truth.items[items])
    cart, purchase = deeds(affinity)
    carted = rng.random(len(owner)) < cart
    bought = carted & (rng.random(len(owner)) < purchase)
    depth = 1 + carted.astype(np.int64) + bought
    # every visit leaves one to three events; each user's budget cuts the surplus off the end
    visit = np.repeat(np.arange(len(owner)), depth)
    stage = np.arange(len(visit)) - np.repeat(np.cumsum(depth) - depth, depth)
    made = np.bincount(owner, depth, minlength=len(users)).astype(np.int64)
    place = np.arange(len(visit)) - np.repeat(np.cumsum(made) - made, made)
    kept = place < np.repeat(budget, made)
    visit, stage = visit[kept], stage[kept]
    waits = np.stack([np.zeros_like(times), *rng.integers(10, 900, (2, len(times)))], axis=1)
    moment = times[visit] + np.cumsum(waits, axis=1)[visit, stage]
    order = np.lexsort((stage, moment, owner[visit]))
    visit, stage, moment = visit[order], stage[order], moment[order]
    return Interactions(
        users[owner[visit]],
        items[visit],
        moment,
        np.array(WEIGHTS, np.float32)[stage],
        types=stage.astype(np.int16),
        type_names=FUNNEL,
        values=np.where(stage == 2, prices[items[visit]], np.nan).astype(np.float32),
    )


def _picked(
    rng: np.random.Generator, truth: Truth, users: ndarray, cell: ndarray, times: ndarray
) -> Int32[ndarray, "e"]:
    """The item of each visit; cell says which user (of these) and which period it belongs to."""
    cells = np.arange(len(users) * PERIODS)
    tastes = truth._between(users[cells // PERIODS], cells % PERIODS)
    # row r of the running sums, lifted by r, is one stretch of a single ascending line
    line = np.minimum(np.cumsum(truth.choices(tastes), axis=1), 1.0)
    line[:, -1] = 1.0
    line += cells[:, None]
    cluster = np.searchsorted(line.ravel(), rng.random(len(cell)) + cell, side="right")
    cluster %= len(truth.centres)
    ends = np.flatnonzero(np.diff(truth.clusters, append=len(truth.centres))) + 1
    shelf = np.cumsum(truth.popularity)  # of each cluster it sums to 1, up to rounding
    place = np.searchsorted(shelf, rng.random(len(cell)) + cluster, side="right")
    begins = np.concatenate([[0], ends[:-1]])
    items: ndarray = place.clip(begins[cluster], ends[cluster] - 1).astype(np.int32)
    absent = truth.arrivals[items] > times
    items[absent] = truth.tops[cluster[absent]]
    return items


def _period(times: Int64[ndarray, "e"]) -> Int64[ndarray, "e"]:
    """Which of the ten-day steps a moment lies in."""
    step: ndarray = (times - START) * PERIODS // (DAYS * DAY)
    return step.clip(0, PERIODS - 1)


def _unit(vectors: ndarray) -> Float32[ndarray, "n dim"]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Float32[ndarray, "n dim"] = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return unit


def _noise(rng: np.random.Generator, n: int, dim: int) -> ndarray:
    """Vectors of length about 1."""
    noise: ndarray = rng.standard_normal((n, dim), dtype=np.float32) / np.sqrt(np.float32(dim))
    return noise


def _tastes(rng: np.random.Generator, n: int, centres: ndarray) -> tuple[ndarray, ndarray]:
    """A favourite cluster, a second one at half its strength, and something of one's own."""
    main, second = rng.integers(len(centres), size=(2, n))
    mixed = centres[main] + 0.5 * centres[second] + 0.4 * _noise(rng, n, centres.shape[1])
    return _unit(mixed), main


def _zipf(rng: np.random.Generator, clusters: ndarray) -> Float64[ndarray, "n"]:
    """P(item | cluster) ∝ rank^-0.9, the ranks being drawn."""
    sizes = np.bincount(clusters)
    order = np.lexsort((rng.random(len(clusters)), clusters))
    rank = np.empty(len(clusters))
    rank[order] = np.arange(len(clusters)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    chance = rank**-ZIPF
    chance /= np.bincount(clusters, chance)[clusters]
    return chance


def _fields(rng: np.random.Generator, clusters: ndarray, n_types: int) -> dict[str, Column]:
    """What is written on the items."""
    n, n_clusters = len(clusters), int(clusters.max()) + 1
    words = np.array(_words(rng, 10 * n_clusters)).reshape(n_clusters, 10)
    plain = np.array(("new", "classic", "little", "great", "first", "daily"))
    one, two = rng.integers(10, size=(2, n))
    parts = (plain[rng.integers(6, size=n)], words[clusters, one], words[clusters, two])
    titles = [" ".join(title).capitalize() for title in zip(*parts, strict=True)]
    shelf = np.where(rng.random(n) < 0.9, clusters, rng.integers(n_clusters, size=n))
    price = np.round(np.exp(rng.normal(3 + np.sin(clusters), 0.4)), 2)
    return {
        "title": Column.text(titles),
        "category": Column.category([f"shelf {c}" for c in shelf]),
        "price": Column("number", price),
        ITEM_TYPE: Column.category([TYPES[t] for t in rng.integers(n_types, size=n)]),
    }


def _traits(rng: np.random.Generator, favourites: ndarray) -> dict[str, Column]:
    """What is known of the users: hints of their taste, not more."""
    n = len(favourites)
    device = np.where(rng.random(n) < 0.7, favourites, rng.integers(3, size=n)) % len(DEVICES)
    age = np.clip(np.round(rng.normal(25 + 7 * (favourites % 6), 6)), 14, 95)
    device_column = Column.category([DEVICES[d] for d in device])
    return {"device": device_column, "age": Column("number", age)}


def _words(rng: np.random.Generator, n: int) -> list[str]:
    """Different words one can pronounce."""
    syllables = [c + v for c in "bdfgklmnprstvz" for v in ("a", "e", "i", "o", "u")]
    numbers = rng.choice(len(syllables) ** 3, size=n, replace=False)
    size = len(syllables)
    return [
        syllables[m // size**2] + syllables[m // size % size] + syllables[m % size]
        for m in numbers.tolist()
    ]


def _frame(name: str, letter: str, fields: Mapping[str, Column], n: int) -> "pl.DataFrame":
    """A table as a shop would export it: the id, then the fields."""
    import polars as pl

    columns = [pl.Series(name, [f"{letter}{row}" for row in range(n)])]
    for field, column in fields.items():
        if column.kind == "number":
            columns.append(pl.Series(field, column.values))
        elif column.kind == "time":
            columns.append(
                pl.from_epoch(pl.Series(field, column.values)).dt.replace_time_zone("UTC")
            )
        else:
            columns.append(pl.Series(field, column.words()))
    return pl.DataFrame(columns)


def _events(log: Interactions) -> "pl.DataFrame":
    """The log as a shop would export it."""
    import polars as pl

    return pl.DataFrame(
        {"user": log.users, "item": log.items, "timestamp": log.times, "event": log.types}
        | {"value": log.values}
    ).with_columns(
        pl.format("u{}", "user").alias("user"),
        pl.format("i{}", "item").alias("item"),
        pl.col("event").replace_strict(range(len(FUNNEL)), FUNNEL, return_dtype=pl.String),
        pl.col("value").fill_nan(None),
    )
