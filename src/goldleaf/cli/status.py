"""`goldleaf status`: where the project stands."""

from __future__ import annotations

from pathlib import Path

import click

from goldleaf.certificates.slices import SliceBound
from goldleaf.cli import options
from goldleaf.cli.show import duration, facts, next_step
from goldleaf.errors import names
from goldleaf.project.base import Project
from goldleaf.project.repeats import Opinions
from goldleaf.project.summary import Status
from goldleaf.schema import kind_of_slice, percent_up, slice_name

STAGES = {
    "training": "training: answers teach the model",
    "audit": "audit: answers prove the error",
    "certified": "certified: the target is proven",
    "exhausted": "every item was asked, and the target cannot be proven",
}
SHOWN = 20  # slices


@click.command("status")
@options.project
def command(folder: Path) -> None:
    """Answers so far, the error bound proven so far, the forecast of answers still needed."""
    with Project.open(folder, write=False) as project:
        show(project.status(), folder)


def show(status: Status, folder: Path) -> None:
    """Print a status."""
    purposes = ", ".join(f"{count:,} {purpose}" for purpose, count in status.answers.items())
    attempt = f", attempt {status.attempt}" if status.attempt > 1 else ""
    proven = _proven(status) if status.stage != "training" else "nothing yet: the audit has not started"
    more = "unknown until the first answers are in" if status.forecast is None else _more(status)
    facts(
        {
            "items": f"{status.items:,} ({status.rows:,} rows)",
            "stage": _stage(status) + attempt,
            "answers": f"{status.human_answers:,}: {purposes}; {duration(3600 * status.hours)}",
            **({"sources": f"{names(status.sources)}; none counts as an answer"} if status.sources else {}),
            "proven": f"{proven} (target {100 * status.error:.4g} %{_every(status)})",
            **({"people": _people(status.opinions)} if status.opinions else {}),
            "forecast": more,
        }
    )
    for line in _slices(status):
        click.echo(line)
    click.echo(
        f"next: {next_step('certify' if status.stage in ('certified', 'exhausted') else 'label', folder)}"
    )


def _stage(status: Status) -> str:
    if status.per and status.stage == "exhausted":
        return "a slice was asked completely, and the target cannot be proven in it"
    return STAGES[status.stage]


def _every(status: Status) -> str:
    return f" in every {kind_of_slice(status.per)}" if status.per else ""


def _proven(status: Status) -> str:
    if not status.slices:
        return f"error <= {percent_up(status.bound)} % with {100 * status.confidence:.4g} % confidence"
    name, worst = _worst_first(status)[0]
    return (
        f"error <= {percent_up(worst.bound)} % in the worst, {slice_name(name)}, with "
        f"{100 * status.confidence:.4g} % confidence; {percent_up(status.bound)} % in all"
    )


def _worst_first(status: Status) -> list[tuple[str | None, SliceBound]]:
    return sorted(status.slices, key=lambda pair: -pair[1].bound)


def _slices(status: Status) -> list[str]:
    """A line a slice, the worst first."""
    lines = [
        f"  {slice_name(name)}: error <= {percent_up(one.bound)} % of {one.rows:,} rows, {one.answers:,} answers, "
        + ("proven" if one.certified else f"about {one.forecast:,.0f} more")
        for name, one in _worst_first(status)
    ]
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return lines[:SHOWN] + more


def _people(found: Opinions) -> str:
    waiting = (
        f"{found.missing:,} of {found.rows:,} rows wait for a second person (goldleaf label --name NAME)"
    )
    if not found.pairs:
        return f"how often they err is unknown; {waiting}"
    bound = percent_up(min(found.limit / found.data_rows, 1.0))
    return (
        f"{found.disagreed:,} of {found.pairs:,} second opinions differ; people differ in <= {bound} % of the rows "
        f"with {100 * found.confidence:.4g} % confidence{f'; {waiting}' if found.missing else ''}"
    )


def _more(status: Status) -> str:
    assert status.forecast is not None
    if not status.forecast:
        return "no more answers needed"
    return (
        f"about {status.forecast:,.0f} more answers, {duration(status.forecast * status.seconds_per_answer)}"
    )
