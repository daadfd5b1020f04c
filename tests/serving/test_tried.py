"""Lists that are only tried: the same code, any run, any settings, and no trace in the books."""

import pytest

from bowerbird.serving.beside import Beside, free_bytes
from bowerbird.serving.guard import new_key
from bowerbird.serving.snapshot import Snapshot
from servers import START, ids, serving, write

HERE = {"user": "u1", "k": 4, "scenario": "home"}


@pytest.fixture
def shop(tmp_path):
    write(tmp_path / "runs" / "first")
    write(tmp_path / "runs" / "second", model="cooccurrence")
    (tmp_path / "runs" / "current").write_text("first\n")
    with serving(tmp_path / "runs", tmp_path) as client:
        yield client


def tried(client, **asked):
    reply = client.post("/v1/try", json=asked)
    assert reply.status_code == 200, reply.text
    return reply.json()


def refused(client, status, **asked):
    reply = client.post("/v1/try", json=asked)
    assert reply.status_code == status, reply.text
    return reply.json()["detail"]


def test_what_is_tried_as_it_is_kept_is_what_is_served(client):
    client.post("/v1/events", json={"events": [{"user": "u1", "item": "i5", "type": "click"}]})
    for asked in (
        HERE,
        {"items": ["i1", "i2"], "fields": ["title"]},
        {"scenario": "similar", "items": ["i4"]},
        {"scenario": "search", "text": "thing number 3"},
        {"scenario": "popular", "filter": "price > 3", "never": ["i7"]},
        {"scenario": "cheap", "visitor": "v1", "only": ["i1", "i2", "i3"]},
    ):
        served = client.post("/v1/recommend", json={**asked, "explain": True}).json()
        got = tried(client, **asked)
        told = [{k: one[k] for k in served["items"][0]} for one in got["items"]]
        assert told == served["items"] and got["rung"] == served["rung"]


def test_a_change_that_is_tried_gives_what_it_gives_once_it_is_kept(client):
    got = tried(client, **HERE, discount=1.5, diversity=0.4)
    assert got["table"]["discount"] == 1.5
    assert got["table"]["steps"] == [{"step": "mmr", "weight": 0.6}]
    assert client.put("/v1/scenarios/home", json=got["table"]).status_code == 200
    served = client.post("/v1/recommend", json=HERE)
    assert ids(served) == [one["item"] for one in got["items"]]
    none = tried(client, **HERE, discount=0, diversity=0)
    assert [i["item"] for i in none["items"]] == [
        i["item"] for i in tried(client, **HERE, table={"surface": "for-you"})["items"]
    ]
    spread = {"surface": "for-you", "steps": [{"step": "dpp", "column": "kind"}]}
    step = tried(client, **HERE, table=spread, diversity=1)["table"]["steps"]
    assert step == [{"step": "mmr", "weight": 0.0}] or step[0]["step"] == "dpp"


def test_nothing_of_it_is_counted_or_kept(client):
    for asked in (HERE, {**HERE, "explore": 0.5}, {"visitor": "v", "scenario": "trending"}):
        tried(client, **asked)
    client.service.lists.close()
    assert set(client.service.store.facts.counts().values()) == {0}
    assert "bowerbird_lists_total{" not in client.get("/metrics").text
    assert client.get("/v1/edits").json() == {"edits": []}


def test_the_way_of_a_list_adds_up(client):
    rules = [
        {"name": "no i3", "do": "hide", "ids": ["i3"]},
        {"name": "odd", "do": "boost", "items": "kind = 'a'", "by": 0.75},
        {"name": "first", "do": "pin", "ids": ["i6"]},
    ]
    table = {"surface": "for-you", "k": 4, "rules": rules}
    client.delete("/v1/items/i9")
    got = tried(client, user="u1", filter="price < 11", never=["i2"], table=table)
    trace, left = got["trace"], got["trace"]["catalog"]
    for gate in trace["filters"]:
        assert gate["left"] == left - gate["out"]
        left = gate["left"]
    outs = {gate["name"]: gate["out"] for gate in trace["filters"]}
    assert (outs["deleted"], outs["filter"], outs["never"], outs["rules"]) == (1, 1, 1, 1)
    assert trace["candidates"] == left == trace["own"] + trace["filled"]
    assert [step["name"] for step in trace["steps"]] == ["held", "rule odd", "pin"]
    first, second = got["items"][:2]
    assert (first["item"], first["places"]["pin"]) == ("i6", 1)
    assert second["places"]["pin"] == 2 and second["places"]["rule odd"] == 1
    boosted = {i["item"]: {p["name"]: p["value"] for p in i["parts"]} for i in got["items"]}
    odd = [id for id, parts in boosted.items() if "rule odd" in parts]
    assert odd and all(int(id[1:]) % 2 for id in odd)
    assert all(parts["rule odd"] == 0.75 for id, parts in boosted.items() if id in odd)
    for one in got["items"]:
        of_model = [part["value"] for part in one["parts"] if part["scale"] == "score"]
        assert sum(of_model) == pytest.approx(one["score"], rel=1e-4)


