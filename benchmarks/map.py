"""The map at a hundred thousand items: how long it takes, what it keeps, and how smoothly it moves.

`python benchmarks/map.py`. A made-up catalog, trained with ALS for a few rounds: what is measured
needs a space of that size, not a good one. Frames are those of the console's own page in headless
Chromium without a graphics card (SwiftShader draws on the processor), from the beginning of a frame
until its pixels are there; the view is moved and stretched by a mouse.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from measuring import Bench, bar, run_all, with_tests

SIZE = {"items": 112_000, "users": 40_000, "events": 2_500_000}
DIM, ROUNDS = 64, 3
LEAST = 100_000
FRAME_MS = 100.0
MOVES = 80
SETTLED_MS = 3_000
"""After the first frame, until it is moved: the server has just started as well."""
SWIFT = "--no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader"
WATCHED = """() => {
  window.frames_ = [];
  let last = null;
  const draw = WebGL2RenderingContext.prototype.drawArrays;
  WebGL2RenderingContext.prototype.drawArrays = function (...told) {
    last = this;
    draw.apply(this, told);
  };
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (work) => ask((now) => {
    last = null;
    const began = performance.now();
    work(now);
    if (!last) return;
    const pixel = new Uint8Array(4); // when it is read, all is drawn
    last.readPixels(0, 0, 1, 1, last.RGBA, last.UNSIGNED_BYTE, pixel);
    window.frames_.push(performance.now() - began);
  });
}"""


def frames(bench: Bench) -> None:
    """Moved and stretched, at one and at two pixels for each of the page's."""
    run = trained(bench)
    told = json.loads(bench.bowerbird("map", run, "--method", "pca", "--json").out)
    assert told["placed"] >= LEAST, told
    with_tests()
    from processes import Process

    (run.parent / "current").write_text(f"{run.name}\n", "utf-8")
    with Process(run.parent, bench.scratch / "data", "--no-log") as server:
        figures = {f"{ratio} pixels": moved(server.url, ratio) for ratio in (1, 2)}
        server.stop()
    figures["points"] = told["placed"]
    protocol = {
        "data": f"{SIZE['items']:,} made-up items, als of {DIM} dimensions, places by PCA",
        "a frame": "from its beginning until a pixel can be read back; Chromium without a graphics"
        " card (SwiftShader), a page of 1280 × 900; milliseconds",
        "moves": f"{MOVES} of dragging, {MOVES} of the wheel, in and out, at each density",
    }
    worst = max(figures[f"{ratio} pixels"]["95 % within"] for ratio in (1, 2))
    bars = [bar("ms that 95 % of frames had to spare, of 100", round(FRAME_MS - worst, 1), 0.0)]
    bench.keep(figures, protocol, bars)


def layout(bench: Bench) -> None:
    """Both methods, from the command to the folder."""
    run = trained(bench)
    figures: dict[str, Any] = {}
    for method in ("pca", "tsne"):
        done = bench.bowerbird("map", run, "--method", method, "--anew", "--json")
        told = json.loads(done.out)
        names = ("items", "placed", "laid_out", "neighbours", "neighbours_kept")
        figures[method] = {name: told[name] for name in names} | done.cost()
    gain = figures["tsne"]["neighbours_kept"] / max(figures["pca"]["neighbours_kept"], 1e-6)
    protocol = {
        "data": f"{SIZE['items']:,} made-up items, als of {DIM} dimensions",
        "neighbours_kept": "of the 10 nearest by cosine, the share among the 10 nearest on the map,"
        " of 2,000 items",
    }
    bench.keep(figures, protocol, [bar("neighbours kept, t-SNE to PCA", round(gain, 1), 3.0)])


def trained(bench: Bench) -> Path:
    """A run whose items nearly all have a vector."""
    from bowerbird.data.synthetic import World

    world, run = bench.scratch / "world", bench.scratch / "runs" / "als"
    World(**{f"n_{name}": n for name, n in SIZE.items()}).write(world)
    tables = [
        word for name in ("events", "items") for word in (f"--{name}", world / f"{name}.parquet")
    ]
    settings = ["--setting", f"dim={DIM}", "--setting", f"iterations={ROUNDS}"]
    bench.bowerbird("train", *tables, "--model", "als", "--no-tune", *settings, "--out", run)
    return run


def moved(url: str, ratio: int) -> dict[str, float]:
    """Milliseconds of the frames while somebody looks around."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path="/usr/bin/chromium", args=SWIFT.split())
        size = {"width": 1280, "height": 900}
        page = browser.new_page(viewport=size, device_scale_factor=ratio)
        page.set_default_timeout(120_000)
        page.add_init_script(f"({WATCHED})()")
        page.goto(f"{url}/#/map")
        page.wait_for_selector(".swatches button")
        page.wait_for_function("() => window.frames_.length > 0")
        page.wait_for_timeout(SETTLED_MS)
        page.evaluate("() => { window.frames_.length = 0; }")
        looked_around(page)
        took = page.evaluate("() => window.frames_")
        browser.close()
    return {
        "frames": len(took),
        "median": round(statistics.median(took), 1),
        "95 % within": round(statistics.quantiles(took, n=20)[-1], 1),
        "longest": round(max(took), 1),
    }


def looked_around(page: Any) -> None:  # noqa: ANN401  of Playwright
    """Drag about, stretch far in and out again."""
    plane = page.locator(".plane")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(MOVES):
        page.mouse.move(x + 3 * (step % 40), y + 2 * (step % 40))
        page.wait_for_timeout(30)
    page.mouse.up()
    for step in range(MOVES):
        page.mouse.wheel(0, -60 if step < MOVES / 2 else 60)
        page.wait_for_timeout(30)


if __name__ == "__main__":
    sys.exit(run_all(__doc__ or "", {"map-frames": (frames, []), "map-layout": (layout, [])}))
