"""A server that is killed loses nothing that it has acknowledged: `python benchmarks/killed.py`.

`bowerbird serve` over one folder that grows: two clients send batches of events, some of them once
more on purpose, and those that nobody answered until somebody does; one asks for lists. The server
is killed (SIGKILL) at a random moment and started again, 200 times. After every start all that was
acknowledged is looked for.
"""

import statistics
import time
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser, with_tests

NAME = "killed"


def measured(bench: Bench, rounds: int) -> None:
    """Run the rounds and keep the result."""
    with_tests()
    from kills import LONGEST_S, SENDERS, Kills
    from servers import write

    began = time.perf_counter()
    kills = Kills(write(bench.scratch / "run"), bench.scratch / "data", bench.seed)
    for number in range(1, rounds + 1):
        kills.round()
        if number % 10 == 0:
            print(f"  {number} kills, {kills.heard:,} events, {kills.faults}", flush=True)
    kills.end()
    figures = {"kills": kills.kills, **told(kills), "faults": list(map(str, kills.faults))[:20]}
    figures["seconds"] = round(time.perf_counter() - began)
    size = (Path(bench.scratch) / "data" / "store.sqlite").stat().st_size
    figures["store, MB"] = round(size / 1e6, 1)
    protocol = {
        "clients": f"{SENDERS} send events in batches of 1 to 20, one asks for lists",
        "killed": f"up to {LONGEST_S} s after the first answers, at a random moment",
        "looked at": "after every start: all events and lists there are, against all answers",
    }
    bars = [bar("rounds after which nothing was wrong", rounds - len(kills.faults), rounds)]
    bench.keep(figures, protocol, bars)


def told(kills: Any) -> dict[str, Any]:  # noqa: ANN401  imported late
    """What was sent, what was answered, and how long a server was away."""
    unkept = sorted(kills.unkept_s)
    return {
        "events acknowledged": kills.heard,
        "batches sent once more": kills.again,
        "lists answered": len(kills.lists),
        "lists answered that no log has": len(unkept),
        "seconds from the first of these to the kill": round(max(unkept, default=0), 3),
        "seconds from start to answers, median": round(statistics.median(kills.starts_s), 2),
        "seconds from start to answers, longest": round(max(kills.starts_s), 2),
    }


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "", [])
    options.add_argument("--rounds", type=int, default=200)
    asked = options.parse_args()
    bench = begin(NAME, asked, [])
    if bench is not None:
        bench.commands.append(f"python benchmarks/killed.py --rounds {asked.rounds}")
        measured(bench, asked.rounds)


if __name__ == "__main__":
    main()
