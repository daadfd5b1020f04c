"""Routes about runs: what each is, is worth, and came from; which answers, and back to before."""

import json
import shutil

import numpy as np
import pytest

from bowerbird.evaluation.bootstrap import intervals
from bowerbird.runs.reporting import Bench, judged_anew, keep
from bowerbird.surfaces.run_folder import load_run
from bowerbird.surfaces.run_reports import values_of
from servers import START, Clock, serving, world, write


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Three runs, two of them judged by the same people."""
    runs = tmp_path_factory.mktemp("judged") / "runs"
    for name, model in (("als", "als"), ("counts", "cooccurrence"), ("old", "popularity")):
        write(runs / name, model=model)
    bench = Bench.of(load_run(runs / "als"), START, lambda news: None)
    for name in ("als", "counts"):
        keep(runs / name, judged_anew(load_run(runs / name), bench, lambda news: None))
    (runs / "current").write_text("als\n")
    return runs


@pytest.fixture
def shop(judged, tmp_path):
    """A server over them."""
    runs = tmp_path / "runs"
    shutil.copytree(judged, runs)
    with serving(runs, tmp_path, clock=Clock()) as client:
        client.runs = runs
        yield client


def test_a_run_is_described(shop):
    told = shop.get("/v1/models/als").json()
    data = world()
    assert (told["model"], told["current"], told["made"]) == ("als", True, START)
    assert told["settings"]["dim"] == 8 and told["parent"] is None and told["recipe"]
    assert (told["events"], told["users"], told["items"]) == (
        len(data.log), len(data.users), len(data.catalog),
    )  # fmt: skip
    assert (told["since"], told["until"]) == (data.log.times.min(), data.log.times.max())
    files = [path.stat().st_size for path in (shop.runs / "als").rglob("*") if path.is_file()]
    assert told["bytes"]["all"] == sum(files) and told["bytes"]["model"] > 0


def test_a_name_is_one_of_those_that_are_there(shop):
    for name in ("nobody", "..", "%2E%2E", "..%2Fals", "als%2F..%2Fcounts", ".promote", "current"):
        for part in ("", "/report", "/verdict"):
            told = shop.get(f"/v1/models/{name}{part}").status_code
            assert told in (404, 405, 422), (name, part)


def test_a_report_is_what_lies_beside_the_run_and_says_why_there_is_none(shop):
    told = shop.get("/v1/models/als/report").json()
    kept = json.loads((shop.runs / "als.report.json").read_text())
    assert told["judged"] == kept["judged"] and told["why"] is None
    none = shop.get("/v1/models/old/report").json()
    assert none["judged"] == [] and "bowerbird judge runs old" in none["why"]
    verdict = shop.get("/v1/models/als/verdict").json()
    assert verdict["verdict"] is None and "no gate has judged it" in verdict["why"]


def test_old_and_broken_folders_are_shown_as_far_as_they_go(shop):
    run = shop.runs / "old"
    facts = json.loads((run / "run.json").read_text())
    kept = {name: facts[name] for name in ("model", "format", "files")}
    (run / "run.json").write_text(json.dumps(kept))
    (run / "log.parquet").write_text("broken")
    told = shop.get("/v1/models/old").json()
    assert told["model"] == "popularity" and told["made"] is None and told["events"] is None
    (shop.runs / "old.gate.json").write_text("{")
    assert "cannot be read" in shop.get("/v1/models/old/verdict").json()["why"]
    gate = {"checks": [], "passed": True, "outcome": "promote"}
    (shop.runs / "old.gate.json").write_text(json.dumps(gate))  # of an older version
    assert shop.get("/v1/models/old/verdict").json()["verdict"]["champion"] is None
    assert shop.get("/v1/lineage").json()["runs"]


def test_the_leaderboard_compares_person_by_person_and_boards_are_apart(shop):
    told = shop.get("/v1/leaderboard").json()
    [board] = told["boards"]
    assert [one["run"] for one in told["unjudged"]] == ["old"] and told["against"] == "als"
    rows = {row["run"]: row for row in board["rows"]}
    assert set(rows) == {"als", "counts", "popularity", "item-item co-occurrence"}
    kept = json.loads((shop.runs / "counts.report.json").read_text())["judged"][0]
    assert {n: rows["counts"][n] for n in ("mean", "low", "high")} == kept["means"]["ndcg@10"]
    assert rows["counts"]["coverage"] == kept["totals"]["coverage@10"]
    key = f"{board['holdout']}/ndcg@10"
    a, b = (values_of(shop.runs / name)[key].astype(float) for name in ("counts", "als"))
    low, high = intervals((a - b)[:, None])[:, 0]
    expected = {"mean": np.nanmean(a - b), "low": low, "high": high}
    assert rows["counts"]["difference"] == pytest.approx(expected)
    assert rows["als"]["difference"] is None and rows["popularity"]["baseline"]
    means = [row["mean"] for row in board["rows"]]
    assert means == sorted(means, reverse=True)
    turned = shop.get("/v1/leaderboard?against=counts").json()["boards"][0]["rows"]
    back = next(row for row in turned if row["run"] == "als")["difference"]["mean"]
    assert back == pytest.approx(-expected["mean"])


def test_other_metrics_and_slices_have_what_is_known_of_them(shop):
    slice_ = kept_slice(shop, "als")
    name = f"{slice_['slice']}: {slice_['group']}"
    told = shop.get("/v1/leaderboard", params={"slice": name}).json()
    assert name in told["slices"] and "recall@10" in told["metrics"]
    row = next(row for row in told["boards"][0]["rows"] if row["run"] == "als")
    assert (row["mean"], row["low"]) == (slice_["means"]["ndcg@10"], slice_["low"])
    assert row["people"] == slice_["users"]
    other = next(row for row in told["boards"][0]["rows"] if row["run"] == "counts")
    assert other["difference"]["mean"] == pytest.approx(other["mean"] - row["mean"], abs=1e-6)
    coverage = shop.get("/v1/leaderboard?metric=coverage@10").json()["boards"][0]["rows"]
    row = next(row for row in coverage if row["run"] == "counts")
    assert row["mean"] > 0 and row["low"] is None and row["difference"] is None
    assert "no value a person" in row["why"]
    assert shop.get("/v1/leaderboard?metric=nonsense").status_code == 422
    assert shop.get("/v1/leaderboard?against=nobody").status_code == 404


def kept_slice(shop, name):
    kept = json.loads((shop.runs / f"{name}.report.json").read_text())["judged"][0]
    return next(one for one in kept["slices"] if one["low"] is not None)


def test_back_to_the_run_before_and_the_books_say_who_and_why(shop):
    assert shop.post("/v1/models/rollback", json={}).status_code == 422
    why = {"model": "counts", "why": "a look at the lists"}
    assert shop.put("/v1/models/current", json=why).json()["model"] == "counts"
    told = shop.get("/v1/lineage").json()
    assert told["before"] == "als" and told["audit"][-1]["why"] == "a look at the lists"
    assert told["audit"][-1]["who"] == "service"
    late = shop.post("/v1/models/rollback", json={"answers": "als"})
    assert late.status_code == 422 and "counts does by now" in late.json()["detail"]
    back = shop.post("/v1/models/rollback", json={"answers": "counts", "why": "odd"})
    assert back.json()["model"] == "als" == (shop.runs / "current").read_text().strip()
    assert shop.get("/v1/health/ready").json()["model"] == "als"
    told = shop.get("/v1/lineage").json()
    assert told["audit"][-1]["what"] == "rolled back" and told["before"] is None
    assert {run["name"]: run["current"] for run in told["runs"]} == {
        "als": True, "counts": False, "old": False,
    }  # fmt: skip


def test_a_run_that_is_served_alone_has_a_lineage_of_one(tmp_path):
    run = write(tmp_path / "only")
    with serving(run, tmp_path) as client:
        told = client.get("/v1/lineage").json()
        assert [one["name"] for one in told["runs"]] == ["only"] and told["before"] is None
        assert client.get("/v1/models/only").json()["current"]
        assert client.post("/v1/models/rollback", json={}).status_code in (422, 503)
