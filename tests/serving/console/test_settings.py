"""Settings by clicking: keys and roles, when a retrain is due, who is told; the store has it."""

import json
import subprocess

import pytest

from alert_hooks import Hook
from bowerbird.runs.plan import plan_of
from consoles import HOSTILE, settled, until
from processes import COMMAND, PATIENCE_S


def opened(page, shop, key=None):
    """The view, with this key."""
    page.set_default_timeout(15_000)
    page.goto(f"{shop.url}/#/settings")
    if key:
        page.evaluate("key => sessionStorage.setItem('bowerbird.key', key)", key)
        page.reload()
        page.faults = [told for told in page.faults if "401" not in told]  # a key was asked for
    page.wait_for_selector("main h1:has-text('Settings')")
    settled(page)


def test_a_limit_is_changed_and_the_next_look_goes_by_it(shop, page):
    opened(page, shop)
    assert page.get_by_label("New events, in %").get_attribute("placeholder") == "5"
    page.get_by_label("And so many at least").fill("1")
    page.get_by_label("New events, in %").fill("7.5")
    page.get_by_label("So long after the last one").fill("off")
    page.get_by_label("New events are unlike").select_option("no")
    page.click("section:has-text('When a retrain is due') >> text=Save")
    page.wait_for_selector(".said:has-text('Saved')")
    table = plan_of(shop.run).triggers
    assert (table.new_events, table.least_events, table.every, table.drift) == (
        0.075, 1, "off", False)  # fmt: skip
    words = [COMMAND, "triggers", shop.run, "--data", shop.data, "--json"]
    subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE_S)
    due = {one["name"]: one for one in shop.ask("GET", "/v1/retrain/triggers").json()["triggers"]}
    assert due["schedule"]["words"] == due["drift"]["words"] == "off"
    page.get_by_label("Or every day at").fill("25:00")  # the browser keeps it back
    page.click("section:has-text('When a retrain is due') >> text=Save")
    page.get_by_label("Or every day at").fill("")
    page.get_by_label("Pause after").fill("999999d")
    page.click("section:has-text('When a retrain is due') >> text=Save")
    page.wait_for_selector("[role=alert]:has-text('ten years at most')")
    assert page.get_by_label("Pause after").input_value() == "999999d"  # what was typed stays
    page.get_by_label("Pause after").fill("")
    row = page.locator("tr", has_text="changed when a retrain is due").first
    row.get_by_role("button").click()
    page.click("dialog >> text=Put it back")
    page.wait_for_selector(".said:has-text('as it was before')")
    assert plan_of(shop.run).triggers.new_events == 0.05
    page.wait_for_function("document.querySelectorAll('.fields input')[2].value === ''")
    page.faults = [told for told in page.faults if "422" not in told]


def test_an_alert_is_sent_to_an_address_that_is_never_shown_again(shop, page):
    (shop.run / "alerts.jsonl").write_text(json.dumps(
        {"at": 1_795_000_000, "kind": "decay", "run": None, "text": HOSTILE}) + "\n")  # fmt: skip
    opened(page, shop)
    assert HOSTILE in page.locator("section", has_text="What was told").last.inner_text()
    assert page.locator("main img").count() == 0
    with Hook(200) as hook:
        page.get_by_label("Send them to").fill(hook.url)
        page.get_by_label("kept champion").uncheck()
        page.click("section:has-text('What was told') >> text=Save")
        page.wait_for_selector(".said:has-text('Saved')")
        page.click("text=Send a test alert")
        page.wait_for_selector(".said:has-text('has arrived')")
    assert hook.got[0][1]["kind"] == "test"
    table = plan_of(shop.run).alerts
    assert table.webhook == hook.url and "kept champion" not in table.on and len(table.on) == 5
    page.reload()
    settled(page)
    assert "token" not in page.content() and "127.0.0.1/…" in page.content()
    page.click("text=Send them nowhere")
    page.wait_for_selector(".said:has-text('sent nowhere')")
    assert plan_of(shop.run).alerts.webhook is None
    assert page.locator("text=Send a test alert").is_hidden()


def test_what_is_typed_stays_when_it_is_looked_at_again(shop, page):
    opened(page, shop)
    page.get_by_label("Pause after").fill("3h")
    page.route("**/v1/settings", lambda route: route.fulfill(status=500, body="<b>no</b>"))
    page.click("nav >> text=Home")
    page.click("nav >> text=Settings")
    page.wait_for_selector("section:has-text('Limits') >> text=The server answered 500.")
    assert page.get_by_label("Pause after").input_value() == "3h"
    page.unroute("**/v1/settings")
    page.click("section:has-text('Limits') >> text=Try again")
    page.wait_for_selector("text=--deadline-ms")
    page.faults = [told for told in page.faults if "500" not in told]


