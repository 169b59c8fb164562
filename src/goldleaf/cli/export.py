"""`goldleaf export`: the labeled data set for the next tool."""

from __future__ import annotations

from pathlib import Path

import click

from goldleaf.cli import options
from goldleaf.exports.names import EXPORTERS
from goldleaf.project.base import Project


@click.command("export")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--to", type=click.Choice(sorted(EXPORTERS)), default="parquet", show_default=True, help="The format."
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that has other files.")
@options.project
def command(out: Path, to: str, overwrite: bool, folder: Path) -> None:
    """Write every row with its label, probability, source and human/machine mark into the folder OUT."""
    with Project.open(folder) as project:
        written = project.export_to(out, to=to, overwrite=overwrite)
        stage = project.status().stage
    for path in written:
        click.echo(f"written: {path}")
    if stage != "certified":
        click.echo("Note: the target is not proven; the data card says so. Go on: goldleaf label")
