"""Map in a real browser over a real process: what is drawn and clicked is what the service says."""

import pytest

from bowerbird.evaluation.layout import Ways
from bowerbird.runs.mapping import mapped
from bowerbird.surfaces.kept_map import FOLDER, has_map
from bowerbird.surfaces.run_folder import load_run
from consoles import HOSTILE, settled
from servers import write


@pytest.fixture(scope="module")
def drawn(shop):
    """The shop whose first run has a map, and another run with another one."""
    mapped(load_run(shop.run / "first"), Ways())
    write(shop.run / "older", seed=1)
    mapped(load_run(shop.run / "older"), Ways())
    return shop


def opened(page, shop, told=""):
    page.goto(f"{shop.url}/#/map{told}")
    page.wait_for_selector(".swatches button")
    settled(page)


def middle_of(page):
    box = page.locator(".plane").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_map_is_made_by_a_click_and_then_shown(shop, page):
    assert not has_map(shop.run / "first")
    page.goto(f"{shop.url}/#/map")
    page.click("text=Make the map")
    page.wait_for_selector("text=The map of first is there.")
    page.wait_for_selector(".plane:visible")
    assert has_map(shop.run / "first")
    told = shop.ask("GET", "/v1/map").json()
    shown = page.locator("section", has_text="What it shows").first.inner_text()
    assert "All 12 items of first" in shown and told["method"] == "pca" and "PCA" in shown
    settled(page)
    page.click("text=Make it anew")
    page.click("dialog >> text=No")
    assert (shop.run / "first" / FOLDER).stat().st_mtime <= page.evaluate("Date.now()") / 1000


def test_an_item_that_is_found_is_told_with_what_is_truly_nearest(drawn, page):
    opened(page, drawn)
    page.fill("input[type=search]", "number 5")
    page.click(".map-found .thing:has-text('thing number 5')")
    page.wait_for_selector(".headline:has-text('thing number 5')")
    right = drawn.ask("GET", "/v1/map/near?item=i5").json()
    rows = page.locator(".ranks li")
    assert rows.count() == len(right["neighbours"]) == 10
    for row, one in zip(rows.all_inner_texts(), right["neighbours"], strict=True):
        assert one["title"] in row and one["item"] in row
    page.fill("input[type=search]", "no such thing")
    page.wait_for_selector("text=No item has these words")
    page.click(".ranks li:first-child .thing")  # a neighbour's own neighbours
    page.wait_for_selector(f".headline:has-text({right['neighbours'][0]['title']!r})")


def test_a_click_on_a_point_takes_the_item_that_is_there(drawn, page):
    opened(page, drawn, "?item=i7")
    page.wait_for_selector(".headline:has-text('thing number 7')")
    page.click("text=Show it")  # it is in the middle then
    page.fill("input[type=search]", "number 2")
    page.click(".map-found .thing")
    page.wait_for_selector(".headline:has-text('thing number 2')")
    page.locator(".plane").scroll_into_view_if_needed()
    page.mouse.click(*middle_of(page))
    page.wait_for_selector(".headline:has-text('thing number 7')")
    page.focus(".plane")
    page.keyboard.press("0")
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    settled(page)
    assert page.locator(".headline").inner_text()


def test_it_is_drawn_and_colours_are_told_in_words(drawn, page):
    opened(page, drawn)
    page.wait_for_function("() => document.querySelector('.plane canvas').width > 0")
    right = drawn.ask("GET", "/v1/map/colours?by=kind").json()["legend"]
    told = page.locator(".swatches button").all_inner_texts()
    assert [text.split("\n")[-1].strip() for text in told] == [str(s["count"]) for s in right]
    assert any(HOSTILE in text for text in told) and page.locator("main img").count() == 0
    page.click(".swatches button >> nth=0")
    assert page.get_attribute(".swatches button >> nth=0", "aria-pressed") == "true"
    with page.expect_response("**/v1/map/colours?by=popularity") as answered:
        page.select_option("select >> nth=0", "popularity")
    labels = [shade["label"] for shade in answered.value.json()["legend"]]
    page.wait_for_selector(f".swatches[aria-label='Colours: popularity'] >> text={labels[0]}")


def test_a_way_is_told_and_another_map_is_laid_beside(drawn, page):
    opened(page, drawn, "?user=u1")
    page.wait_for_selector("text=What suits them best now")
    right = drawn.ask("GET", "/v1/map/path?user=u1&limit=25").json()
    steps = page.locator(".long li")
    assert steps.count() == len(right["steps"]) > 0
    assert right["steps"][0]["title"] in steps.first.inner_text()
    page.select_option("select >> nth=1", "older")
    page.wait_for_selector("text=12 items are on both maps")
    page.wait_for_selector("text=Neither map was begun with the other")
    assert page.locator("[aria-label='Moved most'] li").count() == 10
    page.fill("input[type=range]", "0")
    page.click("text=Play")
    page.wait_for_function("() => document.querySelector('input[type=range]').value === '100'")
    page.fill(".map-asked input", "nobody")
    page.click("text=Show the way")
    page.wait_for_selector("text=Nothing is known that nobody did.")


def test_a_run_without_vectors_and_a_server_that_fails_say_so(drawn, page):
    drawn.ask("PUT", "/v1/models/current", json={"model": "second"})
    try:
        page.goto(f"{drawn.url}/#/map")
        page.wait_for_selector("text=second has no map")
        assert page.locator(".plane").is_hidden()
    finally:
        drawn.ask("PUT", "/v1/models/current", json={"model": "first"})
    page.route("**/v1/map/points", lambda route: route.abort())
    page.goto(f"{drawn.url}/#/home")
    page.goto(f"{drawn.url}/#/map")
    page.wait_for_selector("#offline:visible")
    page.unroute("**/v1/map/points")
    page.wait_for_selector("#offline", state="hidden")
    page.wait_for_selector(".swatches button")
    page.faults = [told for told in page.faults if "net::ERR" not in told]
