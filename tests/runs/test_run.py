import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.digest import data_digest
from bowerbird.data.synthetic import World
from bowerbird.errors import ArtifactError
from bowerbird.retrieval.models import MODELS, seeded
from bowerbird.runs.run import train, write_run
from bowerbird.surfaces.assemble import recommender_of
from bowerbird.surfaces.run_folder import load_run
from worlds import cycles

FACTS = {"model": "cooccurrence", "seed": 0}


@pytest.fixture(scope="module")
def world():
    return World(n_users=150, n_items=80, n_events=3000, seed=3).make().dataset


@pytest.mark.parametrize("name", MODELS)
def test_a_run_recommends_as_the_model_did(world, name, tmp_path):
    trained = train(seeded(name, 0), world, 0, tune=False)
    write_run(tmp_path / "run", world, trained, FACTS, "")
    run = load_run(tmp_path / "run")
    ask = world.queries()
    before = recommender_of(trained.fitted, world, trained.fallback).recommend(ask, 20)
    after = recommender_of(run.fitted, run.data, run.fallback).recommend(run.data.queries(), 20)
    assert np.array_equal(before.rows, after.rows)
    assert np.array_equal(before.scores, after.scores)


def test_a_run_keeps_the_data_whole(world, tmp_path):
    trained = train(seeded("popularity", 0), world, 0, tune=False)
    write_run(tmp_path / "run", world, trained, FACTS, "seed = 1\n")
    run = load_run(tmp_path / "run")
    assert data_digest(run.data) == run.facts["data"] == data_digest(world)
    assert run.data.users == world.users
    assert run.data.catalog.items == world.catalog.items
    assert run.data.log.type_names == world.log.type_names
    assert np.array_equal(run.data.log.types, world.log.types)
    assert np.array_equal(run.data.log.values, world.log.values, equal_nan=True)
    for name, column in world.catalog.fields.items():
        assert run.data.catalog.fields[name].kind == column.kind
        assert run.data.catalog.fields[name].words() == column.words()
    assert (tmp_path / "run" / "recipe.toml").read_text() == "seed = 1\n"


def test_the_digest_sees_every_part_of_the_data(world):
    log = world.log
    later = replace(log, times=log.times + 1)
    titled = Catalog(
        world.catalog.items,
        {**world.catalog.fields, "title": Column.text(["x"] * len(world.catalog))},
    )
    changed = [world.with_log(later), replace(world, catalog=titled), replace(world, traits={})]
    assert len({data_digest(d) for d in [world, *changed]}) == 4


def test_settings_are_chosen_where_the_answer_is_known(tmp_path):
    data = cycles(n_users=200)
    estimator = seeded("cooccurrence", 0, backward=3.0, decay=0.95)  # looks the wrong way
    trained = train(estimator, data, 0)
    scores = [score for _, score in trained.choice.scores]
    assert trained.choice.users == 200
    assert scores[0] < max(scores) == pytest.approx(1.0)  # in a circle the next is certain
    assert trained.choice.estimator.backward < 3
    write_run(tmp_path / "run", data, trained, FACTS, "")
    assert load_run(tmp_path / "run").facts["choice"]["users"] == 200


def test_the_same_seed_makes_the_same_model(world, tmp_path):
    for name in ("a", "b"):
        trained = train(seeded("als", 5, dim=8), world, 5, tune=False)
        write_run(tmp_path / name, world, trained, FACTS, "")
    files = [json.loads((tmp_path / n / "run.json").read_text())["files"] for n in ("a", "b")]
    assert files[0] == files[1]


@pytest.fixture
def run(tmp_path):
    data = cycles(n_users=10)
    trained = train(seeded("popularity", 0), data, 0, tune=False)
    write_run(tmp_path / "run", data, trained, FACTS, "")
    return tmp_path / "run"


def test_a_flipped_byte_is_noticed(run):
    path = run / "model" / "arrays.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ArtifactError, match=r"arrays\.safetensors: damaged.*train again"):
        load_run(run)


def test_a_missing_file_is_noticed(run):
    (run / "log.parquet").unlink()
    with pytest.raises(ArtifactError, match=r"log\.parquet: missing"):
        load_run(run)


def test_another_version_is_refused(run):
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "format": 99}))
    with pytest.raises(ArtifactError, match="format 1 expected, 99 came"):
        load_run(run)


def test_no_run_folder_is_told_how_to_make_one(tmp_path):
    with pytest.raises(ArtifactError, match="a run folder expected.*bowerbird train"):
        load_run(tmp_path)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    data = cycles(n_users=10)
    trained = train(seeded("popularity", 0), data, 0, tune=False)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bowerbird.runs.run.save_json", full)
    with pytest.raises(ArtifactError, match="cannot be written.*No space left.*--out"):
        write_run(tmp_path / "run", data, trained, FACTS, "")
    assert list(tmp_path.iterdir()) == []


def test_replacing_a_run_keeps_the_old_one_until_the_new_is_whole(run, monkeypatch):
    before = (run / "run.json").read_text()
    data = cycles(n_users=20)
    trained = train(seeded("popularity", 0), data, 0, tune=False)
    with monkeypatch.context() as patch:
        patch.setattr("bowerbird.runs.run.data_digest", lambda data: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_run(run, data, trained, FACTS, "")
    assert (run / "run.json").read_text() == before
    write_run(run, data, trained, FACTS, "")
    assert len(load_run(run).data.users) == 20
    assert [p.name for p in run.parent.iterdir()] == ["run"]
