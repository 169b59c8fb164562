"""A million items and fifty functions: seconds and memory, each way in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure
from goldleaf.schema import VoteTable

ITEMS, FUNCTIONS, COVERAGE, CLASSES = 1_000_000, 50, 0.3, 2
TIMES, MEMORY = 4.0, 1.5
WAYS = ("goldleaf", "goldleaf, people", "Snorkel LabelModel", "crowd-kit Dawid-Skene")


def made(items: int = ITEMS) -> tuple[VoteTable, np.ndarray]:
    """Votes of functions that are right in 0.55 to 0.9, and the truth."""
    rng = np.random.default_rng(0)
    truth = rng.integers(CLASSES, size=items).astype(np.int8)
    source, item, label = [], [], []
    for number, right in enumerate(np.linspace(0.55, 0.9, FUNCTIONS)):
        at = np.flatnonzero(rng.random(items, np.float32) < COVERAGE).astype(np.int32)
        wrong = rng.random(len(at), np.float32) >= right
        source.append(np.full(len(at), number, np.int8))
        item.append(at)
        label.append(truth[at] ^ wrong.astype(np.int8))
    names = tuple(f"lf{number}" for number in range(FUNCTIONS))
    return VoteTable(*map(np.concatenate, (item, source, label)), names, items, CLASSES), truth


def run(way: str) -> dict[str, float]:
    """Seconds, accuracy and the peak of memory of one way."""
    votes, truth = made()
    before = _peak()
    start = time.perf_counter()
    if way.startswith("goldleaf"):
        from goldleaf.posteriors.dawid_skene import DawidSkene
        from goldleaf.posteriors.precision import Precision

        model = DawidSkene() if way.endswith("people") else Precision()
        labels = model.fit_predict_proba(votes).argmax(axis=1)
    elif way.startswith("Snorkel"):
        from benchmarks.votes.peers import dense, snorkel_model

        matrix = dense(votes)
        start = time.perf_counter()  # a user of Snorkel has the matrix
        labels = snorkel_model(votes).predict_proba(matrix).argmax(axis=1)
    else:
        from crowdkit.aggregation import DawidSkene as Theirs

        from benchmarks.votes.peers import frame

        table = frame(votes)
        start = time.perf_counter()
        labels = Theirs().fit_predict(table).sort_index().to_numpy()
    seconds = time.perf_counter() - start
    found = np.asarray(labels)
    right = float((found == truth).mean()) if len(found) == len(truth) else float("nan")
    return {"seconds": seconds, "accuracy": right, "peak": _peak(), "before": before}


def _peak() -> float:
    """The most memory this process has had, in GB; what `getrusage` says includes its parent before the fork."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6


def figures() -> Iterator[Figure]:
    """Of all ways, one after the other."""
    found = {}
    for way in WAYS:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.votes.speed", way],
            check=True,
            capture_output=True,
            text=True,
        )
        found[way] = json.loads(done.stdout.splitlines()[-1])
    peer = min(WAYS[2:], key=lambda way: found[way]["seconds"])
    fastest = found[peer]["seconds"]
    size = "15 million votes"
    for way in WAYS:
        ours = way.startswith("goldleaf")
        seconds, peak = found[way]["seconds"], found[way]["peak"]
        yield Figure(
            f"{size}: {way}",
            seconds,
            "s",
            f"<= {fastest / TIMES:.3g}" if ours else "",
            seconds <= fastest / TIMES if ours else None,
            peer if ours else "",
            fastest if ours else None,
        )
        yield Figure(
            f"{size}: {way}, peak memory, input included",
            peak,
            "GB",
            f"<= {MEMORY:g}" if ours else "",
            peak <= MEMORY if ours else None,
        )
        yield Figure(f"{size}: {way}, right", 100 * found[way]["accuracy"], "%")


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1])))
