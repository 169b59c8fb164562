"""`goldleaf sources`: what each source of votes is worth."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from goldleaf.cli import options
from goldleaf.cli.show import next_step
from goldleaf.project.base import Project
from goldleaf.project.diagnosing import Sources
from goldleaf.votes.suggest import Suggestion

SHOWN = 40
HEADER = (
    "source",
    "votes",
    "covers",
    "overlaps",
    "conflicts",
    "right of answered",
    "95 %",
    "by the votes",
    "without it",
)


@click.command("sources")
@click.option("--suggest", is_flag=True, help="Propose keyword rules that the answers so far speak for.")
@click.option("--python", "as_python", is_flag=True, help="Write the proposals as Python instead of TOML.")
@click.option("--limit", default=10, show_default=True, help="Of proposals.")
@click.option("--drop", multiple=True, help="Let a source no longer count; its votes stay on record.")
@options.project
def command(suggest: bool, as_python: bool, limit: int, drop: tuple[str, ...], folder: Path) -> None:
    """Coverage, overlap, conflict and accuracy of each source; accuracy is measured on people's answers."""
    with Project.open(folder, write=bool(drop)) as project:
        for name in drop:
            project.drop(name)
            click.echo(f"{name} no longer counts")
        if suggest:
            _suggest(project.suggest(limit), as_python, folder)
        elif not drop:
            _table(project.sources(), folder)


def _table(found: Sources, folder: Path) -> None:
    if not found.standing:
        click.echo(f"No source has voted yet.\nnext: {next_step('vote', folder)}")
        return
    rows = [HEADER, *(_row(found, at) for at in range(len(found.diagnosis.names))[:SHOWN])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    for number, row in enumerate(rows):
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        click.secho("  ".join(cells).rstrip(), dim=number == 0)
    if len(found.diagnosis.names) > SHOWN:
        click.echo(f"and {len(found.diagnosis.names) - SHOWN:,} more")
    for name, one in found.standing.items():
        _trouble(name, one.invalid, one.errors, one.problems)
        if one.spent.get("calls"):
            spent = one.spent
            click.echo(
                f"{name}: {spent['calls']:,} calls, {spent['tokens_in']:,} + {spent['tokens_out']:,} tokens, "
                f"{spent['cost']:,.4g} paid in all"
            )
    click.echo(
        f"{found.answers:,} items have a person's answer; training asks about hard ones, so sources look worse on them."
    )


def _row(found: Sources, at: int) -> tuple[str, ...]:
    one = found.diagnosis
    answered = int(one.answered[at])
    interval = f"{100 * one.low[at]:.0f}-{100 * one.high[at]:.0f} %" if answered else "-"
    removed = found.removed[at]
    return (
        one.names[at],
        f"{one.votes[at]:,}",
        f"{100 * one.coverage[at]:.1f} %",
        f"{100 * one.overlap[at]:.1f} %",
        f"{100 * one.conflict[at]:.1f} %",
        f"{one.right[at]:,} of {answered:,}",
        interval,
        "-" if np.isnan(one.estimated[at]) else f"{100 * one.estimated[at]:.0f} %",
        "-" if np.isnan(removed) else f"{100 * removed:+.1f} %",
    )


def _trouble(name: str, invalid: int, errors: int, problems: list[list[str]]) -> None:
    if invalid:
        click.secho(f"{name}: {invalid:,} answers named no label and count as abstentions", fg="yellow")
    if errors:
        click.secho(f"{name}: failed on {errors:,} items in its last run:", fg="yellow")
        for item, what in problems:
            click.secho(f"  item {item}: {what}", fg="yellow")


def _suggest(found: list[Suggestion], as_python: bool, folder: Path) -> None:
    if not found:
        click.echo(f"The answers so far speak for no keyword.\nnext: {next_step('label', folder)}")
        return
    for one in found:
        click.echo(
            f"# {one.right} of {one.answered} right on answers that did not choose it ({100 * one.low:.0f}-"
            f"{100 * one.high:.0f} %), covers {100 * one.coverage:.1f} % of the items"
        )
        click.echo(one.python() if as_python else one.toml())
