"""`goldleaf sources`: what each source of votes is worth."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from goldleaf.cli import options
from goldleaf.cli.show import next_step
from goldleaf.project.base import Project
from goldleaf.project.diagnosing import Sources
from goldleaf.project.vote_record import Standing
from goldleaf.votes.suggest import Suggestion

SHOWN = 40
HEADER = (
    "source",
    "votes",
    "covers",
    "overlaps",
    "conflicts",
    "right, random",
    "95 %",
    "right, all",
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
                f"{spent['cost']:,.4g} paid in all{_estimated(one)}"
            )
    if not found.answers:
        click.echo("No item has a person's answer yet, so no accuracy is known.")
        click.echo(f"next: {next_step('label', folder)}")
        return
    click.echo(
        f"{found.drawn:,} of the {found.answers:,} answered items were drawn at random, and the interval is theirs. "
        "The others were mostly asked because they are hard, so sources look worse on all."
    )


def _row(found: Sources, at: int) -> tuple[str, ...]:
    one = found.diagnosis
    drawn, answered = int(one.drawn[at]), int(one.answered[at])
    interval = f"{100 * one.low[at]:.0f}-{100 * one.high[at]:.0f} %" if drawn else "-"
    removed = found.removed[at]
    return (
        one.names[at],
        f"{one.votes[at]:,}",
        f"{100 * one.coverage[at]:.1f} %",
        f"{100 * one.overlap[at]:.1f} %",
        f"{100 * one.conflict[at]:.1f} %",
        f"{one.drawn_right[at]:,} of {drawn:,}",
        interval,
        f"{one.right[at]:,} of {answered:,}",
        "-" if np.isnan(one.estimated[at]) else f"{100 * one.estimated[at]:.0f} %",
        "-" if np.isnan(removed) else f"{100 * removed:+.1f} %",
    )


def _estimated(one: Standing) -> str:
    uncounted = one.facts.get("uncounted_calls", 0)
    return f"; tokens of {uncounted:,} calls estimated, as the server did not count them" if uncounted else ""


def _trouble(name: str, invalid: int, errors: int, problems: list[list[str]]) -> None:
    if invalid:
        click.secho(f"{name}: {invalid:,} answers named no label and count as abstentions", fg="yellow")
    if errors:
        click.secho(f"{name}: failed on {errors:,} items in its last run:", fg="yellow")
        for item, what in problems:
            click.secho(f"  item {item}: {what}", fg="yellow")


def _suggest(found: list[Suggestion], as_python: bool, folder: Path) -> None:
    if not found:
        click.echo(
            "The training answers so far speak for no keyword; more of them may.\n"
            f"next: {next_step('label', folder)}"
        )
        return
    for one in found:
        click.echo(
            f"# {one.right} of {one.answered} right on answers that did not choose it ({100 * one.low:.0f}-"
            f"{100 * one.high:.0f} %), covers {100 * one.coverage:.1f} % of the items"
        )
        click.echo(one.python() if as_python else one.toml())
