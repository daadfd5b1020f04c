"""From one file to PostgreSQL while events come in, as docs/to-postgresql.md tells it."""

import shutil
import threading
import time
from contextlib import closing

import httpx2
import pytest

from bowerbird.cli.main import run as command
from bowerbird.store.opened import open_store
from live_facts import emptied
from processes import PATIENCE_S, Process
from servers import ids


class Shop(threading.Thread):
    """A client that sends each event until it is acknowledged, then the next."""

    def __init__(self, name, url):
        super().__init__(daemon=True)
        self.shop, self.url = name, url
        self.going, self.taken, self.again, self.faults = True, [], 0, []

    def run(self):
        number = 0
        while self.going:
            names = [f"{self.shop}-{number + row}" for row in range(5)]
            rows = [
                {"event_id": name, "user": f"u{number % 20}", "item": "i1", "type": "view",
                 "time": 1_700_000_000_000 + number + row}
                for row, name in enumerate(names)
            ]  # fmt: skip
            while not self._sent({"events": rows}):
                self.again += 1
                time.sleep(0.05)
            self.taken += names
            number += len(names)

    def _sent(self, body):
        """Nobody knows what was done when no answer came: it is sent again as it was."""
        try:
            reply = httpx2.post(f"{self.url}/v1/events", json=body, timeout=PATIENCE_S)
        except httpx2.HTTPError:
            return False
        told = reply.json()
        if reply.status_code == 200 and (told["conflict"] or told["rejected"]):
            self.faults.append(told)
        return reply.status_code == 200

    def wait(self, more):
        """Until so many more have been acknowledged."""
        until, wanted = time.monotonic() + PATIENCE_S, len(self.taken) + more
        while len(self.taken) < wanted:
            assert self.is_alive() and time.monotonic() < until, len(self.taken)
            time.sleep(0.01)


def store(*words):
    """`bowerbird store …`"""
    assert command(["store", *map(str, words)]) == 0


def counts(where):
    with closing(open_store(where)) as kept:
        return kept.facts.counts()


@pytest.fixture
def shops(run, tmp_path, database):
    """Three shops that send events to a server with the embedded store; the empty database."""
    with Process(run, tmp_path / "data") as server:
        shops = [Shop(f"shop{n}", server.url) for n in range(3)]
        for shop in shops:
            shop.start()
        yield shops, server, emptied(database.url)
        for shop in shops:
            shop.going = False
            shop.join(PATIENCE_S)


def copied(server, tmp_path, url, name):
    store("export", "--out", tmp_path / name, "--data", server.data)
    store("import", tmp_path / name, "--store", url)


def check(shops, url, others=()):
    """Every event that was acknowledged is there, once, and the others are."""
    for shop in shops:
        shop.going = False
        shop.join(PATIENCE_S)
        assert not shop.is_alive() and not shop.faults
    with closing(open_store(url)) as kept:
        there = kept.facts.frames().done["event_id"].to_list()
    taken = {name for shop in shops for name in shop.taken} | set(others)
    assert len(taken) > 100 and len(there) == len(set(there))
    assert taken == set(there)


def test_a_move_with_a_pause_loses_no_event_and_doubles_none(run, tmp_path, shops):
    shops, server, url = shops
    shops[0].wait(50)
    listed = server.ask("POST", "/v1/recommend", json={"user": "u1", "k": 3}).json()
    server.ask("PUT", "/v1/items/i2", json={"fields": {"price": 1}})
    copied(server, tmp_path, url, "first")
    server.ask("PUT", "/v1/items/i2", json={"fields": {"price": 2}})
    server.ask("DELETE", "/v1/items/i3")
    server.ask("PUT", "/v1/users/gone", json={"fields": {"land": "de"}})
    shops[0].wait(50)
    server.stop()
    copied(server, tmp_path, url, "second")
    assert counts(server.data) == counts(url)
    assert all(shop.again for shop in shops)  # the door is closed: they keep what they have
    with Process(run, server.data, "--store", url, port=server.port) as new:
        for shop in shops:
            shop.wait(50)
        check(shops, url)
        assert new.ask("GET", f"/v1/lists/{listed['rec_id']}").json()["rung"] == listed["rung"]
        assert new.ask("GET", "/v1/items/i2").json()["fields"] == {"price": 2}
        assert new.ask("GET", "/v1/items/i3").status_code == 404
        assert new.ask("GET", "/v1/users/gone").json()["fields"] == {"land": "de"}
        new.stop()


def test_a_move_without_a_pause_loses_no_event_and_doubles_none(run, tmp_path, shops):
    shops, server, url = shops
    for item in ("i0", "i1", "i2"):
        server.ask("POST", "/v1/events", json={"user": "early", "item": item, "type": "view"})
    copied(server, tmp_path, url, "first")
    for item in ("i6", "i7", "i8"):
        told = {"visitor": "late", "item": item, "type": "view", "event_id": f"late-{item}"}
        server.ask("POST", "/v1/events", json=told)
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(server.data / "identity.key", tmp_path / "elsewhere")
    with Process(run, tmp_path / "elsewhere", "--store", url) as new:
        for shop in shops:
            shop.wait(10)
            shop.url = new.url
        assert ids(new.ask("POST", "/v1/recommend", json={"user": "early", "k": 1})) == ["i3"]
        gone = new.ask("DELETE", "/v1/users/early").json()
        assert gone["rows"]["done"] == 3
        for shop in shops:
            shop.wait(20)
        server.stop()
        copied(server, tmp_path, url, "second")
        assert ids(new.ask("POST", "/v1/recommend", json={"visitor": "late", "k": 1})) == ["i9"]
        told = new.ask("POST", "/v1/recommend", json={"user": "early", "k": 1}).json()
        assert told["rung"] == "popular"  # nobody comes back who was deleted meanwhile
        check(shops, url, [f"late-{item}" for item in ("i6", "i7", "i8")])
        new.stop()
