import numpy as np
import pytest

from bowerbird.encoders import text
from bowerbird.encoders.pretrained import PretrainedEncoder
from bowerbird.encoders.text import TfidfSvd, UseEncoder, counted
from bowerbird.errors import ArtifactError

TITLES = ["red apple", "green apple", "steel train", "wooden train", "apple"]


class Counting:
    """Stands for the bought model: a vector from the length of each text."""

    def __init__(self):
        self.calls = []

    def encode(self, texts):
        self.calls.append(list(texts))
        return np.repeat(np.array([[len(t)] for t in texts], np.float32), 512, axis=1)


@pytest.fixture
def model(monkeypatch):
    stand_in = Counting()
    monkeypatch.setattr(text, "_use", lambda: stand_in)
    monkeypatch.setattr(text, "use_version", lambda: "9.9")
    return stand_in


def test_texts_are_encoded_some_at_a_time(model, monkeypatch):
    monkeypatch.setattr(text, "CHUNK", 2)
    assert UseEncoder().encode(["a", "bb", "ccc"])[:, 0].tolist() == [1, 2, 3]
    assert model.calls == [["a", "bb"], ["ccc"]]
    assert UseEncoder().encode([]).shape == (0, 512)


def test_the_name_says_the_version_so_that_spaces_do_not_mix(model):
    assert isinstance(UseEncoder(), PretrainedEncoder)
    assert UseEncoder().name.endswith("9.9")


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(text, "PACKAGE", "no-such-package-anywhere")
    with pytest.raises(ArtifactError, match=r"pip install 'bowerbird\[text\]'"):
        UseEncoder().encode(["a"])


def test_what_shares_words_is_near():
    documents = [counted(title) for title in TITLES]
    vectors = TfidfSvd.fit(documents, 2, seed=0).encode(documents)
    assert vectors[0] @ vectors[1] > 0.9 > 0.1 > abs(vectors[0] @ vectors[2])


def test_new_texts_are_placed_and_unknown_words_say_nothing():
    fitted = TfidfSvd.fit([counted(title) for title in TITLES], 2, seed=0)
    known, unknown, empty = fitted.encode([counted(t) for t in ("blue train", "purple", "")])
    assert np.linalg.norm(known) == pytest.approx(1, abs=1e-5)
    assert not unknown.any() and not empty.any()


def test_a_term_of_one_document_is_dropped():
    assert TfidfSvd.fit([counted(t) for t in TITLES], 2, seed=0).terms.ids == ("apple", "train")


def test_counts_are_dampened_and_rare_terms_weigh_more():
    fitted = TfidfSvd.fit([counted(t) for t in ("a b", "a b", "a", "a")], 2, seed=0)
    found = fitted.counts([counted("a a b")]).toarray()[0]
    weights = np.array([(1 + np.log(2)) * (1 + np.log(5 / 5)), 1 + np.log(5 / 3)])
    np.testing.assert_allclose(found, weights / np.linalg.norm(weights), rtol=1e-6)
