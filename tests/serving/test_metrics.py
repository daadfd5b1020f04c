"""Figures over HTTP: a known answer, the rows behind it in every format, and what they mean."""

import csv
import io
import json

import polars as pl
import pytest

from bowerbird.serving import metric_routes
from servers import START

ONLINE = "/v1/metrics/online"
EVIL = "=HYPERLINK(1)"


@pytest.fixture
def shop(client):
    """Six lists of three people, five seen, three clicked; one sale of 19.99 and one of 5.00."""
    for n in range(6):
        who = {"user": [f"u{n % 2}", EVIL][n > 3]}
        scenario = ("for-you", "home")[n % 2]
        got = client.post("/v1/recommend", json={"scenario": scenario, "k": 3, **who}).json()
        at = {"rec_id": got["rec_id"], "item": got["items"][n % 3]["item"], **who}
        if n:
            client.post("/v1/exposures", json={"exposures": [at]})
        if n in (1, 2, 5):
            client.post("/v1/events", json={"events": [{**at, "type": "click"}]})
        if n in (2, 5):
            sale = {"type": "purchase", "value": [500, 1999][n == 5], "currency": "EUR"}
            client.post("/v1/events", json={"events": [{**at, **sale}]})
    client.service.lists.close()  # written
    return client


def test_one_group_alone_and_by_day_and_place(shop):
    (all_,) = shop.get(f"{ONLINE}?by=&where=surface:home").json()["groups"]
    assert all_["figures"]["lists_served"]["value"] == 3
    assert (all_["figures"]["ctr_list"]["numerator"], all_["figures"]["ctr_list"]["value"]) == (
        2,
        2 / 3,
    )
    told = shop.get(f"{ONLINE}?by=model,day").json()["groups"]
    assert [*told[1]["group"]] == ["model", "day"] and told[1]["group"]["model"] == "first"
    places = shop.get(f"{ONLINE}?by=position&where=surface:home").json()["groups"][1:]
    assert [one["group"]["position"] for one in places] == [1, 2, 3]
    assert sum(one["figures"]["ctr_slot"]["numerator"] for one in places) == 2
    nobody = shop.get(f"{ONLINE}?by=&where=surface:nowhere").json()["groups"][0]
    assert nobody["figures"]["ctr_list"]["value"] is None
    assert shop.get(f"{ONLINE}?where=surface").json()["field"] == "query: where"


@pytest.mark.parametrize(
    ("metric", "top", "bottom"),
    [("ctr_list", 3, 5), ("revenue:EUR:attributed", 2499, 2), ("lists_served", 6, 6)],
)
def test_rows_add_up_in_every_format(shop, monkeypatch, metric, top, bottom):
    monkeypatch.setattr(metric_routes, "PIECE", 2)  # a file comes in pieces
    figure = shop.get(f"{ONLINE}?by=").json()["groups"][0]["figures"][metric]
    assert figure["numerator"] == top and figure["denominator"] in (bottom, None)
    at = f"{ONLINE}/rows?metric={metric}&format="
    lines = [json.loads(line) for line in shop.get(f"{at}ndjson").text.splitlines()]
    reply = shop.get(f"{at}csv")
    table = [*csv.DictReader(io.StringIO(reply.text))]
    frame = pl.read_parquet(io.BytesIO(shop.get(f"{at}parquet").content))
    page = shop.get(f"{at}json&limit=1&offset=1").json()
    for rows in (lines, table, frame.to_dicts()):
        sums = [sum(int(row[name]) for row in rows) for name in ("numerator", "denominator")]
        assert sums == [top, bottom]
    assert (page["numerator"], page["denominator"], page["total"]) == (top, bottom, len(lines))
    assert page["rows"] == lines[1:2]
    assert "attachment" in reply.headers["content-disposition"]


def test_no_cell_of_a_csv_is_a_formula(shop):
    shop.service.store.facts  # noqa: B018  people are keys there, items are not
    shop.put(f"/v1/items/{EVIL}", json={"fields": {}})
    event = {"user": "u1", "item": EVIL, "type": "purchase", "value": 1, "currency": "EUR"}
    shop.post("/v1/events", json={"events": [event]})
    at = f"{ONLINE}/rows?metric=revenue:EUR:none&format=csv"
    (row,) = csv.DictReader(io.StringIO(shop.get(at).text))
    assert row["item"] == f"'{EVIL}"
    head = shop.get(f"{at}&where=day:1999-01-01").text
    assert head.startswith("unit,event_id") and head.count("\n") == 1


def test_a_week_stands_beside_the_week_before(shop):
    since = START * 1000 - 6 * 86_400_000
    told = shop.get(f"{ONLINE}/change?since={since}&where=surface:home").json()
    assert told["now"]["figures"]["ctr_list"]["numerator"] == 2
    assert told["before"]["figures"]["lists_served"]["value"] == 0
    assert told["change"]["ctr_list"]["verdict"] == "too few to say"
    assert told["before"]["until"] == told["now"]["since"] == since


def test_what_figures_mean_is_told(shop):
    told = shop.get("/v1/metrics/definitions").json()
    (one,) = [some for some in told["metrics"] if some["name"] == "ctr_list"]
    assert one["words"] == "clicked lists / seen lists" and one["interval"] in told["intervals"]
    assert shop.get(f"{ONLINE}/rows?metric=ctr_list&format=xml").status_code == 422
