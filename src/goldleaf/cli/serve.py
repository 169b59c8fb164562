"""`goldleaf serve`: answer in the browser."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from goldleaf.cli import options
from goldleaf.project.base import Project


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8765,
    show_default=True,
    help="The port; 0 for any free one.",
)
@click.option("--public-url", help="How others reach it, e.g. https://label.example.org; needs people.")
@click.option(
    "--log", "log_file", type=click.Path(path_type=Path), help="Write a line of JSON for each request."
)
@options.project
def command(folder: Path, host: str, port: int, public_url: str | None, log_file: Path | None) -> None:
    """Serve the page where people answer."""
    from goldleaf.web.serve import Where, serve

    _log_to(log_file)
    with Project.open(folder) as project:
        serve(project, Where(host, port, public_url), _say)


def _say(url: str, public: bool) -> None:
    click.echo(url)
    whom = (
        "people come in by their links or passwords" if public else "the token lets you in, and nobody else"
    )
    click.echo(f"open it in a browser ({whom}); stop with Ctrl+C, nothing is lost", err=True)
    sys.stdout.flush()


def _log_to(file: Path | None) -> None:
    """Errors to the terminal; requests to a file, if one is wanted."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    if file is not None:
        handler = logging.FileHandler(file, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(message)s"))
        access = logging.getLogger("goldleaf.access")
        access.addHandler(handler)
        access.setLevel(logging.INFO)
        access.propagate = False
