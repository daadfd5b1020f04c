"""The catalog: an item is found, read, changed and taken out by clicking; the store holds it."""

import pytest
from playwright.sync_api import expect

from consoles import HOSTILE, settled, until


@pytest.fixture
def at(shop, page):
    """The view, all of it drawn."""
    page.goto(f"{shop.url}/#/catalog")
    page.wait_for_selector(".items li")
    settled(page)
    return page


def row(page, id):
    return page.locator(f".items [data-item='{id}']")


def shown(page):
    return [one.get_attribute("data-item") for one in page.locator(".items [data-item]").all()]


def opened(page, id):
    page.wait_for_selector(f".card-of code:text-is('{id}')")
    settled(page)


def stored(shop, id):
    reply = shop.ask("GET", f"/v1/items/{id}")
    return reply.json()["fields"] if reply.status_code == 200 else None


def test_states_and_figures_are_those_of_the_service(shop, at):
    told = shop.ask("GET", "/v1/catalog").json()
    for state, n in told["states"].items():
        assert at.locator(f".states [data-state={state}]").inner_text().split()[-1] == str(n)
    for one in told["items"]:
        text = row(at, one["id"]).inner_text()
        assert one["state"] in text and f"{one['interactions']} met" in text
    at.click(".states [data-state=dead]")
    settled(at)
    assert shown(at) == [one["id"] for one in told["items"] if one["state"] == "dead"]
    assert at.locator(".states [aria-pressed=true]").get_attribute("data-state") == "dead"


def test_items_are_found_by_words_and_filters_and_a_wrong_filter_is_told(at):
    at.fill("#catalog-search", "NUMBER 7")
    expect(at.locator(".items li")).to_have_count(1)
    assert shown(at) == ["i7"]
    at.fill("#catalog-search", "")
    at.fill("#catalog-filter", "price > 9")
    expect(at.locator(".items li")).to_have_count(2)
    assert shown(at) == ["i10", "i11"]
    at.faults.clear()
    at.fill("#catalog-filter", "colour = 'red'")
    at.wait_for_selector(".fault:has-text('a column among title')")
    assert all("422" in fault for fault in at.faults)
    at.faults.clear()
    at.fill("#catalog-filter", "")
    expect(at.locator(".items li")).to_have_count(12)


def test_a_card_shows_the_true_neighbours_with_what_they_share(shop, at):
    row(at, "i1").click()
    opened(at, "i1")
    told = shop.ask("GET", "/v1/items/i1/neighbours?k=8&fields=kind").json()["neighbours"]
    cards = at.locator(".cards li")
    assert [card.locator("strong").inner_text() for card in cards.all()] == [
        one["title"] for one in told
    ]
    for card, one in zip(cards.all(), told, strict=True):  # i1 is of kind a
        shared = " ".join(card.locator(".shared").all_inner_texts())
        assert ("kind a" in shared) == (one["fields"]["kind"] == "a")
    cards.first.locator("a").click()
    opened(at, told[0]["item"])
    assert at.url.endswith(f"#/catalog?item={told[0]['item']}")


def test_a_field_is_changed_and_a_wrong_value_is_told_where_it_stands(shop, at):
    row(at, "i2").click()
    opened(at, "i2")
    at.fill(".edit [name=price]", "dear")
    at.click(".edit >> text=Save")
    at.wait_for_selector(".edit .fault:has-text('price: a value of kind number expected')")
    assert at.locator(".edit [name=price]").get_attribute("aria-invalid") == "true"
    assert stored(shop, "i2")["price"] == 2
    at.fill(".edit [name=price]", "2.5")
    at.fill(".edit [name=tags]", "x, y")
    at.faults.clear()
    at.click(".edit >> text=Save")
    at.wait_for_selector(".said:has-text('Saved: price, tags')")
    now = stored(shop, "i2")
    assert (now["price"], now["tags"], now["title"]) == (2.5, ["x", "y"], "thing number 2")


def test_an_item_is_taken_out_of_lists_after_a_question_and_put_back(shop, at):
    row(at, "i8").click()
    opened(at, "i8")
    before = stored(shop, "i8")
    at.click("text=Take it out of lists")
    at.click("dialog button:text-is('No')")
    assert stored(shop, "i8") == before
    at.click("text=Take it out of lists")
    at.click("dialog button[type=submit]")
    at.wait_for_selector(".said:has-text('is in no list any more')")
    assert stored(shop, "i8") is None
    asked = {"scenario": "for-you", "user": "u1", "k": 12}
    got = shop.ask("POST", "/v1/recommend", json=asked).json()["items"]
    assert "i8" not in [one["item"] for one in got]
    settled(at)
    assert "taken out of all lists" in at.locator(".card-of").inner_text()
    assert at.locator(".card-of .light.quiet:text-is('hidden')").count() == 1
    at.click("text=Put it back into lists")
    at.wait_for_selector(".said:has-text('is back')")
    assert stored(shop, "i8") == before
    assert until(lambda: shop.ask("GET", "/v1/catalog?state=hidden").json()["found"] == 0)


def test_rules_begin_here_with_the_item_and_the_scenario(at):
    row(at, "i4").click()
    opened(at, "i4")
    at.select_option("#card-scenario", "home")
    links = [link.get_attribute("href") for link in at.locator(".ways a").all()]
    assert links == [f"#/rules?scenario=home&do={do}&item=i4" for do in ("hide", "boost", "pin")]
    assert at.locator("a[href='#/map?item=i4']").count() == 1


def test_hostile_text_stays_text_and_an_item_that_is_not_there_is_told(shop, page):
    page.goto(f"{shop.url}/#/catalog?item=i3")
    opened(page, "i3")
    assert HOSTILE in page.locator(".card-of h3").inner_text()
    assert HOSTILE in row(page, "i3").inner_text()
    assert page.locator("main img").count() == 0 and page.locator("main script").count() == 0
    page.goto(f"{shop.url}/#/catalog?item=nothing")
    page.wait_for_selector(".card-of .fault:has-text('an item expected')")
    assert page.faults and all("404" in fault for fault in page.faults)
    page.faults.clear()


def test_a_card_stays_in_sight_and_is_usable_on_a_phone(shop, at):
    at.set_viewport_size({"width": 1200, "height": 500})
    row(at, "i11").scroll_into_view_if_needed()
    row(at, "i11").click()
    opened(at, "i11")
    expect(at.locator(".card-of h3")).to_be_in_viewport()
    at.set_viewport_size({"width": 320, "height": 640})
    expect(at.locator(".items")).to_be_hidden()
    wide = at.evaluate_handle("document.documentElement").get_property("scrollWidth").json_value()
    assert wide <= 320
    at.click("text=All items")
    expect(at.locator(".items")).to_be_visible()
