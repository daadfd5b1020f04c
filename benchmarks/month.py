"""A month of a real shop, retrained every night: `python benchmarks/month.py`.

Complete Journey by its own clock: a run of four months answers, then the events of each day come in
as a server would keep them, and at midnight `retrain` is given. Each next day judges three: the
first run, left as it is; the run that the gate lets answer; and the newest run that was made,
whatever the gate said. In the end all runs are judged on the last days: how old may a model get?
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser

NAME = "month"
BASE, START, DAYS = 1_498_867_200, 1_509_494_400, 30
"""2017-07-01 and 2017-11-01 UTC, seconds."""
DAY = 86_400
RECIPE = """
[events]
path = "old.parquet"
[items]
path = "{items}"
[model]
name = "cooccurrence"
tune = false
[split]
kind = "time"
repeats = true
"""
MARGIN = 0.05


@dataclass
class Judge:
    """What each run finds on a day that none has learned from."""

    runs: Path
    metric: str = "ndcg@10"

    def values(self, names: list[str], data: Any, begin: int) -> dict[str, Any]:  # noqa: ANN401  imported late
        """Of each run, a value for each person of that day."""
        from bowerbird.data.split import ByTime
        from bowerbird.evaluation.background import Background
        from bowerbird.runs.judging import Contender, Seated, measured
        from bowerbird.runs.policy import Policy
        from bowerbird.surfaces.run_folder import load_run

        split = ByTime(at=begin, repeats=True).split(data)
        background, found = Background.of(split.train), {}
        for name in dict.fromkeys(names):
            seat = Seated.at(Contender.of(load_run(self.runs / name)), split)
            report = measured(seat, split, background, Policy()).report
            found[name] = report.values[self.metric]
        return found


def prepared(bench: Bench) -> tuple[Path, Any]:
    """The folder of runs with the first, and the events of the month."""
    import json

    import polars as pl

    files = json.loads(bench.bowerbird("datasets", "complete-journey", "--json").out)
    events = pl.read_parquet(files["events"]).filter(pl.col("timestamp") >= BASE)
    bench.scratch.mkdir(parents=True, exist_ok=True)
    events.filter(pl.col("timestamp") < START).write_parquet(bench.scratch / "old.parquet")
    recipe = bench.scratch / "recipe.toml"
    recipe.write_text(RECIPE.format(items=files["items"]), "utf-8")
    runs = bench.scratch / "runs"
    bench.bowerbird("train", recipe, "--out", runs / "first")
    (runs / "current").write_text("first\n", "utf-8")
    return runs, events.filter(pl.col("timestamp") >= START).sort("timestamp")


def day_of(events: Any, day: int) -> Any:  # noqa: ANN401  a table
    """Rows of a day of the month."""
    import polars as pl

    begin = START + day * DAY
    within = (pl.col("timestamp") >= begin) & (pl.col("timestamp") < begin + DAY)
    return events.filter(within)


def happened(rows: Any, day: int, identity: Any) -> list[Any]:  # noqa: ANN401  imported late
    """The events of a day as a server keeps them."""
    from bowerbird.data.facts import Done

    told = rows.select("user", "item", "timestamp").iter_rows()
    return [
        Done(f"{day}-{n}", identity.user(str(u)), str(i), "purchase", 1000 * t, 1000 * t)
        for n, (u, i, t) in enumerate(told)
    ]


def print_nothing(news: str) -> None:
    """What a night does is of no interest here."""


def measured(bench: Bench) -> None:
    """Thirty nights, then what age costs."""
    from bowerbird.data.defence import Defence
    from bowerbird.runs.plan import Plan
    from bowerbird.runs.policy import Policy
    from bowerbird.runs.retrain import retrain
    from bowerbird.runs.snapshot import taken
    from bowerbird.store.identity import Identity
    from bowerbird.store.opened import open_store
    from bowerbird.surfaces.registry import Registry
    from bowerbird.surfaces.run_folder import load_run

    runs, events = prepared(bench)
    store, identity = open_store(bench.scratch / "data"), Identity.kept(bench.scratch / "data")
    plan = Plan(keep=DAYS + 2, policy=Policy(margin=MARGIN), shadow=50)
    judge, nights, newest = Judge(runs), [], "first"
    for day in range(DAYS + 1):
        store.facts.record(happened(day_of(events, day), day, identity))
        midnight = START + (day + 1) * DAY
        champion = str(Registry(runs).current())
        if day:
            data = taken(load_run(runs / "first"), store, identity, Defence(), 1000 * midnight).data
            found = judge.values(["first", champion, newest], data, midnight - DAY)
            means = {name: float(values[values == values].mean()) for name, values in found.items()}
            row = {"people": int((found["first"] == found["first"]).sum())}
            row |= {"frozen": means["first"], "gated": means[champion], "ungated": means[newest]}
            nights[-1] |= row
            print(f"  {day}: {nights[-1]}", flush=True)
        if day == DAYS:
            break
        began = time.perf_counter()
        outcome = retrain(runs, store, identity, plan, partial(float, midnight), print_nothing)
        newest = outcome.run or newest
        nights.append({"night": day + 1, "state": outcome.state, "why": outcome.words[0][:120]})
        nights[-1]["seconds"] = round(time.perf_counter() - began, 1)
    keep(bench, nights, aged(judge, Registry(runs), data, midnight))


def aged(judge: Judge, registry: Any, data: Any, midnight: int) -> dict[str, Any]:  # noqa: ANN401  imported late
    """Quality on the last day by the age of the model."""
    import numpy as np

    from bowerbird.evaluation.staleness import staleness
    from bowerbird.surfaces.run_folder import load_run

    names = registry.names()
    cuts = {name: load_run(registry.folder / name).learned_until for name in names}
    found = judge.values(names, data, midnight - DAY)
    by_age = {(midnight - DAY - cuts[name]) / DAY: found[name] for name in names}
    ages = sorted(by_age)
    values = np.stack([by_age[age] for age in ages], axis=1)
    return staleness(np.array(ages), values).to_json()


def keep(bench: Bench, nights: list[dict[str, Any]], curve: dict[str, Any]) -> None:
    """Write the result."""
    means = {
        what: sum(night[what] for night in nights) / len(nights)
        for what in ("frozen", "gated", "ungated")
    }
    states = [night["state"] for night in nights]
    figures = {
        "mean ndcg@10": {name: round(value, 5) for name, value in means.items()},
        "nights": {state: states.count(state) for state in sorted(set(states))},
        "each night": nights,
        "by age": curve,
    }
    protocol = {
        "data": "Complete Journey, four months from 2017-07-01 in the first run, then November day "
        "by day; repeat purchases are answers",
        "model": "item-item co-occurrence",
        "gate": f"margin {MARGIN:.0%}, a window of one day; the rest as it comes",
        "judged": "ndcg@10 over the whole catalog, on the day after each night",
    }
    bars = [
        bar("gated over frozen, mean ndcg@10", means["gated"] / means["frozen"], 1.0),
        bar("gated over ungated, mean ndcg@10", means["gated"] / means["ungated"], 0.99),
        bar("nights on which a run was promoted", float(states.count("promoted")), 5),
    ]
    bench.keep(figures, protocol, bars)


def main() -> None:
    """Run the benchmark."""
    bench = begin(NAME, parser(__doc__ or "", [NAME]).parse_args(), [])
    if bench is not None:
        measured(bench)


if __name__ == "__main__":
    main()
