"""Scenarios said anew while the service runs: the next list has them, and so has the next run."""

import json
import re

import pytest

from bowerbird.errors import ConfigError
from bowerbird.serving.guard import new_key
from bowerbird.store.opened import open_store
from bowerbird.surfaces import live_scenarios
from bowerbird.surfaces.live_scenarios import Edited, edit, scenario_from, undo
from bowerbird.surfaces.scenario import rules_of, scenarios_in
from servers import START, ids, serving, write

FRONT = {"surface": "popular", "k": 3}


def lists(client, scenario="front", **more):
    return ids(client.post("/v1/recommend", json={"scenario": scenario, "user": "u0", **more}))


def rule(do, **more):
    return {"name": f"to {do}", "do": do, **more}


def put(client, name, told):
    reply = client.put(f"/v1/scenarios/{name}", json=told)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_the_next_list_has_what_was_said_of_its_scenario(client):
    assert client.post("/v1/recommend", json={"scenario": "front"}).status_code == 422
    assert put(client, "front", FRONT) == FRONT
    first = lists(client)
    assert len(first) == 3
    put(client, "front", {**FRONT, "rules": [rule("hide", ids=[first[0]])]})
    assert first[0] not in lists(client) and len(lists(client)) == 3
    put(client, "front", {**FRONT, "rules": [rule("pin", ids=["i7"], position=2)]})
    assert lists(client)[1] == "i7"
    over = [rule("pin", ids=["i7"], **{"until": "2020-01-01"})]
    told = put(client, "front", {**FRONT, "rules": over})
    assert told["rules"][0]["until"] == "2020-01-01" and lists(client) == first


def test_what_is_said_of_a_surface_holds_and_can_be_taken_back(client):
    before = client.get("/v1/scenarios/popular").json()
    put(client, "popular", {"surface": "popular", "k": 2})
    assert len(ids(client.get("/v1/popular"))) == 2
    assert client.delete("/v1/scenarios/popular").status_code == 204
    assert client.get("/v1/scenarios/popular").json() == before
    assert len(ids(client.get("/v1/popular"))) == 10
    missing = client.delete("/v1/scenarios/popular")
    assert missing.status_code == 404 and "that was changed" in missing.json()["detail"]


