"""How it stands with each item, in a world whose truth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.serving.service import Settings
from consoles import until
from servers import DAY, START, Clock, serving, world, write

RECIPE = """
[scenarios.home]
surface = "for-you"
filter = "price < 11"
[[scenarios.home.rules]]
name = "not these"
do = "hide"
items = "kind = 'a' and price = 3"
[[scenarios.home.rules]]
name = "for the French"
do = "hide"
ids = ["i4"]
audience = "land = 'fr'"
[[scenarios.home.rules]]
name = "first"
do = "pin"
ids = ["i2"]
[[scenarios.home.rules]]
name = "next year"
do = "hide"
ids = ["i5"]
from = "2099-01-01"
"""


def lived_in():
    """The circle of twelve, one more that nobody has met, and two that are not to be had now."""
    made, n = world(), 15
    ids = Vocabulary((*made.catalog.items.ids, "i12", "later", "over"))
    rows = np.array([*range(12), -1, -1, -1])
    fields = {name: column.take(rows) for name, column in made.catalog.fields.items()}
    fields["title"].values[12:] = ["never met", "not yet", "gone"]
    none = np.iinfo(np.int64).min
    since, until = np.full(n, none), np.full(n, none)
    since[13], until[14] = START + DAY, START - DAY
    fields |= {"available_from": Column("time", since), "available_until": Column("time", until)}
    return replace(made, catalog=Catalog(ids, fields))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop in which each state is known; `clock` is what time it is."""
    folder = tmp_path_factory.mktemp("catalog")
    write(folder / "run", recipe=RECIPE, data=lived_in())
    clock = Clock()
    with serving(folder / "run", folder, Settings(10_000, 1e6), clock=clock) as client:
        client.clock = clock
        client.put("/v1/items/fresh", json={"fields": {"title": "Brand new", "price": 1}})
        client.delete("/v1/items/i9")
        client.service.current.refresh()
        yield client


