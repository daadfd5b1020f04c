"""Some people get what is popular because chance says so, and it is kept with each list."""

from bowerbird.online.holdout import HELD, SHOWN, arm_of
from bowerbird.serving.snapshot import config_of
from bowerbird.surfaces.scenario import Scenario

ONLINE = "/v1/metrics/online"


def test_who_is_held_out_gets_what_is_popular_and_it_is_kept(client):
    table = {"surface": "for-you", "k": 4, "holdout": 0.5}
    assert client.put("/v1/scenarios/home", json=table).json()["holdout"] == 0.5
    identity = client.service.identity
    arms = {}
    for n in range(12):
        got = client.post("/v1/recommend", json={"scenario": "home", "user": f"u{n}"}).json()
        arms[n] = arm_of(identity.user(f"u{n}"), 0.5)
        assert (got["reason"] == "holdout") == (arms[n] == HELD)
        assert (got["rung"] == "personal") == (arms[n] == SHOWN)
        again = client.post("/v1/recommend", json={"scenario": "home", "user": f"u{n}"}).json()
        assert [i["item"] for i in again["items"]] == [i["item"] for i in got["items"]]
    assert {*arms.values()} == {HELD, SHOWN}
    nobody = client.post("/v1/recommend", json={"scenario": "home", "items": ["i1"]}).json()
    other = client.post("/v1/recommend", json={"scenario": "for-you", "user": "u1"}).json()
    client.service.lists.close()
    facts = client.service.store.facts
    assert facts.served(nobody["rec_id"]).arms == facts.served(other["rec_id"]).arms == {}
    groups = client.get(f"{ONLINE}?by=arm:holdout").json()["groups"][1:]
    lists = {g["group"]["arm:holdout"]: g["figures"]["lists_served"]["value"] for g in groups}
    counts = {arm: 2 * [*arms.values()].count(arm) for arm in (HELD, SHOWN)}
    assert lists == {None: 2, **counts}
    one = client.get(f"{ONLINE}?by=&where=arm:holdout:held").json()["groups"][0]["figures"]
    assert one["lists_served"]["value"] == counts[HELD]


def test_both_arms_are_compared_since_the_share_was_said(client):
    asked = {"scenario": "home", "user": "u1"}
    client.post("/v1/recommend", json=asked)
    client.service.clock.now += 60
    client.put("/v1/scenarios/home", json={"surface": "for-you", "k": 4, "holdout": 0.5})
    said = int(client.service.clock.now * 1000)
    client.service.clock.now += 60
    for n in range(12):
        client.post("/v1/recommend", json={**asked, "user": f"u{n}"})
    client.service.lists.close()
    told = client.get(f"{ONLINE}/holdout").json()
    assert told["set"] == {"home": 0.5} and told["since"] == said
    assert sum(told["people"].values()) == 12
    assert told["shares"]["expected"] == 0.5 and told["shares"]["well"] is True
    assert told["figures"]["buyers"]["difference"]["verdict"] == "too few to say"


def test_of_which_kind_who_asks_is_stands_with_the_list(client):
    client.post("/v1/recommend", json={"user": "u1"})
    client.post("/v1/recommend", json={"user": "u2"})
    client.post("/v1/recommend", json={"user": "nobody ever heard of"})
    client.service.lists.close()
    groups = client.get(f"{ONLINE}?by=segment").json()["groups"][1:]
    assert [one["group"]["segment"] for one in groups] == [None, "de", "fr"]


def test_a_scenario_without_a_holdout_is_called_as_before():
    assert config_of(Scenario()) == config_of(Scenario(holdout=0)) == "cc2808eb9626"
    assert config_of(Scenario(holdout=0.1)) != config_of(Scenario())


def test_what_cannot_be_held_out_is_told(client):
    told = client.put("/v1/scenarios/look", json={"surface": "search", "holdout": 0.1})
    assert told.status_code == 422 and "holdout is a setting of for-you" in told.json()["detail"]
    told = client.put("/v1/scenarios/home", json={"holdout": 1})
    assert told.status_code == 422
