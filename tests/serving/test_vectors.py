"""Vectors over HTTP: who has which, and lists for those that somebody has kept."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.errors import StoreDown
from bowerbird.retrieval.models import seeded
from bowerbird.runs.align import aligned
from bowerbird.runs.run import Trained, write_run
from bowerbird.runs.tune import Choice
from bowerbird.serving.guard import PUBLIC, new_key
from bowerbird.surfaces.run_folder import load_run
from bowerbird.surfaces.space import Space, space_of
from servers import RECIPE, START, ids, serving, world, write

DIM = 4


def vectors(client, **told):
    return client.post("/v1/vectors", json=told)


def ask(client, **told):
    return client.post("/v1/recommend", json=told)


def als(seed):
    return seeded("als", seed, dim=DIM)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs: the second turned onto the first, the third somewhere else."""
    folder = tmp_path_factory.mktemp("runs")
    data = world()
    first = load_run(write(folder / "first", dim=DIM))
    fitted, facts = aligned(als(1).fit(data), data, first)
    assert facts["space"]["same"], facts
    for name, made, told in (("second", fitted, facts), ("alone", als(1).fit(data), {})):
        trained = Trained(made, Choice(als(1)), first.fallback)
        about = {"model": "als", "seed": 1, "trained_at": START, **told}
        write_run(folder / name, data, trained, about, RECIPE)
    (folder / "current").write_text("first\n")
    return folder


@pytest.fixture
def service(runs, tmp_path):
    (runs / "current").write_text("first\n")
    with serving(runs, tmp_path) as client:
        yield client


def switch(client, name):
    assert client.put("/v1/models/current", json={"model": name}).status_code == 200


def test_people_sessions_and_items_lie_where_the_run_places_them(service):
    run = service.service.current.snapshot.run
    space = Space.of(run)
    told = vectors(service, users=["u3", "u0"], sessions=[["i0", "i1"]], items=["i5"]).json()
    assert told["space"] == space.id and told["dim"] == DIM and told["model"] == "first"
    people = space.of_queries(run.data.queries().take(np.array([3, 0])))
    np.testing.assert_array_equal(np.float32(told["users"]), people)
    np.testing.assert_array_equal(np.float32(told["items"]), space.of_items(["i5"]))
    (session,) = told["sessions"]
    items = np.array(vectors(service, items=[f"i{row}" for row in range(12)]).json()["items"])
    assert np.argmax(items @ session) in (0, 1)


def test_what_somebody_did_a_moment_ago_is_in_their_vector(service):
    before = vectors(service, users=["new"]).json()["users"]
    assert before == [None]
    events = [{"user": "new", "item": item, "type": "view"} for item in ("i0", "i1")]
    service.post("/v1/events", json={"events": events})
    told = vectors(service, users=["new"], sessions=[["i0", "i1"]]).json()
    assert told["users"] == told["sessions"] != [None]
    service.delete("/v1/users/new")
    assert vectors(service, users=["new"]).json()["users"] == [None]


def test_what_is_not_there_has_no_vector(service):
    service.delete("/v1/items/i3")
    told = vectors(service, items=["i3", "i4", "none"], sessions=[[], ["none"]]).json()
    assert [one is None for one in told["items"]] == [True, False, True]
    assert told["sessions"] == [None, None]


def test_a_vector_gives_the_list_its_person_would_get(service):
    history = [f"i{row}" for row in service.service.current.snapshot.run.data.queries().history(0)]
    told = vectors(service, users=["u0"]).json()
    kept = {"vector": told["users"][0], "space": told["space"]}
    plain, by_vector = ask(service, user="u0", k=3), ask(service, items=history, k=3, **kept)
    assert ids(by_vector) == ids(plain) and by_vector.json()["rung"] == "session"
    assert ids(ask(service, k=12, **kept))[0] in history  # nobody knows what they met
    assert all(int(id[1:]) < 6 for id in ids(ask(service, k=4, filter="price < 6", **kept)))
    assert len(ask(service, k=2, explain=True, **kept).json()["items"]) == 2


def test_a_vector_of_an_older_run_of_the_space_is_answered_by_the_next(service):
    told = vectors(service, users=["u0", "u1", "u2"]).json()
    lists = [ids(ask(service, k=3, vector=one, space=told["space"])) for one in told["users"]]
    switch(service, "second")
    after = vectors(service, users=["u0"]).json()
    assert after["model"] == "second" and after["space"] == told["space"]
    assert np.abs(np.subtract(after["users"][0], told["users"][0])).max() < 0.2
    for one, before in zip(told["users"], lists, strict=True):
        reply = ask(service, k=3, vector=one, space=told["space"])
        assert reply.json()["model"] == "second"
        assert len(set(ids(reply)) & set(before)) >= 2


