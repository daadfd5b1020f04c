from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.encoders import pretrained
from bowerbird.encoders.pretrained import (
    PROVIDERS,
    PretrainedEncoder,
    Remembered,
    Space,
    check_spec,
    encoder_named,
    key_of,
    require,
    resolved,
)
from bowerbird.encoders.vector_cache import VARIABLE, VectorCache
from bowerbird.errors import ArtifactError, ConfigError


class Letters:
    """Counts letters a to d; keeps what it was asked."""

    def __init__(self, name="letters 1", dim=4):
        self.name, self.dim, self.asked = name, dim, []

    def encode(self, contents):
        self.asked += contents
        texts = [c.read_text() if isinstance(c, Path) else c for c in contents]
        counts = [[text.count(letter) for letter in "abcdefgh"[: self.dim]] for text in texts]
        return np.array(counts, np.float32).reshape(-1, self.dim)


@pytest.fixture
def disk(tmp_path):
    return VectorCache(tmp_path / "vectors.sqlite")


def test_rows_have_length_one_and_blank_ones_are_zero():
    inner = Letters()
    assert isinstance(inner, PretrainedEncoder) and isinstance(Remembered(inner), PretrainedEncoder)
    made = Remembered(inner).encode(["aab", " ", "", "zzz"])
    np.testing.assert_allclose(made[0], np.array([2, 1, 0, 0]) / np.sqrt(5), rtol=1e-6)
    assert not made[1:].any() and made.dtype == np.float32
    assert inner.asked == ["aab", "zzz"]


def test_blank_alone_asks_nothing_and_has_no_columns():
    inner = Letters()
    assert Remembered(inner).encode(["", ""]).shape == (2, 0)
    assert Remembered(inner).encode([]).shape == (0, 0)
    assert inner.asked == []


def test_each_content_is_encoded_once_in_a_process():
    inner = Letters()
    Remembered(inner).encode(["a", "b", "a"])
    Remembered(inner).encode(["b", "c"])
    assert inner.asked == ["a", "b", "c"]


def test_a_second_process_encodes_only_what_changed(disk, forgetful):
    texts = [f"a {n}" for n in range(1000)]
    first = Remembered(Letters(), disk).encode(texts)
    forgetful.clear()
    again = Letters()
    np.testing.assert_array_equal(Remembered(again, disk).encode(texts), first)
    assert again.asked == []
    forgetful.clear()
    Remembered(again, disk).encode([*texts[:500], "new b", *texts[501:]])
    assert again.asked == ["new b"]


def test_another_space_shares_nothing(disk):
    Remembered(Letters("one"), disk).encode(["a"])
    other = Letters("two")
    Remembered(other, disk).encode(["a"])
    assert other.asked == ["a"]


def test_an_image_is_known_by_its_bytes_not_by_its_path(tmp_path, disk):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("ab")
    other.write_text("ab")
    inner = Letters()
    made = Remembered(inner, disk).encode([one, other])
    assert len(inner.asked) == 1 and (made[0] == made[1]).all()
    one.write_text("cd")
    assert Remembered(inner, disk).encode([one])[0, 2] > 0.7
    assert key_of("x", "ab") != key_of("x", one)


def test_what_was_encoded_before_an_interruption_is_kept(disk, forgetful, monkeypatch):
    monkeypatch.setattr(pretrained, "CHUNK", 2)

    class Failing(Letters):
        def encode(self, contents):
            if "e" in contents:
                raise ArtifactError("no answer")
            return super().encode(contents)

    with pytest.raises(ArtifactError, match="no answer"):
        Remembered(Failing(), disk).encode(["a", "b", "c", "d", "e"])
    forgetful.clear()
    again = Letters()
    Remembered(again, disk).encode(["a", "b", "c", "d", "e"])
    assert again.asked == ["e"]


def test_memory_is_bounded_and_forgetting_costs_nothing_but_time(monkeypatch, forgetful):
    monkeypatch.setattr(pretrained, "REMEMBERED", 40)  # two vectors of four
    inner = Letters()
    for text in ("a", "b", "c"):
        assert Remembered(inner).encode([text]).any()
    assert sum(v.nbytes for v in forgetful.values()) <= 40
    assert Remembered(inner).encode(["a", "b", "c", "d"]).shape == (4, 4)


@pytest.mark.parametrize(
    ("wrong", "came"),
    [
        (np.ones((1, 4)), "shape"),
        (np.ones((2, 0)), "shape"),
        (np.ones(2), "shape"),
        (np.full((2, 4), np.nan), "not finite"),
    ],
)
def test_an_encoder_that_breaks_its_promise_is_refused(wrong, came):
    class Wrong(Letters):
        def encode(self, contents):
            return wrong

    with pytest.raises(ArtifactError, match=f"2 vectors of finite numbers expected .*{came}"):
        Remembered(Wrong()).encode(["a", "b"])


