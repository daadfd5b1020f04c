"""Ids in addresses: whatever can be an id can be asked for by it."""

from urllib.parse import quote

import pytest


@pytest.mark.parametrize("id", ["a/b", "/", "https://shop.example/p?x=1#y", "50%", "a%2Fb", "ü ß"])
def test_any_id_can_stand_in_an_address(client, id):
    path = f"/v1/items/{quote(id, safe='')}"
    assert client.put(path, json={"fields": {"title": "x"}}).status_code == 200
    assert client.get(path).json() == {"id": id, "fields": {"title": "x"}}
    assert client.delete(path).status_code == 204
    person = f"/v1/users/{quote(id, safe='')}"
    client.post("/v1/events", json={"user": id, "item": "i1", "type": "view"})
    assert len(client.get(f"{person}/export").json()["done"]) == 1
    assert client.delete(person).json()["rows"]["done"] == 1


def test_bytes_that_are_no_text_are_told(client):
    reply = client.get("/v1/items/%FF")
    assert reply.status_code == 422 and reply.json()["field"] == "path: item"
