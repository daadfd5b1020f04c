"""Who may do what: every route with every kind of key, limits, and keys that end."""

import pytest

from bowerbird.errors import ConfigError
from bowerbird.serving.app import ROUTES
from bowerbird.serving.guard import WRONG, WRONG_EVERY_S, Guard, Who, new_key
from bowerbird.serving.problems import Problem
from bowerbird.serving.roles import PUBLIC, ROLES, SCOPES, USUAL, role_of, scopes_of
from bowerbird.serving.service import Settings
from bowerbird.store.opened import open_store
from servers import START, Clock, serving

# What each route asks for. A route that is not here fails: whoever adds one has to say who may.
NEEDS = {
    "POST /v1/recommend": ("recs:read", True),
    "POST /v1/recommend/batch": ("recs:read", False),
    "GET /v1/users/{user}/recommendations": ("recs:read", False),
    "GET /v1/items/{item}/similar": ("recs:read", True),
    "GET /v1/items/{item}/audience": ("people:read", False),
    "GET /v1/complements": ("recs:read", True),
    "GET /v1/search": ("recs:read", True),
    "GET /v1/popular": ("recs:read", True),
    "GET /v1/new": ("recs:read", True),
    "GET /v1/trending": ("recs:read", True),
    "POST /v1/try": ("recs:read", False),
    "GET /v1/users": ("people:read", False),
    "GET /v1/history": ("people:read", False),
    "POST /v1/vectors": ("recs:read", False),
    "GET /v1/map": ("catalog:read", False),
    "POST /v1/map": ("admin", False),
    "GET /v1/map/points": ("catalog:read", False),
    "GET /v1/map/colours": ("catalog:read", False),
    "GET /v1/map/items": ("catalog:read", False),
    "GET /v1/map/path": ("people:read", False),
    "GET /v1/map/near": ("catalog:read", False),
    "POST /v1/events": ("events:write", True),
    "POST /v1/exposures": ("events:write", True),
    "POST /v1/collect": ("events:write", True),
    "GET /v1/events": ("people:read", False),
    "GET /v1/items": ("catalog:read", False),
    "POST /v1/items": ("catalog:write", False),
    "GET /v1/items/{item}": ("catalog:read", False),
    "PUT /v1/items/{item}": ("catalog:write", False),
    "PATCH /v1/items/{item}": ("catalog:write", False),
    "DELETE /v1/items/{item}": ("catalog:write", False),
    "GET /v1/catalog": ("catalog:read", False),
    "GET /v1/catalog/{item}": ("catalog:read", False),
    "GET /v1/items/{item}/neighbours": ("catalog:read", False),
    "POST /v1/users": ("people:write", False),
    "GET /v1/users/{user}": ("people:read", False),
    "PUT /v1/users/{user}": ("people:write", False),
    "PATCH /v1/users/{user}": ("people:write", False),
    "DELETE /v1/users/{user}": ("people:write", False),
    "GET /v1/users/{user}/export": ("people:read", False),
    "POST /v1/users/{user}/merge": ("people:write", False),
    "GET /v1/metrics/definitions": ("metrics:read", False),
    "GET /v1/metrics/online": ("metrics:read", False),
    "GET /v1/metrics/online/change": ("metrics:read", False),
    "GET /v1/metrics/online/holdout": ("metrics:read", False),
    "GET /v1/metrics/online/rows": ("metrics:read", False),
    "GET /v1/health/live": (None, False),
    "GET /v1/health/ready": (None, False),
    "GET /metrics": ("metrics:read", False),
    "GET /v1/scenarios": ("catalog:read", False),
    "GET /v1/scenarios/{scenario}": ("catalog:read", False),
    "PUT /v1/scenarios/{scenario}": ("rules:write", False),
    "DELETE /v1/scenarios/{scenario}": ("rules:write", False),
    "GET /v1/scenarios/{scenario}/rules": ("catalog:read", False),
    "POST /v1/scenarios/{scenario}/check": ("catalog:read", False),
    "POST /v1/scenarios/{scenario}/preview": ("people:read", False),
    "GET /v1/edits": ("catalog:read", False),
    "POST /v1/edits/undo": ("rules:write", False),
    "GET /v1/models": ("metrics:read", False),
    "PUT /v1/models/current": ("admin", False),
    "POST /v1/models/rollback": ("admin", False),
    "GET /v1/models/{model}": ("metrics:read", False),
    "GET /v1/models/{model}/report": ("metrics:read", False),
    "GET /v1/models/{model}/verdict": ("metrics:read", False),
    "GET /v1/leaderboard": ("metrics:read", False),
    "GET /v1/lineage": ("metrics:read", False),
    "GET /v1/retrain": ("metrics:read", False),
    "POST /v1/retrain": ("admin", False),
    "GET /v1/retrain/triggers": ("metrics:read", False),
    "GET /v1/alerts": ("metrics:read", False),
    "POST /v1/alerts/test": ("admin", False),
    "GET /v1/me": ("any", False),
    "GET /v1/settings": ("metrics:read", False),
    "GET /v1/settings/retrain": ("metrics:read", False),
    "PATCH /v1/settings/retrain": ("admin", False),
    "GET /v1/settings/changes": ("metrics:read", False),
    "GET /v1/imports": ("admin", False),
    "GET /v1/imports/{import}": ("admin", False),
    "PUT /v1/imports/{import}": ("admin", False),
    "DELETE /v1/imports/{import}": ("admin", False),
    "PUT /v1/imports/{import}/{file}": ("admin", False),
    "GET /v1/imports/{import}/{file}/look": ("admin", False),
    "POST /v1/imports/{import}/check": ("admin", False),
    "POST /v1/imports/{import}/train": ("admin", False),
    "POST /v1/imports/{import}/stop": ("admin", False),
    "GET /v1/imports/{import}/broken": ("admin", False),
    "GET /v1/lists/{rec_id}": ("metrics:read", False),
    "GET /v1/quarantine": ("people:read", False),
    "GET /v1/keys": ("admin", False),
    "POST /v1/keys": ("admin", False),
    "DELETE /v1/keys/{key}": ("admin", False),
    "GET /": (None, False),
    "GET /console/{file}": (None, False),
    "GET /v1/openapi.json": (None, False),
    "GET /v1/bowerbird.js": (None, True),
}


