"""Models in a real browser over a real process: what is clicked, the folder of runs then holds."""

import json
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe

from bowerbird.cli.main import run
from bowerbird.data.synthetic import World
from consoles import HOSTILE, settled
from processes import Process
from retrains import made

BAD = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A server over a run, one that a retrain made, one of the command line, and a bad name."""
    folder = tmp_path_factory.mktemp("models")
    shop = made(folder, model="als", dim=8)
    for day in range(4):
        shop.live(day)
    outcome = shop.retrain(3)
    shop.store.close()
    World(n_users=700, n_items=80, n_events=24_000, seed=5).write(folder / "world")
    events = f"--events {folder}/world/events.parquet --items {folder}/world/items.parquet"
    told = f"train {events} --model ease --no-tune --out {folder}/runs/ease"
    assert run(told.split()) == 0
    assert run(["judge", str(folder / "runs"), "ease", "first", "--on", "ease"]) == 0
    shutil.copytree(folder / "runs" / "first", folder / "runs" / BAD)
    (folder / "runs" / "current").write_text("first\n")
    with Process(folder / "runs", folder / "data", "--no-log") as server:
        server.made = outcome.run
        yield server
        server.stop()


@pytest.fixture(autouse=True)
def first(shop):
    """Every test begins with the run that answered first."""
    shop.ask("PUT", "/v1/models/current", json={"model": "first"})


def kept(shop, name):
    """What lies beside a run, the newest holdout."""
    return json.loads((shop.run / f"{name}.report.json").read_text())["judged"][0]


def row(page, table, name):
    return page.get_by_role("region", name=table).get_by_role("row").filter(has_text=name).first


def test_the_leaderboard_shows_the_figures_of_the_reports_and_compares(shop, page):
    page.goto(f"{shop.url}/#/models")
    settled(page)
    board = page.locator(".board", has_text="settings, learned anew")
    ease = board.get_by_role("row").filter(has_text="ease").first.inner_text()
    report = kept(shop, "ease")
    ends = report["means"]["ndcg@10"]
    assert f"{ends['mean']:.4f}" in ease and f"{ends['low']:.4f} … {ends['high']:.4f}" in ease
    boards = shop.ask("GET", "/v1/leaderboard").json()["boards"]
    told = next(one for one in boards if one["how"] == "settings")
    gain = next(one for one in told["rows"] if one["run"] == "ease")["difference"]["mean"]
    assert f"{'+' if gain > 0 else '−'}{abs(gain):.4f}" in ease
    assert f"{100 * report['totals']['coverage@10']:.1f} %" in ease
    assert board.locator(".marked .name").text_content().startswith("first")
    itself = page.locator(".board", has_text="the models themselves").inner_text()
    assert shop.made in itself and "ease" not in itself  # other people: another board
    one = next(each for each in report["slices"] if each["low"] is not None)
    page.get_by_label("For whom").select_option(f"{one['slice']}: {one['group']}")
    page.wait_for_selector(f".board:has-text('{one['means']['ndcg@10']:.4f}')")
    page.get_by_label("Metric").select_option("recall@10")
    page.wait_for_selector(f".board:has-text('{one['means']['recall@10']:.4f}')")
    assert "Not judged yet" in page.locator("section", has_text="Leaderboard").first.inner_text()


def test_a_run_has_a_page_with_what_it_is_and_is_worth(shop, page):
    page.goto(f"{shop.url}/#/models")
    page.click("table >> text=ease")
    page.wait_for_selector("h1:text-is('ease')")
    settled(page)
    facts = shop.ask("GET", "/v1/models/ease").json()
    shown = page.locator("section", has_text="What it is").first.inner_text()
    assert f"{facts['events']:,}" in shown and facts["data"][:12] in shown
    report = kept(shop, "ease")
    for name in ("ndcg", "recall", "hit", "mrr"):
        ends = report["means"][f"{name}@10"]
        assert page.get_by_text(f"{ends['low']:.4f} … {ends['high']:.4f}").count() >= 1, name
    one = report["slices"][0]
    assert (
        f"{one['users']:,}" in row(page, "Slices", f"{one['slice']}: {one['group']}").inner_text()
    )
    steps = report["newcomers"]["this run"]["steps"]
    page.locator("section", has_text="How soon").last.get_by_text("As a table").click()
    assert f"{steps[-1]['mean']:.4f}" in row(page, "Newcomers", "20 events").inner_text()
    assert report["dial"]["sentence"] in page.locator("main").inner_text()
    marked = page.locator("section", has_text="Accuracy and coverage").last.locator(".marked")
    assert marked.locator(".name").text_content() == f"α = {report['dial']['alpha']:g}"
    assert "no gate has judged it" in page.locator("main").inner_text().lower()


def test_the_verdict_is_told_step_by_step(shop, page):
    page.goto(f"{shop.url}/#/models?run={shop.made}")
    page.wait_for_selector(".steps")
    settled(page)
    told = json.loads((shop.run / f"{shop.made}.gate.json").read_text())
    assert told["words"][0] in page.locator(".headline").inner_text()
    steps = page.locator(".steps li")
    assert [one.get_attribute("data-check") for one in steps.all()] == [
        check["name"] for check in told["checks"]
    ]
    for step, check in zip(steps.all_inner_texts(), told["checks"], strict=True):
        assert check["sentence"] in step
        assert ("not kept" in step) is not check["passed"]
    gain = told["gain"]
    beside = row(page, "Beside others", "the run that answered").inner_text()
    assert f"{abs(gain['gain']):.4f}" in beside and f"{abs(gain['high']):.4f}" in beside
    page.click("summary:text-is('Who stands beside whom')")
    card, near = told["watched"]["neighbours"]["cards"][0], page.locator(".near").first
    fresh = [id for id in card["after"] if id not in card["before"]]
    assert near.locator(".came").count() == len(fresh)
    assert f"{len(card['before']) - near.locator('.left').count()} of" in near.inner_text()


def test_promoted_and_back_again_and_the_books_keep_who_and_why(shop, page):
    page.goto(f"{shop.url}/#/models")
    page.click("[aria-label='Let ease answer']")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert (shop.run / "current").read_text().strip() == "first"
    page.focus("[aria-label='Let ease answer']")
    page.keyboard.press("Enter")
    page.fill("dialog input", HOSTILE)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=ease answers.")
    assert (shop.run / "current").read_text().strip() == "ease"
    assert shop.ask("GET", "/v1/health/ready").json()["model"] == "ease"
    page.click("text=Back to first")
    page.fill("dialog input", "the home page looked odd")
    page.click("dialog >> text=Roll back")
    page.wait_for_selector("text=first answers again.")
    settled(page)
    assert (shop.run / "current").read_text().strip() == "first"
    lines = [json.loads(line) for line in (shop.run / "audit.jsonl").read_text().splitlines()]
    told = [(line["what"], line["run"], line["why"]) for line in lines[-2:]]
    assert told == [("promoted", "ease", HOSTILE),
                    ("rolled back", "first", "the home page looked odd")]  # fmt: skip
    books = page.get_by_role("region", name="The books").inner_text()
    assert HOSTILE in books and "the home page looked odd" in books
    assert page.locator("main img").count() == 0 and BAD in page.locator(".tree").inner_text()
    tree = page.locator(".tree > li", has=page.get_by_role("link", name="first", exact=True))
    assert shop.made in tree.locator("ul").first.inner_text()


def test_a_rollback_of_what_answers_no_more_is_refused_in_the_question(shop, page):
    shop.ask("PUT", "/v1/models/current", json={"model": "ease"})
    page.goto(f"{shop.url}/#/models")
    page.click("text=Back to first")
    shop.ask("PUT", "/v1/models/current", json={"model": BAD})
    page.click("dialog >> text=Roll back")
    page.wait_for_selector("dialog .fault:has-text('does by now')")
    assert (shop.run / "current").read_text().strip() == BAD
    page.faults = [told for told in page.faults if "422" not in told]


def test_two_runs_stand_beside_each_other(shop, page):
    page.goto(f"{shop.url}/#/models?run=ease")
    settled(page)
    page.get_by_label("Beside").select_option("first")
    page.wait_for_selector("h1:has-text('beside')")
    settled(page)
    assert "differs" in row(page, "What differs", "Model").inner_text()
    board = shop.ask("GET", "/v1/leaderboard?against=first").json()["boards"]
    told = next(one for one in board if one["how"] == "settings")["rows"]
    gain = next(one for one in told if one["run"] == "ease")["difference"]
    shown = row(page, "Runs side by side", "ease").inner_text()
    assert f"{abs(gain['mean']):.4f}" in shown
    page.go_back()
    page.wait_for_selector("h1:text-is('ease')")


def test_what_cannot_be_told_says_why_and_can_be_asked_again(shop, page):
    page.route("**/verdict", lambda route: route.fulfill(status=500, body="<b>no</b>"))
    page.goto(f"{shop.url}/#/models?run={shop.made}")
    gate = page.locator("section", has=page.get_by_role("heading", name="The gate"))
    gate.get_by_text("The server answered 500.").wait_for()
    page.unroute("**/verdict")
    gate.get_by_text("Try again").click()
    page.wait_for_selector(".steps")
    page.faults = [told for told in page.faults if "500" not in told]
    page.goto(f"{shop.url}/#/models?run=nobody")
    page.wait_for_selector(".fault:has-text(\"'nobody' came\")")
    page.faults = [told for told in page.faults if "404" not in told]


@pytest.mark.parametrize("where", ["", "?run={made}", "?run=ease", "?run=ease&with=first"])
def test_no_page_of_a_run_bars_anybody_or_is_wider_than_a_phone(shop, page, where):
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{shop.url}/#/models{where.format(made=shop.made)}")
    settled(page)
    closed = page.locator("details:not([open]) > summary:visible")
    while closed.count():
        closed.first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found
            if one["impact"] in ("serious", "critical")] == []  # fmt: skip


def test_a_retrain_is_begun_and_followed_to_its_end(shop, page):
    page.goto(f"{shop.url}/#/models")
    settled(page)
    page.click("text=Retrain now")
    page.wait_for_selector("text=The retrain is over")
    told = shop.ask("GET", "/v1/retrain").json()
    assert told["state"] in page.locator(".said").inner_text()
    shown = page.locator("section", has_text="The last retrain").first.text_content()
    assert all(word in shown for word in [*told["words"], told["why"] or ""])
