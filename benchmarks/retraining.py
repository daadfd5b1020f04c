"""Retraining that is killed, poisoned and hurried: `python benchmarks/retraining.py`.

A small shop after its first run. `bowerbird serve` answers while retrains beside it are killed
(SIGKILL) at random moments and go on; while two runs take turns; while one is rolled back. And
snapshots that are broken in five ways, with four seeds each: none may reach the run that answers.
"""

import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser, with_tests

NAME = "retraining"
KILLS, SWAPS, SEEDS, HONEST = 50, 100, 4, 5
LONGEST_S = 5.0
"""Until a kill; about what a retrain takes here."""


def shop_of(folder: Path, days: int) -> Any:  # noqa: ANN401  imported late
    """A shop so many days after its first run."""
    from retrains import made

    shop = made(folder, days=9)
    for day in range(days):
        shop.live(day)
    return shop


def killed(bench: Bench) -> dict[str, Any]:
    """Retrains killed under load, each carried on by the next; a new one when one is done."""
    from bowerbird.surfaces.registry import Registry
    from bowerbird.surfaces.run_folder import load_run
    from callers import Asker
    from processes import Process
    from retrains import retraining

    shop = shop_of(bench.scratch / "killed", 4)
    shop.store.close()
    folder, rng, registry = shop.runs.parent, random.Random(bench.seed), Registry(shop.runs)
    kills, done, mixed, day = 0, 0, [], 3
    with Process(shop.runs, shop.data, "--no-log") as server:
        asker = Asker(server.url, {"user": "u1", "k": 5}, {"items": ["i1", "i2"]}, pause_s=0.01)
        asker.start()
        while kills < KILLS:
            child = retraining(folder, day)
            try:
                child.wait(rng.uniform(0.3, LONGEST_S))
            except subprocess.TimeoutExpired:
                child.kill()
                kills += 1
                if kills % 10 == 0:
                    print(f"  {kills} kills, {done} promoted, {mixed}", flush=True)
            child.wait(60)
            name = registry.current()
            try:
                load_run(shop.runs / str(name))
            except Exception as error:  # what is looked for
                mixed.append(f"{name}: {error}")
            if name != "first":
                done += 1
                registry.promote("first", 1, ("benchmark", "once more"))
                shutil.rmtree(shop.runs / str(name))
                shutil.rmtree(shop.runs / ".retrain", ignore_errors=True)
        asker.stop()
    wrong = [t.status for t in asker.told if t.status != 200] + list(map(str, asker.faults))
    models = sorted({t.body.get("model") for t in asker.told if t.status == 200})
    return {
        "kills": kills,
        "promoted in between": done,
        "runs that were not whole": mixed,
        "lists answered": len(asker.told),
        "lists not answered": wrong[:5],
        "models that answered": models,
    }


def swapped(bench: Bench) -> dict[str, Any]:
    """Two runs in turns under load, then one rolled back."""
    from bowerbird.surfaces.registry import Registry
    from callers import Asker
    from processes import Process
    from soaks import Soak

    runs = bench.scratch / "runs"
    bench.bowerbird("datasets", "--synthetic", "world", "--events", 60_000)
    for seed, name in enumerate(("one", "two")):
        how = ("--model", "als", "--no-tune", "--seed", seed, "--out", f"runs/{name}")
        bench.bowerbird("train", "--events", "world/events.parquet", *how)
    (runs / "current").write_text("one\n", "utf-8")
    with Process(runs, bench.scratch / "data", "--no-log") as server:
        soak = Soak(server, ("one", "two"), ["u1", "u2", "u3", "u4"], ["i1", "i2", "i3"])
        askers = [Asker(server.url, soak.probe(20), {"user": "u1"}) for _ in range(2)]
        for asker in askers:
            asker.start()
        took = []
        for turn in range(SWAPS):
            began = time.perf_counter()
            body = {"model": ("two", "one")[turn % 2]}
            assert server.ask("PUT", "/v1/models/current", json=body).status_code == 200
            took.append(time.perf_counter() - began)
        lists = 0
        for asker in askers:
            asker.stop()
            lists += len(asker.told)
            for told in asker.told:
                soak.checked("Asker", told)
        soak.faults += [fault for asker in askers for fault in asker.faults]
        began = time.perf_counter()
        back = Registry(runs).rollback(1, ("benchmark", "")).run
        named = time.perf_counter() - began
        while server.ask("POST", "/v1/recommend", json={"user": "u1"}).json()["model"] != back:
            time.sleep(0.01)
        followed = time.perf_counter() - began
    return {
        "swaps": SWAPS,
        "lists answered": lists,
        "lists of two runs, or not answered": list(map(str, soak.faults))[:5],
        "seconds a swap, median": round(sorted(took)[SWAPS // 2], 3),
        "seconds until a rollback is named": round(named, 4),
        "seconds until the server follows": round(followed, 2),
    }


def poisoned(bench: Bench) -> dict[str, Any]:
    """Broken snapshots: what came of each; then honest ones."""
    from bowerbird.surfaces.registry import Registry
    from bowerbird.surfaces.run_folder import load_run
    from poisons import POISONS, reached
    from retrains import copied

    source = shop_of(bench.scratch / "source", 4)
    found: dict[str, list[str]] = {name: [] for name in POISONS}
    through = 0
    for name, poison in POISONS.items():
        for seed in range(SEEDS):
            shop = copied(source, bench.scratch / f"{name}-{seed}")
            outcome = shop.retrain(poison(shop, seed))
            current = Registry(shop.runs).current()
            through += reached(shop, load_run(shop.runs / str(current)))
            found[name].append(outcome.state)
            shop.store.close()
            shutil.rmtree(shop.runs.parent)
            print(f"  {name} {seed}: {outcome.state}", flush=True)
    honest = []
    for day in range(4, 4 + HONEST):
        source.live(day)
        honest.append(source.retrain(day).state)
        print(f"  honest day {day}: {honest[-1]}", flush=True)
    source.store.close()
    return {"poisoned": found, "reached the run that answers": through, "honest": honest}


PARTS = {"killed": killed, "swapped": swapped, "poisoned": poisoned}


def main() -> None:
    """Run the benchmark."""
    asked = parser(__doc__ or "", [NAME]).parse_args()
    bench = begin(NAME, asked, [])
    if bench is None:
        return
    with_tests()
    figures = {name: part(bench) for name, part in PARTS.items()}
    kills, swaps, poison = (figures[name] for name in PARTS)
    clean = not kills["runs that were not whole"] and not kills["lists not answered"]
    bars = [
        bar("kills after which one whole run answered", float(kills["kills"] * clean), KILLS),
        bar("swaps without a mixed or missing list",
            float(SWAPS * (swaps["lists answered"] > SWAPS)
                  * (not swaps["lists of two runs, or not answered"])), SWAPS),
        bar("seconds to spare of one until a rollback is named",
            1 - swaps["seconds until a rollback is named"], 0.0),
        bar("poisoned snapshots kept out",
            float(5 * SEEDS - poison["reached the run that answers"]), 5 * SEEDS),
        bar("honest snapshots promoted", float(poison["honest"].count("promoted")), HONEST),
    ]  # fmt: skip
    protocol = {
        "shop": "700 people, 80 items, 24,000 events, the last nine days live; item-item "
        "co-occurrence (swaps: ALS)",
        "killed": "0.3 to 5 s after the start; what is not done is carried on by the next",
        "poisoned": "on the day after four honest ones; what a poison is: tests/poisons.py",
    }
    bench.keep(figures, protocol, bars)


if __name__ == "__main__":
    main()
