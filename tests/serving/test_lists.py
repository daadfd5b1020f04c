"""Lists over HTTP: what is asked, what comes, what is kept of it."""

import threading
import time

import numpy as np
import pytest

from bowerbird.errors import StoreDown
from bowerbird.serving.service import Settings
from servers import START, ids, serving


def ask(client, **told):
    return client.post("/v1/recommend", json=told)


def walk(client, user="new", items=("i0", "i1", "i2")):
    events = [{"user": user, "item": item, "type": "view"} for item in items]
    reply = client.post("/v1/events", json={"events": events})
    assert reply.json()["accepted"] == len(items)


def test_the_next_list_reflects_an_event_accepted_a_moment_ago(client):
    before = ask(client, user="new", k=3)
    assert before.json()["rung"] == "popular"
    walk(client)
    after = ask(client, user="new", k=3)
    assert ids(after)[0] == "i3" and after.json()["rung"] == "personal"
    assert not {"i0", "i1", "i2"} & set(ids(after))


def test_somebody_the_run_knows_goes_on_from_there(client):
    walked = client.service.current.snapshot.run.data.queries().history(0)
    ends = {f"i{(walked[-1] + 1) % 12}", f"i{(walked[0] - 1) % 12}"}  # both are as near
    assert set(ids(ask(client, user="u0", k=2))) == ends
    assert ids(client.get("/v1/users/u0/recommendations?k=1")) == ids(ask(client, user="u0", k=1))


def test_a_session_told_in_the_request_is_enough(client):
    reply = ask(client, items=["i4", {"item": "i5", "type": "view"}, "i6"], k=1)
    assert ids(reply) == ["i7"] and reply.json()["rung"] == "session"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/items/i3/similar",
        "/v1/complements?items=i3,i4",
        "/v1/search?text=thing+number",
        "/v1/popular",
        "/v1/new",
        "/v1/trending",
    ],
)
def test_every_surface_gives_a_list_that_says_what_it_is(client, path):
    more = "&" if "?" in path else "?"
    reply = client.get(f"{path}{more}k=3&fields=title,price")
    told = reply.json()
    assert len(ids(reply)) == 3
    assert told["rec_id"] and told["model"] == "first" and told["rung"] in ("session", "popular")
    for rank, item in enumerate(told["items"], 1):
        assert (
            item["rank"] == rank and item["source"] and item["reason"] and item["propensity"] == 1
        )
        assert item["fields"]["title"] == f"thing number {item['item'][1:]}"
    assert reply.headers["cache-control"] == "no-store"


def test_an_audience_is_people(client):
    told = client.get("/v1/items/i3/audience?k=5").json()
    assert len(told["people"]) == 5 and told["people"][0]["user"].startswith("u")
    assert client.get("/v1/items/none/audience").status_code == 404


def test_several_lists_come_in_the_order_they_were_asked_for(client):
    asks = [{"items": [f"i{n}", f"i{n + 1}"], "k": 2} for n in range(3)]
    reply = client.post("/v1/recommend/batch", json={"requests": asks})
    assert reply.status_code == 200, reply.text
    told = reply.json()["lists"]
    near = [{f"i{(n - 1) % 12}", f"i{n + 2}"} for n in range(3)]  # both ends are as near
    assert [{item["item"] for item in one["items"]} for one in told] == near
    assert len({one["rec_id"] for one in told}) == 3


def test_filters_hold_and_lists_stay_full(client):
    reply = ask(client, user="new", k=5, filter="price < 6", never=["i0", "gone"])
    assert sorted(ids(reply)) == ["i1", "i2", "i3", "i4", "i5"]
    assert set(ids(ask(client, user="u0", k=5, only=["i1", "i9"]))) <= {"i1", "i9"}
    assert all(int(id[1:]) < 6 for id in ids(ask(client, user="u0", scenario="cheap")))


def test_reasons_are_told_when_they_are_asked_for(client):
    walk(client)
    told = ask(client, user="new", k=1, explain=True).json()
    (first,) = told["items"]
    assert {why["item"] for why in first["because"]} <= {"i0", "i1", "i2"}
    assert first["reason"].startswith("because of i")
    assert told["trace"]["candidates"] >= 1


def test_what_went_out_is_kept_as_it_was(client):
    reply = ask(client, user="u0", k=3, session="s1", request="mine").json()
    for _ in range(100):
        kept = client.get(f"/v1/lists/{reply['rec_id']}")
        if kept.status_code == 200:
            break
        time.sleep(0.05)
    told = kept.json()
    assert [slot["item"] for slot in told["slots"]] == [item["item"] for item in reply["items"]]
    assert told["request"] == "mine" and told["session"] == "s1" and told["surface"] == "for-you"
    assert told["time"] == START * 1000 and told["model"] == "first"
    assert told["user"] == client.service.identity.user("u0") != "u0"


