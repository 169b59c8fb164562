"""What a function does, as a hash: its code, its defaults, and the plain values and functions that it uses.

Renaming a file, moving a line or a comment changes nothing. What is neither plain nor a function of the same module
(a model, a connection) counts by its type only: give the function a `version` to say that it changed.
"""

from __future__ import annotations

import hashlib
import re
import types
from collections.abc import Callable
from typing import Any

Path = tuple[int, ...]
_PLAIN = (str, bytes, int, float, complex, bool, type(None))


def code_hash(function: Callable[..., Any]) -> str:
    """32 hex digits; the same in every process of one Python version."""
    return hashlib.sha256(_told(function, ()).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _told(value: Any, path: Path) -> str:
    """A text that tells two values apart when they would act differently. `path`: what it stands in, to end loops."""
    if isinstance(value, _PLAIN):
        return f"{type(value).__name__}:{value!r}"
    if id(value) in path:
        return f"above:{path.index(id(value))}"
    path = (*path, id(value))
    kind = type(value).__name__
    if isinstance(value, list | tuple):
        return f"{kind}[{','.join(_told(one, path) for one in value)}]"
    if isinstance(value, set | frozenset):
        return f"{kind}[{','.join(sorted(_told(one, path) for one in value))}]"
    if isinstance(value, dict):
        return f"{kind}[{','.join(f'{_told(key, path)}={_told(one, path)}' for key, one in value.items())}]"
    if isinstance(value, re.Pattern):
        return f"pattern:{value.pattern!r}:{value.flags}"
    if isinstance(value, types.CodeType):
        parts = (value.co_code.hex(), value.co_names, value.co_varnames, value.co_flags, value.co_consts)
        return f"code[{','.join(_told(part, path) for part in parts)}]"
    if isinstance(value, types.FunctionType):
        return _function(value, path)
    if isinstance(value, types.MethodType):
        return f"method[{_told(value.__func__, path)},{_told(value.__self__, path)}]"
    if isinstance(value, types.ModuleType):
        return f"module:{value.__name__}"
    if isinstance(value, type):
        return f"type:{value.__module__}.{value.__qualname__}"
    if hasattr(value, "func") and hasattr(value, "keywords"):  # functools.partial
        return f"partial[{_told([value.func, value.args, value.keywords], path)}]"
    return f"object:{type(value).__module__}.{type(value).__qualname__}{_call(value, path)}"


def _call(value: Any, path: Path) -> str:
    """A callable object by its method and its attributes; caches come and go."""
    call = type(value).__call__ if callable(value) else None
    if not isinstance(call, types.FunctionType) or not hasattr(value, "__dict__"):
        return ""
    held = {name: one for name, one in vars(value).items() if "cache" not in name}
    return f"[{_told(call, path)},{_told(held, path)}]"


def _function(function: types.FunctionType, path: Path) -> str:
    used = {
        name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__
    }
    closure = [_cell(cell) for cell in function.__closure__ or ()]
    values = {
        name: one
        for name, one in used.items()
        if not isinstance(one, types.FunctionType) or one.__module__ == function.__module__
    }
    others = {
        name: f"{one.__module__}.{one.__qualname__}" for name, one in used.items() if name not in values
    }
    facts = [function.__code__, function.__defaults__, function.__kwdefaults__, closure, values, others]
    return f"function[{','.join(_told(fact, path) for fact in facts)}]"


def _cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None


def _names(code: types.CodeType) -> list[str]:
    """The global names that the code may use, also those of functions inside it, in a fixed order."""
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found.update(dict.fromkeys(_names(constant)))
    return list(found)
