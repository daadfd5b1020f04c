"""Is an event that was accepted there, once, whatever moment its writer is killed at?

A process writes events into a store, as the service does: several threads hand in batches, some of
them for the second time, and one thread commits them together. It tells which were accepted. It is
killed (SIGKILL) at a random moment, again and again, over one store. After each kill: every event
that it told of is there, none is there twice, a batch is there whole or not at all, and sending all
again changes nothing that was accepted.
"""

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measuring import ROOT, Bench, bar, parser

BATCH, THREADS = 10, 4
LONGEST_S = 0.3
"""From the first accepted event to the kill, at most."""


@dataclass
class Ledger:
    """What was told, over all rounds."""

    accepted: set[str] = field(default_factory=set)
    sent: int = 0
    problems: list[str] = field(default_factory=list)


def write(folder: Path, round_: int, seed: int) -> None:
    """The process that is killed: write for ever, and tell what was accepted."""
    from bowerbird.store.group_commit import GroupCommit
    from bowerbird.store.opened import open_store

    store, mouth = open_store(folder), threading.Lock()
    commit = GroupCommit(store.facts.record, within_s=0.002)

    def work(thread: int) -> None:
        rng, number = random.Random(f"{seed} {round_} {thread}"), 0
        while True:
            # the batch of before once more, now and then, as a client does that heard nothing
            number += rng.random() < 0.8 or number == 0
            batch = f"{round_}-{thread}-{number}"
            became = commit.submit(events_of(batch)).result()
            if "conflict" in became:
                raise SystemExit(f"batch {batch} became {became}")
            with mouth:
                sys.stdout.write(f"{batch}\n")
                sys.stdout.flush()

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def events_of(batch: str) -> list[Any]:
    """The events of a batch, the same each time."""
    from bowerbird.data.facts import Done, Seen

    user, time_ = f"u{batch.partition('-')[0]}", sum(map(ord, batch))
    done = [
        Done(f"{batch}-{n}", user, f"i{n}", "click", time_ + n, 1, value=n)
        for n in range(BATCH // 2)
    ]
    seen = [
        Seen(f"{batch}-{n}", f"r{batch}", f"i{n}", time_ + n, 1, user=user)
        for n in range(BATCH // 2)
    ]
    return [*done, *seen]


def one_round(folder: Path, round_: int, seed: int, ledger: Ledger) -> None:
    """Let a process write, kill it, look at what is there, and send everything again."""
    rng = random.Random(f"{seed} {round_}")
    command = [sys.executable, __file__, "--write", str(folder), str(round_), str(seed)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = child.stdout.readline() if child.stdout else ""
    time.sleep(rng.random() ** 2 * LONGEST_S)
    child.kill()
    rest, err = child.communicate()
    told = {line for line in f"{first}{rest}".split("\n")[:-1] if line}
    if not told:
        ledger.problems.append(f"round {round_}: nothing was written: {err[-500:]}")
    look(folder, round_, told, ledger)


def look(folder: Path, round_: int, told: set[str], ledger: Ledger) -> None:
    """What is in the store against what was told."""
    from bowerbird.store.opened import open_store

    with closing(open_store(folder)) as store:
        frames = store.facts.frames()
        there = Counter(
            [*frames.done["event_id"], *(f"seen {id}" for id in frames.seen["event_id"])]
        )
        batches = Counter(id.removeprefix("seen ").rpartition("-")[0] for id in there)
        ledger.accepted |= told
        for batch in ledger.accepted - {name for name, n in batches.items() if n == BATCH}:
            ledger.problems.append(f"round {round_}: batch {batch} was accepted, and is not whole")
        for batch, n in batches.items():
            if n != BATCH:
                ledger.problems.append(f"round {round_}: {n} events of batch {batch} are there")
        for event, n in there.items():
            if n > 1:
                ledger.problems.append(f"round {round_}: event {event} is there {n} times")
        before = store.facts.counts()
        again = [batch for batch in batches if batch.startswith(f"{round_}-")]
        for batch in again:
            if set(store.facts.record(events_of(batch))) != {"duplicate"}:
                ledger.problems.append(f"round {round_}: batch {batch} was taken a second time")
        if store.facts.counts() != before:
            ledger.problems.append(f"round {round_}: sending again has changed the store")
        ledger.sent = sum(there.values())


def main() -> None:
    """Run the rounds and keep the result."""
    options = parser(__doc__ or "", [])
    options.add_argument("--rounds", type=int, default=200)
    told = options.parse_args()
    bench = Bench("crash", told.data, told.scorer, told.seed)
    bench.commands.append(f"python benchmarks/crash.py --rounds {told.rounds}")
    ledger, began = Ledger(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(told.rounds):
            one_round(Path(folder), round_, told.seed, ledger)
            if round_ % 20 == 19:
                print(f"  {round_ + 1} kills, {ledger.sent:,} events", flush=True)
        sound = integrity(Path(folder))
    figures = {
        "kills": told.rounds,
        "events_there": ledger.sent,
        "events_accepted": len(ledger.accepted) * BATCH,
        "problems": ledger.problems,
        "integrity_check": sound,
        "seconds": round(time.perf_counter() - began, 1),
    }
    protocol = {"batch": BATCH, "threads": THREADS, "longest_s": LONGEST_S}
    well = float(not ledger.problems and sound == "ok")
    bench.keep(figures, protocol, [bar("all that was accepted is there once", well, 1.0)])
    print(json.dumps(figures, indent=1))
    sys.exit(0 if well else 1)


def integrity(folder: Path) -> str:
    """What SQLite says of its file."""
    import sqlite3

    with closing(sqlite3.connect(folder / "store.sqlite")) as file:
        return str(file.execute("PRAGMA integrity_check").fetchone()[0])


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    if sys.argv[1:2] == ["--write"]:
        write(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
