"""Runs in MLflow: each once, with the figures of its JSON, and the alias on what answers."""

import json
import shutil
import sys

import pytest

from bowerbird.cli.main import run as command
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.runs.mlflow_export import MODEL, RETIRED, RUN, export_runs
from bowerbird.surfaces.registry import Line, Registry
from retrains import copied, made

pytestmark = pytest.mark.filterwarnings("ignore::Warning:mlflow", "ignore::Warning:alembic")
NAME = "shop"


@pytest.fixture(scope="module")
def retrained(tmp_path_factory):
    """A shop with a first run, and one that was promoted after it."""
    shop = made(tmp_path_factory.mktemp("shop"))
    for day in range(4):
        shop.live(day)
    assert shop.retrain(3).state == "promoted"
    yield shop
    shop.store.close()


@pytest.fixture
def shop(retrained, tmp_path):
    there = copied(retrained, tmp_path)
    yield there
    there.store.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A database of MLflow, which takes seconds to make. Nothing is sent to anybody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
        MlflowClient(f"sqlite:///{path}").search_experiments()
        yield path


@pytest.fixture
def uri(empty, tmp_path, monkeypatch):
    """A database; files beside it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def client(uri):
    from mlflow import MlflowClient

    return MlflowClient(uri, uri)


def runs_in(client):
    """By the name of the bowerbird run; none is there twice."""
    experiment = client.get_experiment_by_name(NAME).experiment_id
    found = list(client.search_runs([experiment]))
    by_name = {run.data.tags[RUN]: run for run in found}
    assert len(by_name) == len(found)
    return by_name


def champion(client):
    """The bowerbird run that the alias names."""
    version = client.get_model_version_by_alias(NAME, "champion")
    return client.get_run(version.run_id).data.tags[RUN]


def test_a_run_is_told_once_however_often_the_command_is_given(shop, uri, client):
    first = export_runs(shop.runs, uri, NAME)
    again = export_runs(shop.runs, uri, NAME)
    assert [one.new for one in first] == [True, True] and not any(one.new for one in again)
    assert [(one.run, one.id, one.version) for one in first] == [
        (one.run, one.id, one.version) for one in again
    ]
    assert first[0].run == "first"  # the oldest has the first version
    assert runs_in(client).keys() == set(Registry(shop.runs).names())
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 2


def test_mlflow_has_the_figures_of_the_jsons(shop, uri, client):
    export_runs(shop.runs, uri, NAME)
    name = Registry(shop.runs).current()
    run = runs_in(client)[name]
    facts = json.loads((shop.runs / name / "run.json").read_text("utf-8"))
    gate = json.loads((shop.runs / f"{name}.gate.json").read_text("utf-8"))
    params, metrics, tags = run.data.params, run.data.metrics, run.data.tags
    for key, value in facts["choice"]["settings"].items():
        assert json.loads(params[f"settings/{key}"]) == value
    for key, value in facts["plan"]["policy"].items():
        told = params[f"plan/policy/{key}"]
        assert (told if isinstance(value, str) else json.loads(told)) == value
    assert metrics["gate/mean"] == gate["mean"] and metrics["gate/people"] == gate["people"]
    for key in ("gain", "low", "high", "other"):
        assert metrics[f"gate/gain/{key}"] == gate["gain"][key]
        for baseline in gate["baselines"]:
            assert metrics[f"gate/baselines/{baseline['name']}/{key}"] == baseline[key]
    for check in gate["checks"]:
        assert metrics[f"gate/checks/{check['name']}/got"] == check["got"]
    assert metrics["seconds"] == facts["seconds"]
    for key in ("data", "code", "parent", "champion"):
        assert tags[f"bowerbird.{key}"] == facts[key]
    assert tags["bowerbird.verdict"] == "promote" and len(tags[MODEL]) == 64
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"run.json", "recipe.toml", f"{name}.gate.json", f"{name}.gate.html"}
    assert run.info.status == "FINISHED" and run.info.start_time == facts["trained_at"] * 1000


def test_the_alias_goes_where_the_answer_goes(shop, uri, client):
    registry = Registry(shop.runs)
    name = registry.current()
    export_runs(shop.runs, uri, NAME)
    assert champion(client) == name
    registry.rollback(1, ("anna", ""))
    export_runs(shop.runs, uri, NAME)
    assert champion(client) == "first"
    registry.promote(name, 2, ("anna", ""))
    export_runs(shop.runs, uri, NAME)
    assert champion(client) == name
    (shop.runs / "current").unlink()
    export_runs(shop.runs, uri, NAME)
    assert "champion" not in client.get_registered_model(NAME).aliases


def test_what_was_interrupted_is_told_whole_and_once(shop, uri, client):
    whole = export_runs(shop.runs, uri, NAME)
    before = client.get_run(whole[1].id).data
    client.update_run(whole[1].id, status="RUNNING")
    again = export_runs(shop.runs, uri, NAME)
    assert [one.new for one in again] == [False, True]
    run = runs_in(client)[whole[1].run]
    assert run.info.run_id == whole[1].id and run.info.status == "FINISHED"
    assert (run.data.metrics, run.data.params) == (before.metrics, before.params)
    assert len(client.get_metric_history(whole[1].id, "gate/mean")) == 1


def test_a_name_given_to_another_model_is_another_run(shop, uri, client):
    old = {one.run: one for one in export_runs(shop.runs, uri, NAME)}
    facts = json.loads((shop.runs / "first" / "run.json").read_text("utf-8"))
    facts["files"]["model/arrays.safetensors"] = "0" * 64
    (shop.runs / "first" / "run.json").write_text(json.dumps(facts), "utf-8")
    new = {one.run: one for one in export_runs(shop.runs, uri, NAME)}
    assert new["first"].new and new["first"].id != old["first"].id
    assert client.get_run(old["first"].id).data.tags[MODEL] != "0" * 64


def test_mlflow_hears_why_a_run_may_answer_no_more(shop, uri, client):
    export_runs(shop.runs, uri, NAME)
    Registry(shop.runs).note(Line(1, "retired", "first", None, "retrain", "holds 1 person"))
    export_runs(shop.runs, uri, NAME)
    assert runs_in(client)["first"].data.tags[RETIRED] == "holds 1 person"


def test_a_verdict_that_is_none_is_an_error(shop, uri):
    (shop.runs / "first.gate.json").write_text("[]", "utf-8")
    with pytest.raises(ArtifactError, match=r"first\.gate\.json: the verdict of a gate expected"):
        export_runs(shop.runs, uri, NAME)


def test_the_command_says_what_it_told(shop, uri, capsys):
    words = ["mlflow", str(shop.runs), "--uri", uri, "--name", NAME]
    assert command([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    current = Registry(shop.runs).current()
    assert [(one["run"], one["champion"]) for one in told] == [("first", False), (current, True)]
    assert command(words) == 0
    assert "champion" in capsys.readouterr().out


def test_without_mlflow_the_remedy_is_told(shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigError, match=r"pip install 'bowerbird\[mlflow\]'"):
        export_runs(shop.runs, "sqlite:///nowhere.db", NAME)


def test_a_place_that_mlflow_does_not_take_is_an_error(shop, uri, tmp_path):
    with pytest.raises(ConfigError, match="an MLflow that takes runs expected at"):
        export_runs(shop.runs, f"file://{tmp_path}/mlruns", NAME)
