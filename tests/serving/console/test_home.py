"""Home in a real browser over a real process."""

import json

from consoles import HOSTILE, settled, until


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
