"""`goldleaf vote`: ask the sources in goldleaf.toml, and rules in a file."""

from __future__ import annotations

from pathlib import Path

import click

from goldleaf.cli import options
from goldleaf.cli.show import next_step
from goldleaf.errors import ConfigError, did_you_mean, names
from goldleaf.project.base import Project
from goldleaf.project.keeping import Voted
from goldleaf.votes.module import functions_of


@click.command("vote")
@click.option(
    "--functions",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A Python file with labeling functions, beside the sources in goldleaf.toml.",
)
@click.option("--only", multiple=True, help="Ask this source alone; may be given several times.")
@click.option(
    "--again", is_flag=True, help="Ask about items that have a vote too; paid answers are not paid again."
)
@options.project
def command(functions: tuple[Path, ...], only: tuple[str, ...], again: bool, folder: Path) -> None:
    """Ask labeling functions, LLMs and other sources about every item that they have not seen."""
    with Project.open(folder) as project:
        found = [*project.configured_sources(), *(one for path in functions for one in functions_of(path))]
        if not found:
            raise ConfigError(
                "There are no sources of votes.",
                do="Write [sources.NAME] tables into goldleaf.toml, or give rules: goldleaf vote --functions FILE.py",
            )
        for name in only:
            known = [one.name for one in found]
            if name not in known:
                raise ConfigError(f"No source {name!r}; there are {names(known)}.{did_you_mean(name, known)}")
        for voted in project.vote([one for one in found if not only or one.name in only], again=again):
            _show(voted)
    click.echo(f"next: {next_step('sources', folder)}")


def _show(voted: Voted) -> None:
    paid = (
        f"; {voted.calls:,} calls, {voted.tokens_in:,} + {voted.tokens_out:,} tokens" if voted.calls else ""
    )
    money = f", {voted.cost:,.4g} paid" if voted.cost else ""
    invalid = f", {voted.invalid:,} invalid" if voted.invalid else ""
    new = f"{voted.items:,} items, {voted.votes:,} votes{invalid}" if voted.items else "nothing new"
    click.echo(f"{voted.name}: {new}{paid}{money}")
    if voted.errors:
        click.secho(f"  failed on {voted.errors:,} items, to be asked again:", fg="yellow")
        for item, what in voted.problems:
            click.secho(f"    item {item}: {what}", fg="yellow")
    for warning in voted.warnings:
        click.secho(f"  {warning}", fg="yellow")
    if voted.stopped:
        click.secho(f"  stopped early: {voted.stopped}", fg="yellow")