@pytest.fixture
def boss(shop, page):
    """The key of an admin: the first is made by clicking, later ones with it."""
    if not hasattr(shop, "boss"):
        opened(page, shop)
        page.click("text=Make a key")
        page.get_by_label("What it is for").fill("The boss")
        assert page.locator("dialog select").first.locator("option").count() == 1  # of an admin
        page.click("dialog >> text=Make it")
        shop.boss = page.locator(".once code").inner_text()
        page.wait_for_selector("#who:has-text('The boss · admin')")  # this tab goes on with it
        settled(page)
        assert shop.ask("GET", "/v1/keys").status_code == 401
    return {"Authorization": f"Bearer {shop.boss}"}


def made(page, name, role, ends=""):
    """What opens, of a key that is made by clicking."""
    page.click("text=Make a key")
    page.get_by_label("What it is for").fill(name)
    page.get_by_label("What it may do").select_option(role)
    page.get_by_label("Ends").select_option(ends)
    page.click("dialog >> text=Make it")
    page.wait_for_selector(f".said:has-text({json.dumps(name[:3])})")
    key = page.locator(".once code").inner_text()
    page.click("text=I have it")
    assert page.locator(".once").count() == 0 and key not in page.content()
    return key


def test_a_viewer_sees_everything_and_changes_nothing(shop, page, boss):
    opened(page, shop, shop.boss)
    key = made(page, "Ada", "viewer", "30")
    (ada,) = (k for k in shop.ask("GET", "/v1/keys", headers=boss).json()["keys"]
              if k["name"] == "Ada")  # fmt: skip
    assert ada["role"] == "viewer" and key.startswith(ada["id"])
    assert round((ada["expires"] - ada["made"]) / 86_400_000) == 30
    page.click("text=Forget the key")
    page.wait_for_selector("#login:visible")
    page.fill("#key", key)
    page.keyboard.press("Enter")
    page.wait_for_selector("#who:has-text('Ada · viewer')")
    page.wait_for_selector("text=Keys are seen by admins only.")
    settled(page)
    off = page.locator("main button:has-text('Save'), main button:has-text('Make a key')")
    assert off.count() == 3 and all(one.is_disabled() for one in off.all())
    assert "lacks the scope admin" in off.first.get_attribute("title")
    assert page.get_by_label("Pause after").is_disabled()
    page.click("nav >> text=Models")
    page.wait_for_selector("[aria-label='Let second answer']")
    for name in ("Let second answer", "Retrain now"):
        button = page.get_by_role("button", name=name)
        assert button.is_disabled() and "lacks the scope admin" in button.get_attribute("title")
    assert page.locator("p:visible", has_text="This key is of the role viewer").count() == 1
    hers = {"Authorization": f"Bearer {key}"}
    for method, path in (("POST", "/v1/retrain"), ("PUT", "/v1/models/current"),
                         ("PATCH", "/v1/settings/retrain"), ("POST", "/v1/keys")):  # fmt: skip
        assert shop.ask(method, path, headers=hers).status_code == 403
    for view in ("home", "try", "models", "settings"):
        page.goto(f"{shop.url}/#/{view}")
        settled(page)
        assert page.locator("main .fault:visible:not(:empty)").count() == 0, view
    page.faults = [told for told in page.faults if "401" not in told]


def test_a_key_that_is_revoked_opens_nothing(shop, page, boss):
    opened(page, shop, shop.boss)
    key = made(page, HOSTILE, "editor")
    theirs = {"Authorization": f"Bearer {key}"}
    assert shop.ask("GET", "/v1/me", headers=theirs).json()["role"] == "editor"
    page.get_by_role("button", name=f"Revoke {HOSTILE}").click()
    assert HOSTILE in page.locator("dialog").inner_text()
    page.keyboard.press("Escape")
    assert shop.ask("GET", "/v1/me", headers=theirs).status_code == 200
    page.get_by_role("button", name=f"Revoke {HOSTILE}").click()
    page.click("dialog >> text=Revoke")
    page.wait_for_selector("summary:has-text('opens nothing any more')")
    assert until(lambda: shop.ask("GET", "/v1/me", headers=theirs).status_code == 401)
    page.get_by_role("button", name="Revoke The boss").click()
    told = page.locator("dialog").inner_text()
    assert "the key of this tab" in told and "No other may do everything" in told
    page.keyboard.press("Escape")
    books = shop.ask("GET", "/v1/settings/changes", headers=boss).json()["changes"]
    assert [one["what"] for one in books[:2]] == ["key revoked", "key made"]
    assert page.locator("main img").count() == 0


def test_scopes_can_be_chosen_one_by_one(shop, page, boss):
    opened(page, shop, shop.boss)
    page.click("text=Make a key")
    page.get_by_label("What it is for").fill("mixed")
    page.get_by_label("What it may do").select_option("own")
    page.click("dialog >> text=Make it")
    page.wait_for_selector("dialog [role=alert]:has-text('none came')")
    page.get_by_label("metrics:read").check()
    page.click("dialog >> text=Make it")
    key = page.locator(".once code").inner_text()
    told = shop.ask("GET", "/v1/me", headers={"Authorization": f"Bearer {key}"}).json()
    assert told["scopes"] == ["metrics:read"] and told["role"] is None
    page.faults = [one for one in page.faults if "422" not in one]
