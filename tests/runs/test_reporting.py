"""What is kept beside runs: figures that are the report's own, by holdout, person by person."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.split import ByTime
from bowerbird.errors import DataError
from bowerbird.evaluation.background import Background
from bowerbird.evaluation.offline import evaluate
from bowerbird.retrieval.models import estimator_of
from bowerbird.runs.reporting import MOST, Bench, Window, judged_anew, keep
from bowerbird.surfaces.assemble import recommender_of
from bowerbird.surfaces.run_folder import load_run
from bowerbird.surfaces.run_reports import REPORT, VALUES, beside, judged_in, values_of
from retrains import made
from servers import START, write


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs over one world."""
    folder = tmp_path_factory.mktemp("runs")
    return write(folder / "als"), write(folder / "counts", model="cooccurrence")


def silent(news):
    pass


def test_settings_are_learned_once_more_before_the_cut_and_judged_after_it(runs):
    als, counts = map(load_run, runs)
    bench = Bench.of(als, START, silent)
    found = judged_anew(counts, bench, silent)
    train, holdout = ByTime().split(als.data)
    engine = recommender_of(
        estimator_of("cooccurrence").fit(train), train, counts.fallback, holdout.repeats
    )
    engine = replace(engine, allow=holdout.allow)
    own = evaluate(engine.recommend, holdout, Background.of(train), (10, 20))
    assert found.report.mean("ndcg@10") == own.mean("ndcg@10")
    told = found.to_json()
    assert told["means"] == json.loads(json.dumps(own.to_json()))["means"]
    assert set(told["baselines"]) == {"popularity", "item-item co-occurrence"}
    same = next(iter(told["baselines"]["item-item co-occurrence"]["means"]))
    assert same in told["means"] and told["how"] == "settings"
    assert told["people"] == np.isfinite(own.values["ndcg@10"]).sum()
    for row in told["slices"]:
        if row["low"] is not None:
            assert row["low"] <= row["means"]["ndcg@10"] + 1e-9 <= row["high"] + 2e-9


def test_two_runs_judged_by_one_bench_have_one_holdout_and_the_same_people(runs):
    als, counts = map(load_run, runs)
    bench = Bench.of(als, START, silent)
    for run in (als, counts):
        keep(run.folder, judged_anew(run, bench, silent))
    ones, others = (judged_in(run.folder)[0] for run in (als, counts))
    assert ones[0]["holdout"] == others[0]["holdout"]
    a, b = (values_of(run.folder) for run in (als, counts))
    assert set(a) == set(b) and all(a[key].shape == b[key].shape for key in a)
    key = f"{ones[0]['holdout']}/ndcg@10"
    assert np.nanmean(a[key]) == pytest.approx(ones[0]["means"]["ndcg@10"]["mean"], abs=1e-6)
    keep(als.folder, judged_anew(als, bench, silent))
    assert len(judged_in(als.folder)[0]) == 1  # the same questions: in its place
    assert load_run(als.folder)  # a run never changes


def test_only_the_newest_holdouts_are_kept_with_their_values(runs, tmp_path):
    als = load_run(write(tmp_path / "als"))
    bench = Bench.of(als, START, silent)
    found = judged_anew(als, bench, silent)
    for number in range(MOST + 2):
        window = Window(f"other data {number}", bench.window.split, START + number)
        keep(als.folder, replace(found, window=window))
    told, why = judged_in(als.folder)
    assert [one["at"] - START for one in told] == list(range(MOST + 1, 1, -1)) and why is None
    assert {key.partition("/")[0] for key in values_of(als.folder)} == {
        one["holdout"] for one in told
    }


def test_what_is_missing_or_of_another_version_says_why(runs, tmp_path):
    run = write(tmp_path / "als")
    assert judged_in(run) == ([], f"not judged yet: «bowerbird judge {tmp_path.name} als» does it")
    beside(run, REPORT).write_text('{"format": 9}')
    assert "format 1 expected, 9 came" in judged_in(run)[1]
    beside(run, VALUES).write_text("broken")
    assert values_of(run) == {}


def test_a_model_that_refuses_the_events_says_which_and_why(runs, tmp_path):
    other = write(tmp_path / "other")
    refusing = load_run(runs[0])
    bench = Bench.of(load_run(other), START, silent)
    (refusing.folder / "model" / "estimator.json").write_text('{"kind": "content", "dim": 4}')
    with pytest.raises(DataError, match="als: cannot be judged by these events"):
        bare = replace(bench.window.split.train.catalog, fields={})
        split = bench.window.split
        split = split._replace(train=replace(split.train, catalog=bare))
        judged_anew(refusing, replace(bench, window=replace(bench.window, split=split)), silent)


def test_a_gate_leaves_what_it_measured_beside_both(tmp_path):
    shop = made(tmp_path)
    for day in range(4):
        shop.live(day)
    outcome = shop.retrain(3)
    runs = shop.runs
    verdict = json.loads((runs / f"{outcome.run}.gate.json").read_text())
    assert (verdict["format"], verdict["champion"]) == (1, "first")
    assert verdict["challenger"] == outcome.run
    new, old = (judged_in(runs / name)[0][0] for name in (outcome.run, "first"))
    assert new["how"] == old["how"] == "itself" and new["holdout"] == old["holdout"]
    assert new["means"]["ndcg@10"]["mean"] == pytest.approx(verdict["mean"])
    gained = new["means"]["ndcg@10"]["mean"] - old["means"]["ndcg@10"]["mean"]
    assert gained == pytest.approx(verdict["gain"]["gain"], abs=1e-9)
    assert new["people"] == verdict["people"]
    shop.store.close()
