"""The formats by name; a format's module is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from goldleaf.errors import ExportError, did_you_mean, names
from goldleaf.exports.base import Exporter

EXPORTERS = {
    "csv": "goldleaf.exports.csv:Csv",
    "hf": "goldleaf.exports.hf:HuggingFace",
    "jsonl": "goldleaf.exports.jsonl:Jsonl",
    "parquet": "goldleaf.exports.parquet:Parquet",
}


def exporter(name: str) -> Exporter:
    """The exporter called `name`.

    Raises:
        ExportError: there is none of that name.
    """
    try:
        module, _, attribute = EXPORTERS[name].partition(":")
    except KeyError:
        raise ExportError(
            f"Unknown export format {name!r}; allowed: {names(EXPORTERS)}.{did_you_mean(name, EXPORTERS)}",
            do="Write e.g. goldleaf export --to parquet out/",
        ) from None
    made: Exporter = getattr(import_module(module), attribute)()
    return made
