import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from bowerbird.encoders import sentence_models
from bowerbird.encoders.sentence_models import (
    Model2VecEncoder,
    SentenceTransformersEncoder,
    files_hash,
    folder_of,
)
from bowerbird.errors import ArtifactError

CLASSES = [SentenceTransformersEncoder, Model2VecEncoder]


@pytest.fixture(autouse=True)
def fresh():
    caches = (
        sentence_models._fetched,
        sentence_models.files_hash,
        sentence_models._static_model,
        sentence_models._sentence_transformer,
    )
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    (made / "1_Pooling").mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "1_Pooling" / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(b"weights")
    return made


@pytest.fixture
def libraries(monkeypatch):
    """Stand for the two libraries: a text is its length, and the folder is on record."""
    opened = []

    class Model:
        def __init__(self, folder, **settings):
            if "broken" in folder:
                raise ValueError("no modules.json\nand more")
            opened.append((folder, settings))

        from_pretrained = classmethod(lambda cls, folder: cls(folder))

        def encode(self, texts, **settings):
            return np.array([[len(text), 1.0] for text in texts])

    for name, attribute in (
        ("sentence_transformers", "SentenceTransformer"),
        ("model2vec", "StaticModel"),
    ):
        module = ModuleType(name)
        setattr(module, attribute, Model)
        monkeypatch.setitem(sys.modules, name, module)
    return opened


@pytest.mark.parametrize("kind", CLASSES)
def test_a_folder_is_a_model(kind, folder, libraries):
    encoder = kind(str(folder))
    made = encoder.encode(["a", "bbb"])
    assert made.dtype == np.float32 and made[:, 0].tolist() == [1, 3]
    encoder.encode(["c"])
    assert [where for where, _ in libraries] == [str(folder)]  # loaded once


def test_sentence_transformers_reads_safetensors_and_stays_offline(folder, libraries):
    SentenceTransformersEncoder(str(folder)).encode(["a"])
    (_, settings) = libraries[0]
    assert settings == {"local_files_only": True, "model_kwargs": {"use_safetensors": True}}


def test_the_name_is_the_hash_of_the_files_wherever_they_are(folder, tmp_path):
    name = Model2VecEncoder(str(folder)).name
    assert name.startswith("model2vec sha256:")
    (folder / "README.md").write_text("nothing that counts")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").write_text("nor this")
    folder.rename(tmp_path / "moved")
    assert Model2VecEncoder(str(tmp_path / "moved")).name == name
    files_hash.cache_clear()
    (tmp_path / "moved" / "1_Pooling" / "config.json").write_text('{"pooling": "max"}')
    assert Model2VecEncoder(str(tmp_path / "moved")).name != name


@pytest.mark.parametrize("kind", CLASSES)
def test_pickled_weights_are_refused_before_anything_is_loaded(kind, folder, libraries):
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(ArtifactError, match=r"\.safetensors expected in .*2_Dense"):
        kind(str(folder)).encode(["a"])
    assert libraries == []


def test_pickled_weights_beside_the_same_as_safetensors_are_not_read(folder):
    before = files_hash(str(folder))
    files_hash.cache_clear()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    assert files_hash(str(folder)) == before


@pytest.mark.parametrize("kind", CLASSES)
def test_a_folder_that_is_no_model_is_told(kind, tmp_path, libraries):
    (tmp_path / "broken").mkdir()
    with pytest.raises(ArtifactError, match=r"expected in .*broken: no modules\.json$"):
        kind(str(tmp_path / "broken")).encode(["a"])


@pytest.mark.parametrize("place", ["/nowhere/at/all", "./model", "../model", "a/b/c"])
def test_a_path_that_is_not_there_asks_no_hub(place):
    with pytest.raises(ArtifactError, match="a folder of a model expected"):
        folder_of(place)


@pytest.fixture
def hub(monkeypatch):
    """Stands for the hub's library; `have` are local copies, `offered` those of the network."""
    world = SimpleNamespace(have={}, offered={}, calls=[])

    def snapshot_download(name, local_files_only=False, ignore_patterns=()):
        world.calls.append((name, local_files_only, tuple(ignore_patterns)))
        if name in world.have:
            return world.have[name]
        if local_files_only:
            raise FileNotFoundError(name)
        if name not in world.offered:
            raise RuntimeError("connection refused\nlong story")
        world.have[name] = world.offered[name]
        return world.have[name]

    module = ModuleType("huggingface_hub")
    module.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return world


def test_a_copy_of_the_hub_is_used_without_the_network(hub, folder):
    hub.have["org/model"] = str(folder)
    assert folder_of("org/model") == folder
    assert [offline for _, offline, _ in hub.calls] == [True]


def test_what_is_nowhere_is_fetched_without_pickled_weights(hub, folder):
    hub.offered["org/model"] = str(folder)
    assert folder_of("org/model") == folder
    (_, first, _), (_, second, left_out) = hub.calls
    assert (first, second) == (True, False) and "*.bin" in left_out


def test_a_name_that_nobody_knows_is_told_in_one_line(hub):
    with pytest.raises(ArtifactError, match=r"hub expected, 'org/none' came: connection refused$"):
        folder_of("org/none")
