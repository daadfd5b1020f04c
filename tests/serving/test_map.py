"""The map over HTTP: places, colours, true neighbours, a way; made by a process of its own."""

import base64

import numpy as np
import pytest

from bowerbird.evaluation.layout import Ways
from bowerbird.runs.mapping import mapped
from bowerbird.serving.map_colours import NOTHING, OTHERS, coloured
from bowerbird.surfaces.kept_map import FOLDER, PLACES, kept_map
from bowerbird.surfaces.run_folder import load_run
from consoles import until
from servers import START, Clock, serving, write


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of twelve items with maps, and one that cannot have any."""
    folder = tmp_path_factory.mktemp("maps")
    for name in ("old", "new"):
        run = load_run(write(folder / name, seed={"old": 0, "new": 1}[name]))
        mapped(run, Ways(), folder / "old" if name == "new" else None)
    write(folder / "counted", model="cooccurrence")
    (folder / "current").write_text("new\n")
    return folder


@pytest.fixture
def client(runs, tmp_path):
    with serving(runs, tmp_path, clock=Clock()) as client:
        yield client


def points(client, query=""):
    reply = client.get(f"/v1/map/points{query}")
    assert reply.status_code == 200 and reply.headers["content-type"] == "application/octet-stream"
    return np.frombuffer(reply.content, "<f4").reshape(-1, 2)


def test_it_says_what_there_is(client):
    told = client.get("/v1/map").json()
    assert (told["run"], told["state"], told["method"], told["placed"]) == (
        "new",
        "there",
        "pca",
        12,
    )
    assert (told["like"], told["begun_with"]) == (None, 0)  # 12 items are too few to begin with
    assert told["others"] == [{"run": "old", "method": "pca", "like": None}]
    names = {one["name"]: one["kind"] for one in told["colours"]}
    assert names == {"kind": "labels", "tags": "labels", "price": "steps", "popularity": "steps",
                     "age": "steps"}  # fmt: skip
    assert told["making"]["state"] == "none"


def test_places_are_numbers_in_the_order_of_rows(client, runs):
    assert points(client).tobytes() == kept_map(runs / "new").places.tobytes()
    assert points(client, "?run=old").tobytes() == kept_map(runs / "old").places.tobytes()
    assert client.get("/v1/map/points?run=nothing").status_code == 404
    told = client.get("/v1/map/points?run=counted")
    assert told.status_code == 404 and "no map yet" in told.json()["detail"]


def test_what_is_deleted_has_no_place_and_no_name(client):
    assert client.delete("/v1/items/i4").status_code == 204
    places = points(client)
    assert np.flatnonzero(np.isnan(places[:, 0])).tolist() == [4]
    assert client.get("/v1/map/items?rows=3,4").json()["items"] == [
        {"row": 3, "item": "i3", "title": "thing number 3", "placed": True}
    ]
    assert client.get("/v1/map/near?item=i4").status_code == 404
    found = client.get("/v1/map/near?item=i3&k=20").json()["neighbours"]
    assert "i4" not in [one["item"] for one in found] and len(found) == 10


def codes(told):
    return np.frombuffer(base64.b64decode(told["codes"]), np.uint8)


def test_colours_are_labels_or_steps_with_their_counts(client):
    told = client.get("/v1/map/colours?by=kind").json()
    assert [(s["code"], s["label"], s["count"]) for s in told["legend"]] == [
        (0, "a", 6),
        (1, "b", 6),
    ]
    assert codes(told).tolist() == [1, 0] * 6
    told = client.get("/v1/map/colours?by=price").json()
    assert told["kind"] == "steps" and sum(s["count"] for s in told["legend"]) == 12
    assert codes(told)[0] == 0 and codes(told)[-1] == 7 and (np.diff(codes(told)) >= 0).all()
    assert told["legend"][0]["label"].startswith("0") and told["legend"][-1]["label"].endswith("11")
    told = client.get("/v1/map/colours?by=nothing")
    assert told.status_code == 422 and "one of kind, tags, price" in told.json()["detail"]


def test_popularity_is_what_was_met_and_age_since_then(client, runs):
    counts = load_run(runs / "new").data.item_counts()
    told = client.get("/v1/map/colours?by=popularity").json()
    assert codes(told)[counts.argmax()] == 7 and codes(told)[counts.argmin()] == 0
    told = client.get("/v1/map/colours?by=age").json()
    assert {s["label"] for s in told["legend"]} == {"1 d"}  # the world is a day old


def test_labels_without_a_colour_are_others_and_no_label_is_none(client):
    many = [f"k{n:02}" for n in range(9)]
    for n, kind in enumerate([*many, "k00", "k01", None]):
        client.patch(f"/v1/items/i{n}", json={"fields": {"kind": kind}})
    client.service.current.refresh()
    told = coloured(client.service.current.snapshot, "kind", START)
    shades = {shade.label: (shade.code, shade.count) for shade in told.legend}
    assert shades["k00"] == (0, 2) and shades["2 others"] == (OTHERS, 2)
    assert shades["none"] == (NOTHING, 1) and len(told.legend) == 9


def test_items_are_found_by_words_of_title_or_id(client):
    found = client.get("/v1/map/items?find=NUMBER%201").json()
    assert found["found"] == 3 and [one["item"] for one in found["items"]] == ["i1", "i10", "i11"]
    assert client.get("/v1/map/items?find=i7").json()["items"][0]["row"] == 7
    few = client.get("/v1/map/items?find=thing&limit=2").json()
    assert few["found"] == 12 and len(few["items"]) == 2
    assert client.get("/v1/map/items?find=%20").json() == {"items": [], "found": 0}
    assert client.get("/v1/map/items?rows=99,-3,x").status_code == 422
    assert client.get("/v1/map/items?rows=99,-3").json()["items"] == []


def test_neighbours_are_those_of_the_space_with_where_the_map_has_them(client, runs):
    run = load_run(runs / "new")
    vectors = run.fitted.encode_items(run.data.catalog)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit[5]
    told = client.get("/v1/map/near?item=i5&k=4").json()
    right = [row for row in np.argsort(-cosines, kind="stable").tolist() if row != 5][:4]
    assert [one["row"] for one in told["neighbours"]] == right and told["measure"] == "cosine"
    np.testing.assert_allclose([o["score"] for o in told["neighbours"]], cosines[right], rtol=1e-5)
    places = points(client)
    far = np.linalg.norm(places - places[5], axis=1)
    for one in told["neighbours"]:
        assert one["closer"] == (far < far[one["row"]]).sum() - 1
    assert told["near"] == sum(one["closer"] < 4 for one in told["neighbours"])
    assert client.get("/v1/map/near?item=nothing").status_code == 404


def test_a_way_is_what_somebody_did_in_its_order(client, runs):
    event = {"user": "u0", "item": "i9", "type": "click", "time": (START - 5) * 1000}
    assert client.post("/v1/events", json={"events": [event]}).status_code == 200
    told = client.get("/v1/map/path?user=u0").json()
    run = load_run(runs / "new")
    before = run.data.log.items[run.data.log.users == 0].tolist()
    assert [step["row"] for step in told["steps"]] == [*before, 9]
    assert told["steps"][-1]["title"] == "thing number 9"
    assert told["steps"][-1]["time"] == START - 5
    rows = [one["row"] for one in told["nearest"] if one["score"] > 0]
    weights = np.array([one["score"] for one in told["nearest"] if one["score"] > 0])
    middle = weights @ points(client)[rows] / weights.sum()
    np.testing.assert_allclose(told["place"], middle, rtol=1e-4)
    assert len(client.get("/v1/map/path?user=u0&limit=2").json()["steps"]) == 2
    nobody = client.get("/v1/map/path?user=nobody").json()
    assert (nobody["steps"], nobody["place"], nobody["nearest"]) == ([], None, [])


def test_a_model_without_vectors_says_so_and_still_knows_neighbours(runs, tmp_path):
    with serving(runs / "counted", tmp_path) as client:
        told = client.get("/v1/map").json()
        assert told["state"] == "no vectors" and "compares items" in told["why"]
        assert client.post("/v1/map").status_code == 409
        found = client.get("/v1/map/near?item=i3").json()
        assert (
            found["measure"] == "the model's own" and found["neighbours"] and found["near"] is None
        )
        assert client.get("/v1/map/path?user=u0").status_code == 409
        assert client.get("/v1/map/items?find=i3").json()["items"][0]["placed"] is False


def test_a_map_is_made_by_a_process_and_followed(tmp_path):
    write(tmp_path / "runs" / "only")
    (tmp_path / "runs" / "current").write_text("only\n")
    with serving(tmp_path / "runs", tmp_path) as client:
        assert client.get("/v1/map").json()["state"] == "none"
        assert client.get("/v1/map/points").status_code == 404
        begun = client.post("/v1/map")
        assert begun.status_code == 202 and begun.json()["making"]["state"] == "running"
        client.post("/v1/map")  # one at a time
        done = until(
            lambda: (told := client.get("/v1/map").json())["state"] == "there" and told, 60
        )
        until(lambda: client.get("/v1/map").json()["making"]["state"] == "done")
        assert done["placed"] == 12 and client.get("/v1/map").json()["making"]["run"] == "only"
        assert len(points(client)) == 12
        (tmp_path / "runs" / "only" / FOLDER / PLACES).write_bytes(b"x")
        client.service.maps._kept.clear()
        assert client.get("/v1/map/points").status_code == 503
        hurt = client.get("/v1/map").json()
        assert hurt["state"] == "none" and "damaged" in hurt["why"]
        client.post("/v1/map")  # mends it
        until(lambda: client.get("/v1/map").json()["making"]["state"] == "done", 60)
        assert len(points(client)) == 12


def test_a_map_that_could_not_be_made_says_why(tmp_path):
    write(tmp_path / "runs" / "only")
    (tmp_path / "runs" / "current").write_text("only\n")
    with serving(tmp_path / "runs", tmp_path) as client:
        (tmp_path / "runs" / "only" / FOLDER).write_text("a file in its place")
        (tmp_path / "runs" / "only" / "users.parquet").unlink()
        client.post("/v1/map")
        failed = until(
            lambda: (m := client.get("/v1/map").json()["making"])["state"] == "failed" and m, 60
        )
        assert "users.parquet: missing" in failed["why"]
