"""The reader of any source: a file by its suffix, a folder of images, or an object in memory."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from goldleaf.errors import ItemsError, names
from goldleaf.items.base import Reader
from goldleaf.items.csv import CsvReader
from goldleaf.items.images import FolderReader
from goldleaf.items.jsonl import JsonlReader
from goldleaf.items.memory import memory_reader
from goldleaf.items.parquet import ParquetReader
from goldleaf.task import Classify

FORMATS: dict[str, Callable[[Path, Classify | None, str], Reader]] = {
    ".csv": lambda path, task, encoding: CsvReader(path, task, encoding),
    ".tsv": lambda path, task, encoding: CsvReader(path, task, encoding, delimiter="\t"),
    ".jsonl": JsonlReader,
    ".ndjson": JsonlReader,
    ".parquet": lambda path, task, encoding: ParquetReader(path, task),
}
IN_MEMORY = "a pandas or polars DataFrame, Arrow data, a `datasets.Dataset`, a list"


def open_reader(source: Any, *, task: Classify | None, encoding: str = "utf-8") -> Reader:
    """The reader of `source`.

    Args:
        source: a path ending in .csv, .tsv, .jsonl, .ndjson or .parquet; a folder of images; a pandas or polars
            DataFrame; an Arrow table, record batch or stream; a `datasets.Dataset`; a list of dicts, or of texts.
        task: the columns it names must be there; None for a file of answers, whose rows are no items.
        encoding: of a text file.
    """
    if isinstance(source, str | Path):
        return _open_path(Path(source), task, encoding)
    reader = memory_reader(source, task)
    if reader is None:
        raise ItemsError(
            f"Cannot read rows from {type(source).__module__}.{type(source).__qualname__}; "
            f"allowed: a path ({names(FORMATS)} or a folder of images), {IN_MEMORY}.",
            do="Turn it into one of these.",
        )
    return reader


def _open_path(path: Path, task: Classify | None, encoding: str) -> Reader:
    if path.is_dir():
        return FolderReader(path, task)
    if not path.exists():
        raise ItemsError(
            f"No file {path}.{_near(path)}", do="Check the path; it starts from the current folder."
        )
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise ItemsError(
            f"{path} ends in {path.suffix!r}; allowed: {names(FORMATS)}, or a folder of images.",
            do="Convert it, or read it yourself and pass the DataFrame.",
        )
    if path.stat().st_size == 0:
        raise ItemsError(f"{path} is empty.", do="Check that the file was written completely.")
    return form(path, task, encoding)


def _near(path: Path) -> str:
    """The files that the missing one may have meant."""
    folder = path.parent
    if not folder.is_dir():
        return f" There is no folder {folder} either."
    here = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
    close = get_close_matches(path.name, here, n=3, cutoff=0.6)
    readable = [name for name in here if Path(name).suffix.lower() in FORMATS]
    if close:
        return f" Did you mean {names(close)}?"
    return (
        f" {folder} holds {names(readable)}." if readable else f" {folder} holds no file of a known format."
    )
