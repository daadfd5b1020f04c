"""Data in a real browser over a real process: from a table to a served model, by clicks."""

import json

import pytest

from consoles import HOSTILE, settled
from processes import PATIENCE_S, Process

WORDS = ("view", "purchase")


def table(rows=3_000):
    """UTF-16, semicolons, quoted line ends, decimal commas, dates of Europe, a hostile name."""
    lines = ""
    for n in range(rows):
        item, day = (n % 60 * 7 + n // 60 % 20) % 45, f"{1 + n % 28:02}.{1 + n % 12:02}.2025"
        lines += f'k{n % 60};"Ding; {item}";{day} {n % 24:02}:{n % 60:02};{WORDS[n % 3 == 0]};'
        lines += f'1.{n % 1000:03},50;"{HOSTILE[:40]}\nneu"\n'
    head = f"Kunde;Artikel;Wann;Was;Betrag;{HOSTILE[:28]}\n"
    return f"{head}{lines};Ding 1;01.01.2025 10:00;view;;\n".encode("utf-16")


@pytest.fixture
def brought(shop, page):
    page.goto(f"{shop.url}/#/data")
    settled(page)
    file = {"name": "Bestellungen März.csv", "mimeType": "text/csv", "buffer": table()}
    page.set_input_files("#file-events", file)
    page.wait_for_selector("h3:has-text('What the columns mean')")
    yield page
    shop.ask("POST", "/v1/imports/bestellungen-marz/stop")
    shop.ask("DELETE", "/v1/imports/bestellungen-marz")


def test_from_a_hostile_table_to_a_served_model_by_clicks_alone(shop, brought):
    page, at = brought, "/v1/imports/bestellungen-marz"
    chosen = shop.ask("GET", at).json()["choices"]["columns"]
    assert chosen == {"user": "Kunde", "item": "Artikel", "timestamp": "Wann", "type": "Was",
                      "value": "Betrag"}  # fmt: skip
    assert page.input_value("#c-events-Kunde") == "user"
    assert HOSTILE[:28] in page.locator("table.columns").inner_text()
    assert page.locator("main img").count() == 0
    page.select_option("#model", "cooccurrence")
    assert page.locator("#train").is_disabled()
    page.click("#check")
    page.wait_for_selector("text=3,000 events of 60 users on 45 items, 2025-01-01 to 2025-12-28")
    page.click("summary:text-is('Which rows')")
    page.wait_for_selector("text=column Kunde: an id expected, nothing came")
    assert page.locator("#train").is_disabled()
    page.check("#without")
    page.wait_for_selector("#train:enabled")
    page.click("nav >> text=Home")  # what was chosen stays
    page.click("nav >> text=Data")
    settled(page)
    assert page.input_value("#model") == "cooccurrence" and page.is_checked("#without")
    page.click("#train")
    page.wait_for_selector("#serve")
    page.click("#serve")
    page.click("dialog >> text=Let it answer")
    page.wait_for_selector("text=bestellungen-marz answers.")
    assert (shop.run / "current").read_text().strip() == "bestellungen-marz"
    got = shop.ask("POST", "/v1/recommend", json={"user": "k7"}).json()
    assert (got["model"], got["rung"]) == ("bestellungen-marz", "personal")
    assert got["items"][0]["item"].startswith("Ding; ")
    shop.ask("PUT", "/v1/models/current", json={"model": "first"})


def test_a_wrong_meaning_is_corrected_and_what_cannot_be_read_fails_in_words(shop, brought):
    page = brought
    page.select_option("#c-events-Wann", "")
    page.select_option("#c-events-Artikel", "user")  # each meaning is one column's
    page.wait_for_selector("text=Say above which column is the user and which the item.")
    page.select_option("#c-events-Kunde", "item")
    page.wait_for_selector("#check:enabled")
    page.reload()
    page.wait_for_selector("#check:enabled")
    assert page.input_value("#c-events-Artikel") == "user"
    kept = shop.ask("GET", "/v1/imports/bestellungen-marz").json()["choices"]["columns"]
    assert kept == {"user": "Artikel", "item": "Kunde", "type": "Was", "value": "Betrag"}
    page.click("text=Remove and start over")
    page.click("dialog button:text-is('Remove')")
    page.wait_for_selector("text=The tables are gone.")
    assert shop.ask("GET", "/v1/imports").json()["imports"] == []


def test_an_upload_goes_on_where_it_was_when_the_server_is_back(shop, page):
    page.goto(f"{shop.url}/#/data")
    settled(page)
    sent = []
    page.on("request", lambda one: one.method == "PUT" and sent.append(one))
    cut = [True]

    def once(route):
        if cut and route.request.headers.get("content-range", "").startswith("bytes 8388608-"):
            cut.clear()
            shop.kill()
            route.abort()
            shop.start()
        else:
            route.continue_()

    page.route("**/events.csv?**", once)
    body = b"user,item,time\n" + b"anna,lamp,2025-01-01 10:00\n" * 700_000
    page.set_input_files(
        "#file-events", {"name": "big.csv", "mimeType": "text/csv", "buffer": body}
    )
    page.wait_for_selector("text=big.csv is here.")
    (file,) = shop.ask("GET", "/v1/imports/big").json()["files"]
    assert file["whole"] and file["size"] == len(body)
    assert (shop.data / "imports" / "big" / "events.csv").read_bytes() == body
    ranges = [one.headers["content-range"] for one in sent if "content-range" in one.headers]
    assert sum(told.startswith("bytes 0-") for told in ranges) == 1
    shop.ask("DELETE", "/v1/imports/big")
    page.faults = [told for told in page.faults if "net::ERR" not in told]


def test_events_are_shown_as_they_come_in_and_only_those_asked_for(shop, page):
    page.goto(f"{shop.url}/#/data?part=events")
    settled(page)
    done = [{"user": "u1", "item": f"i{n}", "type": "view", "event_id": f"e{n}"} for n in range(3)]
    done.append({"user": "u2", "item": "i3", "type": "purchase", "value": 1999, "currency": "EUR"})
    shop.ask("POST", "/v1/events", json={"events": done})
    page.wait_for_selector("tbody tr:has-text('€19.99')")
    page.fill("#only-user", "u1")
    page.wait_for_selector("tbody:not(:has-text('purchase')) tr:has-text('i2')")
    page.fill("#only-type", "purchase")
    page.wait_for_selector("text=No such event came in yet.")
    page.fill("#only-user", "")
    page.wait_for_selector("tbody tr:has-text('€19.99')")
    page.click("text=Pause")
    shop.ask("POST", "/v1/events", json={**done[3], "item": "i9"})
    page.wait_for_timeout(2500)
    assert page.locator("tbody tr:has-text('i9')").count() == 0
    page.click("text=Go on")
    page.wait_for_selector("tbody tr:has-text('i9')")
    page.click("text=Quarantine")
    page.wait_for_selector("section:has-text('Events that do not count')")


def test_a_person_is_exported_and_deleted_after_their_id_is_typed(shop, page):
    shop.ask("POST", "/v1/events", json={"user": "x/ä?", "item": "i5", "type": "click"})
    shop.ask("PUT", "/v1/users/x%2F%C3%A4%3F", json={"fields": {"land": HOSTILE}})
    page.goto(f"{shop.url}/#/data?part=people")
    page.fill("#person", "x/ä?")
    page.keyboard.press("Enter")
    page.wait_for_selector("tbody tr:has-text('i5')")
    assert HOSTILE in page.locator("main").inner_text() and page.locator("main img").count() == 0
    with page.expect_download() as saved:
        page.click("text=Download all as JSON")
    assert [one["item"] for one in json.loads(saved.value.path().read_text())["done"]] == ["i5"]
    page.click("text=Delete this person")
    page.fill("#typed", "x/ä")
    page.keyboard.press("Enter")
    assert page.locator("dialog").is_visible()
    assert shop.ask("GET", "/v1/users/x%2F%C3%A4%3F").status_code == 200
    page.fill("#typed", "x/ä?")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=x/ä? is deleted")
    assert shop.ask("GET", "/v1/users/x%2F%C3%A4%3F").status_code == 404
    assert shop.ask("GET", "/v1/users/x%2F%C3%A4%3F/export").json()["done"] == []


def test_a_stranger_begins_with_nothing_but_a_table(chromium, tmp_path):
    with Process(tmp_path / "runs", tmp_path / "data", "--no-log") as server:
        page = chromium.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        for path in ("/v1/health/ready", "/v1/popular", "/v1/items"):
            reply = server.ask("GET", path)
            assert reply.status_code == 503 and "no model yet" in reply.json()["detail"], path
        assert server.ask("POST", "/v1/recommend", json={"user": "k7"}).status_code == 503
        done = {"user": "k7", "item": "Ding; 3", "type": "view"}
        assert server.ask("POST", "/v1/events", json=done).json()["accepted"] == 1
        page.goto(server.url)
        page.wait_for_selector("h1:text-is('Data')")  # where somebody begins who has nothing
        file = {"name": "a.csv", "mimeType": "text/csv", "buffer": table()}
        page.set_input_files("#file-events", file)
        page.wait_for_selector("#check:enabled")
        page.click("#check")
        page.check("#without")
        page.select_option("#model", "cooccurrence")
        page.click("#train")
        page.click("#serve")
        page.click("dialog button:text-is('Let it answer')")
        page.wait_for_selector("text=a answers.")
        got = server.ask("POST", "/v1/recommend", json={"user": "k7"}).json()
        assert (got["model"], got["rung"]) == ("a", "personal")
        server.stop()
        server.start()  # and so it stays
        assert server.ask("GET", "/v1/health/ready").json()["model"] == "a"
        server.stop()
        page.close()
