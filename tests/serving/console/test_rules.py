"""Rules in a real browser over a real process: what is clicked, the scenario then says."""

import pytest

from consoles import HOSTILE, settled, until

HOME = {"surface": "for-you", "k": 4}


@pytest.fixture(autouse=True)
def plain(shop):
    """Every test begins with the scenarios of the recipe."""
    yield
    for name in ("home", "for-you"):
        shop.ask("DELETE", f"/v1/scenarios/{name}")


def opened(shop, page, more="scenario=home"):
    page.goto("about:blank")
    page.goto(f"{shop.url}/#/rules?{more}")
    button(page, "Add a rule").wait_for()
    settled(page)


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def stored(shop, name="home"):
    return shop.ask("GET", f"/v1/scenarios/{name}").json()


def items_of(shop, user="u1"):
    told = {"scenario": "home", "user": user}
    return [one["item"] for one in shop.ask("POST", "/v1/recommend", json=told).json()["items"]]


def save(page):
    button(page, "Save").click()
    page.wait_for_selector(".said >> text=Saved:")


def filled(page, kind, **fields):
    """The form, told of a rule."""
    page.click(f".choice:has-text('{kind}')")
    for name, value in fields.items():
        page.fill(f"#rule-{name}", value)


def test_an_item_is_hidden_tried_on_people_saved_and_taken_back(shop, page):
    first = items_of(shop)[0]
    opened(shop, page)
    before = shop.ask("GET", "/v1/edits").json()["edits"]
    button(page, "Add a rule").click()
    page.click(".choice:has-text('Hide')")
    page.fill("#rule-ids", f"number {first[1:]}")
    page.click(".finder .thing")
    page.wait_for_selector(f"form.rule >> text=1 item matches: thing number {first[1:]}")
    assert page.input_value("#rule-name") == f"hide {first}"
    button(page, "Into the list of rules").click()
    page.wait_for_selector(".unsaved >> text=One change is not saved")
    page.fill("#preview-users", "u1")
    page.locator(".unsaved >> text=Show before and after").click()
    page.wait_for_selector(".pair[data-user=u1]")
    row = page.locator(f".pair [data-item={first}]")
    assert row.count() == 1 and f"gone: hidden by «hide {first}»" in row.inner_text()
    assert "1 of 1" in page.locator(".pairs dl").inner_text()
    assert shop.ask("GET", "/v1/edits").json()["edits"] == before  # until now nothing is kept
    assert first in items_of(shop)
    save(page)
    hidden = {"name": f"hide {first}", "do": "hide", "ids": [first]}
    assert stored(shop) == {**HOME, "rules": [hidden]} and first not in items_of(shop)
    page.wait_for_selector(f".edits >> text=+ hide: hide {first}")
    assert "somebody without a key" in page.locator(".edits li").first.inner_text()
    button(page, "Take the last change back").click()
    button(page, "Take it back").click()
    page.wait_for_selector(".said >> text=is taken back")
    assert stored(shop) == HOME and first in items_of(shop)
    page.wait_for_selector(".edits >> text=taken back")


def test_a_filter_is_put_together_and_what_is_wrong_stands_beside_its_field(shop, page):
    opened(shop, page)
    button(page, "Add a rule").click()
    filled(page, "Boost")
    page.click(".choice:has-text('All that a filter finds')")
    part = page.locator("[data-part=items]")
    part.locator("summary").click()
    part.get_by_label("Column").select_option("price")
    part.get_by_label("Question").select_option("between")
    part.get_by_label("Value").fill("3, 6")
    part.get_by_text("Add to the filter").click()
    assert page.input_value("#rule-items") == "price between 3 and 6"
    page.wait_for_selector("form.rule >> text=4 items match")
    page.fill("#rule-by", "-2")
    page.fill("#rule-audience", "age < 30")
    page.fill("#rule-name", "spring")
    page.wait_for_selector("#rule-by-fault >> text=a finite number ≥ 0 expected")
    page.wait_for_selector("#rule-audience-fault >> text=a column among land expected")
    button(page, "Into the list of rules").click()
    page.wait_for_selector("#rule-by:focus")
    page.fill("#rule-by", "0.8")
    page.fill("#rule-audience", 'land = "de"')
    page.wait_for_selector("form.rule >> text=60 of the people")
    page.fill("#rule-from", "2026-01-01T08:00")
    page.fill("#rule-until", "2036-01-01T08:00")
    button(page, "Into the list of rules").click()
    page.wait_for_selector(".unsaved")
    row = page.locator("tr", has_text="1. spring")
    row.locator("text=60 people").wait_for()
    row = row.inner_text()
    for word in ("Boost by 0.8", "price between 3 and 6", "4 items", "60 people", "on"):
        assert word in row
    save(page)
    (rule,) = stored(shop)["rules"]
    assert rule["from"] == page.evaluate("new Date('2026-01-01T08:00').toISOString()").replace(
        ".000", ""
    )
    assert {**rule, "from": 0, "until": 0} == {
        "name": "spring", "do": "boost", "items": "price between 3 and 6", "by": 0.8,
        "from": 0, "until": 0, "audience": 'land = "de"',
    }  # fmt: skip


