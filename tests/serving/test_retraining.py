"""A retrain begun over HTTP: a process of its own, one at a time, and the server follows."""

import time

import pytest

from bowerbird.surfaces.registry import Registry
from processes import PATIENCE_S, Process
from retrains import made


@pytest.fixture
def shop(tmp_path):
    shop = made(tmp_path)
    shop.store.close()
    return shop


def over(server):
    """What came of it, when it is over."""
    until = time.monotonic() + PATIENCE_S
    while (told := server.ask("GET", "/v1/retrain").json())["state"] == "running":
        assert time.monotonic() < until, told
        time.sleep(0.1)
    return told


def test_a_shop_to_which_nothing_has_happened_is_not_learned_from(shop):
    with Process(shop.runs, shop.data) as server:
        assert server.ask("GET", "/v1/retrain").json()["state"] == "none"
        headers = {"Idempotency-Key": "tonight"}
        begun = server.ask("POST", "/v1/retrain", headers=headers)
        assert begun.status_code == 202 and begun.json()["state"] == "running"
        again = server.ask("POST", "/v1/retrain").json()
        assert again["state"] == "running"  # no other begins
        told = over(server)
        assert told["state"] == "refused" and told["words"] and told["run"] is None
        same = server.ask("POST", "/v1/retrain", headers=headers).json()
        assert same["state"] == "refused" and same["ended"] == told["ended"]
        assert server.ask("POST", "/v1/recommend", json={"user": "u1"}).json()["model"] == "first"
    assert [line.what for line in Registry(shop.runs).audit()] == ["refused"]


def test_a_run_that_is_served_alone_cannot_be_retrained(shop):
    with Process(shop.runs / "first", shop.data) as server:
        refused = server.ask("POST", "/v1/retrain")
        assert refused.status_code == 422 and "folder of runs" in refused.json()["detail"]
