"""How soon the console can be used, and how much of it there is: `python benchmarks/console.py`.

MovieLens 100K behind `bowerbird serve`, with a day of lists, looks and clicks. Chromium opens each
view with an empty cache, again and again: from the address to the moment when no part of the view
waits for the service any more.
"""

import gzip
import statistics
from pathlib import Path
from typing import Any

from measuring import Bench, bar, begin, parser, with_tests

NAME = "console"
LIMIT_S, LIMIT_KB = 1.0, 300.0
PERSON = "1"
LISTS = 600
SETTLED = "main:not(:has([aria-busy]))"
WATCH = """
addEventListener("DOMContentLoaded", () => {
  const first = ["#p-the-last-7-days", "#p-what-needs-attention"]; // earned; to be looked after
  const drawn = (part) => document.querySelector(`${part} ~ .body[data-drawn]`);
  const some = (what) => document.querySelector(`main ${what}`);
  const waits = () => !some("h1") || some("[aria-busy]");
  let waited = true;
  new MutationObserver(() => {
    if (!window.usable && first.every(drawn)) window.usable = performance.now();
    if (waited && !waits()) window.settled = performance.now();
    waited = waits();
  }).observe(document, { subtree: true, childList: true, attributes: true });
});
"""
"""Notes moments in the page itself: whoever asks from outside is late by up to half a second."""


def measured(bench: Bench, times: int) -> None:
    """Serve, look at every view, weigh the files."""
    with_tests()
    from playwright.sync_api import sync_playwright

    from consoles import VIEWS
    from processes import Process

    runs = bench.scratch / "runs"
    trained(bench, runs / "als")
    (runs / "current").write_text("als\n", "utf-8")
    with Process(runs, bench.scratch / "data", "--no-log") as server:
        lived(server)
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            views = {view: looked(browser, f"{server.url}/#/{view}", times) for view in VIEWS}
            browser.close()
        server.stop()
    weighed = weights()
    figures = {
        "views": views,
        "files": weighed,
        "kilobytes in all": round(sum(weighed.values()), 1),
    }
    protocol = {
        "data": f"MovieLens 100K, als; {LISTS} lists, each seen, a third of them clicked",
        "a view": f"{times} times, each in a new profile with an empty cache: from the address to "
        "the moment when no part of it waits any more; milliseconds",
        "usable": "Home tells what lists earned in a week and what needs attention",
        "kilobytes": "JavaScript, styles and the page, each file packed with gzip alone",
    }
    first = views["home"]["usable, 95 % within"] / 1000
    bars = [
        bar("seconds that the first view had to spare, of 1", round(LIMIT_S - first, 3), 0.0),
        bar("kB that were to spare, of 300", round(LIMIT_KB - figures["kilobytes in all"], 1), 0.0),
    ]
    bench.keep(figures, protocol, bars)


def trained(bench: Bench, run: Path) -> None:
    """A run over films, with a vector for each."""
    from bowerbird.data.known import default_cache, fetch

    data = fetch("movielens-100k-films", default_cache(), lambda size: None)
    tables = ("events", "items", "users")
    files = [word for name in tables for word in (f"--{name}", data / f"{name}.parquet")]
    bench.bowerbird("train", *files, "--model", "als", "--no-tune", "--out", run)


def lived(server: Any) -> None:  # noqa: ANN401  of the tests
    """Lists that are looked at and clicked."""
    for number in range(LISTS):
        who = {"user": str(1 + number % 300)}
        got = server.ask("POST", "/v1/recommend", json={**who, "k": 10}).json()
        at = {"rec_id": got["rec_id"], **who}
        seen = [{**at, "item": i["item"], "position": i["rank"]} for i in got["items"]]
        server.ask("POST", "/v1/exposures", json={"exposures": seen})
        if number % 3 == 0:
            click = {**at, "item": got["items"][number % 10]["item"], "type": "click"}
            server.ask("POST", "/v1/events", json={"events": [click]})


def looked(browser: Any, url: str, times: int) -> dict[str, float]:  # noqa: ANN401  of Playwright
    """Milliseconds until nothing of a view waits; of Home until its first parts are there, too."""
    took, first = [], []
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(url, wait_until="commit")
        page.wait_for_selector("main h1")
        page.wait_for_selector(SETTLED)
        took.append(page.evaluate("window.settled"))
        if url.endswith("home"):
            first.append(page.evaluate("window.usable"))
        context.close()
    more = {"usable, median": median(first), "usable, 95 % within": most(first)} if first else {}
    return {"median": median(took), "95 % within": most(took), **more}


def median(took: list[float]) -> int:
    """Of milliseconds."""
    return round(statistics.median(took))


def most(took: list[float]) -> int:
    """What 95 % of them are within."""
    return round(statistics.quantiles(took, n=20)[-1] if len(took) > 1 else took[0])


def weights() -> dict[str, float]:
    """Kilobytes of each file as it goes over the wire, at the server's own level."""
    from bowerbird.serving.console import FOLDER

    files = sorted(path for path in Path(FOLDER).iterdir() if path.is_file())
    return {p.name: round(len(gzip.compress(p.read_bytes(), 1)) / 1000, 2) for p in files}


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "", [])
    options.add_argument("--times", type=int, default=20)
    asked = options.parse_args()
    bench = begin(NAME, asked, [])
    if bench is not None:
        bench.commands.append(f"python benchmarks/console.py --times {asked.times}")
        measured(bench, asked.times)


if __name__ == "__main__":
    main()
