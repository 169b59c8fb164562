"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import click

project = click.option(
    "-C",
    "--project",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The project's folder (the current one by default).",
)
encoding = click.option("--encoding", default="utf-8", show_default=True, help="Of a CSV, TSV or JSONL file.")
skip_empty = click.option(
    "--skip-empty", is_flag=True, help="Leave out rows whose text is empty, and count them."
)
