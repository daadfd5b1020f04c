"""Home in a real browser over a real process."""

import json

from consoles import HOSTILE, settled, until

HOLDOUT = "/v1/metrics/online/holdout"


def test_home_says_what_the_service_says(shop, page):
    got = shop.ask("POST", "/v1/recommend", json={"user": "u1", "k": 3}).json()
    at = {"rec_id": got["rec_id"], "user": "u1", "item": got["items"][0]["item"]}
    shop.ask("POST", "/v1/exposures", json={"exposures": [at]})
    sale = {**at, "type": "purchase", "value": 1999, "currency": "EUR"}
    shop.ask("POST", "/v1/events", json={"events": [{**at, "type": "click"}, sale]})
    until(lambda: shop.ask("GET", "/v1/metrics/online?by=surface").json()["groups"][1:])
    page.goto(shop.url)
    page.wait_for_selector(".headline")
    settled(page)
    row = page.locator("table").first.locator("tr", has_text="for-you")
    assert "100.0 %" in row.inner_text() and "€19.99" in row.inner_text()
    assert "too few to say" in row.inner_text()  # one person is no proof of anything
    told = page.locator("section", has_text="The last 7 days").inner_text()
    assert "by 1 person: too few to say how good they are" in told
    assert "first answers." in page.locator(".lights").inner_text()
    assert page.locator("nav a[aria-current]").inner_text() == "Home"


def test_home_tells_a_week_in_plain_words(shop, page):
    """Of a week of a shop with people enough, in place of one that would take a week to make."""
    since = page.evaluate("Date.now()") - 7 * 86_400_000
    told = shop.ask("GET", f"/v1/metrics/online/change?since={since}").json()
    clicked = {"value": 0.081, "low": 0.07, "high": 0.093, "numerator": 98, "denominator": 1204}
    told["now"]["figures"]["ctr_list"] |= {**clicked, "users": 700}
    told["now"]["figures"]["lists_seen"] |= {"value": 1204, "users": 900}
    told["before"]["figures"]["ctr_list"]["value"] = 0.052
    told["before"]["figures"]["lists_seen"]["value"] = 1100
    change = {"value": 0.029, "low": 0.01, "high": 0.048, "users": 700, "verdict": "more"}
    told["change"]["ctr_list"] = change
    page.route("**/v1/metrics/online/change**", lambda route: route.fulfill(json=told))
    page.goto(shop.url)
    page.wait_for_selector("text=1,204 lists were seen")
    said = page.locator("section", has_text="The last 7 days").inner_text().replace("\n", " ")
    assert "by 700 people; 8.10 % (7.00 … 9.30 %) of them were clicked." in said
    assert "The week before it was 5.20 %" in said
    page.click("section:has-text('The last 7 days') >> button[data-metric=ctr_list]")
    page.wait_for_selector("dialog >> text=clicked lists / seen lists")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


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


def test_people_who_are_held_out_are_held_against_the_others(shop, page):
    page.goto(shop.url)
    settled(page)
    assert page.locator("section", has_text="Against people who are held out").is_hidden()
    table = {"surface": "for-you", "k": 4, "holdout": 0.5}
    assert shop.ask("PUT", "/v1/scenarios/home", json=table).status_code == 200
    got = [
        shop.ask("POST", "/v1/recommend", json={"scenario": "home", "user": f"u{n}"}).json()
        for n in range(12)
    ]
    held = sum(one["reason"] == "holdout" for one in got)
    people = {"shown": 12 - held, "held": held}
    assert until(lambda: shop.ask("GET", HOLDOUT).json()["people"] == people)
    page.click("text=Look again")
    part = page.locator("section", has_text="Against people who are held out")
    part.locator("table").wait_for()
    assert f"{held} of 12 people who were drawn got what is popular" in part.inner_text()
    assert "too few to say" in part.inner_text()
    assert "people drawn" in part.inner_text()  # what a figure means stands beside it
    shop.ask("DELETE", "/v1/scenarios/home")
