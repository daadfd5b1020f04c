"""What all views share: what the page may do, keys, a phone, a server that is away."""

import gzip

import pytest
from axe_playwright_python.sync_playwright import Axe

from bowerbird.serving.console import FOLDER, POLICY
from bowerbird.serving.service import Settings
from consoles import VIEWS, settled
from servers import serving


def test_it_is_small_and_holds_no_markup_that_runs_nor_an_address_of_others():
    files = [file.read_text("utf-8") for file in FOLDER.iterdir()]
    assert sum(len(gzip.compress(text.encode(), 1)) for text in files) < 300_000
    for text in files:
        for never in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
            assert never not in text
        text = text.replace('"http://www.w3.org/2000/svg"', "")  # a name of elements, never asked
        assert "http://" not in text and "https://" not in text and "document.cookie" not in text
    page = (FOLDER / "index.html").read_text("utf-8")
    assert "<style" not in page and "style=" not in page and " on" not in page.split("<body>")[0]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_view_bars_anybody(shop, page, colours):
    page.emulate_media(color_scheme=colours)
    axe, told = Axe(), {"resultTypes": ["violations"]}
    if colours == "dark":  # nothing else is different in the dark
        told["runOnly"] = ["color-contrast"]
    for view in VIEWS:
        page.goto(f"{shop.url}/#/{view}")
        settled(page)
        found = axe.run(page, options=told).response["violations"]
        grave = [(one["id"], one["nodes"][0]["html"]) for one in found
                 if one["impact"] in ("serious", "critical")]  # fmt: skip
        assert grave == [], view


def test_everybody_may_have_its_files_and_nothing_else_of_the_folder(client):
    key = {"kind": "secret", "scopes": ["admin"], "name": "all"}
    assert client.post("/v1/keys", json=key).status_code == 201
    for path in ("/", *(f"/console/{file.name}" for file in FOLDER.iterdir())):
        reply = client.get(path)
        assert reply.status_code == 200 and reply.headers["content-security-policy"] == POLICY
        assert reply.headers["x-content-type-options"] == "nosniff"
        for name in ("opener", "resource"):
            assert reply.headers[f"cross-origin-{name}-policy"] == "same-origin"
        assert "camera=()" in reply.headers["permissions-policy"]
        again = client.get(path, headers={"If-None-Match": reply.headers["etag"]})
        assert again.status_code == 304 and again.content == b""
    for wrong in ("nothing.js", "..%2Fbowerbird.js", "%2Fetc%2Fpasswd"):
        assert client.get(f"/console/{wrong}").status_code == 404
    assert "unsafe" not in POLICY and "frame-ancestors 'none'" in POLICY


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403),
                                              ("same-origin", 202), ("none", 202)])  # fmt: skip
