"""The map of a run: kept beside the model, begun with another one's, never half there."""

import json
from pathlib import Path

import numpy as np
import pytest

from bowerbird.cli.main import run
from bowerbird.data.artifacts import load_json
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.evaluation.layout import Ways
from bowerbird.runs.mapping import mapped, run_before
from bowerbird.surfaces.kept_map import FACTS, FOLDER, PLACES, has_map, kept_map
from bowerbird.surfaces.run_folder import load_run
from servers import write
from worlds import cycles

PCA = Ways("pca")


@pytest.fixture
def runs(tmp_path):
    for name in ("old", "new"):
        write(tmp_path / name, data=cycles(n_users=300, n_items=80, length=8))
    (tmp_path / "current").write_text("old\n")
    return tmp_path


def test_a_map_is_kept_in_the_run_which_stays_whole(runs):
    before = load_json(runs / "old" / "run.json")
    found = mapped(load_run(runs / "old"), PCA)
    kept = kept_map(runs / "old")
    assert kept.places.tobytes() == found.places.tobytes() and len(kept.items) == 80
    facts = kept.facts
    assert (facts["method"], facts["items"], facts["placed"], facts["like"]) == (
        "pca",
        80,
        80,
        None,
    )
    assert 0 <= facts["neighbours_kept"] <= 1 and facts["neighbours"] == 10
    load_run(runs / "old")  # its hashes hold
    assert load_json(runs / "old" / "run.json") == before
    assert sorted(file.name for file in (runs / "old" / FOLDER).iterdir()) == [FACTS, PLACES]


def test_the_run_before_is_what_answers_or_what_it_was_turned_onto(runs):
    new = load_run(runs / "new")
    assert run_before(new) is None  # it has no map yet
    mapped(load_run(runs / "old"), PCA)
    assert run_before(new) == runs / "old"
    assert run_before(load_run(runs / "old")) is None
    first = mapped(new, PCA, run_before(new))
    assert first.begun_with == 80 and kept_map(runs / "new").facts["like"] == "old"
    places = [kept_map(runs / name).places for name in ("old", "new")]
    np.testing.assert_allclose(*places, atol=1e-5)  # the same model lies where it lay


def test_places_are_found_by_id(runs):
    mapped(load_run(runs / "old"), PCA)
    kept = kept_map(runs / "old")
    there = type(kept.items)(("i7", "not there", "i0"))
    places = kept.of(there)
    assert np.isnan(places[1]).all() and (places[[0, 2]] == kept.places[[7, 0]]).all()


def test_a_map_of_another_method_is_not_begun_with(runs, monkeypatch):
    mapped(load_run(runs / "old"), PCA)
    path = runs / "old" / FOLDER / FACTS
    path.write_text(path.read_text().replace('"pca"', '"tsne"'))
    assert mapped(load_run(runs / "new"), PCA, runs / "old").begun_with == 0


def test_damage_is_told_with_its_remedy(runs):
    mapped(load_run(runs / "old"), PCA)
    place = runs / "old" / FOLDER
    good = (place / PLACES).read_bytes()
    (place / PLACES).write_bytes(good[:-1] + b"x")
    with pytest.raises(ArtifactError, match="damaged since it was written: «bowerbird map"):
        kept_map(runs / "old")
    assert run(["doctor", str(runs / "old")]) == 2
    (place / PLACES).unlink()
    with pytest.raises(ArtifactError, match="missing"):
        kept_map(runs / "old")
    (place / FACTS).write_text("{")
    with pytest.raises(ArtifactError, match="makes it anew"):
        kept_map(runs / "old")
    assert not has_map(runs / "new")


@pytest.mark.parametrize("model", ["cooccurrence", "popularity"])
def test_what_has_no_vectors_has_no_map(tmp_path, model):
    write(tmp_path / "run", model=model)
    with pytest.raises(ConfigError, match=f"vectors of items expected, {model} came"):
        mapped(load_run(tmp_path / "run"), PCA)
    assert not has_map(tmp_path / "run")


def test_the_command_says_what_it_has_made(runs, capsys):
    assert run(["map", str(runs / "old"), "--method", "pca", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 80
    assert run(["map", str(runs / "new"), "--method", "pca"]) == 0
    out = capsys.readouterr().out
    assert "80 of 80 have a place" in out and "80 places of old" in out and "% kept" in out
    assert run(["map", str(runs / "new"), "--method", "pca", "--anew"]) == 0
    assert kept_map(runs / "new").facts["like"] is None


def test_the_command_refuses_what_cannot_be(runs, capsys):
    write(runs / "counted", model="cooccurrence")
    for words, told in (
        (["old", "--like", "new"], "a run with a map expected"),
        (["old", "--like", "new", "--anew"], "--like or --anew expected"),
        (["old", "--method", "umap"], "tsne or pca expected, 'umap' came"),
        (["counted"], "which has none"),
    ):
        words = [str(runs / word) if Path(runs / word).is_dir() else word for word in words]
        assert run(["map", *words]) == 2
        assert told in capsys.readouterr().err
    assert not list(runs.glob(".*partial*"))
