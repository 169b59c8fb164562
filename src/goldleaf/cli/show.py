"""How the command line prints: numbers, progress, errors."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from tqdm import tqdm

from goldleaf.errors import GoldleafError
from goldleaf.progress import reporting

MANY = 10_000  # from here on a bar counts in thousands


@contextmanager
def bar(what: str, total: int | None, unit: str) -> Iterator[Callable[[int], object]]:
    """A progress bar with rate and time left on anything that takes over two seconds."""
    with tqdm(
        total=total,
        desc=what,
        unit=f" {unit}",
        delay=2,
        leave=False,
        unit_scale=total is not None and total > MANY,
        file=sys.stderr,
    ) as shown:
        yield shown.update


def run(command: click.Command) -> None:
    """Run the command line: a refusal is a message and exit code 1, never a traceback."""
    try:
        with reporting(bar):
            code = command(prog_name="goldleaf", standalone_mode=False)  # which returns the code of an Exit
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except GoldleafError as error:
        fail(error.what, error.do)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nStopped. Every answer given so far is kept; go on with the same command.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(
            f"{where}{error.strerror or error}.",
            "Check the path, the permissions and the free space. Every answer given so far is kept.",
        )
    except Exception as error:
        if os.environ.get("GOLDLEAF_DEBUG"):
            traceback.print_exc()
        fail(
            f"goldleaf met something it did not expect: {type(error).__name__}: {error}",
            "What is in the ledger is safe. Run again with GOLDLEAF_DEBUG=1 for the details, and please report them.",
        )
    if code:
        sys.exit(code)


def fail(what: str, do: str | None) -> None:
    click.secho(f"Error: {what}", fg="red", err=True)
    if do:
        click.echo(do, err=True)
    sys.exit(1)


def next_step(verb: str, folder: Path) -> str:
    """'goldleaf label', with the folder where it is not the current one."""
    return f"goldleaf {verb}" + ("" if folder == Path() else f" -C {shlex.quote(str(folder))}")


def duration(seconds: float) -> str:
    """'40 s', '12 min', '3.5 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def facts(rows: dict[str, str]) -> None:
    """Aligned lines of name and value."""
    width = max(map(len, rows))
    for name, value in rows.items():
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {value}")
