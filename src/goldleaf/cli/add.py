"""`goldleaf add`: more items."""

from __future__ import annotations

from pathlib import Path

import click

from goldleaf.cli import options
from goldleaf.project.base import Project


@click.command("add")
@click.argument("items", type=click.Path(path_type=Path))
@options.encoding
@options.skip_empty
@options.project
def command(items: Path, encoding: str, skip_empty: bool, folder: Path) -> None:
    """Import more ITEMS; rows that are there already add nothing."""
    with Project.open(folder) as project:
        added = project.add(items, encoding=encoding, skip_empty=skip_empty)
        click.echo(
            f"{added.rows:,} rows read, {added.new_rows:,} new, {added.new_items:,} new items; {project.store.items:,} items now"
        )
        if added.new_items and project.loop.attempts:
            click.echo("The last certificate does not speak of the new items. Go on: goldleaf label")
