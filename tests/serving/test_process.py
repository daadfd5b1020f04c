"""The server as a process: stopped, killed, two over one store, and a database that goes away."""

import json
import time

import pytest

from callers import Asker
from live_facts import emptied
from outages import Outages
from processes import Process
from servers import ids


def test_told_to_stop_it_answers_what_has_begun_and_refuses_nobody(run, tmp_path):
    with Process(run, tmp_path) as server:
        load = Asker(server.url)
        load.start()
        load.wait(20)
        ready = server.ask("GET", "/v1/health/ready")
        assert ready.status_code == 200
        server.stop()
        load.stop()
    assert not load.faults and {told.status for told in load.told} == {200}
    assert server.facts().served.height == len(load.told)  # none of the lists is lost either


def test_ready_says_no_while_it_stops(run, tmp_path):
    with Process(run, tmp_path) as server:
        server.process.terminate()
        reply = server.ask("GET", "/v1/health/ready")
        while reply.status_code == 200:  # it has not heard yet
            reply = server.ask("GET", "/v1/health/ready")
        assert reply.status_code == 503 and reply.json()["status"] == "stopping"
        assert server.process.wait(30) == 0


def test_what_one_server_takes_another_over_the_same_store_knows(run, tmp_path):
    with Process(run, tmp_path) as one, Process(run, tmp_path) as other:
        for item in ("i0", "i1", "i2"):
            one.ask("POST", "/v1/events", json={"user": "n", "item": item, "type": "view"})
        reply = other.ask("POST", "/v1/recommend", json={"user": "n", "k": 1})
        assert ids(reply) == ["i3"]
        assert one.ask("DELETE", "/v1/items/i3").status_code == 204
        until = time.monotonic() + 20
        while "i3" in ids(other.ask("POST", "/v1/recommend", json={"user": "n", "k": 3})):
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_port_that_is_taken_is_told(run, tmp_path):
    with Process(run, tmp_path) as server, pytest.raises(AssertionError, match="a free port"):
        Process(run, tmp_path, port=server.port)


def test_a_database_that_dies_and_comes_back_is_no_fault_of_lists(run, tmp_path, database):
    emptied(database.url)
    outages = Outages(run, tmp_path, database)
    outages.whole(up_s=0.5, downs_s=[2.0])
    lists, events = outages.counted().values()
    assert not outages.faults
    assert lists["up"].keys() == {"200 personal"} and lists["down"].keys() == {"200 session"}
    assert lists["between"].keys() <= {"200 personal", "200 session"}
    assert events["up"].keys() == {"200"} and events["down"].keys() == {"503"}
    assert max(outages.back_s["personal list"]) < 10


def test_lines_of_the_log_are_json_and_name_nobody(run, tmp_path):
    with Process(run, tmp_path) as server:
        server.ask("POST", "/v1/recommend", json={"user": "me@example.org"})
        server.ask("GET", "/v1/users/me@example.org/recommendations")
        server.ask("GET", "/nowhere/me@example.org")
        server.stop()
        told = [json.loads(line) for line in server.told if line.startswith("{")]
    assert [line["route"] for line in told if "route" in line] == [
        "POST /v1/recommend",
        "GET /v1/users/{user}/recommendations",
    ]
    assert "me@example.org" not in "".join(server.told)