def test_what_is_drawn_has_a_seed_and_its_propensity(client):
    some = [tried(client, **HERE, explore=0.5, seed=seed) for seed in (1, 1, 2)]
    lists = [[i["item"] for i in got["items"]] for got in some]
    assert lists[0] == lists[1] != lists[2]
    assert any(item["propensity"] < 1 for item in some[0]["items"])
    assert some[0]["table"]["explore"] == {"way": "slots", "epsilon": 0.5}


def test_another_run_is_asked_beside_the_one_that_answers(shop):
    got = tried(shop, **HERE, model="second", diversity=0.5)
    assert got["model"] == "second" and got["trace"]["found_by"] == "cooccurrence"
    assert got["table"]["steps"] == [{"step": "mmr", "weight": 0.5, "column": "kind"}]
    assert shop.service.beside.names() == ["second"]
    assert shop.service.current.snapshot.model == "first"
    assert refused(shop, 404, model="../first").startswith("a run that is there")
    gone = got["items"][0]["item"]
    shop.delete(f"/v1/items/{gone}")
    assert gone not in [i["item"] for i in tried(shop, **HERE, model="second")["items"]]
    shop.put("/v1/scenarios/home", json={"surface": "for-you", "k": 2})
    assert len(tried(shop, user="u1", scenario="home", model="second")["items"]) == 2
    shop.delete("/v1/users/u1")
    assert tried(shop, **HERE, model="second")["history"] == 0


def test_few_runs_are_kept_and_none_that_has_no_room(tmp_path):
    folders = [write(tmp_path / name) for name in ("a", "b", "c")]
    snapshots = {folder.name: Snapshot.load(folder) for folder in folders}
    now, opened = [0.0], []
    room = [None]
    beside = Beside(
        lambda folder, before: opened.append((folder.name, before)) or snapshots[folder.name],
        lambda: now[0],
        lambda: room[0],
    )
    for place in (0, 1, 0, 2):
        now[0] += 1
        beside.of(folders[place])
    names = [(name, before and before.model) for name, before in opened]
    assert names == [("a", None), ("b", None), ("a", "a"), ("c", None)]
    assert beside.names() == ["a", "c"]
    now[0] += 599
    beside.let_go()
    assert beside.names() == ["c"]
    room[0] = 100
    with pytest.raises(Exception, match="half of what is free"):
        beside.of(folders[1])
    beside.close()
    assert beside.names() == [] and (free_bytes() or 1) > 0


def test_what_cannot_be_meant_says_why(client):
    assert "discount is a setting of for-you" in refused(
        client, 422, scenario="popular", discount=1
    )
    assert "one of for-you" in refused(client, 422, scenario="nothing")
    assert "audience gives people" in refused(client, 422, scenario="audience")
    assert "step" in refused(client, 422, table={"steps": ["mmr"]}, diversity=0.5)
    assert "rules: a list" in refused(client, 422, table={"rules": "/etc/passwd"})
    refused(client, 422, discount=1e9)


def test_who_is_named_needs_a_key_that_may_read_people(client):
    store, keys = client.service.store, {}
    for scopes in (("recs:read",), ("recs:read", "people:read"), ("admin",)):
        told, key = new_key("secret", scopes, "test", START * 1000)
        store.keys.add(key)
        keys[scopes] = {"Authorization": f"Bearer {told}"}
    client.service.guard.forget()
    few, people, admin = keys.values()

    def status(body, headers):
        return client.post("/v1/try", json=body, headers=headers).status_code

    assert status({}, few) == 200 and status(HERE, few) == 403
    assert status(HERE, people) == 200 and status({"model": "x"}, people) == 403
    assert status({"model": "x"}, admin) == 404


def test_people_are_found_by_the_beginning_of_their_id_and_by_chance(client):
    ask = client.get
    first = ask("/v1/users?prefix=u1&limit=2").json()
    assert [one["id"] for one in first["people"]] == ["u1", "u10"]
    second = ask(f"/v1/users?prefix=u1&limit=2&after={first['after']}").json()
    assert second["people"][0]["id"] == "u100"
    drawn = [ask(f"/v1/users?draw={seed}&limit=3").json()["people"] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and len(drawn[0]) == 3
    assert ask("/v1/users?prefix=newcomer").json()["people"] == []
    client.post("/v1/events", json={"events": [{"user": "newcomer", "item": "i5", "type": "view"}]})
    (found,) = ask("/v1/users?prefix=newcomer").json()["people"]
    assert (found["events"], found["last"]) == (1, START * 1000)
    client.delete("/v1/users/u1")
    assert ask("/v1/users?prefix=u1&limit=1").json()["people"][0]["id"] == "u10"


def test_a_history_is_what_lists_go_by(client):
    did = {"user": "u1", "item": "i5", "type": "cart"}
    client.post(
        "/v1/events", json={"events": [did, {"visitor": "v", "item": "i2", "type": "view"}]}
    )
    got = client.get("/v1/history?user=u1&fields=title&limit=2").json()
    assert got["events"] == tried(client, **HERE)["history"]
    newest = {"item": "i5", "type": "cart", "time": START * 1000}
    assert got["newest"][0] == {**newest, "fields": {"title": "thing number 5"}}
    (seen,) = client.get("/v1/history?visitor=v").json()["newest"]
    assert seen["item"] == "i2"
    assert client.get("/v1/history").status_code == 422
    assert client.get("/v1/history?user=a&visitor=b").status_code == 422
