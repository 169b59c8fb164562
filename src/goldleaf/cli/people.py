"""`goldleaf people`: who may come in."""

from __future__ import annotations

from pathlib import Path

import click

from goldleaf.cli import options
from goldleaf.ledger.base import Ledger
from goldleaf.project import config as configs
from goldleaf.project.base import where


@click.command("people")
@click.argument("what", type=click.Choice(["list", "add", "link", "change"]), default="list")
@click.argument("name", required=False)
@click.option("--role", type=click.Choice(["admin", "reviewer", "annotator"]), help="What they may do.")
@click.option("--password", is_flag=True, help="Ask for a password; without one they have their link.")
@click.option("--active/--inactive", default=None, help="Whether they may come in.")
@click.option(
    "--public-url", default="http://127.0.0.1:8765", show_default=True, help="For the link that is printed."
)
@options.project
def command(
    what: str,
    name: str | None,
    role: str | None,
    password: bool,
    active: bool | None,
    public_url: str,
    folder: Path,
) -> None:
    """List people, add one, make a new share link, or change one. Works while the page is served."""
    from goldleaf.web import access

    with Ledger.beside(where(folder, configs.read(folder).ledger)) as ledger:
        people = ledger.people
        if what == "list":
            if not people.all():
                click.echo("Nobody is named yet. next: goldleaf people add NAME --role admin", err=True)
            for one in people.all():
                state = "" if one.active else "  (may not come in)"
                click.echo(f"{one.name}  {one.role}{'  password' if one.password else ''}{state}")
            return
        if name is None:
            raise click.UsageError(f"Whom? goldleaf people {what} NAME")
        secret = click.prompt("password", hide_input=True, confirmation_prompt=True) if password else None
        if what == "add":
            token = access.add_person(people, name, role or "annotator", secret)
            _link(public_url, token)
        elif what == "link":
            _link(public_url, access.new_link(people, name))
        else:
            one = access.change_person(people, name, {"role": role, "active": active, "password": secret})
            click.echo(f"{one.name}  {one.role}{'' if one.active else '  (may not come in)'}")


def _link(base: str, token: str) -> None:
    click.echo(f"{base.rstrip('/')}/join?token={token}")
    click.echo("Whoever has this link is that person; it is shown only now.", err=True)