def test_every_route_says_who_may():
    assert {route.name: (route.scope, route.public) for route in ROUTES} == NEEDS


@pytest.fixture(scope="module")
def locked(run, tmp_path_factory):
    """A server that has a key of every scope, and a public one."""
    folder = tmp_path_factory.mktemp("locked")
    with serving(run, folder, Settings(10_000, 1e6), clock=Clock()) as client:
        client.keys = {}
        for kind, scopes in [*(("secret", (s,)) for s in SCOPES), ("public", PUBLIC)]:
            told, key = new_key(kind, scopes, "test", START * 1000)
            client.service.store.keys.add(key)
            client.keys[scopes if kind == "public" else scopes[0]] = told
        client.service.guard.forget()
        yield client


def attempt(client, route, key):
    path = route.path
    for name in ("item", "user", "scenario", "rec_id", "key", "file", "model"):
        path = path.replace(f"{{{name}}}", "nobody")
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    told = {name: value for name, value in (route.example or {}).items() if name != "user"}
    body = {"json": told} if route.takes is not None else {}
    return client.request(route.method, path, headers=headers, **body).status_code


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_each_key_opens_its_routes_and_no_other(locked, route):
    scope, public = NEEDS[route.name]
    if scope is None:
        assert attempt(locked, route, None) not in (401, 403)
        return
    assert attempt(locked, route, None) == 401
    assert attempt(locked, route, "sk_" + "0" * 64) == 401
    refused = attempt(locked, route, locked.keys[PUBLIC]) == 403
    assert refused != (public and scope in PUBLIC)
    for name in SCOPES:
        opens = name in (scope, "admin") or scope == "any"
        if route.name == "DELETE /v1/users/{user}" and opens:
            continue  # tried once is enough: the same rule holds
        assert (attempt(locked, route, locked.keys[name]) == 403) != opens, name


def test_a_public_key_names_visitors_and_nobody_else(locked):
    auth = {"Authorization": f"Bearer {locked.keys[PUBLIC]}"}
    asked = locked.post("/v1/recommend", json={"user": "u0"}, headers=auth)
    assert asked.status_code == 403 and asked.json()["field"] == "$.user"
    assert locked.post("/v1/recommend", json={"visitor": "u0"}, headers=auth).status_code == 200
    event = {"user": "u0", "item": "i1", "type": "click"}
    told = locked.post("/v1/events", json=event, headers=auth).json()
    assert told["rejected"] == 1 and "visitor expected" in told["rows"][0]["reason"]


def test_a_public_key_may_stand_in_the_address_a_secret_one_may_not(locked):
    key = locked.keys[PUBLIC]
    assert locked.get(f"/v1/popular?key={key}").status_code == 200
    assert locked.get(f"/v1/popular?key={locked.keys['admin']}").status_code == 401
    assert locked.get(f"/v1/models?key={key}").status_code == 401


def test_keys_end_by_time_and_by_word_and_two_may_overlap(run, tmp_path):
    clock = Clock()
    with serving(run, tmp_path, Settings(10_000, 1e6), clock=clock) as client:
        made = {"kind": "secret", "scopes": ["admin"], "name": "boss"}
        boss = client.post("/v1/keys", json=made).json()["key"]
        assert client.get("/v1/keys").status_code == 401  # from the first key on
        auth = {"Authorization": f"Bearer {boss}"}
        short = {**made, "expires": START * 1000 + 60_000}
        second = client.post("/v1/keys", json=short, headers=auth).json()
        other = {"X-API-Key": second["key"]}
        assert client.get("/v1/keys", headers=other).status_code == 200
        clock.now += 61
        assert client.get("/v1/keys", headers=other).status_code == 401
        assert client.get("/v1/keys", headers=auth).status_code == 200
        told = client.get("/v1/keys", headers=auth).json()["keys"]
        assert boss not in str(told) and all(key["key"] is None for key in told)
        assert client.delete(f"/v1/keys/{boss[:11]}", headers=auth).status_code == 204
        clock.now += 6
        assert client.get("/v1/keys", headers=auth).status_code == 401


