from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from bowerbird.data.artifacts import (
    load_arrays,
    load_json,
    matrix_arrays,
    matrix_of,
    save_arrays,
    save_json,
    whole,
)
from bowerbird.errors import ArtifactError


def test_arrays_come_back_as_they_were_whatever_their_strides(tmp_path):
    square = np.arange(12, dtype=np.float32).reshape(3, 4)
    save_arrays(tmp_path / "a", {"turned": square.T, "some": square[:, ::2]})
    arrays = load_arrays(tmp_path / "a")
    assert np.array_equal(arrays["turned"], square.T)
    assert np.array_equal(arrays["some"], square[:, ::2])


def test_a_sparse_matrix_comes_back(tmp_path):
    matrix = csr_array(np.array([[0, 2.0], [0, 0], [1, 0]]))
    save_arrays(tmp_path / "m", matrix_arrays("m", matrix))
    again = matrix_of("m", load_arrays(tmp_path / "m"), (3, 2))
    assert np.array_equal(again.toarray(), matrix.toarray())


@pytest.mark.parametrize("text", ["", "{", "no json"])
def test_damaged_files_are_refused(tmp_path, text):
    (tmp_path / "f").write_text(text)
    with pytest.raises(ArtifactError, match="readable JSON expected.*train again"):
        load_json(tmp_path / "f")
    with pytest.raises(ArtifactError, match="readable arrays expected.*train again"):
        load_arrays(tmp_path / "f")


def test_json_keeps_signs_and_refuses_what_it_cannot_say(tmp_path):
    save_json(tmp_path / "j", {"name": "Käse «»"})
    assert load_json(tmp_path / "j") == {"name": "Käse «»"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_json(tmp_path / "j", {"score": float("nan")})


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_interrupted_leaves_the_old_and_nothing_beside(tmp_path, error, kind):
    path = tmp_path / "thing"
    for text in ("old", "new"):
        try:
            with whole(path) as partial:
                if kind == "folder":
                    partial.mkdir()
                    (partial / "part").write_text(text)
                else:
                    partial.write_text(text)
                if text == "new":
                    raise error
        except error:
            pass
    assert [p.name for p in tmp_path.iterdir()] == ["thing"]
    kept = path / "part" if kind == "folder" else path
    assert kept.read_text() == "old"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_folder_that_cannot_be_replaced_keeps_its_place(tmp_path, monkeypatch, error):
    path = tmp_path / "thing"
    path.mkdir()
    (path / "part").write_text("old")
    rename = Path.rename

    def failing(self, target):
        if self.suffix == ".partial":
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(error), whole(path) as partial:
        partial.mkdir()
    assert [p.name for p in tmp_path.iterdir()] == ["thing"]
    assert (path / "part").read_text() == "old"
