"""Everything goldleaf can refuse, as one tree.

GoldleafError                 what, got, allowed, and the next command
├── ConfigError               goldleaf.toml, an argument, or a name that does not exist
├── ItemsError                the data: files, columns, rows, encodings
├── EncodeError               turning items into vectors
├── VotesError                answers and other opinions: unknown labels, unknown items
│   └── Taken                 somebody else answered the question, or holds it now
├── LedgerError               the record
│   ├── LedgerLocked          another process is writing
│   ├── LedgerNewer           written by a newer goldleaf
│   └── LedgerTampered        the hash chain is broken
├── CertificateError          nothing to certify, or a certificate that does not recompute
├── ExportError               writing files for other tools
└── MissingExtra              an optional dependency; names the `pip install`
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class GoldleafError(Exception):
    """A refusal in plain text: `what` (with what was got and what is allowed), then `do`, the next step."""

    def __init__(self, what: str, *, do: str | None = None) -> None:
        self.what = what
        self.do = do
        super().__init__(what if do is None else f"{what}\n{do}")


class ConfigError(GoldleafError): ...


class ItemsError(GoldleafError): ...


class EncodeError(GoldleafError): ...


class VotesError(GoldleafError): ...


class Taken(VotesError): ...


class LedgerError(GoldleafError): ...


class LedgerLocked(LedgerError): ...


class LedgerNewer(LedgerError): ...


class LedgerTampered(LedgerError): ...


class CertificateError(GoldleafError): ...


class ExportError(GoldleafError): ...


class MissingExtra(GoldleafError):
    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, do=f"Install it: pip install 'goldleaf[{extra}]'")


def names(allowed: Iterable[object], limit: int = 12) -> str:
    """`a`, `b`, `c` … for a message."""
    listed = [f"`{name}`" for name in allowed]
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more if listed else "none"


def did_you_mean(got: str, allowed: Iterable[str]) -> str:
    """' Did you mean `x`?' when a close name exists, else ''."""
    by_lower = {name.lower(): name for name in allowed}
    close = get_close_matches(got.lower(), by_lower, n=2, cutoff=0.6)
    return f" Did you mean {' or '.join(f'`{by_lower[name]}`' for name in close)}?" if close else ""
