"""Pictures of the console, wide and on a phone, light and dark.

`python docs/screenshots.py [FOLDER]`: over a small made-up shop, into docs/screenshots unless a
folder is named. Git keeps none of it. `python docs/screenshots.py docs/console quickstart/runs`: the
few of the README, over what `make quickstart` leaves.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bowerbird import Client
from bowerbird.cli.main import run
from bowerbird.data.synthetic import World

COMMAND = Path(sys.executable).with_name("bowerbird")
CHROMIUM = Path("/usr/bin/chromium")
SETTLED = "main:not([aria-busy], :has([aria-busy]:not([hidden], [hidden] *)))"
SIZES = {"wide": (1280, 900), "phone": (360, 760)}


def main(out: Path) -> None:
    """Every view in every size and colour."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, served(Path(place)) as url:
        lived(url)
        with sync_playwright() as started:
            path = CHROMIUM if CHROMIUM.exists() else None
            browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
            for size, (width, height) in SIZES.items():
                for colours in ("light", "dark"):
                    page = browser.new_page(
                        viewport={"width": width, "height": height}, color_scheme=colours
                    )
                    taken(page, url, out, f"{size}-{colours}")
                    page.close()
            browser.close()


def shown(out: Path, runs: Path) -> None:
    """Lists side by side, the map and a film, of a folder of runs that is there."""
    out.mkdir(parents=True, exist_ok=True)
    assert run(["map", str(runs / "als")]) == 0
    views = {
        "try": "try?user=1&k=5&b=1&b.discount=2",
        "map": "map?item=50&user=1",
        "catalog": "catalog?item=50",
    }
    with tempfile.TemporaryDirectory() as place, answering(runs, Path(place)) as url:
        with Client(url) as client:
            client.service.use_model("als")
        with sync_playwright() as started:
            path = CHROMIUM if CHROMIUM.exists() else None
            browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
            for name, address in views.items():
                colours = "dark" if name == "map" else "light"
                size = {"width": 1280, "height": 820}
                page = browser.new_page(viewport=size, color_scheme=colours)
                page.goto(f"{url}/#/{address}")
                page.wait_for_selector("main h1:visible")
                page.wait_for_selector(SETTLED)
                page.wait_for_timeout(1000)
                page.screenshot(path=out / f"{name}.jpg", type="jpeg", quality=80)
            browser.close()


@contextmanager
def served(place: Path) -> Iterator[str]:
    """A shop with two runs, behind HTTP."""
    World(n_users=300, n_items=80, n_events=9000).write(place / "world")
    tables = [f"--{name} {place}/world/{name}.parquet" for name in ("events", "items", "users")]
    for name, model in (("first", "als"), ("second", "cooccurrence")):
        told = f"train {' '.join(tables)} --model {model} --no-tune --out {place}/runs/{name}"
        assert run(told.split()) == 0
    assert run(["judge", str(place / "runs"), "--on", "first"]) == 0
    assert run(["map", f"{place}/runs/first"]) == 0
    (place / "runs" / "current").write_text("first\n")
    with answering(place / "runs", place / "data") as url:
        yield url


@contextmanager
def answering(runs: Path, data: Path) -> Iterator[str]:
    """The service over a folder of runs."""
    words = [COMMAND, "serve", runs, "--port", "0", "--data", data, "--no-log"]
    server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        line = next(line for line in server.stderr if "console is at" in line)
        yield line.split("console is at ")[1].split()[0].rstrip("/")
    finally:
        server.terminate()
        server.wait()


def lived(url: str) -> None:
    """Some weeks in an hour: lists, looks, clicks and purchases of people who are known or not."""
    draw = random.Random(0)
    with Client(url) as client:
        for turn in range(240):
            who = {"user": f"u{turn % 90}"} if turn % 4 else {"visitor": f"v{turn}"}
            scenario = "for-you" if turn % 3 else "trending"
            got = client.lists.recommend(scenario=scenario, k=5, **who)
            at = {"rec_id": got.rec_id, **who}
            client.events.seen([{**at, "item": i.item, "position": i.rank} for i in got])
            chosen = draw.choice(got.items).item
            if draw.random() < (0.4 if turn % 4 else 0.2):
                client.events.done([{**at, "item": chosen, "type": "click"}])
                if draw.random() < 0.4:
                    sale = {"type": "purchase", "value": draw.randint(500, 5000), "currency": "EUR"}
                    client.events.done([{**at, "item": chosen, **sale}])


