"""Items and people over HTTP: put, changed, deleted, and what lists make of it."""

import errno
import threading

import pytest

from bowerbird.store.store import Change
from servers import DAY, START, ids, write
from servers import serving as opened


def lists(client, **told):
    return ids(client.post("/v1/recommend", json={"k": 12, **told}))


def test_a_new_item_is_in_lists_after_the_next_look(client):
    put = client.put("/v1/items/i99", json={"fields": {"title": "fresh", "price": 2, "kind": "c"}})
    assert put.json() == {"written": 1}
    assert client.get("/v1/items/i99").json()["fields"]["title"] == "fresh"
    client.service.current.refresh()
    assert "i99" in lists(client, user="new", filter="price < 3", k=12)
    told = client.get("/v1/new?k=12&fields=title,kind").json()["items"]
    assert {"title": "fresh", "kind": "c"} in [item["fields"] for item in told]


def test_what_is_deleted_is_out_of_lists_at_once_and_stays_out(client):
    assert "i3" in lists(client, items=["i1", "i2"])
    assert client.delete("/v1/items/i3").status_code == 204
    assert "i3" not in lists(client, items=["i1", "i2"])
    assert client.get("/v1/items/i3").status_code == 404
    client.service.current.refresh()
    assert "i3" not in lists(client, items=["i1", "i2"])
    assert client.delete("/v1/items/i3").status_code == 404
    client.put("/v1/items/i3", json={"fields": {"title": "back", "price": 3}})
    client.service.current.refresh()
    assert "i3" in lists(client, items=["i1", "i2"])


def test_another_price_is_what_filters_see(client):
    client.patch("/v1/items/i11", json={"fields": {"price": 1, "kind": None}})
    client.service.current.refresh()
    assert "i11" in lists(client, filter="price < 2")
    known = client.get("/v1/items/i11").json()["fields"]
    assert known == {"title": "thing number 11", "price": 1, "tags": ["y"]}


def test_a_value_that_does_not_fit_its_column_is_told(client):
    for value, field in ((["a"], "price"), ("x", "price"), (True, "price"), (7, "tags")):
        reply = client.put("/v1/items/i1", json={"fields": {field: value}})
        assert reply.status_code == 422, (field, value)
        assert reply.json()["field"] == f"$.things[0].fields.{field}"
    many = {"things": [{"id": "a"}, {"id": "b\n"}]}
    reply = client.post("/v1/items", json=many)
    assert reply.status_code == 422 and reply.json()["field"] == "$.things[1].id"


def test_a_time_that_is_none_is_told_and_not_kept(client):
    reply = client.put("/v1/items/i1", json={"fields": {"available_from": "some day"}})
    assert reply.status_code == 422 and "'some day' is no time" in reply.json()["detail"]
    client.service.current.refresh()
    assert client.service.store.items.get(["i1"]) == [None]


@pytest.mark.parametrize("values", [(3, ["a"]), ("red", [1.5]), ([1.5, 2.5], [1.5])])
def test_what_does_not_fit_together_keeps_nothing_else_out(run, tmp_path, values):
    with opened(run, tmp_path) as client:
        for number, value in enumerate(values):
            client.put(f"/v1/items/n{number}", json={"fields": {"shade": value}})
        client.delete("/v1/items/i3")
        client.service.current.refresh()
        shown = lists(client, user="new", k=100)
        assert "n0" in shown and "n1" not in shown and "i3" not in shown
        client.put("/v1/items/n1", json={"fields": {"shade": values[0]}})
        client.service.current.refresh()
        assert "n1" in lists(client, user="new", k=100)
        client.service.store.items.put([Change("n2", {"shade": values[1]})])
    with opened(run, tmp_path) as client:
        shown = lists(client, user="new", k=100)
        assert "n1" in shown and "n2" not in shown


def test_items_are_listed_page_by_page(client):
    client.post("/v1/items", json={"things": [{"id": "z1", "fields": {"price": 1}}]})
    client.delete("/v1/items/i4")
    client.service.current.refresh()
    found, after = [], ""
    while after is not None:
        page = client.get(f"/v1/items?limit=5&after={after}").json()
        found += [thing["id"] for thing in page["things"]]
        after = page["after"]
    assert found == [f"i{n}" for n in range(12) if n != 4] + ["z1"]


