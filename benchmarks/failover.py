"""A database that dies under load and comes back is no fault of lists: `benchmarks/failover.py`.

`bowerbird serve` over PostgreSQL: two clients ask for lists, one sends events and sends again what
was not acknowledged. The database is killed (-m immediate) and started again several times.
"""

import time
from random import Random
from typing import Any

from measuring import Bench, bar, begin, parser, with_tests

NAME = "failover"
TIMES, UP_S, DOWN_S = 8, 5.0, (1.0, 12.0)
BACK_S = 10.0
"""Until lists must be personal again."""


def measured(bench: Bench, times: int) -> None:
    """Let it die so often, and keep the result."""
    with_tests()
    from databases import Server
    from outages import Outages
    from servers import write

    began, database = time.perf_counter(), Server()
    try:
        run, data, drawn = write(bench.scratch / "run"), bench.scratch / "data", Random(bench.seed)
        outages = Outages(run, data, database)
        outages.whole(UP_S, [drawn.uniform(*DOWN_S) for _ in range(times)])
    finally:
        database.remove()
    counted = outages.counted()
    figures = {
        "outages": times,
        **counted,
        "events acknowledged": len(outages.ledger.heard),
        "seconds until it was back": {n: rounded(t) for n, t in outages.back_s.items()},
        "slowest list, seconds": slowest(outages),
        "faults": list(map(str, outages.faults))[:20],
        "seconds": round(time.perf_counter() - began),
    }
    protocol = {
        "clients": "two ask for lists of people whom the run knows, one after another; one sends "
        "events in batches of 1 to 20",
        "phases": f"up {UP_S:g} s and more, down {DOWN_S[0]:g} to {DOWN_S[1]:g} s; what was asked "
        "before and answered after a change, or while the database was stopping or starting, is "
        "between",
        "back": "from the moment that the database's own start command has returned",
    }
    down = counted["lists"]["down"]
    statuses = [told.status for told in outages.lists]
    well = sum(status < 500 for status in statuses) / len(statuses)
    session = down.get("200 session", 0) / sum(down.values())
    longest = max(outages.back_s["personal list"])
    bars = [
        bar("share of lists without a 5xx", well, 1.0),
        bar("share of lists on the rung session while the database is down", session, 1.0),
        bar("seconds to spare of ten until lists are personal again", BACK_S - longest, 0.0),
        bar("acknowledged events and lists kept, without a fault", float(not outages.faults), 1.0),
    ]
    bench.keep(figures, protocol, bars)


def slowest(outages: Any) -> dict[str, float]:  # noqa: ANN401  imported late
    """The longest that a list took, by phase."""
    took: dict[str, float] = {"up": 0.0, "down": 0.0, "between": 0.0}
    for told in outages.lists:
        phase = outages.phase(told)
        took[phase] = max(took[phase], told.ended - told.began)
    return {phase: round(longest, 2) for phase, longest in took.items()}


def rounded(numbers: list[float]) -> list[float]:
    """To the hundredth."""
    return [round(number, 2) for number in numbers]


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "", [])
    options.add_argument("--times", type=int, default=TIMES)
    asked = options.parse_args()
    bench = begin(NAME, asked, [])
    if bench is not None:
        bench.commands.append(f"python benchmarks/failover.py --times {asked.times}")
        measured(bench, asked.times)


if __name__ == "__main__":
    main()
