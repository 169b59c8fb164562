"""Reading a weights file that old torch wrote, without torch and without running what a pickle may ask for.

The format before torch 1.6: four pickles (magic number, protocol, platform, the state dict whose tensors point to
storages), a pickle of the storage keys, then for each key a count and the raw numbers.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.errors import EncodeError

_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def load_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a legacy `.pth` file by name.

    Raises:
        EncodeError: another format, or a pickle that names anything but tensors.
    """
    storages: dict[str, NDArray[Any]] = {}
    with path.open("rb") as file:
        try:
            if _Unpickler(file, storages).load() != _MAGIC:
                raise EncodeError(f"{str(path)!r} is not a torch file of the format before 1.6.")
            _Unpickler(file, storages).load()
            _Unpickler(file, storages).load()
            pointers = _Unpickler(file, storages).load()
            for key in _Unpickler(file, storages).load():
                count = int.from_bytes(file.read(8), "little")
                storage = storages[key]
                raw = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
                storage[:] = raw
        except (pickle.UnpicklingError, EOFError, KeyError, ValueError) as error:
            raise EncodeError(f"{str(path)!r} is damaged or not a weights file: {error}.") from error
    return {name: np.ascontiguousarray(tensor) for name, tensor in pointers.items()}


class _Unpickler(pickle.Unpickler):
    """Knows tensors, ordered dicts and storages; refuses every other name."""

    def __init__(self, file: io.BufferedReader, storages: dict[str, NDArray[Any]]) -> None:
        super().__init__(file)
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no weights file needs")

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, _location, count, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"unknown kind of storage {kind!r}")
        return self.storages.setdefault(key, np.zeros(count, dtype))


def _tensor(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Any:
    """A view: the numbers arrive after the pickle was read."""
    steps = tuple(step * storage.itemsize for step in stride)
    if offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) >= len(storage):
        raise pickle.UnpicklingError("a tensor reaches past its storage")
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)
