"""Arrow's compute functions and columns, untyped: the stubs' overloads refuse a scalar beside an array."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow.compute

Column: TypeAlias = Any  # a pyarrow Array, whatever its type
compute: Any = pyarrow.compute
