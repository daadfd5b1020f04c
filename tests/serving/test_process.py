"""The server as a process: stopped, killed, two over one store, and a database that goes away."""

import json
import random
import threading
import time

import httpx2
import pytest

from bowerbird.store.opened import open_store
from processes import Process
from servers import ids


def events(n, start=0, **told):
    row = {"user": "u1", "item": "i1", "type": "view", **told}
    return {"events": [{**row, "event_id": str(start + i)} for i in range(n)]}


class Load(threading.Thread):
    """Asks again and again; keeps what came."""

    def __init__(self, url, path="/v1/recommend", body=None):
        super().__init__(daemon=True)
        self.url, self.path, self.body = url, path, body or {"user": "u1", "k": 3}
        self.going, self.told, self.faults = True, [], []

    def run(self):
        with httpx2.Client(timeout=30) as client:
            while self.going:
                try:
                    reply = client.post(self.url + self.path, json=self.body)
                    self.told.append((reply.status_code, reply.json()))
                except httpx2.ConnectError:
                    return  # the door is closed
                except httpx2.HTTPError as error:
                    self.faults.append(error)

    def wait(self, count):
        until = time.monotonic() + 60
        while len(self.told) < count:
            assert self.is_alive() and time.monotonic() < until, (self.faults, len(self.told))
            time.sleep(0.01)

    def stop(self):
        self.going = False
        self.join(30)


def test_told_to_stop_it_answers_what_has_begun_and_refuses_nobody(run, tmp_path):
    with Process(run, tmp_path) as server:
        load = Load(server.url)
        load.start()
        load.wait(20)
        ready = server.ask("GET", "/v1/health/ready")
        assert ready.status_code == 200
        server.stop()
        load.stop()
    assert not load.faults and {status for status, _ in load.told} == {200}
    assert server.facts().served.height == len(load.told)  # none of the lists is lost either


def test_ready_says_no_while_it_stops(run, tmp_path):
    with Process(run, tmp_path) as server:
        server.process.terminate()
        reply = server.ask("GET", "/v1/health/ready")
        while reply.status_code == 200:  # it has not heard yet
            reply = server.ask("GET", "/v1/health/ready")
        assert reply.status_code == 503 and reply.json()["status"] == "stopping"
        assert server.process.wait(30) == 0


def test_a_killed_server_has_lost_no_event_that_it_acknowledged(run, tmp_path):
    taken, rng = set(), random.Random(0)
    for attempt in range(3):
        with Process(run, tmp_path) as server:
            threading.Timer(rng.uniform(0.3, 0.8), server.kill).start()
            start = attempt * 10_000
            try:
                with httpx2.Client() as client:
                    while True:
                        body = events(rng.randint(1, 50), start)
                        reply = client.post(f"{server.url}/v1/events", json=body)
                        assert reply.status_code == 200
                        taken |= {event["event_id"] for event in body["events"]}
                        start += len(body["events"])
            except httpx2.HTTPError:
                pass
    done = server.facts().done["event_id"].to_list()
    assert taken and taken <= set(done) and len(done) == len(set(done))


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
    with Process(run, tmp_path, "--store", database.url) as server:
        load = Load(server.url)
        load.start()
        load.wait(20)
        database.kill()
        load.wait(len(load.told) + 30)
        refused = server.ask("POST", "/v1/events", json=events(1))
        assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1
        database.start()
        until = time.monotonic() + 30
        while load.told[-1][1]["rung"] != "personal":
            assert time.monotonic() < until, load.told[-1]
            time.sleep(0.05)
        assert server.ask("POST", "/v1/events", json=events(1)).json()["accepted"] == 1
        load.stop()
        assert {status for status, _ in load.told} == {200} and not load.faults
        rungs = {told["rung"] for _, told in load.told}
        assert rungs == {"personal", "session"}, rungs
        server.stop()
    with open_store(database.url).database.snapshot() as cursor:
        kept = cursor.rows("SELECT COUNT(*) FROM served")[0][0]
    assert kept >= len(load.told)


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
