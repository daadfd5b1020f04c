"""What made-up people do to lists, with and without a defence: `python benchmarks/poisoning.py`.

MovieLens 1M until a December day of 2000. What is older than a week came as the shop's file; the
last week came live, from browsers (`public`). On the last day 0.5, 1 or 5 % as many made-up people
as there are real ones come the same way, each with one target among other items:

random     30 items drawn from all
bandwagon  30 of the 100 most popular
copycat    everything that a real person has met

Lift is how much more often the target is among the 50 items shown to a real person than without
the attack. The same of an honest hit: as many people who were there before the week meet the
target, and the shop's server tells it, as it does of people it knows (secret), or their browsers do
(public). Honest loss is NDCG@10 of everybody's last event, held out, without any attack.
"""

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from measuring import Bench, bar, begin, parser

DAY_S = 86_400
UNTIL = 977_097_600
"""2000-12-18 00:00 UTC."""
LIVE_DAYS, K, FILLER, POPULAR = 7, 50, 30, 100
SHARES = (0.005, 0.01, 0.05)
RANKS = (0.5, 0.9)
"""Targets: how far down the list of all items by popularity."""
KINDS = ("random", "bandwagon", "copycat")
HITS = {"honest hit": "secret", "honest hit, told by browsers": "public"}
MODELS = ("popularity", "als", "cooccurrence")
COLUMNS = ("event_id", "user", "item", "type", "time", "arrived", "trust")
TAKEN_BACK, KEPT, LOSS = 0.8, 0.9, 0.01


@dataclass(frozen=True)
class World:
    """Honest people, and how to ask each model for everybody's list."""

    honest: pl.DataFrame  # as the store has events
    everybody: Any  # their histories, as queries
    catalog: Any
    answers: ndarray  # the row of each one's last event, which is held out
    popular: ndarray  # item rows, the most popular first

    @classmethod
    def of(cls, bench: Bench) -> "World":
        """Of MovieLens 1M."""
        from bowerbird.data.dataset import Catalog
        from bowerbird.data.vocabulary import Vocabulary

        events = pl.read_parquet(bench.data / "ml-1m" / "interactions.parquet").sort("order")
        events = events.filter(pl.col("timestamp") < UNTIL).select(
            user=pl.format("u{}", "user"), item=pl.format("i{}", "item"), second="timestamp"
        )
        last = events.with_row_index("n").group_by("user").agg(pl.col("n").last())["n"]
        held = pl.Series(np.isin(np.arange(len(events)), last.to_numpy()))
        answers, events = events.filter(held), events.filter(~held)
        live = pl.col("second") >= UNTIL - LIVE_DAYS * DAY_S
        trust = pl.when(live).then(pl.lit("public")).otherwise(pl.lit("import"))
        honest = as_facts(events.with_columns(trust=trust), "e")
        catalog = Catalog(Vocabulary.of(events["item"]))
        bare = cls(honest, None, catalog, np.zeros(0), np.zeros(0))
        data = bare.dataset(honest.with_columns(factor=1.0))
        told = dict(answers.select("user", "item").iter_rows())
        rows = catalog.items.rows([told[user] for user in data.users.ids])
        return cls(honest, data.queries(), catalog, rows, np.argsort(-data.item_counts()))

    def dataset(self, events: pl.DataFrame) -> Any:  # noqa: ANN401  imported late
        """The log in which each event weighs its factor."""
        from bowerbird.data.dataset import Dataset, Interactions
        from bowerbird.data.vocabulary import Vocabulary

        people = Vocabulary.of(events["user"])
        users = people.rows(events["user"].to_list())
        items = self.catalog.items.rows(events["item"].to_list())
        times = events["time"].to_numpy() // 1_000
        weights = events["factor"].to_numpy().astype(np.float32)
        by = np.lexsort((times, users))
        log = Interactions(users[by], items[by], times[by], weights[by])
        return Dataset(people, self.catalog, log)

    def lists(self, events: pl.DataFrame, seed: int) -> dict[str, ndarray]:
        """What each model, fitted on these events, shows everybody: people × K rows."""
        from bowerbird.encoders.als import Als
        from bowerbird.encoders.popularity import Popularity
        from bowerbird.retrieval.cooccurrence import CoOccurrence
        from bowerbird.surfaces.assemble import recommender_of

        data, lately = self.dataset(events), Popularity(window_days=LIVE_DAYS)
        models = {"popularity": lately, "als": Als(dim=32, seed=seed)}
        models |= {"cooccurrence": CoOccurrence()}
        return {
            name: recommender_of(model.fit(data), data, lately).recommend(self.everybody, K).rows
            for name, model in models.items()
        }

    def ndcg(self, rows: ndarray) -> ndarray:
        """NDCG@10 of each person's held-out event."""
        hit = rows[:, :10] == self.answers[:, None]
        found: ndarray = (hit / np.log2(np.arange(10) + 2)).sum(axis=1)
        return found


