"""Both clients against a real process: the main path, and what it refuses."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from bowerbird import AsyncClient, Client, DataError, Refused, Unreachable
from bowerbird.client.tries import Patience


@pytest.fixture
def client(process):
    with Client(process.url) as client:
        yield client


def walk(user, items=("i0", "i1", "i2"), **more):
    return [{"user": user, "item": item, "type": "view", **more} for item in items]


def test_a_list_reflects_what_was_told_a_moment_ago(client):
    assert client.lists.recommend(user="walker", k=3).rung == "popular"
    taken = client.events.done(walk("walker"))
    assert (taken.accepted, taken.rows) == (3, ())
    got = client.lists.recommend(user="walker", k=3, fields=["title"])
    assert got.rung == "personal" and len(got) == 3
    first = next(iter(got))
    assert first.item == "i3" and first.fields == {"title": "thing number 3"}
    assert [item.rank for item in got] == [1, 2, 3]


def test_every_surface_gives_its_list(client):
    lists = client.lists
    asked = [
        lists.similar("i3", k=2),
        lists.goes_with(["i3", {"item": "i4", "type": "cart"}], k=2),
        lists.search("thing number", k=2),
        lists.popular(k=2),
        lists.new(k=2, filter="price < 6"),
        lists.trending(k=2, never=["i1"]),
        *lists.recommend_each([{"user": "u0", "k": 2}, {"items": ["i1"], "k": 2}]).lists,
    ]
    assert [len(one) for one in asked] == [2] * 8
    names = ["similar", "goes-with", "search", "popular", "new", "trending", "for-you", "for-you"]
    assert [one.scenario for one in asked] == names
    assert lists.similar("i3", scenario="home", k=1).scenario == "home"
    assert [one.rank for one in lists.audience("i3", k=4).people] == [1, 2, 3, 4]


def test_a_vector_that_was_kept_is_asked_with_in_place_of_its_person(client):
    got = client.service.vectors(users=["u0", "nobody"], sessions=[["i3", {"item": "i4"}]])
    assert got.dim == len(got.users[0]) == len(got.sessions[0]) and got.users[1] is None
    kept = client.lists.recommend(vector=got.users[0], space=got.space, k=3)
    assert kept.rung == "session" and len(kept) == 3
    with pytest.raises(Refused, match="a vector of space") as refused:
        client.lists.recommend(vector=got.users[0], space="another")
    assert refused.value.status == 409 and refused.value.field == "$.space"


def test_a_list_that_went_out_and_what_was_seen_of_it(client):
    got = client.lists.recommend(user="seer", k=2)
    shown = {"user": "seer", "item": got.items[0].item, "rec_id": got.rec_id, "position": 1}
    assert client.events.seen([shown]).accepted == 1
    click = {**shown, "type": "click", "time": datetime(2026, 11, 1, tzinfo=UTC)}
    del click["position"]
    assert client.events.done([click]).accepted == 1
    newest = client.events.newest(limit=1).events[0]
    assert (newest["type"], newest["rec_id"]) == ("click", got.rec_id)
    assert newest["time"] == 1_793_491_200_000 and len(newest["event_id"]) == 36


def test_the_same_event_counts_once_and_a_bad_row_spoils_no_other(client):
    (event,) = walk("repeater", ["i1"], event_id="r1", time=1_795_000_000_000)
    assert client.events.done([event]).accepted == 1
    taken = client.events.done([event, {**event, "item": "i2"}, *walk("", ["i1"])])
    assert (taken.accepted, taken.duplicate, taken.conflict, taken.rejected) == (0, 1, 1, 1)
    assert [row.outcome for row in taken.rows] == ["duplicate", "conflict", "rejected"]


def test_items_are_added_changed_shown_and_taken_out(client):
    items = client.items
    assert items.put("new thing/ü", {"title": "New", "price": 3.5, "tags": ["x"]}).written == 1
    assert items.put_each({"a": {"title": "A"}, "b": {"title": "B"}}).written == 2
    assert items.change("a", {"price": 1, "title": None}).written == 1
    assert items.get("a").fields == {"price": 1}
    assert items.get("new thing/ü").fields["tags"] == ["x"]
    items.delete("b")
    with pytest.raises(Refused, match="404: an item expected, 'b'"):
        items.get("b")
    page = items.page(limit=5)
    assert [thing.id for thing in page.things] == [f"i{n}" for n in range(5)]
    assert items.page(limit=5, after=page.after).things[0].id == "i5"


def test_people_are_described_joined_exported_and_erased(client):
    users = client.users
    assert users.put("p/1", {"land": "de"}).written == 1
    assert users.put_each({"p2": {"land": "fr"}}).written == 1
    users.change("p2", {"land": None, "age": 30})
    assert users.get("p2").fields == {"age": 30}
    visit = {"visitor": "v1", "item": "i5", "type": "view"}
    client.events.done([visit])
    assert users.merge("p/1", visitor="v1").merged is True
    assert len(users.export("p/1")["done"]) == 1
    receipt = users.delete("p/1")
    assert receipt.deleted and receipt.rows["done"] == 1 and receipt.models == ()
    assert users.export("p/1")["done"] == []


def test_what_the_service_refuses_says_why_and_where(client):
    with pytest.raises(Refused) as told:
        client.lists.recommend(user="u0", k=0)
    refused = told.value
    assert (refused.status, refused.field) == (422, "$.k") and ">= 1" in refused.detail
    assert refused.request_id and str(refused) == f"422: $.k: {refused.detail}"
    with pytest.raises(DataError, match="zone"):
        client.events.done(walk("u0", time=datetime(2026, 1, 1)))  # noqa: DTZ001  without a zone on purpose


def test_the_same_calls_are_awaited(process):
    async def main():
        async with AsyncClient(process.url) as client:
            await client.events.done(walk("late walker"))
            asked = [client.lists.recommend(user="late walker", k=1) for _ in range(5)]
            lists = await asyncio.gather(*asked)
            with pytest.raises(Refused) as told:
                await client.users.get("nobody")
            return lists, (await client.service.ready()).status, told.value.status

    lists, status, refused = asyncio.run(main())
    assert [one.items[0].item for one in lists] == ["i3"] * 5
    assert len({one.rec_id for one in lists}) == 5 and (status, refused) == ("ok", 404)


def test_the_service_tells_how_it_is(client):
    service = client.service
    assert service.ready().model == "first" and service.models().models[0].current
    assert service.scenarios().scenarios["cheap"]["filter"] == "price < 6"
    assert service.use_model("first").status == "ok"
    with pytest.raises(Refused, match="404"):
        service.use_model("none")


def test_nobody_there_is_told_after_the_last_try():
    waits = []
    patience = Patience(tries=3, draw=lambda: 1.0)
    with (
        Client("http://127.0.0.1:9", patience=patience, sleep=waits.append) as client,
        pytest.raises(Unreachable, match=r"http://127.0.0.1:9, ConnectError: .*: does it run\?"),
    ):
        client.service.ready()
    assert waits == [0.1, 0.2]


def test_the_client_loads_nothing_heavy():
    heavy = "numpy polars torch pydantic scipy starlette bowerbird.data bowerbird.serving"
    code = "import sys; from bowerbird.client.client import Client;"
    code += f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
