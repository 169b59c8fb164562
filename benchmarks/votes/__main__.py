"""What cheap opinions are worth: quality beside the peers, fewer answers, speed, a million texts.

    python -m benchmarks.votes [--parts functions,crowds,fewer,speed,running] [--sets a,b] [--seeds 1] [--wrench FOLDER]
        [--add] [--draft]

Writes results/votes.json and the table of docs/benchmarks.md. `--wrench` adds a folder of the WRENCH format (train.json,
valid.json, test.json, label.json), without embeddings. GOLDLEAF_DATA names the folder of the other sets.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.figures import RESULTS, Figure, publish
from benchmarks.votes import fewer, quality, running, speed
from benchmarks.votes.sets import CROWDS, FUNCTIONS, MODELS, VotedSet, wrench

PARTS = ("functions", "crowds", "fewer", "speed", "running")
COMMAND = "python -m benchmarks.votes"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default=",".join(PARTS), help="of the benchmark, separated by commas")
    parser.add_argument("--sets", help="names separated by commas; all by default")
    parser.add_argument("--seeds", type=int, default=1, help="whole runs of each set in `fewer`")
    parser.add_argument("--wrench", type=Path, action="append", default=[], help="a folder of your own")
    parser.add_argument("--add", action="store_true", help="keep what other parts published")
    parser.add_argument("--draft", action="store_true", help="print only")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="crowdkit|snorkel|torch|pandas")
    found = []
    for figure in _figures(options):
        print(f"{figure.name}: {figure.value:.4g} {figure.unit} {figure.target}", flush=True)
        found.append(figure)
    if not options.draft:
        publish("votes", _beside_others(found) if options.add else found)


def _beside_others(found: list[Figure]) -> list[Figure]:
    """What is published already, with what has been measured again in its place."""
    kept = [Figure(**one) for one in json.loads((RESULTS / "votes.json").read_text())]
    return list({figure.name: figure for figure in (*kept, *found)}.values())


def _figures(options: argparse.Namespace) -> Iterator[Figure]:
    parts = options.parts.split(",")
    wanted = options.sets.split(",") if options.sets else [*FUNCTIONS, *CROWDS, *MODELS]
    if "functions" in parts:
        for name in [one for one in FUNCTIONS if one in wanted]:
            if (one := FUNCTIONS[name]()) is not None:
                yield from quality.functions(one)
        for folder in options.wrench:
            yield from quality.functions(wrench(folder))
    if "crowds" in parts:
        for name in [one for one in CROWDS if one in wanted]:
            if (one := CROWDS[name]()) is not None:
                yield from quality.crowd(one)
    if "fewer" in parts:
        yield from fewer.figures(_with_items(wanted), options.seeds)
    if "speed" in parts:
        yield from speed.figures()
    if "running" in parts:
        yield from running.figures()


def _with_items(wanted: list[str]) -> list[VotedSet]:
    every = {**FUNCTIONS, **CROWDS, **MODELS}
    found = [every[name]() for name in every if name in wanted]
    return [one for one in found if one is not None and one.views is not None]


if __name__ == "__main__":
    main()
