"""Try it, in a real browser over a real process."""

from consoles import HOSTILE


def test_a_list_is_shown_as_the_service_gives_it_and_hostile_text_stays_text(shop, page):
    page.goto(f"{shop.url}/#/try")
    page.select_option("#scenario", "home")
    page.click(".thing:has-text('i1')")
    page.click(".thing:has-text('i2')")
    page.fill("#k", "10")
    with page.expect_response("**/v1/recommend") as answered:
        page.click("text=Show the list")
    asked, got = answered.value.request.post_data_json, answered.value.json()
    assert asked["items"] == ["i1", "i2"] and asked["scenario"] == "home" and asked["explain"]
    page.wait_for_selector("[data-item]")
    shown = page.locator("[data-item]")
    assert [one.get_attribute("data-item") for one in shown.all()] == [
        one["item"] for one in got["items"]
    ]
    assert HOSTILE in page.locator("[data-item=i3]").inner_text()
    assert got["items"][0]["reason"] in shown.first.inner_text()
    assert page.locator("img").count() == 0 and page.locator("main script").count() == 0
    page.click("summary:text-is('As curl')")
    page.click("summary:text-is('As Python')")
    curl, code = page.locator("pre").all_inner_texts()
    assert f"{shop.url}/v1/recommend" in curl and '"items":["i1","i2"]' in curl
    names = {}
    exec(code, names)  # what is copied runs, and gives the same
    assert [one.item for one in names["found"]] == [one["item"] for one in got["items"]]
    kept = shop.ask("GET", f"/v1/lists/{got['rec_id']}")
    assert kept.status_code == 200


def test_what_is_asked_for_in_vain_says_why_and_can_be_asked_again(shop, page):
    page.goto(f"{shop.url}/#/try")
    page.wait_for_selector(".thing")
    page.fill("#user", " u1 ")
    page.route("**/v1/recommend", lambda route: route.fulfill(status=500, body="<b>no</b>"))
    page.click("text=Show the list")
    page.wait_for_selector("text=The server answered 500.")
    page.unroute("**/v1/recommend")
    page.click("text=Try again")
    page.wait_for_selector("[data-item]")
    page.faults = [told for told in page.faults if "500" not in told]
