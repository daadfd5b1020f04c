import json
import subprocess
import sys

import pytest

from bowerbird.encoders.als import Als
from bowerbird.encoders.popularity import Popularity
from bowerbird.errors import ArtifactError, ConfigError
from bowerbird.retrieval.ease import Ease
from bowerbird.retrieval.models import MODELS, estimator_of, load_fitted, seeded


def test_a_name_and_settings_make_an_estimator():
    assert estimator_of("als", dim=8) == Als(dim=8)
    assert estimator_of("popularity") == Popularity()


def test_an_unknown_model_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"one of popularity, cooccurrence, .* 'svd' came"):
        estimator_of("svd")


def test_an_unknown_setting_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"among dim, regularization, .* 'dims' came"):
        estimator_of("als", dims=8)


def test_a_value_that_is_not_a_number_is_refused_on_one_line():
    with pytest.raises(ConfigError, match="model ease") as caught:
        estimator_of("ease", regularization="much")
    assert "\n" not in str(caught.value)


def test_a_seed_reaches_the_models_that_take_one():
    assert seeded("als", 5) == Als(seed=5)
    assert seeded("als", 5, seed=7) == Als(seed=7)
    assert seeded("ease", 5, regularization=2.0) == Ease(regularization=2.0)


def test_importing_the_names_imports_no_model():
    code = (
        "import sys, bowerbird.retrieval.models as m;"
        "sys.exit(any(v.partition(':')[0] in sys.modules for v in m.MODELS.values()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert len(MODELS) > 3


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ([], "a kind of model expected"),
        ({"kind": "oracle"}, "model one of popularity"),
        ({"kind": "als", "depth": 3}, "'depth' came"),
    ],
)
def test_a_folder_of_another_version_is_refused(tmp_path, facts, message):
    (tmp_path / "estimator.json").write_text(json.dumps(facts))
    with pytest.raises(ArtifactError, match=message):
        load_fitted(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="readable JSON expected"):
        load_fitted(tmp_path)


@pytest.mark.parametrize("kind", ["graph-filter", "als", "content"])
def test_a_seed_below_0_is_refused(kind):
    with pytest.raises(ConfigError, match="seed ≥ 0 expected, -1 came"):
        estimator_of(kind, seed=-1)
