"""`goldleaf verify`: recompute a certificate."""

from __future__ import annotations

from pathlib import Path

import click

from goldleaf.cli import options
from goldleaf.project.base import Project


@click.command("verify")
@click.argument("certificate", type=click.Path(path_type=Path), required=False)
@options.project
def command(certificate: Path | None, folder: Path) -> None:
    """Recompute CERTIFICATE from the ledger; a changed byte anywhere is found."""
    if certificate is not None and folder == Path() and not (folder / "goldleaf.toml").exists():
        folder = certificate.parent
    with Project.open(folder, write=False) as project:
        found = project.verify(certificate)
    click.echo(f"holds: {found.statement}")
    click.echo(
        f"checked: the chain of {found.entries:,} ledger entries, every draw and bet of the audit, the stored items, the certificate byte by byte"
    )
