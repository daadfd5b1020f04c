"""Tables that somebody brings: piece by piece, looked at, checked, made a run that answers."""

import os
from dataclasses import replace

import pytest

from bowerbird.serving import imports as importing
from bowerbird.serving.service import Settings
from consoles import until
from servers import Clock, serving, write

COLUMNS = {"user": "Kunde", "item": "Artikel", "timestamp": "Wann", "type": "Was"}
CHOICES = {"columns": COLUMNS, "model": "cooccurrence", "without_broken": True}
AT = "/v1/imports/my-shop"


def table(rows=1_500):
    """With a mark of its encoding, semicolons, quoted line ends, and one broken row."""
    lines = "".join(
        f'k{n % 50};"Ding {(n * 7 + n // 50) % 40}\nneu";{1 + n % 28:02}.01.2025 10:{n % 60:02};'
        f"{'purchase' if n % 3 else 'view'}\n"
        for n in range(rows)
    )
    return f"Kunde;Artikel;Wann;Was\n{lines};Ding 1;01.01.2025;view\n".encode("utf-8-sig")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(tmp_path, clock):
    write(tmp_path / "runs" / "first")
    (tmp_path / "runs" / "current").write_text("first\n")
    settings = Settings(10_000, 1e6, import_bytes=1 << 20)
    with serving(tmp_path / "runs", tmp_path, settings, clock=clock) as client:
        client.folder = tmp_path / "data" / "imports"
        yield client


def over(client, kind):
    def ended():
        told = client.get(AT).json()
        return told[kind]["state"] not in ("none", "running") and told

    return until(ended, 60)


def test_from_a_hostile_table_to_a_run_that_answers(client):
    body = table()
    whole = client.put(f"{AT}/events.csv?called=Bestellungen.csv", content=body)
    assert (whole.status_code, whole.json()) == (200, {"size": len(body), "whole": True})
    found = client.get(f"{AT}/events.csv/look").json()
    assert {c["role"]: c["name"] for c in found["columns"] if c["role"]} == COLUMNS
    assert client.post(f"{AT}/check").status_code == 409  # nobody has said what the columns mean
    kept = client.put(AT, json=CHOICES).json()
    assert kept["choices"]["columns"] == COLUMNS
    assert client.post(f"{AT}/check").json()["check"]["state"] == "running"
    assert client.post(f"{AT}/train").status_code == 409  # one after the other
    assert client.delete(AT).status_code == 409
    told = over(client, "check")
    assert told["check"]["state"] == "done", told
    (size,) = [one for one in told["findings"] if one["name"] == "size"]
    assert size["count"] == 1_500 and "50 users" in size["message"]
    (broken,) = client.get(f"{AT}/broken").json()["rows"]
    assert "column Kunde: an id expected" in broken["reason"] and broken["row"] == 1_501
    assert client.post(f"{AT}/train").status_code == 202
    told = over(client, "train")
    assert (told["train"]["state"], told["run"]) == ("done", "my-shop"), told
    assert client.put("/v1/models/current", json={"model": "my-shop"}).status_code == 200
    got = client.post("/v1/recommend", json={"user": "k3"}).json()
    assert got["model"] == "my-shop" and got["rung"] == "personal" and got["items"]
    client.post(f"{AT}/train")
    assert over(client, "train")["run"] == "my-shop-2"  # no run is written over
    assert client.delete(AT).status_code == 204
    assert not (client.folder / "my-shop").exists()


def test_what_is_here_already_need_not_come_again(client):
    body, half = table(), 20_000
    ends = {"Content-Range": f"bytes 0-{half - 1}/{len(body)}"}
    assert client.put(f"{AT}/events.csv", content=body[:half], headers=ends).json() == {
        "size": half, "whole": False}  # fmt: skip
    (file,) = client.get(AT).json()["files"]
    assert (file["size"], file["total"], file["whole"]) == (half, len(body), False)
    assert client.get(f"{AT}/events.csv/look").status_code == 404
    wrong = {"Content-Range": f"bytes 5-{len(body) - 1}/{len(body)}"}
    refused = client.put(f"{AT}/events.csv", content=body[5:], headers=wrong)
    assert refused.status_code == 409 and f"byte {half} expected" in refused.json()["detail"]
    rest = {"Content-Range": f"bytes {half}-{len(body) - 1}/{len(body)}"}
    assert client.put(f"{AT}/events.csv", content=body[half:], headers=rest).json()["whole"]
    assert (client.folder / "my-shop" / "events.csv").read_bytes() == body


@pytest.mark.parametrize(
    "path", ["..%2Fx/events.csv", "my-shop/..%2Fevents.csv", "my-shop/events.exe",
             "MY/events.csv", "my-shop/passwd", ".hidden/events.csv"]
)  # fmt: skip
def test_no_name_leads_out_of_the_folder(client, path):
    assert client.put(f"/v1/imports/{path}", content=b"user,item\n1,2\n").status_code == 422
    assert not client.folder.exists()


def test_too_much_nothing_and_a_full_disk_are_told_in_words(client, monkeypatch):
    large = client.put(f"{AT}/events.csv", content=b"x" * ((1 << 20) + 1))
    assert large.status_code == 413 and "at most 1,048,576 bytes" in large.json()["detail"]
    assert client.put(f"{AT}/events.csv", content=b"").status_code == 422
    wrong = {"Content-Range": "bytes 9-3/4"}
    assert client.put(f"{AT}/events.csv", content=b"x", headers=wrong).status_code == 422
    little = {"Content-Range": "bytes 0-0/1"}
    assert client.put(f"{AT}/events.csv", content=b"xy", headers=little).status_code == 413
    monkeypatch.setattr(importing.shutil, "disk_usage", lambda _: Full)
    full = client.put(f"{AT}/events.csv", content=b"x")
    assert full.status_code == 507 and "room on the disk" in full.json()["detail"]


class Full:
    free = 1000


def test_old_imports_go_when_another_begins(client, clock):
    client.put(f"{AT}/events.csv", content=table(5))
    clock.now = os.stat(client.folder / "my-shop").st_mtime + importing.KEPT_S + 60
    client.put("/v1/imports/next/events.csv", content=table(5))
    assert [one["name"] for one in client.get("/v1/imports").json()["imports"]] == ["next"]


def test_what_cannot_be_learned_from_fails_in_its_own_words(client):
    client.put(f"{AT}/events.csv", content=b"a,b\n1,2\n")
    client.put(AT, json={"columns": {"user": "a", "item": "nothing"}})
    client.post(f"{AT}/train")
    told = over(client, "train")
    assert told["train"]["state"] == "failed"
    assert "column 'nothing' expected" in told["train"]["why"]


def test_a_run_that_is_served_alone_gets_no_neighbour(run, tmp_path):
    with serving(run, tmp_path, replace(Settings(), rate=1e6)) as client:
        client.put(f"{AT}/events.csv", content=table(5))
        client.put(AT, json=CHOICES)
        refused = client.post(f"{AT}/train")
        assert refused.status_code == 422 and "folder of runs" in refused.json()["detail"]
