"""`goldleaf certify`: the proof as two files."""

from __future__ import annotations

from pathlib import Path

import click

from goldleaf.cli import options
from goldleaf.project.base import CERTIFICATE, REPORT, Project


@click.command("certify")
@options.project
def command(folder: Path) -> None:
    """Write certificate.json and report.html; exit code 3 when the target is not proven yet."""
    with Project.open(folder) as project:
        certificate = project.certify()
    click.echo(str(certificate))
    click.echo(certificate.body["statement"])
    click.echo(
        f"written: {folder / CERTIFICATE}, {folder / REPORT}\nanyone can check it: goldleaf verify {folder / CERTIFICATE}"
    )
    if not certificate.certified:
        raise click.exceptions.Exit(3)
