"""Writing a small ONNX model by hand: the few protobuf messages it takes, so that `onnx` is no dependency.

Field numbers are those of onnx.proto3 (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VARINT, _BYTES, _FLOAT = 0, 2, 5
_OPSET, _IR = 13, 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _BYTES) + _varint(len(raw)) + raw


def tensor(name: str, array: NDArray[Any]) -> bytes:
    """A TensorProto of float32 or int64."""
    kind = {"float32": 1, "int64": 7}[array.dtype.name]
    dims = b"".join(_field(1, size) for size in array.shape)
    raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return dims + _field(2, kind) + _field(8, name) + _field(9, raw)


def _attribute(name: str, value: int | str | Sequence[int]) -> bytes:
    head = _field(1, name)
    if isinstance(value, int):
        return head + _field(3, value) + _field(20, 2)
    if isinstance(value, str):
        return head + _field(4, value) + _field(20, 3)
    return head + b"".join(_field(8, part) for part in value) + _field(20, 7)


def node(op: str, inputs: Sequence[str], output: str, **attributes: int | str | Sequence[int]) -> bytes:
    """A NodeProto with one output."""
    body = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, op)
    return body + b"".join(_field(5, _attribute(name, value)) for name, value in attributes.items())


def value(name: str, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto of float32; a string is a dimension left open."""
    dims = b"".join(_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def model(
    nodes: Sequence[bytes], tensors: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]
) -> bytes:
    """The bytes of a ModelProto that ONNX Runtime loads."""
    graph = b"".join(_field(1, part) for part in nodes) + _field(2, "goldleaf")
    for number, parts in ((5, tensors), (11, inputs), (12, outputs)):
        graph += b"".join(_field(number, part) for part in parts)
    return _field(1, _IR) + _field(7, graph) + _field(8, _field(2, _OPSET))


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """The model with further outputs, values from inside it.

    Messages that follow one another are merged field by field, repeated fields by joining them: a second graph that
    holds nothing but the outputs adds them to the first.
    """
    return model + _field(7, b"".join(_field(12, _field(1, name)) for name in names)) if names else model
