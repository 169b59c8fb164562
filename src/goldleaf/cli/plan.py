"""`goldleaf plan`: what it will take, before any work."""

from __future__ import annotations

from pathlib import Path

import click

from goldleaf.cli import options
from goldleaf.cli.show import duration, facts, next_step
from goldleaf.errors import names
from goldleaf.project.base import Project
from goldleaf.project.diagnosing import LlmPlan


@click.command("plan")
@options.project
def command(folder: Path) -> None:
    """Items, duplicates, expected human answers and hours, machine time."""
    with Project.open(folder, write=False) as project:
        plan = project.plan()
    low, high = plan.answers
    hours = plan.hours
    facts(
        {
            "items": f"{plan.items:,} distinct, {plan.rows:,} rows ({plan.duplicates:,} duplicates, labeled once)",
            "labels": f"{plan.labels}",
            "answers": f"{low:,} if the model makes no error, about {high:,} if it errs as often as you allow; "
            f"the data decides, all {plan.items + plan.second_opinions:,} at worst",
            **(
                {"second": f"{plan.second_opinions:,} of the answers are second opinions, by another person"}
                if plan.second_opinions
                else {}
            ),
            "people": f"{duration(3600 * hours[0])} to {duration(3600 * hours[1])}, at {plan.seconds_per_answer:g} s an answer "
            f"(assumed; [people] seconds); by hand {duration(3600 * plan.hours_by_hand)}",
            "machine": f"{duration(plan.encode_seconds)} to encode with {plan.encoder} (measured on the first items), then seconds a round"
            if plan.encode_seconds
            else f"vectors of {plan.encoder} are there; seconds a round",
            **(
                {"sources": f"{names(plan.sources)} voted; what is right in it will save answers"}
                if plan.sources
                else {}
            ),
            **{f"llm {one.name}": _llm(one) for one in plan.llms},
        }
    )
    click.echo(f"next: {next_step('vote' if plan.llms else 'label', folder)}")


def _llm(one: LlmPlan) -> str:
    how = "as measured" if one.measured else "estimated"
    money = f", {one.money:,.4g} in money" if one.money else ""
    left = f"; {one.budget_left:,.4g} of the budget is left" if one.budget_left is not None else ""
    return f"{one.calls:,} calls of {one.model}, about {one.tokens_in:,.0f} + {one.tokens_out:,.0f} tokens ({how}){money}{left}"
