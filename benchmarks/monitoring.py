"""How often what watches data cries wolf, and what it catches.

Honest weeks and days of synthetic shops (even, weekends, growth, a season, a feast), the same
broken in eight ways; and half a year of The Complete Journey: what PSI
has there week by week, and what it would be held against if events, not people, were counted.
"""

import json
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from measuring import Bench, bar, begin, parser, with_tests

WORLDS = {"honest": range(11, 21), "broken": range(21, 31)}
DAY, WEEK, WEEKS = 86_400, 604_800, 5
HALF_A_YEAR = 26
REAL = "complete-journey"


def honest() -> dict[str, Any]:
    """Windows of which nothing should be said."""
    from bowerbird.evaluation.suspicious import suspicions
    from shop_logs import END, HONEST, made, thinned, until

    windows, said = 0, Counter[str]()
    for seed in WORLDS["honest"]:
        data = made(seed)
        for shape in HONEST:
            log = thinned(data, shape, seed)
            for weeks in range(4):
                end = END - 7 * DAY * weeks
                snapshot = until(log, end)
                for days in (1, 7):
                    before = until(snapshot, end - days * DAY)
                    windows += 1
                    said.update(f.name for f in suspicions(before, snapshot, days, end))
    return {"windows": windows, "said": dict(said)}


def broken() -> dict[str, Any]:
    """Each way to go wrong: how often it was caught by its own name, as a hard finding."""
    from bowerbird.evaluation.suspicious import suspicions
    from shop_logs import END, MUTATIONS, made, until

    caught = dict.fromkeys((mutate.__name__ for mutate in MUTATIONS), 0)
    for seed in WORLDS["broken"]:
        data = made(seed)
        before = until(data, END - 7 * DAY)
        for mutate, name in MUTATIONS.items():
            found = suspicions(before, mutate(data, seed), 7, END)
            caught[mutate.__name__] += name in {f.name for f in found if f.severity == "hard"}
    return {"each": len(WORLDS["broken"]), "caught": caught}


def real(bench: Bench) -> dict[str, Any]:
    """Half a year of real shops, week by week: suspicions, and drift against five weeks before."""
    from bowerbird.data.importing import Inputs, import_dataset
    from bowerbird.data.tables import Source
    from bowerbird.evaluation.drift import Limits, drifts
    from bowerbird.evaluation.suspicious import suspicions
    from shop_logs import until

    files = json.loads(bench.bowerbird("datasets", REAL, "--json").out)
    data = import_dataset(Inputs(Source(files["events"]), Source(files["items"]))).data
    times = data.log.times
    said, figures = [], defaultdict(list)
    last = int(times.max()) // DAY * DAY
    ends = range(last, last - HALF_A_YEAR * WEEK, -WEEK)
    for end in ends:
        snapshot = until(data, end)
        before = until(data, end - WEEK)
        for found in suspicions(before, snapshot, 7, end):
            said.append(f"{np.datetime64(end, 's')}: {found.name} ({found.severity})")
        old = before.with_log(before.log.where(before.log.times >= end - (WEEKS + 1) * WEEK))
        new = data.with_log(data.log.where((times >= end - WEEK) & (times < end)))
        for drift in drifts(old, new, Limits(psi=0.0)):
            law = independent_limit(drift.name, len(old.log), len(new.log))
            figures[drift.name].append((drift.figure, drift.limit, law))
    return {"weeks": len(ends), "said": said, "drift": told(figures)}


def independent_limit(name: str, n: int, m: int) -> float:
    """What PSI would be held against if each event were a person."""
    from bowerbird.evaluation.divergence import independent_law

    bins = {"hours": 24, "weekdays": 7, "popularity": 11, "values": 10}
    return independent_law(n, m, bins[name]).limit(0.001) if name in bins else float("nan")


def told(figures: dict[str, list[tuple[float, float, float]]]) -> dict[str, Any]:
    """Of each figure: median, largest, and how often it was above each limit."""
    rows = {}
    for name, triples in sorted(figures.items()):
        figure, people, events = np.array([t for t in triples if np.isfinite(t[0])]).T
        counted = bool(np.isfinite(events).all())  # a law of events, where the bins are known
        rows[name] = {
            "median": round(float(np.median(figure)), 4),
            "largest": round(float(figure.max()), 4),
            "limit_by_people": round(float(np.median(people)), 4),
            "limit_by_events": round(float(np.median(events)), 5) if counted else None,
            "above_by_people": round(float((figure > people).mean()), 3),
            "above_by_events": round(float((figure > events).mean()), 3) if counted else None,
            "above_0.1": round(float((figure > 0.1).mean()), 3),
        }
    return rows


def measure(bench: Bench) -> None:
    """All three, into one result."""
    with_tests()
    well, sick = honest(), broken()
    figures = {"honest": well, "broken": sick, REAL: real(bench)}
    protocol = {
        "honest": "10 worlds of 120,000 events × 5 shapes × 4 weeks back × windows of 1 and 7 days",
        "broken": "10 other worlds, the last week, all days before it told",
        REAL: f"the last {HALF_A_YEAR} weeks, each against all before (suspicions) and the five "
        "weeks before (drift); an import of the events as they are",
    }
    alarms = sum(well["said"].values())
    caught = sum(sick["caught"].values()) / (sick["each"] * len(sick["caught"]))
    bars = [
        bar("share of honest windows of which nothing is said", 1 - alarms / well["windows"], 1.0),
        bar("share of broken weeks that are caught by their own name", caught, 1.0),
    ]
    bench.keep(figures, protocol, bars)


def main() -> None:
    """Measure."""
    bench = begin("monitoring", parser(__doc__ or "", []).parse_args(), [])
    if bench is not None:
        measure(bench)


if __name__ == "__main__":
    main()
