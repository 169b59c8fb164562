"""Labeling functions out of a Python file, a module or a list."""

from __future__ import annotations

import types
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from goldleaf.errors import ConfigError, VotesError
from goldleaf.votes.function import LabelingFunction
from goldleaf.votes.snorkel import from_snorkel, is_snorkel


def functions_of(path: Path) -> list[LabelingFunction]:
    """The labeling functions of a Python file, which is run for it.

    Raises:
        ConfigError: there is no such file, or none in it. VotesError: running it fails.
    """
    if not path.is_file():
        raise ConfigError(f"No file {path} for labeling functions.", do="Check the path.")
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except Exception as error:  # the user's own code may raise anything
        raise VotesError(
            f"{path} cannot be run: {_place(error, path)}{type(error).__name__}: {error}", do="Correct it."
        ) from error
    found = functions_in(vars(module).values())
    if not found:
        raise ConfigError(
            f"{path} has no labeling functions.",
            do="Put @goldleaf.labeling_function above each of them.",
        )
    return found


def functions_in(values: Iterable[Any]) -> list[LabelingFunction]:
    """Those among `values` and lists in it, Snorkel's too, in order, each once."""
    found: dict[str, LabelingFunction] = {}
    for value in chain.from_iterable(one if isinstance(one, list | tuple) else [one] for one in values):
        one = from_snorkel(value) if is_snorkel(value) else value
        if isinstance(one, LabelingFunction):
            if found.get(one.name, one).version != one.version:
                raise ConfigError(
                    f"Two labeling functions are called {one.name!r}.", do="Give each a name of its own."
                )
            found[one.name] = one
    return list(found.values())


def _place(error: Exception, path: Path) -> str:
    """'line 7: ', the last line of the file that the error came through."""
    lines, trace = [], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f"line {lines[-1]}: " if lines else ""