def told(client, path="", **query):
    reply = client.get(f"/v1/catalog{path}", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


def by_id(client, **query):
    return {one["id"]: one for one in told(client, **query)["items"]}


def test_each_state_is_the_one_that_is_known(shop):
    found = by_id(shop)
    states = {id: one["state"] for id, one in found.items()}
    assert states == {
        **{f"i{n}": states[f"i{n}"] for n in (0, 1, 2, 4, 5, 6, 7, 8, 10, 11)},  # below
        "i3": "hidden", "i9": "hidden", "later": "hidden", "over": "hidden",
        "i12": "cold", "fresh": "new",
    }  # fmt: skip
    why = {id: one["why"] for id, one in found.items()}
    assert why["i3"] == "hidden by «not these» of home"
    assert why["i9"] == "it was taken out of all lists"
    assert why["later"].startswith("not before 2026-11-") and "available_from" in why["later"]
    assert why["over"].startswith("no more since 2026-11-") and "available_until" in why["over"]
    assert why["i12"] == "nobody had met it when run was trained, which cannot place it"
    assert why["fresh"] == "it came after run was trained, which cannot place it"
    assert (found["i12"]["interactions"], found["i12"]["placed"]) == (0, False)
    assert found["fresh"]["fields"]["title"] == found["fresh"]["title"] == "Brand new"


def test_dead_is_what_nobody_has_within_reach_and_no_list_held(shop):
    page = told(shop)
    run, main = (
        shop.service.current.snapshot.run,
        shop.service.current.snapshot.plain.retriever.main,
    )
    allow = np.ones(16, dtype=bool)
    allow[[9, 13, 14]] = False  # deleted, not yet, over: as they were when people were asked
    queries = run.data.queries()
    assert page["places"] == 1 and page["people"] == len(queries)  # a tenth of thirteen
    reached = set(main.retrieve(queries, 1, allow).rows[:, 0].tolist())
    for id, one in by_id(shop).items():
        if one["state"] in ("warm", "dead"):
            assert (one["state"] == "warm") == (int(id[1:]) in reached), id


def test_an_item_that_a_list_held_is_not_dead(run, tmp_path):
    with serving(run, tmp_path) as client:
        dead = set(by_id(client, state="dead"))
        got = client.post("/v1/recommend", json={"user": "u1", "k": 8}).json()
        shown = {item["item"] for item in got["items"]}
        assert dead & shown and dead - shown
        counted(client, got["rec_id"])
        assert set(by_id(client, state="dead")) == dead - shown


def counted(client, rec_id):
    """Once the list is on disk, everything is counted anew."""
    until(lambda: client.service.store.facts.served(rec_id))
    before = told(client)["as_of"]
    client.service.clock.now += 1
    client.service.catalog._figures._until = 0
    assert until(lambda: told(client)["as_of"] != before)


@pytest.fixture(scope="module")
def busy(run, tmp_path_factory):
    """A list of three: two places seen, one clicked twice, and bought; another bought unasked."""
    with serving(run, tmp_path_factory.mktemp("busy"), clock=Clock()) as client:
        got = client.post("/v1/recommend", json={"user": "u1", "k": 3}).json()
        first, second, third = (item["item"] for item in got["items"])
        at = {"rec_id": got["rec_id"], "user": "u1"}
        seen = [{**at, "item": item} for item in (first, second)]
        assert client.post("/v1/exposures", json={"exposures": seen}).json()["accepted"] == 2
        done = [{"type": "click", "event_id": "a"}, {"type": "click", "event_id": "b"},
                {"type": "purchase", "value": 500, "currency": "EUR"}]  # fmt: skip
        events = [{**at, "item": first, **one} for one in done]
        events.append({"user": "u2", "item": third, "type": "purchase"})
        assert client.post("/v1/events", json={"events": events}).json()["accepted"] == 4
        client.places = (first, second, third)
        counted(client, got["rec_id"])
        yield client


def test_what_lists_did_is_what_the_figures_say(busy):
    first, second, third = busy.places
    counts = {id: one["counts"] for id, one in by_id(busy).items()}
    assert counts[first] == {"served": 1, "seen": 1, "clicks": 1, "purchases": 1}
    assert counts[second] == {"served": 1, "seen": 1, "clicks": 0, "purchases": 0}
    assert counts[third] == {"served": 1, "seen": 0, "clicks": 0, "purchases": 0}
    figures = busy.get("/v1/metrics/online").json()["groups"][0]["figures"]
    total = {name: sum(one[name] for one in counts.values()) for name in counts[first]}
    assert total["seen"] == figures["ctr_slot"]["denominator"]
    assert total["clicks"] == figures["ctr_slot"]["numerator"]
    assert total["purchases"] == figures["conversions:purchase:attributed"]["value"]
    card = told(busy, f"/{first}")
    assert len(card["days"]) == 28 and card["days"][-1]["clicks"] == 1
    assert [day["day"] for day in card["days"]] == sorted(day["day"] for day in card["days"])
    assert sum(day["served"] for day in card["days"]) == 1


def test_pages_are_searched_filtered_sorted_and_whole(busy):
    ids = lambda **query: [one["id"] for one in told(busy, **query)["items"]]  # noqa: E731  short
    assert ids(search="NUMBER 3") == ["i3"] and ids(search="i3") == ["i3"]
    assert ids(search="thing 7") == ["i7"] and ids(search="(.*") == []
    assert ids(filter="price < 2 and kind = 'b'") == ["i0"]
    assert ids(sort="clicks", limit=1) == [busy.places[0]]
    assert ids(sort="newest", limit=2) == ["i11", "i10"]
    assert set(ids(sort="served", ascending=True)[-3:]) == set(busy.places)
    met = [one["interactions"] for one in told(busy, sort="interactions")["items"]]
    assert met == sorted(met, reverse=True) and met[0] > 0
    page, all_of_them = told(busy, limit=5), []
    assert page["found"] == page["items_all"] == sum(page["states"].values()) == 12
    while True:
        all_of_them += [one["id"] for one in page["items"]]
        if page["skip"] is None:
            break
        page = told(busy, limit=5, skip=page["skip"])
    assert all_of_them == [f"i{n}" for n in range(12)]
    assert told(busy, skip=99)["items"] == []
    wrong = busy.get("/v1/catalog", params={"filter": "colour = 'red'"})
    assert wrong.status_code == 422 and "a column among title" in wrong.json()["detail"]
    assert busy.get("/v1/catalog", params={"state": "odd"}).status_code == 422


def test_a_key_for_the_catalog_alone_is_told_nothing_of_what_lists_did(run, tmp_path):
    with serving(run, tmp_path) as client:
        made = client.post("/v1/keys", json={"kind": "secret", "scopes": ["catalog:read"],
                                             "name": "c"}).json()  # fmt: skip
        client.headers["Authorization"] = f"Bearer {made['key']}"
        page = told(client)
        assert page["as_of"] is None and page["items"][0]["counts"] is None
        card = told(client, "/i3")
        assert card["as_of"] is None and card["days"] == [] and card["item"]["counts"] is None


def test_a_card_says_which_rules_and_filters_touch_the_item(shop):
    rules = lambda id: [(r["scenario"], r["rule"], r["do"], r["active"])  # noqa: E731  short
                        for r in told(shop, f"/{id}")["rules"]]  # fmt: skip
    assert rules("i3") == [("home", "not these", "hide", True)]
    assert rules("i4") == [("home", "for the French", "hide", True)]
    assert rules("i2") == [("home", "first", "pin", True)]
    assert rules("i5") == [("home", "next year", "hide", False)]
    assert told(shop, "/i4")["item"]["state"] != "hidden"  # for some people only
    assert told(shop, "/i11")["filtered"] == ["home"] and told(shop, "/i1")["filtered"] == []
    assert shop.get("/v1/catalog/nothing").status_code == 404


def test_a_card_knows_of_a_change_at_once(run, tmp_path):
    with serving(run, tmp_path) as client:
        client.put("/v1/items/just", json={"fields": {"title": "Just put"}})
        card = told(client, "/just")["item"]
        assert (card["state"], card["title"]) == ("new", "Just put")
        assert client.delete("/v1/items/i3").status_code == 204
        card = told(client, "/i3")["item"]
        assert (card["state"], card["title"]) == ("hidden", "thing number 3")
        client.put("/v1/items/i3", json={"fields": {**card["fields"], "title": "Back"}})
        card = told(client, "/i3")["item"]
        assert card["state"] != "hidden" and card["fields"]["title"] == "Back"


def test_who_stood_beside_it_before_is_read_from_the_verdict(run, tmp_path):
    write(tmp_path / "runs" / "second")
    (tmp_path / "runs" / "current").write_text("second\n")
    card = {"item": "i1", "before": ["i2", "i5"], "after": ["i2"]}
    near = {"cards": [card], "movers": [], "names": {"i2": "Two"}}
    verdict = tmp_path / "runs" / "second.gate.json"
    verdict.write_text(json.dumps({"watched": {"neighbours": near}}))
    with serving(tmp_path / "runs", tmp_path) as client:
        moved = told(client, "/i1")["moved"]
        assert moved == {"run": None, "before": ["i2", "i5"], "after": ["i2"],
                         "titles": {"i2": "Two", "i5": "i5"}}  # fmt: skip
        assert told(client, "/i2")["moved"] is None
        for text in ("no JSON", "[]", '{"watched": {"neighbours": null}}'):
            verdict.write_text(text)
            assert told(client, "/i1")["moved"] is None


def test_neighbours_are_the_nearest_whatever_is_hidden(shop):
    snapshot = shop.service.current.snapshot
    vectors = snapshot.plain.retriever.main.vectors[:12]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    by = np.argsort(-(unit @ unit[2]), kind="stable")
    got = shop.get("/v1/items/i2/neighbours", params={"k": 4, "fields": "price"}).json()
    assert [one["item"] for one in got["neighbours"]] == [f"i{n}" for n in by if n != 2][:4]
    assert (got["by"], got["model"], got["why"]) == ("cosine", "run", None)
    first = got["neighbours"][0]
    assert first["title"] == f"thing number {by[1]}" and first["fields"] == {"price": float(by[1])}
    for id in ("i12", "fresh"):
        got = shop.get(f"/v1/items/{id}/neighbours").json()
        assert got["neighbours"] == [] and "cannot place" in got["why"]
    assert shop.get("/v1/items/nothing/neighbours").status_code == 404


@pytest.mark.parametrize("model", ["ease", "cooccurrence", "popularity"])
def test_models_without_vectors_compare_in_their_own_way_or_say_that_they_cannot(tmp_path, model):
    write(tmp_path / "run", model=model)
    with serving(tmp_path / "run", tmp_path) as client:
        client.put("/v1/items/fresh", json={"fields": {"title": "New"}})
        client.service.current.refresh()
        got = client.get("/v1/items/i3/neighbours", params={"k": 3}).json()
        assert got["by"] == model
        assert bool(got["neighbours"]) == (model != "popularity") == (got["why"] is None)
        fresh = client.get("/v1/items/fresh/neighbours").json()
        assert fresh["neighbours"] == [] and fresh["why"]
        states = told(client)["states"]
        assert states["new"] == 1 and (model != "popularity" or states["dead"] == 0)
