"""Settings over HTTP: who may what, how it is set, when a retrain is due, who is told."""

import json

import pytest

from alert_hooks import Hook
from bowerbird.runs.plan import plan_of
from bowerbird.serving.guard import new_key
from bowerbird.serving.roles import ROLES
from bowerbird.serving.service import Settings
from servers import START, serving, write


@pytest.fixture
def runs(tmp_path):
    """A folder of one run that is served."""
    write(tmp_path / "runs" / "first")
    (tmp_path / "runs" / "current").write_text("first\n")
    return tmp_path / "runs"


@pytest.fixture
def client(runs, tmp_path):
    with serving(runs, tmp_path) as client:
        yield client


def headers(client, role):
    """Of a new key of this role."""
    told, key = new_key("secret", ROLES[role], f"a {role}", START * 1000)
    client.service.store.keys.add(key)
    client.service.guard.forget()
    return {"Authorization": f"Bearer {told}"}


def test_who_asks_is_told_what_they_may(client):
    told = client.get("/v1/me").json()
    assert (told["id"], told["role"], told["expires"]) == ("open", "admin", None)
    assert "admin" in told["scopes"]
    for role, scopes in ROLES.items():
        told = client.get("/v1/me", headers=headers(client, role)).json()
        assert (told["role"], told["name"], told["scopes"]) == (role, f"a {role}", list(scopes))
    assert client.get("/v1/me").status_code == 401


def test_a_key_is_made_of_a_role_or_of_scopes_and_the_books_say_by_whom(client):
    boss = headers(client, "admin")
    me = client.get("/v1/me", headers=boss).json()["id"]
    made = {"kind": "secret", "name": "Ada", "role": "viewer"}
    ada = client.post("/v1/keys", json=made, headers=boss).json()
    assert (ada["role"], ada["scopes"], ada["maker"]) == ("viewer", list(ROLES["viewer"]), me)
    hers = {"Authorization": f"Bearer {ada['key']}"}
    assert client.get("/v1/models", headers=hers).status_code == 200
    for method, path in (("POST", "/v1/retrain"), ("PATCH", "/v1/settings/retrain"),
                         ("PUT", "/v1/scenarios/home"), ("POST", "/v1/edits/undo"),
                         ("PATCH", "/v1/items/i1"), ("GET", "/v1/keys"), ("POST", "/v1/keys"),
                         ("DELETE", f"/v1/keys/{me}"), ("POST", "/v1/alerts/test")):  # fmt: skip
        assert client.request(method, path, headers=hers).status_code == 403, path
    for wrong in ({"role": "king"}, {}, {"role": "viewer", "scopes": ["admin"]}):
        told = {"kind": "secret", "name": "Bob", **wrong}
        assert client.post("/v1/keys", json=told, headers=boss).status_code == 422
    page = {"kind": "public", "name": "page", "role": "viewer"}
    assert client.post("/v1/keys", json=page, headers=boss).status_code == 422
    assert client.delete(f"/v1/keys/{ada['id']}", headers=boss).status_code == 204
    keys = {key["id"]: key for key in client.get("/v1/keys", headers=boss).json()["keys"]}
    assert keys[ada["id"]]["maker"] == me and keys[me]["maker"] is None
    told = client.get("/v1/settings/changes", headers=boss).json()["changes"]
    assert [(one["what"], one["who"], one["about"]) for one in told] == [
        ("key revoked", me, ada["id"]),
        ("key made", me, ada["id"]),
    ]
    assert ada["key"] not in json.dumps(told)


def test_an_editor_works_on_scenarios_and_items_and_nothing_else(client):
    hers = headers(client, "editor")
    body = {"surface": "popular", "k": 3}
    assert client.put("/v1/scenarios/front", json=body, headers=hers).status_code == 200
    assert client.post("/v1/edits/undo", headers=hers).status_code == 200
    patch = {"fields": {"title": "another"}}
    assert client.patch("/v1/items/i1", json=patch, headers=hers).status_code == 200
    assert client.delete("/v1/users/u1", headers=hers).status_code == 403
    assert client.post("/v1/retrain", headers=hers).status_code == 403


def test_how_it_behaves_is_told_with_the_option_that_sets_it(runs, tmp_path):
    settings = Settings(777, 5.0, origins=("https://shop.example",), retrain="10m")
    with serving(runs, tmp_path, settings) as client:
        told = client.get("/v1/settings").json()
    found = {one["option"]: one for one in told["settings"] if one["option"]}
    assert (found["--deadline-ms"]["value"], found["--deadline-ms"]["default"]) == (777, 250)
    assert (found["--rate"]["value"], found["--retrain"]["value"]) == (5.0, "10m")
    assert found["--origin"]["value"] == ["https://shop.example"]
    fixed = {one["name"]: one["value"] for one in told["settings"] if not one["option"]}
    assert fixed["length of a list"] == 500 and fixed["request"] == 1 << 20
    assert told["roles"]["viewer"] == list(ROLES["viewer"])
    assert all(one["words"] for one in told["settings"])