def test_two_models_under_one_name_are_told_apart_by_their_length(disk):
    Remembered(Letters("same", 4), disk).encode(["a"])
    with pytest.raises(ArtifactError, match=r"4 and 8 came.*remove .*vectors\.sqlite"):
        Remembered(Letters("same", 8), disk).encode(["a", "b"])


@given(st.text(), st.text(), st.text())
def test_keys_differ_where_names_or_texts_do(name, text, other):
    assert (key_of(name, text) == key_of(name, other)) == (text == other)
    assert key_of(name + "!", text) != key_of(name, text)
    assert len(key_of(name, text)) == 32


@pytest.mark.parametrize(
    "spec",
    ["auto", "tfidf", "use", "model2vec:a/b", "openai:https://h/v1#m", "openai:http://[::1]:1#m"],
)
def test_specs_of_texts(spec):
    check_spec(spec, "text")


@pytest.mark.parametrize(
    "spec", ["auto", "none", "efficientnet-lite0", "onnx:a.onnx", "torch:C:/a"]
)
def test_specs_of_images(spec):
    check_spec(spec, "image")


@pytest.mark.parametrize(
    ("spec", "reads"),
    [
        ("glove", "text"),
        ("", "text"),
        ("use:3", "text"),
        ("use:", "text"),
        ("model2vec", "text"),
        ("model2vec: ", "text"),
        ("onnx:a.onnx", "text"),
        ("none", "text"),
        ("tfidf", "image"),
        ("use", "image"),
        ("openai:h/v1#m", "text"),
        ("openai:ftp://h/v1#m", "text"),
        ("openai:https://h/v1", "text"),
        ("openai:https://me:secret@h/v1#m", "text"),
        ("openai:https://h/v1?key=secret#m", "text"),
    ],
)
def test_what_names_no_encoder_is_refused_and_no_password_is_told(spec, reads):
    with pytest.raises(ConfigError, match="expected") as caught:
        check_spec(spec, reads)
    assert "secret" not in str(caught.value)


def test_auto_is_the_offline_encoder_or_none(monkeypatch):
    monkeypatch.setattr(pretrained, "_missing", lambda spec: [])
    assert (resolved("auto", "text"), resolved("auto", "image")) == ("use", "efficientnet-lite0")
    monkeypatch.setattr(pretrained, "_missing", lambda spec: ["it"])
    assert (resolved("auto", "text"), resolved("auto", "image")) == ("tfidf", "none")
    assert resolved("onnx:x", "image") == "onnx:x"


@pytest.mark.parametrize("head", [h for h, provider in PROVIDERS.items() if provider.needs])
def test_a_missing_package_says_what_to_install(head, monkeypatch):
    monkeypatch.setattr(pretrained, "find_spec", lambda module: None)
    monkeypatch.setattr(pretrained, "use_version", lambda: None)
    with pytest.raises(ArtifactError, match=rf"\[{PROVIDERS[head].extra}\]"):
        require(f"{head}:x", "this one")


def test_own_words_are_no_providers():
    with pytest.raises(ConfigError, match="names none"):
        encoder_named("tfidf")


@pytest.fixture
def letters(monkeypatch):
    """A provider of this name, of texts."""
    made = Letters()
    monkeypatch.setitem(PROVIDERS, "letters", pretrained.Provider("text", "here:Letters"))
    monkeypatch.setattr(pretrained, "_class", lambda provider: lambda: made)
    return made


def test_a_space_remembers_who_and_how_wide(letters):
    space = Space.of("letters", ["", "ab", "c"])
    assert space == Space("letters", "letters 1", 4)
    assert letters.asked == ["ab"]
    assert space.encode(["", ""]).shape == (2, 4)
    assert space.encode(["c"])[0].tolist() == [0, 0, 1, 0]
    assert Space.of("letters", ["", " "]) is None


def test_another_space_is_refused(letters):
    space = Space.of("letters", ["a"])
    letters.name = "letters 2"
    with pytest.raises(ArtifactError, match=r"letters 1 expected .* letters 2 .*train again"):
        space.encode(["b"])


def test_another_width_is_refused(letters, forgetful):
    space = Space.of("letters", ["a"])
    letters.dim = 3
    forgetful.clear()
    with pytest.raises(ArtifactError, match=r"4 dimensions expected .* 3 came"):
        space.encode(["b"])


def test_the_cache_of_the_environment_is_used(letters, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    encoder_named("letters").encode(["a"])
    assert [file.name for file in tmp_path.iterdir()] == ["vectors-1.sqlite"]
