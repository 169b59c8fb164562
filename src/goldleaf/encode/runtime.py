"""Running an ONNX model one item at a time on every core."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def session(model: Path | bytes) -> Any:
    """An ONNX Runtime session that computes each run on the thread that calls it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def each(one: Callable[[int], None], n: int) -> None:
    """Call `one(0)` … `one(n - 1)` on a thread per core; the first error ends it."""
    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(one, range(n)):
            pass


def cores() -> int:
    """The cores this process may use, in a container too; `LOKY_MAX_CPU_COUNT` lowers them."""
    import joblib

    return int(joblib.cpu_count())
