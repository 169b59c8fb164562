"""Which encoding a text file is in, and where it breaks the one that was claimed."""

from __future__ import annotations

import codecs
from pathlib import Path

from goldleaf.errors import ConfigError, ItemsError

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def codec(encoding: str) -> str:
    """The canonical name of `encoding`; a byte-order mark in front of UTF-8 is skipped."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ConfigError(
            f"Unknown encoding {encoding!r}; Python knows e.g. `utf-8`, `cp1252`, `latin-1`, `utf-16`.",
            do="Pass one of these as `encoding`.",
        ) from None
    return "utf-8-sig" if name == "utf-8" else name


def wrong_encoding(path: Path, encoding: str) -> ItemsError | None:
    """The error that says where `path` is not in `encoding`, and in what it seems to be; None when it is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, read = 1, 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(1 << 20)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                start = error.start
                line += error.object[pending:start].count(b"\n")
                return _refusal(path, encoding, line, read - pending + start, error.object[start])
            if not chunk:
                return None
            line += chunk.count(b"\n")
            read += len(chunk)


def _refusal(path: Path, encoding: str, line: int, offset: int, byte: int) -> ItemsError:
    claimed = "utf-8" if encoding == "utf-8-sig" else encoding
    likely = likely_encoding(path)
    return ItemsError(
        f"{path} is not {claimed}: line {line}, byte {offset} is 0x{byte:02x}. It seems to be {likely}.",
        do=f'Read it with encoding="{likely}" (command line: --encoding {likely}).',
    )


def likely_encoding(path: Path) -> str:
    """A guess from the byte-order mark, zero bytes, and what Windows-1252 leaves undefined."""
    with path.open("rb") as file:
        head = file.read(1 << 20)
        for mark, name in MARKS:
            if head.startswith(mark):
                return name
        if head[:4096].count(0) > len(head[:4096]) // 4:
            return "utf-16-le" if head[1:4096:2].count(0) > head[0:4096:2].count(0) else "utf-16-be"
        while head:
            if any(byte in head for byte in b"\x81\x8d\x8f\x90\x9d"):
                return "latin-1"
            head = file.read(1 << 20)
    return "cp1252"