def test_when_a_retrain_is_due_is_changed_and_read_by_the_next(client, runs):
    told = client.get("/v1/settings/retrain").json()
    assert told["triggers"] == {} and told["defaults"]["triggers"]["every"] == "1d"
    assert told["timer"] is None and told["next"] is None
    patch = {"triggers": {"every": "12h", "decay": 0}, "alerts": {"webhook": "https://h.example/s"}}
    told = client.patch("/v1/settings/retrain", json=patch).json()
    assert told["triggers"] == {"every": "12h", "decay": 0}
    assert told["alerts"] == {"webhook": "https://h.example/…"}
    plan = plan_of(runs)
    assert (plan.triggers.every, plan.triggers.decay) == ("12h", 0)
    assert plan.alerts.webhook == "https://h.example/s"
    again = client.patch("/v1/settings/retrain", json={"alerts": {"on": ["failed"]}}).json()
    assert again["alerts"] == {"webhook": "https://h.example/…", "on": ["failed"]}
    assert plan_of(runs).alerts.webhook == "https://h.example/s"
    shown = {"alerts": {"webhook": again["alerts"]["webhook"]}}
    assert client.patch("/v1/settings/retrain", json=shown).status_code == 422
    wrong = client.patch("/v1/settings/retrain", json={"triggers": {"every": "often"}})
    assert wrong.status_code == 422 and "'often' came" in wrong.json()["detail"]
    changes = client.get("/v1/settings/changes").json()["changes"]
    assert [one["what"] for one in changes] == ["alerts", "alerts", "triggers"]
    assert changes[2]["before"] == {"every": None, "decay": None}
    assert "h.example/s" not in json.dumps(changes)
    client.patch("/v1/settings/retrain", json={"alerts": {"webhook": None}, "triggers": {}})
    assert plan_of(runs).alerts.webhook is None


def test_the_next_look_is_told_where_this_server_looks(runs, tmp_path):
    with serving(runs, tmp_path, Settings(retrain="10m")) as client:
        assert client.get("/v1/settings/retrain").json()["next"] is None  # nobody has looked yet
        (runs / "triggers.json").write_text(json.dumps({"as_of": START - 60, "due": False}))
        told = client.get("/v1/settings/retrain").json()
    assert (told["timer"], told["looked"], told["next"]) == ("10m", START - 60, START + 540)


def test_a_run_that_is_served_alone_has_no_file_to_change(run, tmp_path):
    with serving(run, tmp_path) as client:
        reply = client.patch("/v1/settings/retrain", json={"triggers": {"every": "2d"}})
        assert reply.status_code == 422 and "a folder of runs expected" in reply.json()["detail"]
        assert client.get("/v1/settings/retrain").status_code == 200


def test_a_file_that_cannot_be_read_is_told(client, runs):
    (runs / "retrain.toml").write_text("[triggers\n")
    change = {"triggers": {"every": "2d"}}
    for method, body in (("GET", {}), ("PATCH", {"json": change})):
        reply = client.request(method, "/v1/settings/retrain", **body)
        assert reply.status_code == 422 and "readable TOML" in reply.json()["detail"]


def test_an_alert_is_tried_and_what_came_of_it_is_told(client, runs):
    none = client.post("/v1/alerts/test")
    assert none.status_code == 422 and "an address for alerts expected" in none.json()["detail"]
    with Hook(200, 404) as hook:
        client.patch("/v1/settings/retrain", json={"alerts": {"webhook": hook.url}})
        assert client.post("/v1/alerts/test").json() == {"sent": True, "fault": None}
        told = client.post("/v1/alerts/test").json()
    assert told == {"sent": False, "fault": "status 404"}
    kind, message = hook.got[0]
    assert (kind, message["kind"], message["at"]) == ("application/json", "test", START)
    assert client.get("/v1/alerts").json()["alerts"] == []  # nothing has happened
    gone = client.post("/v1/alerts/test").json()
    assert not gone["sent"] and "secret" not in gone["fault"]
    told = client.get("/v1/settings/changes").json()["changes"]
    assert [one["after"]["sent"] for one in told if one["what"] == "alert tried"] == [
        False, False, True]  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/settings/retrain", "/v1/keys", "/v1/alerts/test"])
def test_where_no_key_is_needed_pages_of_others_change_nothing(client, runs, path):
    method = "PATCH" if path.endswith("retrain") else "POST"
    bodies = {"/v1/keys": {"kind": "secret", "name": "x", "role": "admin"}}
    body = bodies.get(path, {"triggers": {"every": "2d"}})
    for site in ("cross-site", "same-site"):
        told = client.request(method, path, json=body, headers={"Sec-Fetch-Site": site})
        assert told.status_code == 403 and "one of another page came" in told.json()["detail"]
    assert not (runs / "retrain.toml").exists() and client.get("/v1/keys").json()["keys"] == []
