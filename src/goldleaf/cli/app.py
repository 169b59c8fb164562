"""`goldleaf`: one command a verb."""

from __future__ import annotations

import importlib

import click

from goldleaf import __version__
from goldleaf.cli.show import run
from goldleaf.errors import did_you_mean

COMMANDS = (
    "init",
    "add",
    "plan",
    "vote",
    "sources",
    "label",
    "serve",
    "people",
    "status",
    "certify",
    "verify",
    "export",
    "demo",
)


class Verbs(click.Group):
    """Loads a verb's module when it is used, so that `--help` is instant."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            raise click.UsageError(
                f"No command {args[0]!r}; there are {', '.join(COMMANDS)}.{did_you_mean(args[0], COMMANDS)}"
            )
        return super().resolve_command(context, args)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"goldleaf.cli.{name}").command
        return command


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="goldleaf")
def app() -> None:
    """Label a whole data set from a few human answers, and prove how many labels are wrong.

    \b
    goldleaf init reviews.csv --text review --labels positive,negative
    goldleaf plan        what it will take
    goldleaf vote        ask the rules and LLMs in goldleaf.toml
    goldleaf label       answer, one key each; or --answers gold.csv to replay
    goldleaf serve       answer in the browser, alone or together
    goldleaf certify     certificate.json and report.html
    goldleaf export --to parquet out/
    """


def main() -> None:
    """The entry point of the `goldleaf` script."""
    run(app)