def taken(page: Page, url: str, out: Path, name: str) -> None:
    """Each view as it looks when somebody works with it."""
    page.goto(f"{url}/#/home")
    page.wait_for_selector(".headline")
    page.wait_for_selector(SETTLED)
    page.screenshot(path=out / f"home-{name}.png", full_page=True)
    page.goto(f"{url}/#/try?user=u7&k=4&b=1&b.discount=2&b.diversity=0.3")
    page.wait_for_selector(".twins > :nth-child(2) [data-item]")
    page.locator(".twins > :nth-child(2) [data-item] summary").first.click()
    page.locator(".twins > :nth-child(2)").get_by_text("How it came about").click()
    page.goto(f"{url}/#/metrics")
    page.wait_for_selector(".cards:visible")
    page.wait_for_selector(SETTLED)
    page.screenshot(path=out / f"metrics-{name}.png", full_page=True)
    page.locator(".cards [data-metric=ctr_list]").click()
    page.wait_for_selector("dialog .scroll")
    page.screenshot(path=out / f"figure-{name}.png")
    page.keyboard.press("Escape")
    page.goto(f"{url}/#/try")
    page.fill("#user", "u7")
    page.locator(".thing").first.click()
    page.fill("#k", "4")
    page.click("text=Show the list")
    page.click("text=As Python")
    page.click("text=How it came about")
    page.screenshot(path=out / f"try-{name}.png", full_page=True)
    rules_taken(page, url, out, name)
    page.goto(f"{url}/#/catalog")
    page.wait_for_selector(".items li:visible")
    page.wait_for_selector(SETTLED)
    page.screenshot(path=out / f"catalog-{name}.png")
    page.goto(f"{url}/#/catalog?item=i7")
    page.wait_for_selector(".cards li:visible")
    page.wait_for_selector(SETTLED)
    page.screenshot(path=out / f"item-{name}.png", full_page="phone" in name)
    page.goto(f"{url}/#/map?item=i7&user=u7")
    page.wait_for_selector("text=What suits them best now")
    page.wait_for_selector(SETTLED)
    page.screenshot(path=out / f"map-{name}.png", full_page=True)
    page.goto(f"{url}/#/models")
    page.click("text=Let it answer")
    page.wait_for_selector("dialog")
    page.screenshot(path=out / f"asked-{name}.png")
    page.keyboard.press("Escape")
    page.click("text=Retrain now")
    page.wait_for_selector("text=The retrain is over", timeout=60_000)
    page.screenshot(path=out / f"models-{name}.png", full_page=True)
    for view, told in {"run": "first", "beside": "first&with=second"}.items():
        page.goto(f"{url}/#/models?run={told}")
        page.wait_for_selector(SETTLED)
        page.wait_for_selector("main h1:visible")
        page.screenshot(path=out / f"{view}-{name}.png", full_page=True)


def rules_taken(page: Page, url: str, out: Path, name: str) -> None:
    """A rule that is typed, then tried."""
    page.goto(f"{url}/#/rules?scenario=for-you&do=bury&item=i3")
    page.fill("#rule-by", "-1")
    page.wait_for_selector("[aria-invalid=true]")
    page.screenshot(path=out / f"rule-{name}.png", full_page=True)
    page.fill("#rule-by", "1")
    page.click("text=Into the list of rules")
    page.click(".unsaved >> text=Show before and after")
    page.wait_for_selector(".pairs dl")
    page.screenshot(path=out / f"rules-{name}.png", full_page=True)
    page.click("text=Drop them")
    page.locator("dialog >> text=Drop them").click()
    page.wait_for_selector("dialog", state="detached")
    taken_data(page, url, out, name)


def taken_data(page: Page, url: str, out: Path, name: str) -> None:
    """A table brought and checked; events; a person."""
    page.goto(f"{url}/#/data")
    page.wait_for_selector(SETTLED)
    lines = [
        f"K{n % 50};Lampe {n * 7 % 40};{1 + n % 28}.03.2025;1.{n % 900:03},50" for n in range(2000)
    ]
    table = "\n".join(["Kunde;Artikel;Datum;Betrag", *lines]).encode("utf-16")
    page.set_input_files("#file-events", {"name": "shop.csv", "mimeType": "", "buffer": table})
    page.click("#check:enabled")
    page.wait_for_selector(".findings")
    page.screenshot(path=out / f"data-{name}.png", full_page=True)
    page.goto(f"{url}/#/data?part=events")
    page.wait_for_selector("tbody tr:visible")
    page.screenshot(path=out / f"events-{name}.png")
    page.goto(f"{url}/#/data?part=people")
    page.fill("#person", "u8")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Delete this person")
    page.screenshot(path=out / f"people-{name}.png", full_page=True)
    page.goto(f"{url}/#/settings")
    page.wait_for_selector("h2:visible:text-is('Who changed what')")
    page.wait_for_selector(SETTLED)
    page.screenshot(path=out / f"settings-{name}.png", full_page=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        shown(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "screenshots")
