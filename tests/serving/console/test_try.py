"""Try it, in a real browser over a real process."""

import base64
import struct
import zlib

import pytest

from bowerbird.errors import ConfigError
from bowerbird.serving.console import checked_origins, policy
from bowerbird.serving.service import Settings
from consoles import HOSTILE, settled, until
from servers import serving


def listed(page, name="A"):
    shown = page.locator(f"section:has(h2:text-is('List {name}')) [data-item]")
    return [one.get_attribute("data-item") for one in shown.all()]


def items_of(got):
    return [one["item"] for one in got["items"]]


def asked_for(page, act):
    """What was asked of the service by an act, and what it answered."""
    with page.expect_response("**/v1/try") as answered:
        act()
    settled(page)
    return answered.value.request.post_data_json, answered.value.json()


def counted(shop):
    facts, metrics = shop.facts(), shop.ask("GET", "/metrics").text
    lists = [line for line in metrics.splitlines() if line.startswith("bowerbird_lists")]
    return [table.height for table in (facts.served, facts.seen, facts.done)], lists


def png(colour):
    """A square of one colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data)
        )  # fmt: skip

    head = struct.pack(">2I5B", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress(8 * (b"\0" + 8 * bytes(colour)))
    body = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_list_is_shown_as_the_service_gives_it_and_hostile_text_stays_text(shop, page):
    page.goto(f"{shop.url}/#/try?scenario=home&k=10")
    settled(page)
    asked_for(page, lambda: page.click(".thing:has-text('i1')"))
    asked, got = asked_for(page, lambda: page.click(".thing:has-text('i2')"))
    assert asked["items"] == ["i1", "i2"] and asked["scenario"] == "home"
    served = shop.ask("POST", "/v1/recommend", json={"items": ["i1", "i2"], "k": 10}).json()
    assert listed(page) == items_of(got) == items_of(served)
    assert HOSTILE in page.locator("[data-item=i3]").inner_text()
    page.click("[data-item=i3] summary")
    parts = page.locator("[data-item=i3] .parts").inner_text()
    (third,) = [one for one in got["items"] if one["item"] == "i3"]
    assert f"{third['parts'][0]['value']:.4g}" in parts and "als" in parts
    assert page.locator("img").count() == 0 and page.locator("main script").count() == 0
    page.click("summary:text-is('As curl')")
    page.click("summary:text-is('As Python')")
    curl, code = page.locator("details[open] > pre").all_inner_texts()
    assert f"{shop.url}/v1/recommend" in curl and '"items":["i1","i2"]' in curl
    names = {}
    exec(code, names)  # what is copied runs, and gives the same
    assert [one.item for one in names["found"]] == items_of(got)


def test_two_settings_stand_side_by_side_and_a_dial_changes_its_list_at_once(shop, page):
    before = counted(shop)
    page.goto(f"{shop.url}/#/try?user=u1&k=4")
    settled(page)
    page.click("text=Compare with another list")
    settled(page)
    assert listed(page, "A") == listed(page, "B")
    asked, got = asked_for(page, lambda: page.fill("#b-discount", "2"))
    assert asked["discount"] == got["table"]["discount"] == 2
    told = {"user": "u1", "k": 4, "discount": 2}
    assert listed(page, "B") == items_of(shop.ask("POST", "/v1/try", json=told).json())
    first, second = listed(page, "A"), listed(page, "B")
    assert first != second
    came = next(item for item in second if item not in first)
    assert "new" in page.locator(f".twins > :nth-child(2) [data-item={came}]").inner_text()
    for item in set(first) - set(second):
        assert f"({first.index(item) + 1})" in page.locator(".gone").inner_text()
    asked, got = asked_for(page, lambda: page.select_option("#b-model", "second"))
    assert got["model"] == "second" and listed(page, "B") == items_of(got)
    asked, got = asked_for(page, lambda: page.fill("#b-explore", "0.5"))
    assert any(one["propensity"] < 1 for one in got["items"])
    page.click(".twins > :nth-child(2) >> text=How it came about")
    way = page.locator("table:has(caption:text('How list B came about')) tr").all_inner_texts()
    shown = [row.split("\t")[1].strip() for row in way[1:]]
    trace = got["trace"]
    assert shown[0] == str(trace["catalog"]) and shown[-1] == str(len(got["items"]))
    assert [int(left) for left in shown[1 : 1 + len(trace["filters"])]] == [
        gate["left"] for gate in trace["filters"]
    ]
    page.click(".twins > :nth-child(2) >> summary:text-is('As Python')")
    names = {}
    exec(page.locator(".twins > :nth-child(2) details[open] > pre").inner_text(), names)
    assert items_of(names["found"]) == items_of(got)
    address = page.url
    page.goto("about:blank")
    page.goto(address)  # whoever is sent it sees the same
    settled(page)
    assert (listed(page, "A"), listed(page, "B")) == (first, items_of(got))
    assert counted(shop) == before


def test_somebody_is_found_by_the_beginning_of_an_id_or_by_chance(shop, page):
    page.goto(f"{shop.url}/#/try")
    settled(page)
    page.fill("#user", "u11")
    page.click(".people .thing:has-text('u110')")
    assert page.input_value("#user") == "u110"
    page.click("summary:has-text('What they did:')")
    past = shop.ask("GET", "/v1/history?user=u110&fields=title").json()["newest"]
    told = page.locator(".past li").first.text_content()
    assert (past[0]["fields"]["title"]) in told
    asked, _ = asked_for(page, lambda: page.click("text=Somebody at random"))
    assert asked["user"] == page.input_value("#user")
    page.fill("#find", "number 7")
    page.wait_for_selector(".shelf:not(.people) .thing:only-child")
    assert "i7" in page.locator(".shelf:not(.people) .thing").inner_text()


def test_settings_that_are_liked_are_kept_after_a_yes(shop, page):
    page.goto(f"{shop.url}/#/try?scenario=home&discount=1.5&diversity=0.2&user=u1")
    settled(page)
    wanted, before = listed(page), shop.ask("GET", "/v1/scenarios/home").json()
    page.click("text=Make it so …")
    page.keyboard.press("Escape")
    assert shop.ask("GET", "/v1/scenarios/home").json() == before
    page.click("text=Make it so …")
    page.click("dialog >> button:text-is('Make it so')")
    page.wait_for_selector("dialog", state="detached")
    kept = shop.ask("GET", "/v1/scenarios/home").json()
    steps = [{"step": "mmr", "weight": 0.8}]
    assert kept == {"surface": "for-you", "k": 4, "discount": 1.5, "steps": steps}
    served = shop.ask("POST", "/v1/recommend", json={"scenario": "home", "user": "u1"}).json()
    assert items_of(served) == wanted
    until(lambda: page.locator("text=Make it so …").count() == 0)
    shop.ask("DELETE", "/v1/scenarios/home")


def test_pictures_come_from_where_it_was_said_and_from_nowhere_else(shop, page):
    own = f"data:image/png;base64,{base64.b64encode(png((200, 60, 60))).decode()}"
    cdn = "https://cdn.shop.example"
    for item, address in (("i1", own), ("i2", f"{cdn}/a.png"), ("i4", f"{cdn}/broken.jpg")):
        fields = {"picture": address}
        assert shop.ask("PATCH", f"/v1/items/{item}", json={"fields": fields}).status_code == 200
    assert until(lambda: cdn in shop.ask("GET", "/v1/catalog").text)
    page.goto(f"{shop.url}/#/try?k=12")
    settled(page)
    page.wait_for_selector("[data-item=i1] img.thumb")
    assert page.locator("[data-item] img").count() == 1
    assert "allow it with" in page.locator("section:has(h2:text-is('List A'))").inner_text()

    def with_images(route):
        reply = route.fetch()
        told = {**reply.headers, "content-security-policy": policy([cdn])}
        route.fulfill(response=reply, headers=told)

    page.route(f"{shop.url}/", with_images)
    blue = {"body": png((60, 60, 200)), "content_type": "image/png"}
    page.route(f"{cdn}/a.png", lambda route: route.fulfill(**blue))
    page.route(f"{cdn}/broken.jpg", lambda route: route.fulfill(status=404))
    page.goto("about:blank")
    with page.expect_request(f"{cdn}/a.png") as fetched:
        page.goto(f"{shop.url}/#/try?k=12")
    assert "referer" not in fetched.value.headers
    page.wait_for_selector("[data-item=i2] img.thumb")
    assert page.locator("[data-item=i2] img").get_attribute("alt") == "thing number 2"
    page.set_viewport_size({"width": 320, "height": 640})
    page.click("[data-item=i2] summary")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.locator("[data-item=i4]").scroll_into_view_if_needed()
    page.wait_for_selector("[data-item=i4] img", state="detached")
    page.asked = [url for url in page.asked if not url.startswith(cdn)]
    page.faults = [told for told in page.faults if "404" not in told]


def test_origins_of_pictures_are_said_to_the_browser_and_are_nothing_more(run, tmp_path):
    cdn = "https://cdn.shop.example"
    with serving(run, tmp_path, Settings(10_000, 1e6, images=(cdn,))) as client:
        told = client.get("/").headers["content-security-policy"]
    assert f"img-src data: {cdn}" in told.split("; ") and told == policy([cdn])
    assert checked_origins([cdn, "http://127.0.0.1:80"]) == (cdn, "http://127.0.0.1:80")
    for wrong in ("cdn.shop.example", f"{cdn}/path", f"{cdn}; script-src *", "*", "data:", ""):
        with pytest.raises(ConfigError, match="an origin expected"):
            checked_origins([wrong])


def test_what_is_asked_for_in_vain_says_why_and_can_be_asked_again(shop, page):
    page.goto(f"{shop.url}/#/try")
    settled(page)
    page.route("**/v1/try", lambda route: route.fulfill(status=500, body="<b>no</b>"))
    page.fill("#user", " u1 ")
    page.wait_for_selector("text=The server answered 500.")
    page.unroute("**/v1/try")
    page.click("text=Try again")
    page.wait_for_selector("[data-item]")
    page.select_option("#scenario", "similar")
    page.wait_for_selector("text=similar: items expected, none came")
    page.faults = [told for told in page.faults if "500" not in told and "422" not in told]
    assert listed(page) == []