def test_a_vector_of_another_space_is_refused_and_the_reply_says_what_to_do(service):
    told = vectors(service, users=["u0"]).json()
    switch(service, "alone")
    reply = ask(service, vector=told["users"][0], space=told["space"])
    problem = reply.json()
    assert reply.status_code == 409 and problem["field"] == "$.space"
    assert told["space"] in problem["detail"] and "ask for it anew" in problem["detail"]
    new = vectors(service, users=["u0"]).json()
    assert new["space"] != told["space"]
    assert ask(service, vector=new["users"][0], space=new["space"]).status_code == 200


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"vector": [1.0, 2.0]}, "$.vector", "4 numbers expected, 2 came"),
        ({"vector": [1.0, 2.0, 3.0, 1e39]}, "$.vector", "finite"),
        ({"vector": []}, "$.vector", "length >= 1"),
        ({"vector": None}, "$.vector", "one of them came"),
        ({"space": None}, "$.space", "one of them came"),
        ({"user": "u0"}, "$.vector", "two of them came"),
        ({"visitor": "v0"}, "$.vector", "two of them came"),
        ({"scenario": "popular"}, "$.vector", "for-you expected"),
    ],
)
def test_what_cannot_be_meant_is_refused(service, change, where, words):
    told = vectors(service, users=["u0"]).json()
    reply = ask(service, **{"vector": told["users"][0], "space": told["space"], **change})
    assert reply.status_code == 422, reply.text
    assert reply.json()["field"] == where and words in reply.json()["detail"]


def test_a_vector_of_zeros_is_answered_with_what_is_popular(service):
    told = vectors(service, items=["i0"]).json()
    reply = ask(service, vector=[0.0] * DIM, space=told["space"], k=3)
    assert len(ids(reply)) == 3 and reply.json()["rung"] in ("popular", "segment")


def test_a_run_without_one_space_says_so(tmp_path):
    with serving(write(tmp_path / "ease", "ease"), tmp_path) as client:
        reply = vectors(client, users=["u0"])
        assert reply.status_code == 409 and "ease came, which compares items" in reply.text
        reply = ask(client, vector=[1.0], space="0")
        assert reply.status_code == 409 and reply.json()["field"] == "$.space"


def test_of_a_blend_with_other_parts_the_vectors_answer(tmp_path):
    folder = write(tmp_path / "blend", "blend", parts="cooccurrence, als(dim=4)", weights="1, 1")
    with serving(folder, tmp_path) as client:
        told = vectors(client, users=["u0"], items=["i0"]).json()
        reply = ask(client, vector=told["users"][0], space=told["space"], k=12)
        scores = {item["item"]: item["score"] for item in reply.json()["items"]}
        expected = np.dot(told["users"][0], told["items"][0])
        assert math.isclose(scores["i0"], expected, rel_tol=1e-5)


def test_of_nobody_there_are_no_vectors_and_each_costs_as_a_list(service):
    assert vectors(service).status_code == 422
    assert vectors(service, users=["u"] * 101).json()["field"] == "$.users"
    reply = vectors(service, items=["i0", " i1"])
    assert reply.status_code == 422 and reply.json()["field"] == "$.items[1]"
    spent = []
    service.service.guard.spend = lambda who, cost=1.0: spent.append(cost)
    vectors(service, users=["u0", "u1"], items=["i0"])
    assert sum(spent) == 3


def test_a_public_key_has_no_use_for_vectors(service):
    told, key = new_key("public", PUBLIC, "page", START * 1000)
    service.service.store.keys.add(key)
    service.service.guard.forget()
    auth = {"Authorization": f"Bearer {told}"}
    assert service.post("/v1/vectors", json={"items": ["i0"]}, headers=auth).status_code == 403
    body = {"vector": [1.0] * DIM, "space": "x"}
    reply = service.post("/v1/recommend", json=body, headers=auth)
    assert reply.status_code == 403 and reply.json()["field"] == "$.vector"


def test_without_the_store_items_have_vectors_and_people_wait(service, monkeypatch):
    facts = service.service.store.facts

    def down(self, users, last):
        raise StoreDown("away")

    monkeypatch.setattr(type(facts), "histories", down)
    assert vectors(service, items=["i0"], sessions=[["i1"]]).status_code == 200
    assert vectors(service, users=["u0"]).status_code == 503


def test_the_name_of_a_space_is_what_run_json_says_where_it_says_so(runs):
    first, second = load_run(runs / "first"), load_run(runs / "second")
    told = json.loads((runs / "second" / "run.json").read_text())["space"]
    assert told["id"] == space_of(first) == space_of(second) and told["parent"] == "first"
    alone = replace(second, facts={k: v for k, v in second.facts.items() if k != "space"})
    assert space_of(alone) != told["id"]