def test_where_no_key_is_needed_no_other_page_begins_a_retrain(run, tmp_path, site, status):
    with serving(run, tmp_path) as client:
        begun = []
        client.service.retraining.start = begun.append
        told = client.post("/v1/retrain", headers={"Sec-Fetch-Site": site})
        assert (told.status_code, len(begun)) == (status, status == 202)
        assert client.get("/v1/popular", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_a_page_that_is_named_may_ask_what_it_could(run, tmp_path):
    origin = "https://shop.example"
    with serving(run, tmp_path, Settings(10_000, 1e6, origins=(origin,))) as client:
        headers = {"Sec-Fetch-Site": "cross-site", "Origin": origin}
        assert client.get("/v1/items", headers=headers).status_code == 200
        headers["Origin"] = "https://other.example"
        assert client.get("/v1/items", headers=headers).status_code == 403


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_why_it_loads_in_vain_and_keeps_what_it_showed_while_the_server_is_away(
    shop, page, view
):
    held, wrong = [], {"status": 500, "body": "<b>no</b>"}

    def hold(route):
        route.fulfill(**wrong) if held is None else held.append(route)

    page.route("**/v1/**", hold)
    page.goto(f"{shop.url}/#/{view}")
    page.wait_for_selector("main [aria-busy]:has-text('Loading')")
    waiting, held = held, None
    for route in waiting:
        route.fulfill(**wrong)
    settled(page)
    faults = page.locator("main .fault:visible")
    assert faults.count() > 0
    assert all("500" in told for told in faults.all_inner_texts() if told)
    assert page.locator("main .fault b").count() == 0
    page.unroute("**/v1/**")
    page.click("nav >> text=Home" if view != "home" else "nav >> text=Models")
    page.click(f"nav a[href='#/{view}']")
    settled(page)
    assert [told for told in faults.all_inner_texts() if told] == []
    _stays_while_the_server_is_away(page, view)
    page.faults = [told for told in page.faults if "500" not in told and "net::ERR" not in told]


def _stays_while_the_server_is_away(page, view):
    drawn = page.locator("main > :visible .body[data-drawn]")
    shown = drawn.count()
    page.route("**/v1/**", lambda route: route.abort())
    page.click("nav >> text=Home" if view != "home" else "nav >> text=Models")
    page.wait_for_selector("#offline:visible")
    page.click(f"nav a[href='#/{view}']")
    settled(page)
    assert drawn.count() == shown and page.locator("main .body .fault:visible").count() == 0
    page.unroute("**/v1/**")
    page.wait_for_selector("#offline", state="hidden")
    settled(page)


def test_on_a_phone_nothing_is_wider_than_the_screen(shop, page):
    page.set_viewport_size({"width": 320, "height": 640})
    for view in VIEWS:
        page.goto(f"{shop.url}/#/{view}")
        settled(page)
        if view == "try":
            page.click("text=Show the list")
            page.wait_for_selector("[data-item]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, view


def test_while_the_server_is_away_what_was_typed_stays(shop, page):
    page.goto(f"{shop.url}/#/try")
    page.wait_for_selector(".thing")
    page.click(".thing:has-text('i2')")
    page.fill("#user", "somebody typed")
    shop.stop()
    page.click("text=Show the list")
    page.wait_for_selector("#offline:visible")
    page.click("nav >> text=Home")
    page.click("nav >> text=Try it")
    assert page.input_value("#user") == "somebody typed"
    assert page.locator(".chips li").count() == 1
    shop.start()
    page.wait_for_selector("#offline", state="hidden")
    page.click("text=Show the list")
    page.wait_for_selector("[data-item]")
    page.faults = [told for told in page.faults if "net::ERR" not in told]


def test_a_key_opens_it_and_is_kept_in_the_tab_alone(shop, page):
    made = {"kind": "secret", "scopes": ["admin"], "name": "all"}
    key = shop.ask("POST", "/v1/keys", json=made).json()["key"]
    page.goto(f"{shop.url}/#/models")
    page.wait_for_selector("#login:visible")
    assert page.evaluate("document.activeElement.id") == "key"
    for wrong in ("pk_1", "sk_" + "0" * 64):
        page.fill("#key", wrong)
        page.keyboard.press("Enter")
        page.wait_for_selector("#login-fault:not(:empty)")
        assert page.evaluate("sessionStorage.length") == 0
    assert page.locator("main").is_hidden()
    page.fill("#key", key)
    page.keyboard.press("Enter")
    page.wait_for_selector("table:visible")
    assert page.evaluate("[localStorage.length, document.cookie, location.search]") == [0, "", ""]
    page.reload()
    page.wait_for_selector("table:visible")
    few = {"kind": "secret", "scopes": ["recs:read"], "name": "few"}
    headers = {"Authorization": f"Bearer {key}"}
    few = shop.ask("POST", "/v1/keys", json=few, headers=headers).json()["key"]
    page.click("text=Forget the key")
    page.wait_for_selector("#login:visible")
    page.fill("#key", few)
    page.keyboard.press("Enter")
    page.wait_for_selector("section:has-text('Runs that could answer') >> text=metrics:read")
    page.click("text=Try it")  # what it may, it can, though it may not read items
    page.wait_for_selector("section:has-text('Items') >> text=catalog:read")
    page.wait_for_selector("[data-item]")
    page.fill("#user", "u1")
    page.click("text=Show the list")
    page.wait_for_selector("section:has-text('List A') >> text=people:read")
    page.faults = [told for told in page.faults if "401" not in told and "403" not in told]