def test_a_server_that_all_can_reach_needs_keys_from_the_start(run, tmp_path):
    with serving(run, tmp_path, Settings(alone=False)) as client:
        reply = client.get("/v1/popular")
        assert reply.status_code == 401 and "bowerbird keys create" in reply.json()["detail"]
        assert client.get("/v1/health/ready").status_code == 200


def test_a_key_has_so_many_requests_a_second_and_no_more(tmp_path):
    clock, keys = Clock(), open_store(tmp_path).keys
    guard, who = Guard(keys, clock, alone=True, rate=2.0), Who("a", "secret", SCOPES)

    def taken(cost=1.0):
        try:
            guard.spend(who, cost)
        except Problem as problem:
            assert problem.status == 429 and int(problem.headers["Retry-After"]) >= 1
            return False
        return True

    assert [taken() for _ in range(21)] == [True] * 20 + [False]  # ten seconds' worth at once
    clock.now += 1
    assert [taken() for _ in range(3)] == [True, True, False]
    clock.now += 10
    assert taken(15.0) and not taken(6.0) and taken(5.0)
    assert guard.spend(Who("b", "secret", SCOPES)) is None  # each key has its own


def test_a_page_and_a_script_say_what_they_may_do_and_no_reply_sets_a_cookie(locked):
    for route in ROUTES:
        if route.method != "GET":
            continue
        path = route.path.replace("{file}", "app.js").replace("{scenario}", "home")
        headers = {"Authorization": f"Bearer {locked.keys['admin']}"}
        reply = locked.get(path, headers=headers)
        assert "set-cookie" not in reply.headers, route.name
        kind = reply.headers.get("content-type", "").partition(";")[0]
        if kind in ("text/html", "text/javascript"):
            told = reply.headers["content-security-policy"]
            assert "default-src 'none'" in told and "unsafe" not in told, route.name


def test_wrong_keys_are_tried_slowly_and_known_ones_go_on(tmp_path):
    clock, keys = Clock(), open_store(tmp_path).keys
    guard = Guard(keys, clock, alone=False, rate=1e6)
    told, key = new_key("secret", SCOPES, "boss", START * 1000)
    keys.add(key)

    def status(key, address):
        try:
            guard.who(key, address)
        except Problem as problem:
            return problem.status
        return 200

    assert status(told, "here") == 200
    tried = [status(f"sk_{turn}", "here") for turn in range(int(WRONG) + 5)]
    assert tried == [401] * int(WRONG) + [429] * 5
    assert status("sk_0", "here") == 401  # it is known to be wrong: nothing is looked up
    assert status("sk_new", "elsewhere") == 401  # each address has its own
    clock.now += 60
    assert status(told, "here") == 200  # a key that was good is looked up again
    more, key = new_key("secret", SCOPES, "second", START * 1000)
    keys.add(key)
    tried = [status(f"sk_again_{turn}", "here") for turn in range(int(WRONG) + 1)]
    assert tried == [401] * int(WRONG) + [429]
    assert status(more, "here") == 429  # nor does guessing tell a good one
    clock.now += WRONG_EVERY_S
    assert status(more, "here") == 200


def test_a_role_is_a_name_for_scopes():
    assert [role_of(its) for its in ROLES.values()] == list(ROLES)
    assert role_of(("metrics:read", "admin")) == "admin" and role_of(USUAL) is None
    writing = {scope for scope in SCOPES if scope.endswith(":write")} | {"admin"}
    assert not writing & set(ROLES["viewer"])
    assert writing & set(ROLES["editor"]) == {"catalog:write", "rules:write"}
    # whatever can be seen, a viewer can see: keys alone are for admins
    seen = {scope for name, (scope, _) in NEEDS.items() if name.startswith("GET ")}
    assert seen - {None, "any", "admin"} <= set(ROLES["viewer"])
    assert scopes_of(None, (), public=False) == USUAL and scopes_of(None, (), True) == PUBLIC
    for role, scopes, public in (("king", (), False), ("viewer", ("admin",), False),
                                 ("viewer", (), True)):  # fmt: skip
        with pytest.raises(ConfigError, match="a role"):
            scopes_of(role, scopes, public)


def test_scopes_are_checked_when_a_key_is_made():
    with pytest.raises(ConfigError, match="admin came"):
        new_key("public", ["admin"], "page", 0)
    with pytest.raises(ConfigError, match="none came"):
        new_key("secret", [], "page", 0)
    told, key = new_key("secret", ["admin"], "boss", 0)
    assert told not in str(key) and told.startswith(key.id) and len(told) == 67