@pytest.mark.parametrize(
    ("told", "where", "words"),
    [
        ({"scenario": "nowhere"}, None, "nowhere"),
        ({"k": 0}, "$.k", ">= 1"),
        ({"k": 501}, "$.k", "<= 500"),
        ({"filter": "price <"}, None, "filter"),
        ({"filter": "weight > 3"}, None, "weight"),
        ({"scenario": "similar"}, "$.items", "items expected"),
        ({"scenario": "search"}, "$.text", "text expected"),
        ({"user": "a", "visitor": "b"}, "$.visitor", "both came"),
        ({"user": "a\nb"}, "$.user", "printable"),
        ({"nonsense": 1}, "$", "nonsense"),
        ({"traits": {"age": 3}}, None, "land"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_field(client, told, where, words):
    reply = ask(client, **told)
    assert reply.status_code == 422 and reply.headers["content-type"] == "application/problem+json"
    assert words in reply.json()["detail"] and reply.json().get("field") == where
    assert reply.json()["request_id"] == reply.headers["x-request-id"]


def test_a_store_that_is_down_leaves_the_session_rung_and_then_comes_back(client, monkeypatch):
    walk(client)
    facts = client.service.store.facts

    def down(users, last):
        raise StoreDown("the database does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(type(facts), "histories", lambda self, users, last: down(users, last))
        replies = [ask(client, user="u0", k=3) for _ in range(7)]
    assert {reply.json()["rung"] for reply in replies} == {"session"}
    assert replies[0].json()["reason"] == "the store is down"
    assert replies[-1].json()["reason"] == "the store rests after faults"
    client.service.breaker._clock = lambda: time.monotonic() + 6
    back = ask(client, user="new", k=1)
    assert back.json()["rung"] == "personal" and ids(back) == ["i3"]


def test_a_model_that_fails_leaves_what_is_popular_with_the_same_filters(client, monkeypatch):
    encoder = client.service.current.snapshot.run.fitted

    def broken(self, queries):
        raise RuntimeError("no")

    monkeypatch.setattr(type(encoder), "encode_queries", broken)
    reply = ask(client, user="u0", k=3, filter="price >= 6")
    told = reply.json()
    assert told["rung"] == "segment" and "RuntimeError" in told["reason"]
    assert len(ids(reply)) == 3 and all(int(id[1:]) >= 6 for id in ids(reply))


def test_a_deadline_is_kept_with_a_list_from_memory(run, tmp_path, monkeypatch):
    with serving(run, tmp_path, Settings(deadline_ms=50, rate=1e6)) as client:
        held = threading.Event()
        facts = client.service.store.facts
        wait = lambda self, users, last: (held.wait(5), [[]])[1]  # noqa: E731  short
        monkeypatch.setattr(type(facts), "histories", wait)
        reply = ask(client, user="u0", k=3, filter="price >= 6", never=["i9"])
        held.set()
    told = reply.json()
    assert told["rung"] == "baked" and told["reason"] == "the deadline is over"
    assert len(ids(reply)) == 3
    assert all(int(id[1:]) >= 6 and id != "i9" for id in ids(reply))


def test_a_client_may_ask_for_its_own_deadline(client):
    reply = client.post("/v1/recommend", json={"user": "u0"}, headers={"X-Deadline-Ms": "soon"})
    assert reply.status_code == 422 and reply.json()["field"] == "X-Deadline-Ms"
    fine = client.post("/v1/recommend", json={"user": "u0"}, headers={"X-Deadline-Ms": "9000"})
    assert fine.status_code == 200


def test_lists_are_packed_for_those_who_take_them_so(client):
    reply = client.get("/v1/popular?k=12", headers={"Accept-Encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip" and len(ids(reply)) == 12


def test_serving_needs_no_torch(run):
    import subprocess
    import sys

    code = "import sys, bowerbird.serving.app, bowerbird.surfaces.surface;"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_scores_fall_and_numbers_are_plain(client):
    told = ask(client, user="u0", k=6).json()
    scores = [item["score"] for item in told["items"]]
    assert np.all(np.diff(scores) <= 0)


def test_a_scenario_that_takes_long_to_open_keeps_nobody_waiting(client):
    snapshot = client.service.current.snapshot
    with snapshot._making["search"]:
        told = client.get("/v1/search?text=thing&k=3&filter=price>=6").json()
        assert told["rung"] == "baked" and "being opened" in told["reason"]
        assert all(int(item["item"][1:]) >= 6 for item in told["items"])
        assert ask(client, user="u0").json()["rung"] == "personal"
    assert client.get("/v1/search?text=thing&k=3").json()["rung"] == "session"
