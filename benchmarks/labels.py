"""Human answers to a certified error on real data, replayed; the true error beside every certificate.

    python -m benchmarks.labels [--sets a,b] [--seeds 10] [--errors 0.05,0.1] [--jobs 2]

Each run is a whole project: import, train, ask, freeze, audit, certify, export. Vectors are computed once a set.
The long table, a row a run, goes to results/labels_runs.csv.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process a core
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import binom

import goldleaf as gl
from benchmarks.figures import RESULTS, Figure, publish
from benchmarks.sets import SETS

COMMAND = "python -m benchmarks.labels"
CACHE = Path(os.environ.get("GOLDLEAF_BENCH_CACHE", Path(tempfile.gettempdir()) / "goldleaf-bench"))
RUNS = RESULTS / "labels_runs.csv"


@dataclass(frozen=True)
class Run:
    """One project, from items to export."""

    set: str
    encoder: str
    seed: int
    target: float
    rows: int
    items: int
    answers: int
    training: int
    audit: int
    census: int
    attempts: int
    certified: bool
    bound: float
    true_error: float
    seconds: float

    @property
    def share(self) -> float:
        return self.answers / self.items


def run(name: str, target: float, seed: int) -> Run | None:
    """One project on the set `name`."""
    data = SETS[name]()
    if data is None:
        return None
    vectors = CACHE / name
    vectors.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "vectors").symlink_to(vectors.resolve())
        with gl.Project.create(
            folder, items=data.items, task=data.task, target=gl.Target(target), seed=seed
        ) as project:
            project.label(gl.Replay(data.answers(), label="gold"))
            status = project.status()
            certificate = project.certificate
            labels = project.export().column("label").to_pylist()
            wrong = sum(label != truth for label, truth in zip(labels, data.gold, strict=True))
            return Run(
                set=name,
                encoder=project.config.encoder["name"],
                seed=seed,
                target=target,
                rows=status.rows,
                items=status.items,
                answers=status.human_answers,
                **status.answers,
                attempts=status.attempt,
                certified=certificate.certified,
                bound=certificate.bound,
                true_error=wrong / len(labels),
                seconds=time.monotonic() - start,
            )


def summary(runs: list[Run]) -> Iterator[Figure]:
    """Mean and 90th percentile of the share of items that people answered; violated certificates of all runs."""
    for name in dict.fromkeys(one.set for one in runs):
        for target in dict.fromkeys(one.target for one in runs):
            some = [one for one in runs if (one.set, one.target) == (name, target)]
            if not some:
                continue
            about = f"{name} at {100 * target:g} %"
            shares = np.array([one.share for one in some])
            answers = np.mean([one.answers for one in some])
            yield Figure(
                f"{about}: human answers (mean of {len(some)} seeds)",
                float(answers),
                "answers",
                command=COMMAND,
            )
            yield Figure(f"{about}: share of the items", float(100 * shares.mean()), "%", command=COMMAND)
            yield Figure(
                f"{about}: share, 90th percentile",
                float(100 * np.quantile(shares, 0.9)),
                "%",
                command=COMMAND,
            )
            worst = max(one.true_error for one in some)
            yield Figure(f"{about}: true error, largest", 100 * worst, "%", command=COMMAND)
    violated = sum(one.true_error > one.bound + 1e-12 for one in runs)
    limit = int(binom.ppf(0.999, len(runs), 0.05))
    yield Figure(
        f"violated certificates of {len(runs)}",
        violated,
        "runs",
        f"<= {limit}",
        violated <= limit,
        command=COMMAND,
    )
    certified = sum(one.certified for one in runs)
    yield Figure(
        "certified runs", certified, "runs", f"= {len(runs)}", certified == len(runs), command=COMMAND
    )


def _kept() -> dict[tuple[str, float, int], Run]:
    """Runs of an earlier call, so that a long benchmark can go on where it stopped."""
    if not RUNS.exists():
        return {}
    kinds = {field.name: field.type for field in fields(Run)}
    read = {"int": int, "float": float, "bool": lambda text: text == "True", "str": str}
    with RUNS.open() as file:
        runs = [
            Run(**{name: read[str(kinds[name])](value) for name, value in row.items()})
            for row in csv.DictReader(file)
        ]
    return {(one.set, one.target, one.seed): one for one in runs}


def _keep(run: Run) -> None:
    RESULTS.mkdir(exist_ok=True)
    new = not RUNS.exists()
    with RUNS.open("a", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Run)])
        if new:
            writer.writeheader()
        writer.writerow(asdict(run))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--errors", default="0.05,0.1")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--resume", action="store_true", help="keep the runs of results/labels_runs.csv")
    options = parser.parse_args()
    kept = _kept() if options.resume else {}
    if not kept:
        RUNS.unlink(missing_ok=True)
    wanted = [
        (name, float(error), seed)
        for seed in range(options.seeds)
        for name in options.sets.split(",")
        for error in options.errors.split(",")
    ]
    todo = [key for key in wanted if key not in kept]
    with ProcessPoolExecutor(options.jobs) as pool:
        for done in pool.map(run, *zip(*todo, strict=True)) if todo else ():
            if done is None:
                continue
            kept[(done.set, done.target, done.seed)] = done
            _keep(done)
            print(
                f"{done.set} {done.target:g} seed {done.seed}: {done.answers} of {done.items} answers "
                f"({done.training}+{done.audit}+{done.census}), true error {100 * done.true_error:.2f} %, {done.seconds:.0f} s",
                flush=True,
            )
    publish("labels", list(summary([kept[key] for key in wanted if key in kept])))


if __name__ == "__main__":
    main()
