"""The one form of every benchmark: a list of figures, printed as a table and written as JSON."""

from __future__ import annotations

import json
import os
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


def publish(name: str, figures: list[Figure]) -> None:
    """Print `figures` as a table and write benchmarks/results/NAME.json."""
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
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")
    print(f"written: {path}")
    _into_docs(name, figures)


def _into_docs(name: str, figures: list[Figure]) -> None:
    """Put the table between `<!-- figures:NAME -->` and `<!-- /figures -->` of docs/benchmarks.md."""
    start, end = f"<!-- figures:{name} -->", "<!-- /figures -->"
    text = DOCS.read_text() if DOCS.exists() else ""
    if start not in text:
        return
    rows = [
        f"| {figure.name} | {figure.value:.4g} {figure.unit} | {figure.target} | "
        f"{ {True: 'yes', False: '**no**', None: ''}[figure.holds] } | {_peer(figure)} |"
        for figure in figures
    ]
    table = "\n".join(["| | measured | target | holds | peer |", "|---|---|---|---|---|", *rows])
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    DOCS.write_text(f"{before}{start}\n{table}\n{end}{after}")


def _peer(figure: Figure) -> str:
    return (
        figure.peer if figure.peer_value is None else f"{figure.peer}: {figure.peer_value:.4g} {figure.unit}"
    )
