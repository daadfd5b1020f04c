"""Rules looked at and tried before they are kept: on real people, and nothing of it stays."""

import pytest

from servers import ids, serving

SCENARIO = "front"
FRONT = {"surface": "for-you", "k": 4}


def rule(do, **more):
    return {"name": f"to {do}", "do": do, **more}


def kept(client, *rules):
    reply = client.put(f"/v1/scenarios/{SCENARIO}", json={**FRONT, "rules": list(rules)})
    assert reply.status_code == 200, reply.text
    return reply


def checked(client, *rules, **more):
    body = {"scenario": {**FRONT, "rules": list(rules), **more}}
    reply = client.post(f"/v1/scenarios/{SCENARIO}/check", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def previewed(client, *rules, name=SCENARIO, table=FRONT, **more):
    body = {"scenario": {**table, "rules": list(rules)}, **more}
    reply = client.post(f"/v1/scenarios/{name}/preview", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def listed(person, which):
    return [one["item"] for one in person[which]]


def test_a_scenario_tells_its_rules_and_what_they_mean_now(client):
    kept(
        client,
        rule("hide", items="kind = 'a'", audience="land = 'de'"),
        rule("pin", ids=["i7"], **{"from": "2036-01-01"}),
        rule("boost", items="price > 8", until="2020-01-01"),
    )
    told = client.get(f"/v1/scenarios/{SCENARIO}/rules").json()
    assert (told["edit"], told["edited"], told["recipe"], told["file"]) == (1, True, None, None)
    hide, pin, boost = told["rules"]
    assert [one["state"] for one in told["rules"]] == ["on", "waiting", "over"]
    assert (hide["items"], pin["items"], boost["items"]) == (6, 1, 3)
    assert (hide["people"], pin["people"]) == (60, None)
    assert pin["examples"] == [{"id": "i7", "fields": {"title": "thing number 7"}}]
    columns = {one["name"]: one for one in told["items"]}
    assert columns["kind"]["values"] == ["a", "b"] and columns["kind"]["kind"] == "category"
    assert (columns["price"]["low"], columns["price"]["high"]) == (0, 11)
    assert [one["name"] for one in told["people"]] == ["land"]
    assert told["table"]["rules"][0]["audience"] == "land = 'de'"
    assert client.get("/v1/scenarios/cellar/rules").status_code == 404
    home = client.get("/v1/scenarios/home/rules").json()
    assert not home["edited"] and home["recipe"] == {"surface": "for-you", "k": 4} == home["table"]


def test_rules_in_a_file_of_the_recipe_are_told_as_tables(client, tmp_path):
    file = tmp_path / "campaign.toml"
    file.write_text("[[rules]]\nname = 'x'\ndo = 'hide'\nids = ['i1']\nuntil = 2036-01-01\n")
    snapshot = client.service.current.snapshot
    old = snapshot.scenarios["home"]
    scenarios = {**snapshot.scenarios, "home": old.model_copy(update={"rules": str(file)})}
    object.__setattr__(snapshot, "scenarios", scenarios)
    told = client.get("/v1/scenarios/home/rules").json()
    assert told["file"] == str(file)
    made = {"name": "x", "do": "hide", "ids": ["i1"], "until": "2036-01-01"}
    assert told["table"]["rules"] == [made] == [told["rules"][0]["rule"]]


@pytest.mark.parametrize(
    ("table", "field", "detail"),
    [
        ({"do": "hide"}, "items", "either items or ids expected"),
        ({"do": "fly", "ids": ["i1"]}, "do", "input should be 'pin'"),
        ({"do": "hide", "items": "colour = 'red'"}, "items", "'colour' came"),
        ({"do": "hide", "items": "price <"}, "items", "a number or a word in quotes"),
        ({"do": "hide", "ids": ["i99"]}, "ids", "'i99' came"),
        ({"do": "pin", "items": "price < 3"}, "ids", "ids of the items to pin expected"),
        ({"do": "pin", "ids": ["i1"], "position": 0}, "position", "≥ 1 expected, 0 came"),
        ({"do": "boost", "ids": ["i1"], "by": -1}, "by", "a finite number ≥ 0"),
        ({"do": "boost", "ids": ["i1"], "by": "much"}, "by", "'much' came"),
        ({"do": "quota", "ids": ["i1"]}, "least", "least or most expected"),
        ({"do": "quota", "ids": ["i1"], "least": 50}, "least", "at least 4 (k) in all"),
        ({"do": "quota", "ids": ["i1"], "least": 3, "most": 2}, "least", "least ≤ most"),
        ({"do": "hide", "ids": ["i1"], "from": "soon"}, "from", "a moment such as"),
        (
            {"do": "hide", "ids": ["i1"], "from": "2030-01-02", "until": "2030-01-01"},
            "until",
            "later than from",
        ),
        ({"do": "hide", "ids": ["i1"], "audience": "age < 3"}, "audience", "'age' came"),
        ({"do": "hide", "ids": ["i1"], "colour": 1}, "colour", "extra inputs"),
    ],
)
def test_what_is_wrong_is_told_with_its_key_and_is_not_kept(client, table, field, detail):
    told = checked(client, rule("hide", ids=["i2"]), {"name": "wrong", **table})
    good, bad = told["rules"]
    assert good["faults"] == [] and good["items"] == 1
    assert [one["field"] for one in bad["faults"]] == [field]
    assert detail in bad["faults"][0]["detail"]
    assert told["detail"]
    refused = client.put(
        f"/v1/scenarios/{SCENARIO}", json={**FRONT, "rules": [{"name": "wrong", **table}]}
    )
    assert refused.status_code == 422
    assert client.get("/v1/edits").json() == {"edits": []}


def test_what_is_wrong_with_the_scenario_or_with_two_names_is_told_as_well(client):
    assert "k: input should be" in checked(client, k=0)["detail"]
    told = checked(client, rule("hide", ids=["i1"]), rule("hide", ids=["i2"]))
    assert [[f["field"] for f in one["faults"]] for one in told["rules"]] == [["name"], ["name"]]
    assert checked(client, rule("hide", ids=["i1"]))["detail"] is None
    assert checked(client, "nonsense")["rules"][0]["faults"][0]["field"] is None


def test_a_preview_is_what_lists_are_before_and_after_the_change(client):
    kept(client, rule("hide", ids=["i1"]))
    asked = [f"u{u}" for u in range(12)]
    before = {u: ids(client.post("/v1/recommend", json={"scenario": SCENARIO, "user": u}))
              for u in asked}  # fmt: skip
    new = [rule("pin", ids=["i5"], position=2), rule("boost", items="kind = 'b'", by=0.9)]
    told = previewed(client, *new, users=asked)
    assert {p["user"]: listed(p, "before") for p in told["people"]} == before
    kept(client, *new)
    after = {u: ids(client.post("/v1/recommend", json={"scenario": SCENARIO, "user": u}))
             for u in asked}  # fmt: skip
    assert {p["user"]: listed(p, "after") for p in told["people"]} == after
    changed = [u for u in asked if before[u] != after[u]]
    assert [p["user"] for p in told["people"] if p["changed"]] == changed
    total = told["summary"]
    assert (total["lists"], total["changed"]) == (12, len(changed))
    went = sum(len(set(before[u]) - set(after[u])) for u in asked)
    assert (total["came"], total["went"]) == (went, went)
    was, now = (sum(one["score"] for p in told["people"] for one in p[side])
                for side in ("before", "after"))  # fmt: skip
    size = sum(abs(one["score"]) for p in told["people"] for one in p["before"])
    assert total["score"] == pytest.approx((now - was) / size, abs=1e-6)
    assert set(total["rules"]) >= {"to pin", "to boost"}
    for person in told["people"]:
        for one in person["after"]:
            there = one["item"] in before[person["user"]]
            rank = before[person["user"]].index(one["item"]) + 1 if there else None
            assert one["other"] == rank
        pinned = [one for one in person["after"] if one["item"] == "i5"]
        assert all(one["by"][-1] == "to pin" for one in pinned)


def test_what_hides_an_item_is_told_on_both_sides(client):
    first = listed(previewed(client, users=["u0"])["people"][0], "after")[0]
    kept(client)
    told = previewed(client, rule("hide", ids=[first]), users=["u0"])["people"][0]
    assert told["before"][0]["item"] == first and told["before"][0]["hidden"] == "to hide"
    assert told["before"][0]["other"] is None and told["rules"] == ["to hide"]
    kept(client, rule("hide", ids=[first]))
    back = previewed(client, users=["u0"])["people"][0]
    assert back["after"][0]["item"] == first and back["after"][0]["hidden"] == "to hide"


def test_rules_for_some_change_only_their_lists(client):
    kept(client)
    users = [f"u{u}" for u in range(20)]
    german = rule("pin", ids=["i5"], audience="land = 'de'")
    told = previewed(client, german, users=users)
    held = {p["user"] for p in told["people"] if p["rules"]}
    assert held == {u for u in users if int(u[1:]) % 2}
    assert all(not p["changed"] for p in told["people"] if p["user"] not in held)


def test_people_are_drawn_by_a_seed_from_those_who_were_there_and_a_stranger_is_among_them(client):
    event = {"user": "new-one", "item": "i3", "type": "click"}
    client.post("/v1/events", json={"events": [event]})
    one, again = (previewed(client, people=8, seed=1) for _ in range(2))
    assert one == again and one["summary"]["lists"] == 9
    assert one["people"][-1]["user"] is one["people"][-1]["key"] is None
    assert len({p["key"] for p in one["people"]}) == 9
    assert previewed(client, people=8, seed=2)["people"][:8] != one["people"][:8]
    everybody = previewed(client, people=100)["people"]
    live = previewed(client, users=["new-one"])["people"][0]
    known = client.service.current.snapshot.run.data.users
    assert all(p["user"] in known for p in everybody[:-1] if p["user"])
    assert live["key"] == client.service.identity.user("new-one")


def test_nothing_of_a_preview_is_kept_nor_counted(client):
    lists = client.service.store.facts.counts
    before, metrics = lists(), client.get("/metrics").text.count("bowerbird_lists")
    previewed(client, rule("hide", ids=["i1"]))
    checked(client, rule("hide", ids=["i1"]))
    client.service.lists.close()
    assert lists() == before
    assert client.get("/metrics").text.count("bowerbird_lists") == metrics
    assert SCENARIO not in client.get("/v1/scenarios").json()["scenarios"]
    assert client.get("/v1/edits").json() == {"edits": []}


@pytest.mark.parametrize(
    ("table", "more"),
    [
        ({"surface": "similar"}, {}),
        ({"surface": "goes-with"}, {"items": ["i3"]}),
        ({"surface": "search"}, {"text": "thing number 3"}),
        ({"surface": "popular", "segment": "land"}, {}),
        ({"surface": "trending"}, {}),
        ({"surface": "next", "explore": {"epsilon": 0.5}}, {}),
    ],
)
def test_every_surface_can_be_tried(client, table, more):
    name = table["surface"]
    told = previewed(client, rule("hide", ids=["i4"]), name=name, table=table, people=5, **more)
    assert told["people"] and all(p["after"] for p in told["people"])
    assert all("i4" not in listed(p, "after") for p in told["people"])
    if name == "similar":
        assert all(len(p["items"]) == 1 for p in told["people"])  # the last they met


def test_a_preview_that_cannot_be_is_refused(client):
    path = f"/v1/scenarios/{SCENARIO}/preview"
    for told, detail in (
        ({"surface": "audience"}, "gives items"),
        ({"surface": "search"}, "text expected"),
        ({**FRONT, "rules": [rule("hide", items="colour = 'red'")]}, "colour"),
    ):
        reply = client.post(path, json={"scenario": told})
        assert reply.status_code == 422 and detail in reply.json()["detail"]


def test_who_has_not_seen_the_last_change_changes_nothing(client):
    path = f"/v1/scenarios/{SCENARIO}"
    first = kept(client).headers["etag"]
    assert first == '"1"' == client.get(path).headers["etag"]
    client.put("/v1/scenarios/popular", json={"surface": "popular", "k": 3})  # is another's
    seen = {"If-Match": first}
    mine = client.put(path, json={**FRONT, "k": 5}, headers=seen)
    assert mine.status_code == 200 and mine.headers["etag"] == '"3"'
    late = client.put(path, json={**FRONT, "k": 6}, headers=seen)
    assert late.status_code == 412 and "it is 3" in late.json()["detail"]
    assert client.delete(path, headers=seen).status_code == 412
    undo = f"/v1/edits/undo?scenario={SCENARIO}"
    assert client.post(undo, headers=seen).status_code == 412
    assert client.post(undo, headers={"If-Match": '"3"'}).json()["undoes"] == 3
    assert client.get(path).json()["k"] == 4
    wrong = client.put(path, json=FRONT, headers={"If-Match": '"new"'})
    assert wrong.status_code == 422 and wrong.json()["field"] == "If-Match"


def test_a_scenario_is_taken_back_by_itself(client):
    for name, k in ((SCENARIO, 3), ("popular", 5), (SCENARIO, 6)):
        client.put(f"/v1/scenarios/{name}", json={"surface": "popular", "k": k})
    told = client.get(f"/v1/edits?scenario={SCENARIO}").json()["edits"]
    assert [one["number"] for one in told] == [3, 1]
    assert client.post("/v1/edits/undo?scenario=popular").json()["undoes"] == 2
    assert client.get(f"/v1/scenarios/{SCENARIO}").json()["k"] == 6
    assert client.post("/v1/edits/undo").json()["undoes"] == 3
    assert client.post("/v1/edits/undo?scenario=popular").status_code == 409


def test_people_who_were_deleted_are_not_shown(run, tmp_path):
    with serving(run, tmp_path) as client:
        client.delete("/v1/users/u3")
        users = {p["user"] for p in previewed(client, people=100, seed=0)["people"]}
        for seed in range(1, 4):
            users |= {p["user"] for p in previewed(client, people=100, seed=seed)["people"]}
        assert "u4" in users and "u3" not in users
