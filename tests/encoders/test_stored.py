import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.encoders.als import Als
from bowerbird.encoders.stored import store, stored, words_arrays, words_of
from bowerbird.errors import ArtifactError

ARRAYS = {"items": np.ones((1, 2), np.float32)}


@given(st.lists(st.text()))
def test_any_words_come_back(words):
    assert words_of("w", words_arrays("w", tuple(words))) == tuple(words)


def test_settings_and_arrays_come_back(tmp_path):
    store(tmp_path, "als", Als(dim=3), ARRAYS)
    assert json.loads((tmp_path / "estimator.json").read_text())["kind"] == "als"
    estimator, arrays = stored(tmp_path, "als", Als)
    assert estimator == Als(dim=3)
    np.testing.assert_array_equal(arrays["items"], ARRAYS["items"])


def test_another_kind_of_model_is_refused(tmp_path):
    store(tmp_path, "als", Als(), ARRAYS)
    with pytest.raises(ArtifactError, match=r"kind 'ease' expected .* 'als' came"):
        stored(tmp_path, "ease", Als)


@pytest.mark.parametrize("facts", [{"depth": 3}, {"dim": 0}])
def test_settings_of_another_version_are_refused(tmp_path, facts):
    store(tmp_path, "als", Als(), ARRAYS)
    (tmp_path / "estimator.json").write_text(json.dumps({"kind": "als", **facts}))
    with pytest.raises(ArtifactError, match="train again with this version"):
        stored(tmp_path, "als", Als)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="readable JSON expected"):
        stored(tmp_path, "als", Als)