def test_every_change_is_in_the_books_and_can_be_undone(client):
    for k in (3, 4, 5, 5):  # the last one changes nothing
        put(client, "front", {**FRONT, "k": k})
    told = client.get("/v1/edits").json()["edits"]
    assert [(e["number"], e["after"]["k"]) for e in told] == [(3, 5), (2, 4), (1, 3)]
    assert told[-1]["before"] is None and {e["who"] for e in told} == {"open"}
    assert told[0]["at"] == client.service.now_ms()
    for left in (4, 3):
        made = client.post("/v1/edits/undo").json()
        assert made["after"]["k"] == left and len(lists(client)) == left
    assert made["undoes"] == 2
    assert client.post("/v1/edits/undo").json()["after"] is None
    assert client.post("/v1/recommend", json={"scenario": "front"}).status_code == 422
    nothing = client.post("/v1/edits/undo")
    assert nothing.status_code == 409 and "not taken back yet" in nothing.json()["detail"]
    assert [e["undoes"] for e in client.get("/v1/edits?limit=2").json()["edits"]] == [1, 2]


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        ({"surface": "cellar"}, "scenario front: surface: input should be 'for-you'"),
        ({"surfac": "popular"}, "surfac"),
        ({"k": 0}, "scenario front: k: input should be greater than or equal to 1, 0 came"),
        ({"rules": "/etc/passwd"}, "a list of rules expected, a file .'/etc/passwd'. came"),
        ({"rules": [rule("hide")]}, "rule 'to hide': either items or ids expected"),
        ({"rules": [{"name": "x", "do": "fly", "ids": ["i1"]}]}, "rules.0.do"),
        ({"rules": [rule("hide", items="colour = 'red'")]}, "colour"),
        ({"filter": "price <"}, "filter"),
        ({"steps": [{"step": "mmr", "column": "colour"}]}, "colour"),
        ({"steps": [{"step": "rerank"}]}, "rerank"),
        ({"surface": "popular", "idle": "1h"}, "idle is a setting of next"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_changes(client, told, detail):
    reply = client.put("/v1/scenarios/front", json=told)
    assert reply.status_code == 422
    assert re.search(detail, reply.json()["detail"], re.IGNORECASE), reply.json()["detail"]
    assert client.get("/v1/edits").json() == {"edits": []}
    assert "front" not in client.get("/v1/scenarios").json()["scenarios"]


def test_another_server_follows_and_a_server_that_starts_anew_has_them(run, tmp_path):
    with serving(run, tmp_path) as one, serving(run, tmp_path) as other:
        put(one, "front", FRONT)
        assert other.post("/v1/recommend", json={"scenario": "front"}).status_code == 422
        other.service.current.refresh()
        assert lists(other) == lists(one)
    with serving(run, tmp_path) as again:
        assert len(lists(again)) == 3


def test_another_run_has_them_too_and_what_is_open_stays_open(run, tmp_path):
    runs = tmp_path / "runs"
    for name in ("first", "second"):
        write(runs / name)
    (runs / "current").write_text("first\n")
    with serving(runs, tmp_path) as client:
        assert client.get("/v1/popular").status_code == 200
        opened = client.service.current.snapshot._opened["popular"]
        put(client, "front", FRONT)
        assert client.service.current.snapshot._opened["popular"] is opened
        assert client.put("/v1/models/current", json={"model": "second"}).status_code == 200
        reply = client.post("/v1/recommend", json={"scenario": "front"})
        assert reply.json()["model"] == "second" and len(ids(reply)) == 3


def test_lists_say_by_which_settings_they_were_made(client):
    def config():
        rec = client.post("/v1/recommend", json={"scenario": "front"}).json()["rec_id"]
        client.service.lists.close()
        client.service.lists.__init__(client.service.store.facts.serve)
        return client.get(f"/v1/lists/{rec}").json()["config"]

    put(client, "front", FRONT)
    first = config()
    put(client, "front", {**FRONT, "k": 4})
    second = config()
    client.post("/v1/edits/undo")
    assert first != second and config() == first


def test_who_changes_must_be_an_admin_and_is_named(run, tmp_path):
    with serving(run, tmp_path) as client:
        keys = {}
        for scope in ("admin", "catalog:write"):
            told, key = new_key("secret", (scope,), scope, START * 1000)
            client.service.store.keys.add(key)
            keys[scope] = (key.id, {"Authorization": f"Bearer {told}"})
        client.service.guard.forget()
        id, headers = keys["admin"]
        refused = client.put("/v1/scenarios/front", json=FRONT, headers=keys["catalog:write"][1])
        assert refused.status_code == 403
        assert client.put("/v1/scenarios/front", json=FRONT, headers=headers).status_code == 200
        (told,) = client.get("/v1/edits", headers=headers).json()["edits"]
        assert told["who"] == id


def test_rules_may_stand_in_a_recipe_as_they_may_be_sent(run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    text = '[scenarios.front]\nsurface = "popular"\n[[scenarios.front.rules]]\n'
    text += 'name = "r"\ndo = "hide"\nids = ["i1"]\nuntil = 2026-12-24\n'
    (folder / "recipe.toml").write_text(text)
    found = scenarios_in(folder)["front"]
    sent = json.loads(json.dumps(found.model_dump(mode="json", exclude_unset=True, by_alias=True)))
    assert sent["rules"] == [{"name": "r", "do": "hide", "ids": ["i1"], "until": "2026-12-24"}]
    assert rules_of(scenario_from(sent, "front")) == rules_of(found)


def test_old_edits_are_forgotten_but_not_what_they_said(tmp_path, monkeypatch):
    monkeypatch.setattr(live_scenarios, "MOST", 20)
    store = open_store(tmp_path)
    for n in range(25):
        assert edit(store.papers, f"s{n % 3}", {"k": n + 1}, "me", n).number == n + 1
    edited = Edited.of(store.papers)
    assert len(edited.edits) == 20 and edited.edits[0].number == 6
    assert {name: table["k"] for name, table in edited.scenarios.items()} == {
        "s0": 25,
        "s1": 23,
        "s2": 24,
    }
    assert undo(store.papers, "me", 1).undoes == 25
    assert edit(store.papers, "s1", {"k": 23}, "me", 1) is None
    with pytest.raises(ConfigError, match="scenario s0: k"):
        edit(store.papers, "s0", {"k": 0}, "me", 1)
        Edited.of(store.papers).over({})
    store.close()
