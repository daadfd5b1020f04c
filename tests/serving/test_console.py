"""The console in a real browser over a real process: what is clicked, the store then holds."""

import json
import time

import pytest

from bowerbird.serving.console import FOLDER, POLICY
from bowerbird.serving.service import Settings
from processes import PATIENCE_S, Process
from servers import serving, write

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\"' onclick=alert(3)"


def test_it_is_small_and_holds_no_markup_that_runs_nor_an_address_of_others():
    files = [file.read_text("utf-8") for file in FOLDER.iterdir()]
    assert sum(len(text.encode()) for text in files) < 60_000
    for text in files:
        for never in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
            assert never not in text
        assert "http://" not in text and "https://" not in text and "document.cookie" not in text
    page = (FOLDER / "index.html").read_text("utf-8")
    assert "<style" not in page and "style=" not in page and " on" not in page.split("<body>")[0]


def test_everybody_may_have_its_files_and_nothing_else_of_the_folder(client):
    key = {"kind": "secret", "scopes": ["admin"], "name": "all"}
    assert client.post("/v1/keys", json=key).status_code == 201
    for path in ("/", *(f"/console/{file.name}" for file in FOLDER.iterdir())):
        reply = client.get(path)
        assert reply.status_code == 200 and reply.headers["content-security-policy"] == POLICY
        assert reply.headers["x-content-type-options"] == "nosniff"
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


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A server over two runs."""
    folder = tmp_path_factory.mktemp("console")
    write(folder / "runs" / "first")
    write(folder / "runs" / "second", model="cooccurrence")
    (folder / "runs" / "current").write_text("first\n")
    with Process(folder / "runs", folder / "data", "--no-log") as server:
        server.ask("PATCH", "/v1/items/i3", json={"fields": {"title": HOSTILE, "kind": HOSTILE}})
        until(lambda: HOSTILE in server.ask("GET", "/v1/items").text.replace('\\"', '"'))
        yield server
        server.stop()


@pytest.fixture
def page(chromium, shop):
    """A page that may ask nobody but the server, and reports nothing wrong."""
    context = chromium.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.faults, page.asked = [], []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("dialog", lambda dialog: page.faults.append(dialog.message) or dialog.dismiss())
    page.on("console", lambda told: told.type == "error" and page.faults.append(told.text))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    assert page.faults == []
    assert {"/".join(url.split("/")[:3]) for url in page.asked if ":" in url[:6]} == {shop.url}
    context.close()


def until(found, seconds=20.0):
    """What comes, however busy the machine is."""
    ends = time.monotonic() + seconds
    while not (got := found()) and time.monotonic() < ends:
        time.sleep(0.1)
    return got


def settled(page):
    page.wait_for_selector("main:not(:has([aria-busy]))")  # the policy lets no text be run


def test_home_says_what_the_service_says(shop, page):
    got = shop.ask("POST", "/v1/recommend", json={"user": "u1", "k": 3}).json()
    at = {"rec_id": got["rec_id"], "user": "u1", "item": got["items"][0]["item"]}
    shop.ask("POST", "/v1/exposures", json={"exposures": [at]})
    sale = {**at, "type": "purchase", "value": 1999, "currency": "EUR"}
    shop.ask("POST", "/v1/events", json={"events": [{**at, "type": "click"}, sale]})
    told = until(lambda: shop.ask("GET", "/v1/metrics/online?by=surface").json()["groups"][1:])
    figure = told[0]["figures"]["ctr_list"]
    page.goto(shop.url)
    page.wait_for_selector(".headline")
    settled(page)
    row = page.locator("table").first.locator("tr", has_text="for-you")
    assert f"{100 * figure['value']:.1f} %" in row.inner_text() and "€19.99" in row.inner_text()
    assert f"… {100 * figure['high']:.1f} %" in row.inner_text()
    assert "first answers." in page.locator(".lights").inner_text()
    assert page.locator("nav a[aria-current]").inner_text() == "Home"


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


def test_another_model_answers_after_a_yes_and_not_before(shop, page):
    page.goto(f"{shop.url}/#/models")
    page.click("[aria-label='Let second answer']")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert (shop.run / "current").read_text().strip() == "first"
    page.focus("[aria-label='Let second answer']")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the first button of the question has the keyboard
    page.wait_for_selector("text=second answers.")
    assert (shop.run / "current").read_text().strip() == "second"
    assert shop.ask("GET", "/v1/health/ready").json()["model"] == "second"
    page.wait_for_selector("[aria-label='Let first answer']")


def test_a_retrain_is_begun_and_followed_to_its_end(shop, page):
    page.goto(f"{shop.url}/#/models")
    page.wait_for_selector("text=there was none yet")
    page.click("text=Retrain now")
    page.wait_for_selector("text=The retrain is over")
    told = shop.ask("GET", "/v1/retrain").json()
    assert told["state"] in page.locator(".said").inner_text()
    shown = page.locator("section", has_text="The last retrain").first.inner_text()
    assert all(word in shown for word in [*told["words"], told["why"] or ""])


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


def test_what_is_due_and_what_was_alerted_stand_on_home_worst_first(shop, page):
    late = {
        "name": "new events",
        "value": 12_000,
        "limit": 10_000,
        "fired": True,
        "words": "12 k new",
    }
    due = {"as_of": 1, "due": True, "cooling_until": None, "triggers": [late]}
    (shop.run / "triggers.json").write_text(json.dumps(due))
    line = {
        "at": page.evaluate("Date.now()") // 1000,
        "kind": "decay",
        "run": None,
        "text": HOSTILE,
    }
    (shop.run / "alerts.jsonl").write_text(2 * f"{json.dumps(line)}\n")
    page.goto(shop.url)
    page.wait_for_selector("text=A retrain is due: 12 k new")
    lines = page.locator(".lights li").all_inner_texts()
    assert [told.split()[1] for told in lines[:2]] != ["well", "well"]
    assert any(HOSTILE in told and "1 like it" in told for told in lines)
    assert "need" in page.locator(".headline").inner_text()
    assert page.locator("main img").count() == 0
    page.click("nav >> text=Models")
    row = page.locator("tr", has_text="new events")
    row.wait_for()
    assert (
        "12000" in row.inner_text() and "10000" in row.inner_text() and "fired" in row.inner_text()
    )


def test_on_a_phone_nothing_is_wider_than_the_screen(shop, page):
    page.set_viewport_size({"width": 320, "height": 640})
    for view in ("home", "try", "models"):
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
    page.fill("#user", "u1")
    page.click("text=Show the list")
    page.wait_for_selector("[data-item]")
    page.faults = [told for told in page.faults if "401" not in told and "403" not in told]
