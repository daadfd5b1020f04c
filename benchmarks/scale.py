"""What a million, three and ten million events cost: `python benchmarks/scale.py`.

Synthetic worlds whose people and items grow with their events (33 events a person, 200 an item).
Every step is a process of its own; its wall time and its peak of resident memory are kept.
"""

import json
import math
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser

EVENTS = {"1m": 1_000_000, "3m": 3_000_000, "10m": 10_000_000}
TUNED = ("1m", "10m")
ASKED = 100_000
IMPORT_BELOW_MB = 3000
IMPORT = (
    "import sys; from bowerbird.data.importing import Inputs, import_dataset;"
    " from bowerbird.data.tables import Source;"
    " data = import_dataset(Inputs(Source(sys.argv[1]), Source(sys.argv[2]))).data;"
    " print(len(data.log), len(data.users), len(data.catalog))"
)
USERS = (
    "import sys; import polars as pl;"
    " users = pl.scan_parquet(sys.argv[1]).select(pl.col('user').unique().sort()).collect();"
    " users.head(int(sys.argv[3])).write_csv(sys.argv[2], include_header=False);"
    " print(min(users.height, int(sys.argv[3])))"
)


def world(bench: Bench, size: str) -> dict[str, Any]:
    """One world from making it to lists in a file."""
    bench.bowerbird("datasets", "--synthetic", size, "--events", EVENTS[size])
    tables = ("--events", f"{size}/events.parquet", "--items", f"{size}/items.parquet")
    read = bench.python("-c", IMPORT, f"{size}/events.parquet", f"{size}/items.parquet")
    events, users, items = map(int, read.out.split())
    asked = int(bench.python("-c", USERS, f"{size}/events.parquet", "users.txt", ASKED).out)
    steps = {"import alone": read.cost()}
    for tune in ("--no-tune", "--tune") if size in TUNED else ("--no-tune",):
        trained = bench.bowerbird(
            *("train", *tables, "--model", "cooccurrence", tune, "--seed", bench.seed),
            *("--out", f"run{tune}", "--overwrite", "--json"),
        )
        steps[f"train {tune}"] = trained.cost()
    listed = bench.bowerbird(
        *("recommend", "run--no-tune", "--users", "users.txt", "-k", 10, "--out", "lists.parquet")
    )
    steps["recommend"] = {**listed.cost(), "users": asked}
    steps["recommend"]["users/s, loading included"] = round(asked / listed.seconds)
    steps["recommend"]["users per CPU second"] = round(asked / listed.cpu)
    weights = (bench.scratch / "run--no-tune" / "model" / "arrays.safetensors").stat().st_size
    facts = {"events": events, "users": users, "items": items, "model_mb": round(weights / 1e6)}
    return {**facts, "steps": steps}


def exponents(small: dict[str, Any], large: dict[str, Any], what: str) -> dict[str, float]:
    """How seconds grow with events: 1 is in proportion, 2 is with their square."""
    events = math.log(large["events"] / small["events"])
    shared = [name for name in small["steps"] if name in large["steps"]]
    return {
        name: round(math.log(large["steps"][name][what] / small["steps"][name][what]) / events, 2)
        for name in shared
        if name != "recommend"  # its users do not grow with the events
    }


def main() -> None:
    """Run the sizes that were asked for, or all."""
    options = parser(__doc__ or "", list(EVENTS)).parse_args()
    sizes = [size for size in EVENTS if size in (options.only or EVENTS)]
    bench = begin("-".join(["scale", *sizes] if options.only else ["scale"]), options, [])
    if bench is None:
        return
    worlds = {}
    for size in sizes:
        worlds[size] = world(bench, size)
        print(json.dumps(worlds[size], indent=1), flush=True)
        for file in Path(bench.scratch / size).glob("*.parquet"):
            file.unlink()
    figures: dict[str, Any] = {"worlds": worlds}
    if len(sizes) > 1:
        ends = worlds[sizes[0]], worlds[sizes[-1]]
        for what in ("seconds", "cpu_seconds"):
            name = f"growth exponent of {what.replace('cpu_', 'CPU ')}, {sizes[0]} to {sizes[-1]}"
            figures[name] = exponents(*ends, what)
    bars = []
    if "10m" in worlds:
        peak = worlds["10m"]["steps"]["import alone"]["peak_mb"]
        bars = [bar("MB to spare below 3 GB, import of 10 M events", IMPORT_BELOW_MB - peak, 0)]
    protocol = {
        "data": "synthetic: 33 events a person, 200 an item, with item texts",
        "model": "cooccurrence; --no-tune: default settings, --tune: chosen on validation first",
        "recommend": "k=10 to Parquet, seen items left out; loading the run is included",
        "memory": "peak resident memory of the step's own process",
    }
    bench.keep(figures, protocol, bars)


if __name__ == "__main__":
    main()
