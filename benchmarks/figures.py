"""The one form of every benchmark: a list of figures, printed as a table and written as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parent.parent / "docs" / "benchmarks.md"
DATA = Path(os.environ.get("GOLDLEAF_DATA", "../shared/data"))


@dataclass(frozen=True)
class Figure:
    """One measured value beside its target and its peer.

    `target` is a sentence such as "<= 5"; `holds` is None where nothing was promised.
    """

    name: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None
    peer: str = ""
    peer_value: float | None = None
    command: str = ""


def data_set(name: str) -> Path | None:
    """The folder of a benchmark data set, or None (with a message) where it is absent."""
    folder = DATA / name
    if folder.is_dir():
        return folder
    print(f"skipped {name}: no folder {folder} (set GOLDLEAF_DATA to where the data sets are)")
    return None


def publish(name: str, figures: list[Figure], details: Sequence[Figure] = ()) -> None:
    """Print `figures` as a table, put it into the docs, and write benchmarks/results/NAME.json.

    `details` are too many to read: they go to the JSON only.
    """
    RESULTS.mkdir(exist_ok=True)
    width = max((len(figure.name) for figure in figures), default=4)
    print(f"{'name':<{width}}  {'value':>12}  {'unit':<10} {'target':<14} {'holds':<6} peer")
    for figure in figures:
        holds = {True: "yes", False: "NO", None: ""}[figure.holds]
        peer = _peer(figure)
        print(
            f"{figure.name:<{width}}  {figure.value:>12.5g}  {figure.unit:<10} {figure.target:<14} {holds:<6} {peer}"
        )
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps([asdict(figure) for figure in (*figures, *details)], indent=1) + "\n")
    print(f"written: {path}")
    _into_docs(name, figures)


def _into_docs(name: str, figures: list[Figure]) -> None:
    """Put the table between `<!-- figures:NAME -->` and `<!-- /figures -->` of docs/benchmarks.md."""
    rows = [
        f"| {figure.name} | {figure.value:.4g} {figure.unit} | {figure.target} | "
        f"{ {True: 'yes', False: '**no**', None: ''}[figure.holds] } | {_peer(figure)} |"
        for figure in figures
    ]
    table = "\n".join(["| | measured | target | holds | peer |", "|---|---|---|---|---|", *rows])
    into_docs(f"<!-- figures:{name} -->", "<!-- /figures -->", table)


def into_docs(start: str, end: str, text: str) -> None:
    """Put `text` between two marks of docs/benchmarks.md; nothing where the page has no such marks."""
    page = DOCS.read_text() if DOCS.exists() else ""
    if start not in page:
        return
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(end)
    DOCS.write_text(f"{before}{start}\n{text}\n{end}{after}")


def _peer(figure: Figure) -> str:
    return (
        figure.peer if figure.peer_value is None else f"{figure.peer}: {figure.peer_value:.4g} {figure.unit}"
    )
