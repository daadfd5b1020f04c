"""A million items behind HTTP, asked from another process: `python benchmarks/load.py`.

ALS over a synthetic shop; everybody who asks has done something since the model was trained, and
half of the requests have a filter. Beside it the same encoder and index alone, in a process of
their own: what the service adds is what lies between. Then events, batch after batch, each on disk
before it is acknowledged.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from factors import Recipe, estimator, shop
from measuring import Bench, bar, begin, parser

NAME = "load"
SHOP = Recipe("als", 64, 3, 400_000, 1_300_000, 8_000_000)
ASKERS, K = 2_000, 20
FILTER = "category = 'c3' and price < 50"
SECONDS = 20
WIDTHS = (1, 4, 16)
"""Connections that ask at once."""
BATCHES = (100, 500)


def prepare(folder: Path, seed: int) -> None:
    """A run folder, as training writes it."""
    from dataclasses import replace

    import numpy as np

    from bowerbird.data.columns import Column
    from bowerbird.data.dataset import Catalog
    from bowerbird.encoders.popularity import Popularity
    from bowerbird.runs.run import Trained, write_run
    from bowerbird.runs.tune import Choice

    data, rng = shop(SHOP, seed), np.random.default_rng(seed)
    n = len(data.catalog)
    fields = {
        "category": Column("category", rng.integers(20, size=n).astype(np.int32), labels(20)),
        "price": Column("number", rng.uniform(1, 100, n).round(2)),
    }
    data = replace(data, catalog=Catalog(data.catalog.items, fields))
    chosen = estimator(SHOP, seed)
    trained = Trained(chosen.fit(data), Choice(chosen), Popularity())
    write_run(folder, data, trained, {"model": SHOP.model, "seed": seed}, "")
    met = int(np.count_nonzero(data.item_counts()))
    print(json.dumps({"items": n, "with a vector": met, "users": len(data.users)}))


def labels(n: int) -> tuple[str, ...]:
    """Names of categories."""
    return tuple(sorted(f"c{c}" for c in range(n)))


def alone(folder: Path, seed: int) -> None:
    """Milliseconds of encoding a history and searching the index, for the same kind of requests."""
    import numpy as np

    from bowerbird.index.index import Ragged
    from bowerbird.retrieval.expression import parsed
    from bowerbird.surfaces.assemble import recommender_of
    from bowerbird.surfaces.kept import kept_index
    from bowerbird.surfaces.run_folder import load_run

    run = load_run(folder)
    index = kept_index(folder, len(run.data.catalog))
    main = recommender_of(run.fitted, run.data, run.fallback, index=index).retriever.main
    mask = parsed(FILTER).mask(run.data.catalog.fields, len(run.data.catalog))
    queries, rng, took = run.data.queries(), random.Random(seed), []
    for n in range(600):
        one = queries.take(np.array([rng.randrange(ASKERS)]))
        met = Ragged(one.items, one.offsets)
        began = time.perf_counter()
        main.retrieve(one, K, mask if n % 2 else None, met)
        took.append(1000 * (time.perf_counter() - began))
    took = sorted(took[100:])
    print(json.dumps({"p50 ms": took[len(took) // 2], "p99 ms": took[int(0.99 * len(took))]}))


class Connection:
    """HTTP over a connection that stays open, with as little work as there can be."""

    def __init__(self, host: str, port: int) -> None:
        self.where = (host, port)

    async def open(self) -> "Connection":
        """Connected."""
        self.reader, self.writer = await asyncio.open_connection(*self.where)
        return self

    async def post(self, path: str, body: bytes) -> bytes:
        """What comes back; any other status than 200 is a fault."""
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        told = await self.reader.readuntil(b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 200"), told
        size = next(line for line in told.lower().split(b"\r\n") if b"content-length" in line)
        return await self.reader.readexactly(int(size.partition(b":")[2]))


async def asked(host: str, port: int, users: list[str], seed: int) -> dict[str, Any]:
    """Lists asked for by so many at once; then events taken."""
    one = await Connection(host, port).open()
    rng, found = random.Random(seed), {}
    for start in range(0, len(users), 100):  # everybody does something before they ask
        rows = [
            {"user": user, "item": f"i{rng.randrange(1000)}", "type": "view"}
            for user in users[start : start + 100]
        ]
        await one.post("/v1/events", json.dumps({"events": rows}).encode())
    for width in WIDTHS:
        found[f"{width} at once"] = await lists(host, port, users, width, rng)
    for size in BATCHES:
        found[f"events, {size} a batch"] = await events(host, port, size, seed)
    return found


async def lists(
    host: str, port: int, users: list[str], width: int, rng: random.Random
) -> dict[str, Any]:
    """Requests a second, and how long they take."""
    took: list[float] = []
    rungs: dict[str, int] = {}

    async def ask(until: float) -> None:
        connection, n = await Connection(host, port).open(), 0
        while time.perf_counter() < until:
            told = {"user": rng.choice(users), "k": K} | ({"filter": FILTER} if n % 2 else {})
            n, began = n + 1, time.perf_counter()
            reply = await connection.post("/v1/recommend", json.dumps(told).encode())
            took.append(1000 * (time.perf_counter() - began))
            rung = json.loads(reply)["rung"]
            rungs[rung] = rungs.get(rung, 0) + 1

    await asyncio.gather(*(ask(time.perf_counter() + 3) for _ in range(width)))
    took.clear()
    rungs.clear()
    await asyncio.gather(*(ask(time.perf_counter() + SECONDS) for _ in range(width)))
    took.sort()
    p50, p99 = took[len(took) // 2], took[int(0.99 * len(took))]
    facts = {"requests a second": len(took) / SECONDS, "p50 ms": p50, "p99 ms": p99}
    return {**{name: round(value, 2) for name, value in facts.items()}, "rungs": rungs}


async def events(host: str, port: int, size: int, seed: int) -> dict[str, Any]:
    """Events a second that were acknowledged, so are on disk."""
    taken = 0

    async def send(nth: int, until: float) -> None:
        nonlocal taken
        connection, n = await Connection(host, port).open(), 0
        while time.perf_counter() < until:
            rows = [
                {
                    "user": f"u{(n * size + row) % 50_000}",
                    "item": f"i{row}",
                    "type": "click",
                    "event_id": f"{seed}-{size}-{nth}-{n}-{row}",
                }
                for row in range(size)
            ]
            reply = await connection.post("/v1/events", json.dumps({"events": rows}).encode())
            taken += json.loads(reply)["accepted"]
            n += 1

    await asyncio.gather(*(send(nth, time.perf_counter() + SECONDS) for nth in range(4)))
    return {"acknowledged a second": round(taken / SECONDS)}


def measured(bench: Bench) -> None:
    """The run, what is alone, and the service under load."""
    run, data = bench.scratch / "run", bench.scratch / "data"
    about = json.loads(bench.python(Path(__file__), "--child", "prepare", run, bench.seed).out)
    bare = json.loads(bench.python(Path(__file__), "--child", "alone", run, bench.seed).out)
    words = [Path(sys.executable).with_name("bowerbird"), "serve", run, "--data", data]
    words += ["--port", 0, "--rate", 1e9, "--no-log", "--deadline-ms", 2000]
    bench.commands.append(bench.plain(" ".join(map(str, words))))
    began = time.perf_counter()
    server = subprocess.Popen([str(word) for word in words], stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        told = next(line for line in server.stderr if "answers at" in line)
        opened = time.perf_counter() - began
        port = told.split("/v1")[0].rpartition(":")[2]
        time.sleep(60)  # it opens what takes long beside its first requests
        load = bench.python(Path(__file__), "--child", "asked", port, bench.seed)
    finally:
        server.terminate()
        server.wait(60)
    found = json.loads(load.out)
    overhead = found["1 at once"]["p50 ms"] / bare["p50 ms"]
    rate = max(found[f"events, {size} a batch"]["acknowledged a second"] for size in BATCHES)
    bars = [
        bar("encoder and index alone, of what a list takes (p50)", 1 / overhead, 0.5),
        bar("events a second, acknowledged and on disk", rate, 5_000),
    ]
    figures = {
        "run": about,
        "encoder and index alone": bare,
        "seconds to open": round(opened, 1),
        **found,
        "list over alone, p50": round(overhead, 2),
    }
    protocol = {
        "lists": f"{K} items for {ASKERS:,} people with events since training; every second "
        f"request with the filter {FILTER}; {SECONDS} s after 3 s of warming, by 1, 4 and 16 "
        "connections of another process on the same two cores",
        "events": "4 connections, one batch after another; SQLite, synchronous=FULL",
    }
    bench.keep(figures, protocol, bars)


def main() -> None:
    """Run the benchmark; with --child, be one of its processes."""
    if sys.argv[1:2] != ["--child"]:
        bench = begin(NAME, parser(__doc__ or "", [NAME]).parse_args(), [])
        if bench is not None:
            measured(bench)
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line sets it
    name, where, seed = sys.argv[2], sys.argv[3], int(sys.argv[4])
    if name == "prepare":
        prepare(Path(where), seed)
    elif name == "alone":
        alone(Path(where), seed)
    else:
        users = [f"u{user}" for user in range(ASKERS)]
        print(json.dumps(asyncio.run(asked("127.0.0.1", int(where), users, seed))))


if __name__ == "__main__":
    main()
