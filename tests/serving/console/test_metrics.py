"""Online metrics in a real browser: what a figure means, and that its rows add up to it."""

import csv

import pytest
from axe_playwright_python.sync_playwright import Axe

from consoles import HOSTILE, settled, until

ONLINE = "/v1/metrics/online"


@pytest.fixture(scope="module")
def facts(shop):
    """Six lists of two scenarios, five seen, three clicked; a sale, and one of a strange item."""
    for n in range(6):
        who = {"user": f"u{n % 2}"}
        asked = {"scenario": ("for-you", "home")[n % 2], "k": 3, **who}
        got = shop.ask("POST", "/v1/recommend", json=asked).json()
        at = {"rec_id": got["rec_id"], "item": got["items"][n % 3]["item"], **who}
        if n:
            shop.ask("POST", "/v1/exposures", json={"exposures": [at]})
        sale = {**at, "type": "purchase", "value": 1999, "currency": "EUR"}
        done = [{**at, "type": "click"}] * (n in (1, 2, 5)) + [sale] * (n == 5)
        if done:
            shop.ask("POST", "/v1/events", json={"events": done})
    odd = {"user": "u1", "item": HOSTILE, "type": "purchase", "value": 500, "currency": "EUR"}
    assert shop.ask("POST", "/v1/events", json={"events": [odd]}).json()["accepted"] == 1
    until(
        lambda: shop.ask("GET", ONLINE).json()["groups"][0]["figures"]["lists_seen"]["value"] == 5
    )
    return shop


def row_of(page, name):
    return page.locator("section", has_text="By group").locator("tbody tr", has_text=name)


def saved(page, tmp_path):
    """The rows of the file that a click gives."""
    with page.expect_download() as got:
        page.click("text=Download as CSV")
    got.value.save_as(tmp_path / got.value.suggested_filename)
    with (tmp_path / got.value.suggested_filename).open(newline="") as file:
        return [*csv.DictReader(file)]


def test_a_figure_by_day_tells_what_it_means_and_its_rows_add_up(facts, page, tmp_path):
    page.goto(f"{facts.url}/#/metrics")
    page.wait_for_selector(".cards")
    page.get_by_label("Group by", exact=True).select_option("day")
    (group,) = facts.ask("GET", f"{ONLINE}?by=day").json()["groups"][1:]
    day, figure = group["group"]["day"], group["figures"]["ctr_list"]
    row_of(page, day).locator("[data-metric=ctr_list]").click()
    page.wait_for_selector("dialog .scroll")
    told = page.locator("dialog").inner_text()
    assert "clicked lists / seen lists" in told and "too few to say" in told
    assert "3 clicked lists" in told and "5 seen lists" in told and "5 of 5 rows" in told
    rows = saved(page, tmp_path)
    sums = [sum(int(row[name]) for row in rows) for name in ("numerator", "denominator")]
    assert sums == [figure["numerator"], figure["denominator"]] == [3, 5]
    assert "60.0 %" in told and figure["value"] == pytest.approx(sums[0] / sums[1])
    page.wait_for_selector("dialog >> text=ctr_list.csv:")
    page.click("dialog >> text=Close")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.dataset.metric") == "ctr_list"


def test_one_group_alone_and_the_address_keeps_what_was_chosen(facts, page, tmp_path):
    page.goto(f"{facts.url}/#/metrics?by=surface&span=7")
    page.click("[aria-label='Only home']")
    page.wait_for_selector("text=only surface home")
    settled(page)
    page.locator(".cards [data-metric=lists_seen]").click()
    page.wait_for_selector("dialog .scroll")
    rows = saved(page, tmp_path)
    assert len(rows) == sum(int(row["numerator"]) for row in rows) == 3
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector("text=only surface home")
    assert page.get_by_label("Span", exact=True).input_value() == "7"
    settled(page)
    assert row_of(page, "for-you").count() == 0
    page.click("[aria-label='No longer only surface:home']")
    row_of(page, "for-you").wait_for()


def test_columns_sort_and_hostile_text_stays_text(facts, page, tmp_path):
    page.goto(f"{facts.url}/#/metrics?by=item&credit=total")
    row_of(page, HOSTILE).wait_for()
    heads = page.locator("[data-sorts='revenue:EUR:total']")
    heads.click()
    names = page.locator("section:has-text('By group') tbody th").all_inner_texts()
    assert names[1] == HOSTILE and names[-1] == "All"  # behind what was sold for more
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Revenue")
    heads.click()
    names = page.locator("section:has-text('By group') tbody th").all_inner_texts()
    assert HOSTILE not in names[:2]
    assert page.locator("main img").count() == 0 and page.locator("main script").count() == 0
    row_of(page, HOSTILE).locator("[data-metric='revenue:EUR:total']").click()
    page.wait_for_selector("dialog .scroll")
    assert [row["numerator"] for row in saved(page, tmp_path)] == ["500"]
    page.keyboard.press("Escape")


def test_charts_and_every_figure(facts, page):
    page.goto(f"{facts.url}/#/metrics")
    page.wait_for_selector("svg[aria-label='Lists clicked by day']")
    page.wait_for_selector("svg[aria-label='Clicked by place']")
    page.get_by_label("Figure", exact=True).select_option("lists_seen")
    page.wait_for_selector("svg[aria-label='Lists seen by day']")
    page.get_by_label("All figures").check()
    page.wait_for_selector("[data-sorts=repeat_rate]")
    figures = facts.ask("GET", f"{ONLINE}?by=surface").json()["groups"][0]["figures"]
    kept = [n for n in figures if ":" not in n or n.endswith(":attributed") or "_per_" in n]
    assert page.locator("[data-sorts]").count() == 1 + len(kept)
    page.set_viewport_size({"width": 320, "height": 640})
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_what_cannot_be_shown_says_why_and_can_be_asked_again(facts, page):
    page.route("**/online/change**", lambda route: route.fulfill(status=500, body="no"))
    page.goto(f"{facts.url}/#/metrics")
    page.wait_for_selector("section:has-text('At a glance') >> text=The server answered 500.")
    page.unroute("**/online/change**")
    page.click("section:has-text('At a glance') >> text=Try again")
    page.wait_for_selector(".cards")
    page.get_by_label("Span", exact=True).select_option("dates")
    page.wait_for_selector("section:has-text('At a glance') >> text=Say from which day")
    page.get_by_label("From", exact=True).fill("2026-01-01")
    page.get_by_label("To, that day too", exact=True).fill("2026-01-02")
    page.wait_for_selector("text=No list went out in these days.")
    page.faults = [told for told in page.faults if "500" not in told]


def test_a_reader_of_the_screen_can_use_what_is_opened(facts, page):
    page.goto(f"{facts.url}/#/metrics?all=yes&where=surface:home")
    page.wait_for_selector(".cards")
    settled(page)
    page.locator(".cards [data-metric=ctr_list]").click()
    page.wait_for_selector("dialog .scroll")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
