"""Many stories of a shop and its people beside a plain model: `python benchmarks/stories.py`.

What is sent, sent again, asked, merged, deleted, put, swapped, restarted, in any order that can be
drawn: the service has to say what two dicts and a set would (tests/story.py).
"""

import time
import traceback

from measuring import Bench, bar, begin, parser, with_tests

NAME = "stories"
STEPS = 50


def measured(bench: Bench, examples: int) -> None:
    """Tell so many stories; the shortest that goes wrong is kept."""
    with_tests()
    from hypothesis import HealthCheck, seed, settings
    from hypothesis.stateful import get_state_machine_test

    from story import Story

    how = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    began, fault = time.perf_counter(), ""
    try:
        seed(bench.seed)(get_state_machine_test(Story, settings=how))()
    except Exception:  # whatever it is, it is what is looked for
        fault = traceback.format_exc()
        print(fault, flush=True)
    figures = {
        "stories": Story.stories,
        "requests": Story.requests,
        "fault": bench.plain(fault),
        "seconds": round(time.perf_counter() - began),
    }
    protocol = {
        "a story": f"up to {STEPS} steps, a server of its own over an empty store and two runs of "
        "12 items; after every step all events are counted, strangers are shown all that is there, "
        "and nothing is known of who was deleted",
        "checked": "outcomes of events; lists: filters, no item that was deleted or met, ranks, "
        "propensities, run and index, rung; deletions: receipts, exports, audiences; lists in the "
        "log, as they were",
    }
    bars = [bar("stories without a fault", float(not fault), 1.0)]
    bench.keep(figures, protocol, bars)


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "", [])
    options.add_argument("--examples", type=int, default=2_000)
    asked = options.parse_args()
    bench = begin(NAME, asked, [])
    if bench is not None:
        bench.commands.append(f"python benchmarks/stories.py --examples {asked.examples}")
        measured(bench, asked.examples)


if __name__ == "__main__":
    main()