def as_facts(events: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """Events (user, item, second, trust) as the store has them: each arrived when it happened."""
    moment = pl.col("second") * 1_000
    numbered = events.with_row_index("n").with_columns(
        event_id=pl.format("{}{}", pl.lit(prefix), "n"),
        type=pl.lit("view"),
        time=moment,
        arrived=moment,
    )
    return numbered.select(COLUMNS)


def attack(world: World, kind: str, n: int, target: int, seed: int) -> pl.DataFrame:
    """What n made-up people do on the last day."""
    draw = np.random.default_rng([seed, KINDS.index(kind), n, target])
    users, items, seconds = [], [], []
    for person in range(n):
        if kind == "random":
            filler = draw.choice(len(world.catalog), FILLER, replace=False)
        elif kind == "bandwagon":
            filler = draw.choice(world.popular[:POPULAR], FILLER, replace=False)
        else:
            filler = world.everybody.history(draw.integers(len(world.everybody)))
        told = draw.permutation(np.append(filler[filler != target], target))
        users += [f"fake{person}"] * len(told)
        items += [world.catalog.items.ids[row] for row in told]
        seconds.append(draw.integers(UNTIL - DAY_S, UNTIL - 3_600) + np.arange(len(told)))
    made = {"user": users, "item": items, "second": np.concatenate(seconds)}
    return as_facts(pl.DataFrame(made).with_columns(trust=pl.lit("public")), "f")


def hit(world: World, kind: str, n: int, target: int, seed: int) -> pl.DataFrame:
    """So many people who were there before the live week meet the target on the last day."""
    draw = np.random.default_rng([seed, 9, n, target])
    name = world.catalog.items.ids[target]
    old = world.honest.filter(pl.col("trust") == "import")["user"].unique().sort()
    met = world.honest.filter(pl.col("item") == name)["user"]
    old = old.filter(~old.is_in(met.implode()))
    users = old.gather(draw.choice(len(old), n, replace=False))
    seconds = draw.integers(UNTIL - DAY_S, UNTIL, n)
    made = pl.DataFrame({"user": users, "item": name, "second": seconds})
    return as_facts(made.with_columns(trust=pl.lit(HITS[kind])), "h")


def shown(rows: Mapping[str, ndarray], target: int) -> dict[str, float]:
    """Share of people who are shown the target, by model."""
    return {name: float((some == target).any(axis=1).mean()) for name, some in rows.items()}


def measure(bench: Bench) -> None:
    """All attacks on all targets, the honest hits, and what the defence costs."""
    from bowerbird.data.defence import Defence
    from bowerbird.data.trusted import trusted

    world = World.of(bench)

    def plain(done: pl.DataFrame) -> pl.DataFrame:
        return done.with_columns(factor=pl.lit(1.0))

    def defended(done: pl.DataFrame) -> pl.DataFrame:
        return trusted(done, UNTIL * 1_000, Defence()).kept()

    def believing(done: pl.DataFrame) -> pl.DataFrame:
        return trusted(done, UNTIL * 1_000, Defence(public=1.0)).kept()

    ways = {"undefended": plain, "defended": defended, "public = 1": believing}
    before = {name: world.lists(way(world.honest), bench.seed) for name, way in ways.items()}
    everything_live = world.honest.with_columns(trust=pl.lit("public"))
    strict = world.lists(defended(everything_live), bench.seed)
    honest = {
        "the last week live": losses(world, before["undefended"], before["defended"]),
        "the same, public = 1": losses(world, before["undefended"], before["public = 1"]),
        "all live": losses(world, before["undefended"], strict),
    }
    held = trusted(world.honest, UNTIL * 1_000, Defence())
    honest["in quarantine"] = held.events.height - held.kept().height
    rows = []
    people = len(world.everybody)
    for kind, share, rank in product((*KINDS, *HITS), SHARES, RANKS):
        target, n = int(world.popular[int(rank * len(world.popular))]), round(share * people)
        made = hit if kind in HITS else attack
        done = pl.concat([world.honest, made(world, kind, n, target, bench.seed)])
        row: dict[str, Any] = {"kind": kind, "share": share, "people": n, "rank": rank}
        for name, way in ways.items():
            after = shown(world.lists(way(done), bench.seed), target)
            base = shown(before[name], target)
            row[name] = {m: round(after[m] - base[m], 5) for m in MODELS}
        rows.append(row)
        print(f"  {row}", flush=True)
    figures = {"honest": honest, "lifts": rows}
    bench.keep(figures, protocol(world), bars(rows, honest["the last week live"]))


def losses(world: World, before: Mapping[str, ndarray], after: Mapping[str, ndarray]) -> Any:  # noqa: ANN401  as above
    """NDCG@10 as it was, as it is, the share that is lost, and its 95 % interval."""
    out = {}
    for name in MODELS:
        old, new = world.ndcg(before[name]), world.ndcg(after[name])
        lost = (old - new) / old.mean()
        wide = 1.96 * lost.std() / np.sqrt(len(lost))
        out[name] = {
            "undefended": round(float(old.mean()), 5),
            "defended": round(float(new.mean()), 5),
            "lost": round(float(lost.mean()), 5),
            "interval": [round(float(lost.mean() + side * wide), 5) for side in (-1, 1)],
        }
    return out


def bars(rows: list[dict[str, Any]], honest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What has to be reached, by model."""
    made = []
    for name in MODELS:

        def kept(way: str, kinds: Collection[str], name: str = name) -> float:
            some = [row for row in rows if row["kind"] in kinds]
            lifts = [sum(row[each][name] for row in some) for each in (way, "undefended")]
            return float(lifts[0] / lifts[1])

        for way, also in (("defended", ""), ("public = 1", ", public = 1")):
            back = 1 - kept(way, KINDS)
            made.append(bar(f"{name}: attacks' lift taken back{also}", back, TAKEN_BACK))
            for kind in HITS:
                made.append(bar(f"{name}: {kind}, lift kept{also}", kept(way, [kind]), KEPT))
        made.append(bar(f"{name}: NDCG@10 kept", 1 - honest[name]["lost"], 1 - LOSS))
    return made


def protocol(world: World) -> dict[str, Any]:
    """What was done, for the result file."""
    return {
        "data": "ml-1m until 2000-12-18, everybody's last event held out",
        "people": len(world.everybody),
        "items": len(world.catalog),
        "events": world.honest.height,
        "live": int((world.honest["trust"] == "public").sum()),
        "popularity": f"of the last {LIVE_DAYS} days",
        "lists": K,
        "targets": f"items at {RANKS} of the list by popularity",
        "filler": FILLER,
    }


def main() -> None:
    """Measure, where the data is there."""
    options = parser(__doc__ or "", []).parse_args()
    bench = begin("poisoning", options, ["ml-1m"])
    if bench is not None:
        measure(bench)


if __name__ == "__main__":
    sys.exit(main())
