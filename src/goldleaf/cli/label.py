"""`goldleaf label`: answer in the terminal, one key an answer, or replay answers from a file."""

from __future__ import annotations

import getpass
import sys
import time
from pathlib import Path
from typing import Any

import click

from goldleaf.cli import options
from goldleaf.cli.picture import draw
from goldleaf.cli.status import show
from goldleaf.errors import VotesError
from goldleaf.project.base import Project
from goldleaf.schema import Question, Reply
from goldleaf.votes.replay import Replay

KEYS = "1234567890abcdefghijklmnoprtvwxyz"  # u, s, ? and q are commands
CLEAR = "\x1b[2J\x1b[H"


@click.command("label")
@click.option(
    "--answers", type=click.Path(path_type=Path), help="Replay answers from a file instead of asking."
)
@click.option("--answer-column", help="The column of that file that holds the labels.")
@click.option(
    "--name", default=getpass.getuser, help="Who answers, for the ledger (your user name by default)."
)
@click.option(
    "--retrain", is_flag=True, help="Give up the running audit first, and train on its answers too."
)
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many questions.")
@options.project
def command(
    answers: Path | None,
    answer_column: str | None,
    name: str,
    retrain: bool,
    limit: int | None,
    folder: Path,
) -> None:
    """Answer questions until the target is proven. Stop at any time; it goes on where it stopped."""
    with Project.open(folder) as project:
        if retrain:
            project.retrain()
        if answers is None:
            _need_terminal()
            Terminal(project, f"human:{name}").run(limit)
        else:
            _replay(project, Replay(answers, answer_column), limit)
        show(project.status(), folder)


def _need_terminal() -> None:
    if not sys.stdin.isatty():
        raise VotesError(
            "Answers are typed in a terminal, and there is none here.",
            do="Replay answers from a file: goldleaf label --answers FILE",
        )


def _replay(project: Project, replay: Replay, limit: int | None) -> None:
    known = project.match(replay)
    unmatched = f"; {known.unmatched:,} of its rows name no item" if known.unmatched else ""
    click.echo(
        f"replaying answers to {len(known.labels):,} of {project.store.items:,} items{unmatched}; "
        "the ledger and every export will call them replayed"
    )
    before = project.status().human_answers
    project.label(known, limit=limit)
    click.echo(f"replayed {project.status().human_answers - before:,} answers")


class Terminal:
    """One question on the screen at a time. Audit questions look like all others and show no suggestion."""

    def __init__(self, project: Project, source: str) -> None:
        self.project = project
        self.source = source
        self.note = ""
        self.labels = project.config.task.labels
        self.by_key = dict(zip(KEYS, self.labels, strict=False)) if len(self.labels) <= len(KEYS) else None

    def run(self, limit: int | None) -> None:
        given = 0
        back: Question | None = None
        while limit is None or given < limit:
            waiting = [back] if back else self.project.ask(source=self.source)
            if not waiting:
                return
            question, back = waiting[0], None
            started = time.monotonic()
            reply = self._ask(question, given)
            if reply == "quit":
                return
            if reply == "undo":
                back = self.project.undo(source=self.source)
                self.note = "" if back else "There is no answer to take back."
                continue
            if reply is Reply.SKIP and question.purpose in ("audit", "census") and len(waiting) == 1:
                self.note = 'This one cannot be left out. Answer it, or press ? for "can\'t tell".'
                back = question
                continue
            seconds = round(time.monotonic() - started, 2)
            try:
                self.project.answer(question, reply, source=self.source, seconds=seconds)
            except VotesError as error:
                self.note, back = error.what, question
                continue
            given += 1

    def _ask(self, question: Question, given: int) -> str | Reply:
        click.echo(CLEAR, nl=False)
        status = self.project.status()
        more = "" if status.forecast is None else f", about {status.forecast:,.0f} more to the proof"
        click.secho(f"{status.human_answers:,} answers{more}", dim=True)
        if self.note:
            self._say(self.note)  # below the cleared screen's first line, or nobody would see it
            self.note = ""
        click.echo(f"\n{self._content(question)}\n")
        if self.by_key:
            described = dict(self.project.config.task.descriptions)
            for key, label in self.by_key.items():
                hint = f"  {described[label]}" if label in described else ""
                click.echo(f"  {click.style(key, bold=True)}  {label}{click.style(hint, dim=True)}")
        click.secho("  u undo   s skip   ? can't tell   q stop", dim=True)
        return self._key() if self.by_key else self._typed()

    def _content(self, question: Question) -> str:
        task, content = self.project.config.task, question.item.content
        if task.text is not None:
            return str(content[task.text])
        if task.image is not None:
            return draw(
                self.project.store.load_image(question.item.position), str(content.get(task.image, ""))
            )
        return "\n".join(f"{name}: {_cell(content[name])}" for name in task.fields(list(content)))

    def _key(self) -> str | Reply:
        assert self.by_key is not None
        commands: dict[str, str | Reply] = {"u": "undo", "s": Reply.SKIP, "?": Reply.CANT_TELL, "q": "quit"}
        while True:
            key = click.getchar()
            if key in ("\x03", "\x04"):
                raise KeyboardInterrupt
            if key in commands:
                return commands[key]
            if key in self.by_key:
                return self.by_key[key]
            self._say(f"No label has the key {key!r}.")

    def _typed(self) -> str | Reply:
        commands: dict[str, str | Reply] = {"u": "undo", "s": Reply.SKIP, "?": Reply.CANT_TELL, "q": "quit"}
        while True:
            said = click.prompt("label (part of its name is enough)", prompt_suffix=": ").strip()
            if said in commands:
                return commands[said]
            if said in self.labels:
                return str(said)
            close = [label for label in self.labels if said.lower() in label.lower()]
            if len(close) == 1:
                return close[0]
            self._say(
                f"{len(close)} labels match: {', '.join(close[:12])}"
                if close
                else f"No label contains {said!r}."
            )

    def _say(self, message: str) -> None:
        click.secho(message, fg="yellow")


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
