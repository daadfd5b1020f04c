"""MovieLens replayed through the service in time order as if live: `python benchmarks/replay.py`.

A model is trained on the older four fifths of MovieLens 1M and served by a process of its own,
whose clock is that of the log. Another process, the shop, goes through what people did next: for
each event it asks for a list, shows it to a click model with a fixed seed, posts what was seen and
done (some of it late, twice, in other batches), and keeps books of its own. At the end the report
of the service, by the command line and over HTTP, is held against plain SQL over the database
(which shares no code with it) and against the books.
"""

import heapq
import json
import mmap
import random
import sqlite3
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from measuring import ROOT, Bench, bar, begin, parser

NAME = "replay"
ASKS, K = 6_000, 10
SQL = ROOT / "tests" / "online" / "by_sql.sql"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LOOKS_ON = 0.85
"""With this probability somebody looks at the next place, too."""
LIKES, TRIES = 0.35, 0.03
"""Probability of a click on what the person does meet later, and on anything else."""
LATE, TWICE = 0.30, 0.10
"""Share of events that come in up to 40 hours late, and that come in twice."""


class Clock:
    """Seconds since 1970 UTC, shared by two processes through a file."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(struct.pack("d", 0.0))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), 8)

    def __call__(self) -> float:
        """What it shows."""
        return float(struct.unpack("d", self._memory[:8])[0])

    def set(self, seconds: float) -> None:
        """To both processes."""
        self._memory[:8] = struct.pack("d", seconds)


def serve(run: Path, data: Path, clock: Path) -> None:
    """The service, in a process of its own."""
    from bowerbird.serving.server import serve_forever
    from bowerbird.serving.service import Settings

    def say(told: str, address: str) -> None:
        print(told, file=sys.stderr, flush=True)

    settings = Settings(deadline_ms=5_000, rate=1e9)
    serve_forever(run, data, data, settings, ("127.0.0.1", 0), say, Clock(clock))


class Shop:
    """Asks, shows, sends; and keeps books."""

    def __init__(self, url: str, clock: Clock, seed: int) -> None:
        import httpx2

        self.http = httpx2.Client(base_url=url, timeout=60)
        self.clock, self.rng = clock, random.Random(seed)
        self.due: list[tuple[int, int, str, dict[str, Any]]] = []  # when, nth, table, row
        self.books: Counter[str] = Counter()
        self.nth = 0
        self.latency: list[float] = []

    def run(self, log: list[tuple[str, str, int]], later: dict[str, set[str]]) -> None:
        """Everything that people do, and what they are shown before each of it."""
        for user, item, seconds in log:
            self.at(seconds * 1000)
            self.visit(user, later[user])
            self.event(user, item, "view", seconds * 1000)
        self.at(log[-1][2] * 1000 + 40 * DAY_MS)  # all that is late has come in

    def at(self, now: int) -> None:
        """Everything that is due until then is sent, in batches of what is due together."""
        while self.due and self.due[0][0] <= now:
            until = min(self.due[0][0] + HOUR_MS, now)
            batch = []
            while self.due and self.due[0][0] <= until and len(batch) < 500:
                batch.append(heapq.heappop(self.due))
            self.clock.set(batch[-1][0] / 1000)
            self.rng.shuffle(batch)
            for table in ("exposures", "events"):
                rows = [row for _, _, name, row in batch if name == table]
                if rows:
                    self.send(table, rows)
        self.clock.set(now / 1000)

    def send(self, table: str, rows: list[dict[str, Any]]) -> None:
        """A batch, of which every row must be taken or be there already."""
        told = self.http.post(f"/v1/{table}", json={table: rows}).raise_for_status().json()
        assert not told["conflict"] and not told["rejected"], told
        self.books[f"{table} accepted"] += told["accepted"]
        self.books[f"{table} duplicate"] += told["duplicate"]

    def visit(self, user: str, later: set[str]) -> None:
        """A list, what is seen of it, and what is clicked."""
        now, rng = round(self.clock() * 1000), self.rng
        began = time.perf_counter()
        surface = rng.choice(["for-you", "popular"])
        ask = {"user": user, "scenario": surface, "k": K}
        told = self.http.post("/v1/recommend", json=ask).raise_for_status().json()
        self.latency.append(time.perf_counter() - began)
        self.books["lists"] += 1
        self.books[f"rung {told['rung']}"] += 1
        for place in told["items"]:
            shown = {"rec_id": told["rec_id"], "item": place["item"], "position": place["rank"]}
            looked = {"visible_ms": rng.randint(300, 3000), "share": round(rng.uniform(0.3, 1), 2)}
            self.later("exposures", now, {**shown, **looked, "user": user, "time": now})
            if rng.random() < (LIKES if place["item"] in later else TRIES):
                self.click(user, shown, now + rng.randint(1_000, 60_000))
            if rng.random() > LOOKS_ON:
                break

    def click(self, user: str, shown: dict[str, Any], when: int) -> None:
        """And what may come of it."""
        rng, item = self.rng, shown["item"]
        self.event(user, item, "click", when, rec_id=shown["rec_id"])
        if rng.random() < 0.03:
            self.event(user, item, "hide", when + 5_000, rec_id=shown["rec_id"])
        if rng.random() > 0.5:
            return
        direct = {"rec_id": shown["rec_id"]} if rng.random() < 0.5 else {}
        if rng.random() < 0.5:
            self.event(user, item, "cart", when + rng.randint(1, 30 * HOUR_MS), **direct)
        price, currency = 199 + int(item) % 2_000, "EUR" if int(user) % 2 else "USD"
        bought = when + rng.randint(60_000, 10 * DAY_MS)
        money = {"value": price, "currency": currency}
        id = self.event(user, item, "purchase", bought, **money, **direct)
        self.books[f"revenue {currency}"] += price
        if rng.random() < 0.1:
            back = {"value": -price, "currency": currency, "refers": id}
            self.event(user, item, "refund", bought + rng.randint(DAY_MS, 20 * DAY_MS), **back)
            self.books[f"revenue {currency}"] -= price

    def event(self, user: str, item: str, type: str, when: int, **more: object) -> str:
        """Into the books, and on its way; its event_id."""
        self.books[f"{type} done"] += 1
        row = {"user": user, "item": item, "type": type, "time": when, **more}
        return self.later("events", when, row)

    def later(self, table: str, when: int, row: dict[str, Any]) -> str:
        """Sent at that time, or up to 40 hours late, or twice."""
        rng, self.nth = self.rng, self.nth + 1
        row["event_id"] = f"{table}-{self.nth}"
        for again in range(1 + (rng.random() < TWICE)):
            late = rng.randint(0, 40 * HOUR_MS) if again or rng.random() < LATE else 0
            self.nth += 1
            heapq.heappush(self.due, (when + late, self.nth, table, row))
        return str(row["event_id"])


def shop(url: str, clock: Path, log: Path, seed: int) -> None:
    """The shop and its click model, in a process of its own."""
    told = json.loads(log.read_text("utf-8"))
    later = {user: set(items) for user, items in told["later"].items()}
    shop = Shop(url, Clock(clock), seed)
    shop.run([tuple(row) for row in told["log"]], later)
    ms = sorted(1000 * s for s in shop.latency)
    quantiles = {f"p{p} ms": round(ms[int(len(ms) * p / 100)], 2) for p in (50, 99)}
    end = round(shop.clock() * 1000)
    print(json.dumps({"books": shop.books, "end": end, "list": quantiles}))


def golden(database: Path, as_of: int) -> dict[tuple[str, str | None], tuple[Any, Any]]:
    """The figures by plain SQL over the database of the service, read without its code."""
    sql = sqlite3.connect(":memory:", uri=True)
    sql.execute("ATTACH ? AS live", (f"file:{database}?mode=ro",))
    for name in ("served", "seen", "done", "merges"):
        sql.execute(f"CREATE TABLE {name} AS SELECT * FROM live.{name}")
    sql.execute(
        "CREATE TABLE slots AS SELECT rec_id, item.key + 1 AS position, item.value AS item"
        " FROM live.served, json_each(slots, '$.item') AS item"
    )
    sql.execute("CREATE TABLE rules (as_of, view_ms, served_as_seen)")
    sql.execute("INSERT INTO rules VALUES (?, 0, 0)", (as_of,))
    sql.executescript(SQL.read_text("utf-8"))
    rows = sql.execute("SELECT metric, surface, top, bottom FROM figures")
    return {(metric, surface): (top, bottom) for metric, surface, top, bottom in rows}


def compared(report: dict[str, Any], truth: dict[Any, Any]) -> tuple[int, list[str]]:
    """How many figures there are in both, and those that differ."""
    groups = {group["group"].get("surface"): group["figures"] for group in report["groups"][1:]}
    differ = []
    for (metric, surface), (top, bottom) in truth.items():
        figure = groups[surface][metric]
        if (figure["numerator"], figure["denominator"]) != (top, bottom):
            differ.append(f"{metric} of {surface}: {figure} in the report, {top}/{bottom} in SQL")
    return len(truth), differ


def kept_books(report: dict[str, Any], books: dict[str, int]) -> list[str]:
    """What the shop knows without the service, and the report says otherwise."""
    total = report["groups"][0]["figures"]
    pairs = {
        "lists": (total["lists_served"]["value"], books["lists"]),
        "purchases": (total["conversions:purchase:total"]["value"], books["purchase done"]),
        "carts": (total["conversions:cart:total"]["value"], books["cart done"]),
        **{
            currency: (total[f"revenue:{currency}:total"]["value"], books[f"revenue {currency}"])
            for currency in ("EUR", "USD")
        },
    }
    return [
        f"{name}: {got} told, {want} done" for name, (got, want) in pairs.items() if got != want
    ]


def prepared(bench: Bench) -> tuple[Path, Path, int]:
    """A run over the older events, and the log of what comes then."""
    import polars as pl

    folder = bench.scratch
    folder.mkdir(parents=True, exist_ok=True)
    log = pl.read_parquet(bench.data / "ml-1m" / "interactions.parquet")
    user, item, when = log.columns[0], log.columns[1], "timestamp"
    log = log.sort(when, maintain_order=True)
    old, new = log.head(int(0.8 * log.height)), log.tail(log.height - int(0.8 * log.height))
    old.write_parquet(folder / "old.parquet")
    bench.bowerbird(
        "train", "--events", folder / "old.parquet", "--items",
        bench.data / "ml-1m" / "items.parquet", "--model", "als", "--no-tune",
        "--out", folder / "run",
    )  # fmt: skip
    rows = new.select(pl.col(user).cast(pl.String), pl.col(item).cast(pl.String), when).rows()
    later: dict[str, list[str]] = {}
    for person, thing, _ in rows:
        later.setdefault(person, []).append(thing)
    told = {"log": rows[:ASKS], "later": later}
    (folder / "log.json").write_text(json.dumps(told), "utf-8")
    return folder / "run", folder / "log.json", int(rows[0][2])


def measured(bench: Bench) -> None:
    """Both processes, then the three reports."""
    run, log, start = prepared(bench)
    folder = bench.scratch
    Clock(folder / "clock").set(start)
    words = [sys.executable, __file__, "--child", "serve", str(run), str(folder / "data")]
    server = subprocess.Popen([*words, str(folder / "clock")], stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        url = next(line for line in server.stderr if "answers at" in line).split()[3]
        url = url.removesuffix("/v1")
        told = bench.python(
            Path(__file__), "--child", "shop", url, folder / "clock", log, bench.seed
        )
        facts = json.loads(told.out)
        end = facts.pop("end")
        import httpx2

        query = {"since": 0, "as_of": end, "by": "surface"}
        http = httpx2.get(f"{url}/v1/metrics/online", params=query, timeout=600).json()
    finally:
        server.terminate()
        server.wait(60)
    as_of = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(end / 1000))}Z"
    told_cli = bench.bowerbird("online", "report", folder / "data", "--as-of", as_of, "--json")
    truth = golden(folder / "data" / "store.sqlite", end)
    count, differ = compared(http, truth)
    _, differ_too = compared(json.loads(told_cli.out), truth)
    wrong = kept_books(http, facts["books"])
    for line in [*differ, *differ_too, *wrong]:
        print(f"  {line}")
    figures = http["groups"][0]["figures"]
    shown = ("ctr_list", "ctr_slot", "fallback_share", "conversion_rate:purchase:attributed")
    bars = [
        bar("figures that equal SQL, of those over HTTP", 1 - len(differ) / count, 1.0),
        bar("figures that equal SQL, of those by command", 1 - len(differ_too) / count, 1.0),
        bar("books of the shop that agree", 1 - len(wrong) / 5, 1.0),
    ]
    protocol = {
        "data": "MovieLens 1M by time: ALS on the older 80 %; for each of the next "
        f"{ASKS:,} events a list of {K}, shown to a click model with a fixed seed",
        "delivery": f"{LATE:.0%} up to 40 hours late, {TWICE:.0%} twice, shuffled in batches",
        "truth": "tests/online/by_sql.sql over the SQLite file; the shop's own books",
    }
    bench.keep(
        {**facts, "figures compared": count, "report": {n: figures[n] for n in shown}},
        protocol,
        bars,
    )


def main() -> None:
    """Run the benchmark; with --child, be one of its two processes."""
    if sys.argv[1:3] == ["--child", "serve"]:
        serve(*map(Path, sys.argv[3:]))
    elif sys.argv[1:3] == ["--child", "shop"]:
        url, clock, log, seed = sys.argv[3:]
        shop(url, Path(clock), Path(log), int(seed))
    else:
        bench = begin(NAME, parser(__doc__ or "", [NAME]).parse_args(), ["ml-1m"])
        if bench is not None:
            measured(bench)


if __name__ == "__main__":
    main()
