"""Events over HTTP: taken once, told row by row, and what cannot be taken."""

import json

import pytest

from servers import START


def send(client, *rows, path="/v1/events", **more):
    name = path.rpartition("/")[2]
    reply = client.post(path, json={name: list(rows), **more})
    assert reply.status_code == 200, reply.text
    return reply.json()


def click(**told):
    return {"user": "u0", "item": "i1", "type": "click", **told}


def counts(told):
    return [told[name] for name in ("accepted", "duplicate", "conflict", "rejected")]


def done(client):
    found = client.get("/v1/events").json()["events"]
    return found[::-1]


def test_the_first_of_an_id_wins_whatever_comes_after(client):
    assert counts(send(client, click(event_id="a", time=5))) == [1, 0, 0, 0]
    told = send(client, click(event_id="a"), click(event_id="a", item="i2"), click())
    assert counts(told) == [1, 1, 1, 0]
    assert told["rows"] == [
        {"row": 0, "outcome": "duplicate"},
        {
            "row": 1,
            "outcome": "conflict",
            "reason": "another event has this event_id, and stays",
        },
    ]
    assert [event["time"] for event in done(client)] == [5, START * 1000]
    late = send(client, click(event_id="a", time=START * 1000 - 9), sent_at=START * 1000)
    assert counts(late) == [0, 1, 0, 0]  # its clock, or none, told another time


def test_one_alone_a_batch_and_a_line_each_are_the_same(client):
    one, two, three = (click(event_id=name, time=7) for name in "abc")
    assert client.post("/v1/events", json=one).json()["accepted"] == 1
    assert send(client, two)["accepted"] == 1
    lines = f"{json.dumps(three)}\n\n{json.dumps(one)}\n"
    reply = client.post(
        "/v1/events", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    assert counts(reply.json()) == [1, 1, 0, 0]
    assert [event["event_id"] for event in done(client)] == ["a", "b", "c"]


def test_an_event_without_an_id_sent_again_is_the_same(client):
    row = click(time=7)
    assert counts(send(client, row)) == [1, 0, 0, 0]
    assert counts(send(client, row, click(time=8))) == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"item": "i1", "type": "click"}, "user or visitor"),
        (click(visitor="v"), "both came"),
        (click(item=""), "length >= 1"),
        (click(item="a\x00"), "item: printable text"),
        (click(item="e\u0301"), "NFC"),
        (click(user="x" * 257), "length <= 256"),
        (click(user="é" * 200), "256 bytes"),
        (click(type="what is this"), "regex"),
        (click(value=1999), "currency together"),
        (click(value=19.99, currency="EUR"), "int"),
        (click(currency="euro", value=1), "regex"),
        (click(time=(START + 90_000) * 1000), "in the past"),
        (click(time="yesterday"), "RFC3339"),
        (click(context={"a": "b" * 300}), "length <= 256"),
        (click(nonsense=1), "unknown field"),
        ("text", "object"),
    ],
)
def test_a_bad_row_spoils_no_other(client, row, words):
    told = send(client, click(event_id="before"), row, click(event_id="behind"))
    assert counts(told) == [2, 0, 0, 1]
    assert told["rows"][0]["row"] == 1 and words in told["rows"][0]["reason"]


def test_people_are_keys_at_rest_and_visitors_are_not_users(client):
    send(client, click(user="me@example.org", time=1), click(user=None, visitor="42", time=2))
    kept = done(client)
    assert "me@example.org" not in str(kept) and all(len(e["user"]) == 32 for e in kept)
    identity = client.service.identity
    assert [e["user"] for e in kept] == [identity.user("me@example.org"), identity.visitor("42")]


def test_a_clock_that_is_wrong_is_corrected_by_what_it_says_itself(client):
    wrong = START * 1000 + 3_600_000  # an hour fast, within what is taken from a right clock
    send(client, click(event_id="a", time=wrong - 500), sent_at=wrong)
    assert done(client)[0]["time"] == START * 1000 - 500


def test_money_and_refunds_are_kept_to_the_cent(client):
    bought = click(type="purchase", event_id="b", value=1999, currency="EUR", quantity=2)
    back = click(type="refund", event_id="r", value=-1999, currency="EUR", refers="b")
    send(client, bought, back)
    assert [(e["value"], e["currency"], e["refers"]) for e in done(client)] == [
        (1999, "EUR", None),
        (-1999, "EUR", "b"),
    ]


def test_a_page_sends_both_kinds_as_plain_text(client):
    told = {
        "exposures": [{"rec_id": "r", "item": "i1", "visitor": "v", "position": 1}],
        "events": [{"visitor": "v", "item": "i1", "type": "click", "rec_id": "r"}],
    }
    reply = client.post(
        "/v1/collect", content=json.dumps(told), headers={"Content-Type": "text/plain"}
    )
    assert counts(reply.json()) == [2, 0, 0, 0]
    assert client.service.store.facts.counts()["seen"] == 1


def test_exposures_are_taken_once_as_well(client):
    row = {"rec_id": "r", "item": "i1", "event_id": "e", "visible_ms": 1200, "share": 0.7}
    assert counts(send(client, row, row, path="/v1/exposures")) == [1, 1, 0, 0]
    bad = send(client, {**row, "share": 1.2}, path="/v1/exposures")
    assert "<= 1" in bad["rows"][0]["reason"]


@pytest.mark.parametrize(
    ("content", "type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"events": ' + b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"<a/>", "text/xml", 415),
        (b" " * (1 << 20) + b"{}", "application/json", 413),
        (json.dumps({"events": [{}] * 1001}).encode(), "application/json", 413),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(client, content, type, status):
    reply = client.post("/v1/events", content=content, headers={"Content-Type": type})
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"


def test_events_are_listed_page_by_page_newest_first(client):
    send(client, *(click(event_id=str(n)) for n in range(5)))
    first = client.get("/v1/events?limit=2").json()
    second = client.get(f"/v1/events?limit=2&before={first['before']}").json()
    third = client.get(f"/v1/events?limit=2&before={second['before']}").json()
    names = [e["event_id"] for page in (first, second, third) for e in page["events"]]
    assert names == ["4", "3", "2", "1", "0"] and third["before"] is None


def test_a_refused_queue_is_told_to_come_back(client, monkeypatch):
    from bowerbird.errors import StoreDown

    def busy(events):
        raise StoreDown("100,000 events wait to be written: send these again later")

    monkeypatch.setattr(client.service.events, "submit", busy)
    reply = client.post("/v1/events", json=click())
    assert reply.status_code == 503 and reply.headers["retry-after"] == "1"


def test_events_are_counted_by_whether_the_catalog_has_their_item(client):
    rows = [
        {"user": "u1", "item": item, "type": "click", "event_id": f"met-{place}"}
        for place, item in enumerate(("i1", "i2", "nowhere"))
    ]
    for _ in range(2):  # what came before is not taken twice
        assert client.post("/v1/events", json={"events": rows}).status_code == 200
    told = client.get("/metrics").text
    assert 'bowerbird_event_items_total{known="yes"} 2.0' in told
    assert 'bowerbird_event_items_total{known="no"} 1.0' in told


def test_seconds_are_not_taken_for_milliseconds(client):
    told = send(client, click(time=START), click(time=START * 1000, event_id="right"))
    assert counts(told) == [1, 0, 0, 1]
    assert f"milliseconds since 1970 expected, {START} came" in json.dumps(told["rows"])
    assert [event["time"] for event in done(client)] == [START * 1000]
