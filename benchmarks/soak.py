"""Half an hour of mixed load, and memory stays flat: `python benchmarks/soak.py`.

One `bowerbird serve` over two runs: lists for people, sessions and filters, batches of events,
items that are put and deleted, and every minute the other run answers (`PUT /v1/models/current`).
"""

import statistics
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser, with_tests

NAME, EVENTS = "soak", 300_000
RUNS = ("one", "two")
EVERY_S, SWAP_S = 5.0, 60.0
FLAT, EVENT = 20.0, 100e-6
"""MB an hour, and MB of each event: what was done since the run was trained is counted, so it is
held until the next training, 40 bytes as it came, 22 in the log, and what allocators leave between.
Anything held of every list would be more than the first."""
FILES = 3
"""Open files more in the second half than in the first: a connection to the store is up to so many.
"""


def measured(bench: Bench, minutes: float) -> None:
    """Train two runs, load a server over them, and keep what was seen."""
    with_tests()
    import polars as pl

    from processes import Process
    from soaks import Soak

    runs = trained(bench)
    world = pl.read_parquet(bench.scratch / "world" / "events.parquet")
    users, items = (world[name].unique().sort().to_list() for name in ("user", "item"))
    with Process(runs, bench.scratch / "data", "--no-log") as server:
        soak = Soak(server, RUNS, users[:400], items)
        soak.run(60 * minutes, EVERY_S, SWAP_S)
        server.stop()
    keep(bench, soak, minutes)


def trained(bench: Bench) -> Path:
    """A folder of two runs over one world, which differ in their seed."""
    bench.bowerbird("datasets", "--synthetic", "world", "--events", EVENTS)
    tables = ("--events", "world/events.parquet", "--items", "world/items.parquet")
    for seed, run in enumerate(RUNS):
        how = ("--model", "als", "--no-tune", "--seed", seed, "--out", f"runs/{run}")
        bench.bowerbird("train", *tables, *how)
    (bench.scratch / "runs" / "current").write_text(f"{RUNS[0]}\n", "utf-8")
    return bench.scratch / "runs"


def keep(bench: Bench, soak: Any, minutes: float) -> None:  # noqa: ANN401  imported late
    """Write the result."""
    from soaks import slope

    half = [s for s in soak.samples if s.at_s >= 30 * minutes]
    first = [s for s in soak.samples if s.at_s < 30 * minutes]
    grown, heard = slope(half), len(soak.ledger.heard)
    may = FLAT + EVENT * heard * 60 / minutes
    more = max(s.files for s in half) - max(s.files for s in first)
    figures = {
        "requests": soak.requests,
        "events acknowledged": heard,
        "faults": list(map(str, soak.faults))[:20],
        "RSS in the second half, MB an hour": round(grown, 2),
        "RSS may grow by, MB an hour": round(may, 2),
        "minutes": [minute(soak.samples, n) for n in range(int(minutes))],
    }
    bars = [
        bar("MB an hour to spare of those that RSS may grow by", may - grown, 0.0),
        bar("open files to spare of those that may come", FILES - more, 0.0),
        bar("requests without a fault", float(not soak.faults), 1.0),
        bar("swaps", float(soak.requests["Switch"]), float(int(0.9 * minutes))),
    ]
    protocol = {
        "runs": f"two of als over {EVENTS:,} synthetic events, with other seeds",
        "load": "two clients ask for lists (people, filters, sessions), one sends events in "
        "batches of 1 to 20, one puts and deletes 40 items, each with a pause of 20 ms (items: 10 "
        "times that)",
        "checked": "every answer; of every list its model and its index belong together, and of "
        "lists for a session the scores are those of that model",
        "RSS": f"every {EVERY_S:g} s; the line goes through the least of each minute of the second "
        "half: a swap holds two runs for a while",
    }
    bench.keep(figures, protocol, bars)


def minute(samples: list[Any], number: int) -> dict[str, float]:
    """What was seen in one minute."""
    mine = [s for s in samples if number <= s.at_s / 60 < number + 1]
    told: dict[str, float] = {"RSS, MB, least": round(min(s.rss_mb for s in mine), 1)}
    told["RSS, MB, most"] = round(max(s.rss_mb for s in mine), 1)
    told["open files"] = max(s.files for s in mine)
    told["threads"] = max(s.threads for s in mine)
    for name in ("lists", "events"):
        taken = [1000 * t for s in mine for t in getattr(s, name)]
        if len(taken) > 1:
            cuts = statistics.quantiles(taken, n=100)
            told |= {f"{name}, ms, p50": round(cuts[49], 1), f"{name}, ms, p99": round(cuts[98], 1)}
    return told


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "", [])
    options.add_argument("--minutes", type=float, default=30)
    asked = options.parse_args()
    bench = begin(NAME, asked, [])
    if bench is not None:
        bench.commands.append(f"python benchmarks/soak.py --minutes {asked.minutes:g}")
        measured(bench, asked.minutes)


if __name__ == "__main__":
    main()