def test_what_has_not_changed_is_not_sent_again(client):
    first = client.get("/v1/items/i1")
    again = client.get("/v1/items/i1", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    client.patch("/v1/items/i1", json={"fields": {"price": 100}})
    changed = client.get("/v1/items/i1", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200 and changed.json()["fields"]["price"] == 100


def test_what_is_known_of_people_is_put_changed_and_read(client):
    assert client.get("/v1/users/me@example.org").status_code == 404
    client.put("/v1/users/me@example.org", json={"fields": {"land": "de"}})
    client.patch("/v1/users/me@example.org", json={"fields": {"tier": "gold"}})
    assert client.get("/v1/users/me@example.org").json()["fields"] == {"land": "de", "tier": "gold"}
    assert "example" not in str(client.service.store.users.page("", 10))


def test_a_deleted_person_is_gone_at_once_and_gets_a_receipt(client):
    before = lists(client, user="u0", k=3)
    events = [{"user": "u0", "item": "i5", "type": "view"}]
    client.post("/v1/events", json={"events": events})
    receipt = client.delete("/v1/users/u0").json()
    assert receipt["deleted"] and receipt["rows"]["done"] == 1
    assert receipt["models"] == ["first"] and receipt["at"] == START * 1000
    told = client.post("/v1/recommend", json={"user": "u0", "k": 3}).json()
    assert told["rung"] == "popular" and [i["item"] for i in told["items"]] != before
    export = client.get("/v1/users/u0/export").json()
    assert "i5" not in str(export)
    assert not client.delete("/v1/users/u0").json()["rows"].get("done")


def test_a_deletion_outlives_a_restart(run, tmp_path):
    with opened(run, tmp_path) as client:
        client.service.clock.now += DAY
        client.delete("/v1/users/u0")
    with opened(run, tmp_path) as client:
        told = client.post("/v1/recommend", json={"user": "u0", "k": 3}).json()
        assert told["rung"] == "popular"
        assert client.post("/v1/recommend", json={"user": "u1"}).json()["rung"] == "personal"


def test_a_deletion_outlives_what_changes_in_the_catalog(client):
    client.delete("/v1/users/u0")
    client.service.current.refresh()
    client.service.clock.now += DAY
    client.service.current.refresh()
    client.put("/v1/items/i99", json={"fields": {"price": 2}})
    client.service.current.refresh()
    assert client.post("/v1/recommend", json={"user": "u0"}).json()["rung"] == "popular"


def test_all_names_of_a_deleted_person_are_gone_at_once(client):
    audience = "/v1/items/i0/audience?k=500"
    name = client.get(audience).json()["people"][0]["user"]
    assert client.post("/v1/users/me/merge", json={"user": name}).json() == {"merged": True}
    client.delete("/v1/users/me")
    assert client.post("/v1/recommend", json={"user": name}).json()["rung"] == "popular"
    people = client.get(audience).json()["people"]
    assert name not in [one["user"] for one in people]
    assert [one["rank"] for one in people] == [*range(1, len(people) + 1)]
    assert client.get("/v1/items/i0/audience?k=3").json()["people"] == people[:3]


def test_an_export_holds_all_of_a_person(client):
    client.put("/v1/users/me", json={"fields": {"land": "de"}})
    client.post("/v1/events", json={"user": "me", "item": "i1", "type": "view"})
    told = str(client.get("/v1/users/me/export").json())
    assert "i1" in told and "de" in told


def test_a_visitor_who_logs_in_brings_what_they_did(client):
    for item in ("i0", "i1", "i2"):
        client.post("/v1/events", json={"visitor": "v", "item": item, "type": "view"})
    assert client.post("/v1/recommend", json={"user": "me"}).json()["rung"] == "popular"
    assert client.post("/v1/users/me/merge", json={"visitor": "v"}).json() == {"merged": True}
    reply = client.post("/v1/recommend", json={"user": "me", "k": 1})
    assert ids(reply) == ["i3"] and reply.json()["rung"] == "personal"
    assert client.post("/v1/users/me/merge", json={"visitor": "v"}).json() == {"merged": False}
    assert client.post("/v1/users/me/merge", json={}).status_code == 422


@pytest.fixture
def runs(tmp_path):
    write(tmp_path / "runs" / "one")
    write(tmp_path / "runs" / "two", "popularity")
    (tmp_path / "runs" / "current").write_text("one\n")
    return tmp_path / "runs"


def test_another_run_takes_over_and_says_so(runs, tmp_path):
    with opened(runs, tmp_path) as client:
        found = client.get("/v1/models").json()["models"]
        assert [(m["name"], m["current"]) for m in found] == [("one", True), ("two", False)]
        assert {m["made"] for m in found} == {"2026-11-18T11:06:40+00:00"}
        assert client.get("/v1/popular").json()["model"] == "one"
        assert client.put("/v1/models/current", json={"model": "two"}).json()["model"] == "two"
        assert client.get("/v1/popular").json()["model"] == "two"
        assert (runs / "current").read_text() == "two\n"
        assert client.put("/v1/models/current", json={"model": "../x"}).status_code == 404
        (runs / "current").write_text("one\n")
        client.service.current.refresh()
        assert client.get("/v1/popular").json()["model"] == "one"


def test_another_run_of_a_folder_that_cannot_be_written_is_named_elsewhere(
    runs, tmp_path, monkeypatch
):
    def read_only(path):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with opened(runs, tmp_path) as client:
        monkeypatch.setattr("bowerbird.store.written.whole", read_only)
        refused = client.put("/v1/models/current", json={"model": "two"})
        assert refused.status_code == 422 and "where they are made" in refused.json()["detail"]
        assert client.get("/v1/popular").json()["model"] == "one"


def test_a_look_that_fails_is_not_the_last(runs, tmp_path, monkeypatch):
    with opened(runs, tmp_path) as client:
        current, looked, failed = client.service.current, threading.Event(), []
        refresh = current.refresh

        def look():
            if not failed:
                failed.append(True)
                raise RuntimeError("no")
            refresh()
            looked.set()

        monkeypatch.setattr(current, "refresh", look)
        (runs / "current").write_text("two\n")
        current.watch(0.01)
        assert looked.wait(20) and failed
        assert client.get("/v1/popular").json()["model"] == "two"


def test_what_was_deleted_and_put_again_is_there_when_another_run_takes_over(runs, tmp_path):
    with opened(runs, tmp_path) as client:
        client.delete("/v1/items/i3")
        client.put("/v1/items/i3", json={"fields": {"price": 3}})
        client.put("/v1/models/current", json={"model": "two"})
        assert "i3" in lists(client, user="new")


def test_a_run_that_is_damaged_does_not_take_over(runs, tmp_path):
    from bowerbird.errors import ArtifactError

    with opened(runs, tmp_path) as client:
        (runs / "two" / "items.parquet").write_bytes(b"no")
        assert client.put("/v1/models/current", json={"model": "two"}).status_code == 503
        (runs / "current").write_text("two\n")
        with pytest.raises(ArtifactError):
            client.service.current.refresh()
        assert client.get("/v1/popular").json()["model"] == "one"