def test_rules_are_changed_moved_and_removed(shop, page):
    rules = [{"name": name, "do": "hide", "ids": [f"i{n}"]} for n, name in enumerate("abc")]
    shop.ask("PUT", "/v1/scenarios/home", json={**HOME, "rules": rules})
    opened(shop, page)
    page.click("[aria-label='Move down: a']")
    page.wait_for_selector("tr:has-text('1. b')")
    page.click("[aria-label='Remove: c']")
    page.click("[aria-label='Edit: a']")
    filled(page, "Quota", most="1")
    button(page, "Into the list of rules").click()
    lines = page.locator(".unsaved .lines")
    page.wait_for_selector(".unsaved >> text=a: do hide → quota")
    assert "− hide: c" in lines.inner_text() and "order: b, a" in lines.inner_text()
    save(page)
    assert stored(shop)["rules"] == [
        rules[1], {"name": "a", "do": "quota", "ids": ["i0"], "most": 1},
    ]  # fmt: skip
    button(page, "As the recipe has it").click()
    button(page, "Yes").click()
    page.wait_for_selector(".said >> text=home is as the recipe has it")
    assert stored(shop) == HOME


def test_what_is_not_saved_outlives_tab_and_server_and_a_change_of_others_is_told(shop, page):
    opened(shop, page)
    button(page, "Add a rule").click()
    filled(page, "Pin", position="2", name="mine")
    page.fill("#rule-ids", "i7")
    page.click(".finder .thing")
    button(page, "Into the list of rules").click()
    page.wait_for_selector(".unsaved")
    button(page, "Add a rule").click()
    filled(page, "Bury", name="half typed")
    page.click("nav >> text=Models")
    shop.stop()
    page.click("nav >> text=Rules")
    page.wait_for_selector("#offline:visible")
    shop.start()
    page.wait_for_selector("#offline", state="hidden")
    page.reload()
    page.click("nav >> text=Rules")
    page.select_option("#rules-scenario", "home")
    page.wait_for_selector(".unsaved >> text=+ pin: mine")
    assert page.input_value("#rule-name") == "half typed"
    button(page, "Leave it").click()
    theirs = {**HOME, "k": 3, "rules": [{"name": "theirs", "do": "hide", "ids": ["i1"]}]}
    shop.ask("PUT", "/v1/scenarios/home", json=theirs)
    button(page, "Save").click()
    page.wait_for_selector(".said >> text=Not saved: edit")
    page.wait_for_selector(".conflict >> text=+ hide: theirs")
    assert stored(shop) == theirs and button(page, "Save").is_disabled()
    button(page, "Keep mine").click()
    page.wait_for_selector(".unsaved >> text=− hide: theirs")
    save(page)
    mine = {"name": "mine", "do": "pin", "ids": ["i7"], "position": 2}
    assert stored(shop) == {**theirs, "rules": [mine]}
    page.click("[aria-label='Remove: mine']")
    page.wait_for_selector(".unsaved")
    shop.ask("PUT", "/v1/scenarios/home", json=theirs)
    button(page, "Save").click()
    button(page, "Take theirs").click()
    page.wait_for_selector("tr:has-text('1. theirs')")
    assert page.locator(".unsaved").is_hidden() and stored(shop) == theirs
    told = ("net::ERR", "412")  # the server was away, and said no
    page.faults = [one for one in page.faults if not any(word in one for word in told)]


def test_an_address_opens_the_form_and_hostile_text_stays_text(shop, page):
    opened(shop, page, "scenario=for-you&do=bury&item=i3")
    page.wait_for_selector("form.rule")
    assert page.get_by_label("Bury").is_checked() and page.input_value("#rule-name") == "bury i3"
    page.wait_for_selector(".finder .chips >> text=<img src=x")
    page.fill("#rule-name", HOSTILE)
    button(page, "Into the list of rules").click()
    page.wait_for_selector(".unsaved")
    button(page, "Show before and after").first.click()
    page.wait_for_selector(".pair, .pairs >> text=stay as they are")
    save(page)
    assert stored(shop, "for-you")["rules"] == [{"name": HOSTILE, "do": "bury", "ids": ["i3"]}]
    assert page.url.endswith("#/rules?scenario=for-you")
    assert page.locator("main img").count() == page.locator("main script").count() == 0


def test_what_a_refused_preview_says_is_shown_and_it_can_be_asked_again(shop, page):
    opened(shop, page, "scenario=search")
    button(page, "Show before and after").click()
    page.fill("#preview-text", "thing number 3")
    page.route("**/preview", lambda route: route.fulfill(
        status=503, json={"detail": "the store is down"}))  # fmt: skip
    button(page, "Show before and after").click()
    page.wait_for_selector("[role=alert] >> text=the store is down")
    page.unroute("**/preview")
    page.fill("#preview-users", "u1 u2")
    button(page, "Show before and after").click()
    page.wait_for_selector(".pairs >> text=These lists stay as they are: u1, u2.")
    assert until(lambda: page.locator(".asks + .fault").inner_text() == "")
    page.faults = [one for one in page.faults if "503" not in one]
