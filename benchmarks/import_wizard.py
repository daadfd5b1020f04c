"""A stranger's table becomes a served model by clicks alone: `python benchmarks/import_wizard.py`.

A server over an empty folder, a browser, and a CSV of a million rows as an office program exports
it: bars between the fields, a byte order mark, quoted line ends, decimal commas, dates of Europe,
rows that cannot be read. Nothing is typed.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser, with_tests

NAME = "import_wizard"
USERS, ITEMS, SORTS = 20_000, 3_000, 12
OWN = 0.8
"""How often somebody picks a thing of the sort they like."""
BROKEN = 50_000
"""Every row of this number lacks its user."""
ASKED = 200
PATIENCE_MS = 1_500_000


def write(path: Path, rows: int, seed: int) -> int:
    """The table; how many of its rows are whole."""
    draw, broken = random.Random(seed), 0
    start = datetime(2025, 1, 1)  # noqa: DTZ001  a shop that says nothing of time zones
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        out.write("Kunden-Nr.|Artikel|Bestelldatum|Aktion|Betrag|Bemerkung\r\n")
        for n in range(rows):
            user = draw.randrange(USERS)
            sort = user % SORTS if draw.random() < OWN else draw.randrange(SORTS)
            item = int(ITEMS / SORTS * draw.random() ** 2) * SORTS + sort
            at = start + timedelta(seconds=draw.randrange(300 * 86_400))
            bought = draw.random() < 0.2
            sum_ = f"{draw.randrange(1, 3)}.{draw.randrange(1000):03},{draw.randrange(100):02}"
            note = f'"Größe: ""L""|\r\nbitte {n % 7} mal"' if n % 3 == 0 else ""
            who = "" if n % BROKEN == 7 else f"K{user:05}"
            broken += who == ""
            what = "purchase" if bought else "view"
            out.write(
                f"{who}|A{item:04}|{at:%d.%m.%Y %H:%M}|{what}|{sum_ if bought else ''}|{note}\r\n"
            )
    return rows - broken


@contextmanager
def weighed(data: Path) -> Iterator[dict[str, float]]:
    """The most memory that checks and trainings take, while it lasts."""
    from bowerbird.surfaces.progress import told_in

    peaks: dict[str, float] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            for begun in (data / "work").glob("*/begun.json"):
                kind = begun.parent.name.rpartition(".")[2]
                peaks[kind] = max(peaks.get(kind, 0), peak_mb(told_in(begun).get("pid", 0)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield peaks
    over.set()
    thread.join()


def peak_mb(pid: int) -> float:
    """Of a process that runs; else 0."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if "VmHWM" in line), 0.0)


def clicked(page: Any, url: str, file: Path, model: str) -> dict[str, float]:  # noqa: ANN401  the browser's
    """From an empty page to a model that answers; seconds of each step."""
    seconds: dict[str, float] = {}

    def step(name: str, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        seconds[name] = round(time.perf_counter() - began, 1)
        print(f"  {name} {seconds[name]:g} s", flush=True)

    def brought() -> None:
        page.set_input_files("#file-events", file)
        page.wait_for_selector("#check:enabled")

    def checked() -> None:
        page.click("#check")
        page.check("#without")
        page.wait_for_selector("#train:enabled")

    def trained() -> None:
        page.select_option("#model", model)
        page.click("#train")
        page.wait_for_selector("#serve")

    def served() -> None:
        page.click("#serve")
        page.click("dialog button:text-is('Let it answer')")
        page.wait_for_selector("text=stellungen answers.")

    page.goto(url)
    page.wait_for_selector("h1:text-is('Data')")
    step("upload and first look", brought)
    step("check of all rows", checked)
    step("training", trained)
    step("until it answers", served)
    return seconds


def lists(server: Any) -> float:  # noqa: ANN401  a process of the tests
    """The share of what people are shown that is of the sort they like."""
    own, shown = 0, 0
    for user in range(0, USERS, USERS // ASKED):
        asked = {"user": f"K{user:05}", "k": 10}
        got = server.ask("POST", "/v1/recommend", json=asked).json()
        items = [int(one["item"][1:]) for one in got["items"]]
        own, shown = own + sum(i % SORTS == user % SORTS for i in items), shown + len(items)
    return own / shown


def measured(bench: Bench, rows: int, model: str) -> None:
    """Make the table, click, ask."""
    with_tests()
    from playwright.sync_api import sync_playwright

    from processes import Process

    bench.scratch.mkdir(parents=True, exist_ok=True)
    file = bench.scratch / "Bestellungen.csv"
    whole = write(file, rows, bench.seed)
    runs, data = bench.scratch / "runs", bench.scratch / "data"
    with Process(runs, data, "--no-log") as server, weighed(data) as peaks:
        with sync_playwright() as started:
            chromium = "/usr/bin/chromium"
            path = chromium if Path(chromium).exists() else None
            browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            seconds = clicked(page, server.url, file, model)
            browser.close()
        brought = server.ask("GET", "/v1/imports").json()["imports"][0]
        kept = next(one["count"] for one in brought["findings"] if one["name"] == "size")
        figures: dict[str, Any] = {
            "rows": rows,
            "megabytes": round(file.stat().st_size / 1e6, 1),
            **{f"{name}, seconds": took for name, took in seconds.items()},
            "in all, seconds": round(sum(seconds.values()), 1),
            "share of lists that is of the sort people like": round(lists(server), 3),
            "peak of the server, MB": round(peak_mb(server.process.pid)),
            **{f"peak of the {name}, MB": round(peak) for name, peak in sorted(peaks.items())},
        }
        server.stop()
    protocol = {
        "table": f"{USERS:,} users, {ITEMS:,} items of {SORTS} sorts; {OWN:.0%} of what somebody "
        f"picks is of the sort they like; one of {BROKEN:,} rows lacks its user; bars between "
        "fields, byte order mark, quoted line ends and bars, 1.234,56 and 31.12.2025 23:59",
        "way": "a server over an empty folder; Chromium; the file is chosen, columns stay as they "
        f"are guessed, check, a tick, the model {model}, train, let it answer: nothing is typed",
    }
    bars = [
        bar("rows kept of those that can be read", kept / whole, 1.0),
        bar("share of lists that is of the sort people like",
            figures["share of lists that is of the sort people like"], 0.6),
    ]  # fmt: skip
    bench.keep(figures, protocol, bars)


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "", [])
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--model", default="als")
    asked = options.parse_args()
    bench = begin(NAME, asked, [])
    if bench is not None:
        bench.commands.append(f"python benchmarks/import_wizard.py --rows {asked.rows}")
        measured(bench, asked.rows, asked.model)


if __name__ == "__main__":
    main()
