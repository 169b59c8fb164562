"""The parts of Arrow whose stubs are narrower than the library, untyped: scalars go beside arrays, and so on."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

Column: TypeAlias = Any  # a pyarrow Array or ChunkedArray, whatever its type
array: Any = pa.array
compute: Any = pyarrow.compute
