"""How fast, and in how much memory, rows become items: a CSV of a million texts, made here from a seed."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, publish
from goldleaf.items.open import open_reader
from goldleaf.items.store import ItemStore
from goldleaf.task import Classify

TASK = Classify(["no", "yes"], text="text")
COMMAND = "python -m benchmarks.importing"
WORDS = 12


def write_csv(path: Path, rows: int, words: int = WORDS, seed: int = 0) -> None:
    """A CSV of `rows` distinct texts, a number each and a quoted cell here and there."""
    rng = np.random.default_rng(seed)
    vocabulary = np.array([f"w{at:x}" for at in rng.integers(0, 1 << 20, 20_000)])
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write("id,text,score\n")
        for start in range(0, rows, 10_000):
            chosen = vocabulary[rng.integers(0, len(vocabulary), (10_000, words))]
            scores = rng.random(10_000).round(3).tolist()
            for at, (text, score) in enumerate(zip(chosen.tolist(), scores, strict=True), start):
                file.write(f'{at},"{" ".join(text)}, no. {at}",{score}\n')


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_megabytes(csv: Path, folder: Path) -> tuple[float, float]:
    """The peak memory of a fresh process before and after it imports `csv`."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.importing", str(csv), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    before, after = done.stdout.split()
    return float(before), float(after)


def figures(rows: int = 1_000_000) -> list[Figure]:
    """Import a CSV of `rows` rows (a multiple of 10,000), again, and look at single items."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        csv, wide = folder / "rows.csv", folder / "wide.csv"
        write_csv(csv, rows)
        store = ItemStore.open(folder / "items", TASK)
        first = seconds(lambda: store.add(open_reader(csv, task=TASK)))
        again = seconds(lambda: store.add(open_reader(csv, task=TASK)))
        assert (store.rows, store.items) == (rows, rows)
        positions = np.random.default_rng(1).integers(0, rows, 50).tolist()
        looks = [seconds(partial(store.take, [at])) for at in positions]
        write_csv(wide, 400_000, words=200)
        before, after = peak_megabytes(wide, folder / "wide")
        size, grown = wide.stat().st_size / 1e6, after - before
    return [
        _figure(f"import a CSV of {rows:,} rows", first, "s", 60),
        _figure("import it again, nothing is new", again, "s", 60),
        _figure("look at one item, median", 1000 * float(np.median(looks)), "ms", 20),
        _figure(f"peak memory above start, CSV of {size:.0f} MB", grown, "MB", 250),
    ]


def _figure(name: str, value: float, unit: str, limit: float) -> Figure:
    return Figure(name, value, unit, f"<= {limit:g}", value <= limit, command=COMMAND)


def _peak() -> float:
    """Megabytes. Linux hands getrusage's peak on from parent to child, so it is read from /proc there."""
    status = Path("/proc/self/status")
    if status.exists():
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
            / 1e3
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        source, target = map(Path, sys.argv[1:])
        start_peak = _peak()
        ItemStore.open(target, TASK).add(open_reader(source, task=TASK))
        print(start_peak, _peak())
    else:
        publish("importing", figures())
