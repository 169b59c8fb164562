"""How long a person or a command waits at scale: a round at a million items, a question, an answer, a status.

    python -m benchmarks.speed

Each part runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import contextlib
import io
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

import goldleaf as gl
from benchmarks import encoding, importing
from benchmarks.figures import Figure, publish
from goldleaf.certificates import audit as audits
from goldleaf.certificates.base import AuditPlan, Draw, Outcome
from goldleaf.project.frozen import Frozen

COMMAND = "python -m benchmarks.speed"
LABELS = [f"class {number}" for number in range(10)]
ITEMS = 1_000_000
WIDTH = 256
ANSWERS = 100_000


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _million(folder: Path) -> tuple[gl.Project, np.ndarray]:
    """A project of a million items around ten centres, with its own vectors, and the true classes."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(LABELS), WIDTH)).astype(np.float32)
    truth = rng.integers(0, len(LABELS), ITEMS)
    path = folder / "vectors.npy"
    stored = np.lib.format.open_memmap(path, "w+", np.float32, (ITEMS, WIDTH))
    for start in range(0, ITEMS, 50_000):
        part = truth[start : start + 50_000]
        stored[start : start + 50_000] = centres[part] * 0.25 + rng.normal(size=(len(part), WIDTH)).astype(
            np.float32
        )
    stored.flush()
    del stored
    items = pa.table({"text": pa.array([f"item {number}" for number in range(ITEMS)])})
    task = gl.Classify(LABELS, text="text")
    return gl.Project.create(folder / "project", items=items, task=task, vectors=path, seed=0), truth


def a_round() -> None:
    """Print: seconds of a round with 500 answers, seconds of the freeze, peak memory in GB."""
    with tempfile.TemporaryDirectory() as folder:
        project, truth = _million(Path(folder))
        with project:
            project.label(lambda item: LABELS[truth[item.position]], limit=500)
            assert project.loop.audit is None, "the training must not have stopped before the measurement"
            waiting = project.loop.record.open(0)
            project._answer([(asked, LABELS[truth[asked.position]], None) for asked in waiting], "bench")
            one_round = timed(project.loop._train)
            waiting = project.loop.record.open(0)
            project._answer([(asked, LABELS[truth[asked.position]], None) for asked in waiting], "bench")
            freeze = timed(lambda: project.loop._freeze("benchmark"))
            questions, answers = [], []
            for _ in range(60):
                start = time.perf_counter()
                question = project.ask()[0]
                questions.append(time.perf_counter() - start)
                start = time.perf_counter()
                project.answer(question, LABELS[truth[question.item.position]], source="bench")
                answers.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(one_round, freeze, statistics.median(questions), statistics.median(answers), peak)


def an_update() -> None:
    """Print: median seconds of a certifier's update and of its next draw, a million items, 300 answers."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.4, 8, ITEMS)
    plan = AuditPlan(np.ones(ITEMS, np.int64), p, ITEMS, 0.05, 0.05, float(p.mean()), 0)
    audit = audits.start(plan)
    wrong = rng.random(ITEMS) < p
    updates, draws = [], []
    while len(updates) < 300:
        start = time.perf_counter()
        open_ = audit.next()
        draws.append(time.perf_counter() - start)
        for draw in open_:
            start = time.perf_counter()
            audit.answer(draw.position, Outcome.WRONG if wrong[draw.position] else Outcome.RIGHT)
            assert 0 <= audit.bound <= 1
            updates.append(time.perf_counter() - start)
    print(statistics.median(updates), statistics.median(draws))


def a_status() -> None:
    """Print: seconds of Project.status in a new process, and of the whole command, with 100,000 answers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        _answered(folder)
        with gl.Project.open(folder, write=False) as project:
            inside = timed(project.status)
        command = timed(
            lambda: subprocess.run(
                [sys.executable, "-m", "goldleaf", "status", "-C", str(folder)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
        )
    print(inside, command)


def _answered(folder: Path) -> None:
    """A project whose audit has 100,000 answers; they go into the ledger in bulk, as no benchmark can wait for people."""
    n = 4 * ANSWERS
    items = pa.table({"text": pa.array([f"item {number}" for number in range(n)])})
    vectors = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    task = gl.Classify(["yes", "no"], text="text")
    with gl.Project.create(
        folder, items=items, task=task, vectors=vectors, target=gl.Target(0.001), seed=0
    ) as project:
        project.label(lambda item: "yes" if vectors[item.position, 0] > 0 else "no", limit=200)
        loop = project.loop
        for asked in loop.record.open(0):
            project._answer([(asked, "yes", None)], "bench")
        loop._freeze("benchmark")
        frozen = loop.frozen
        assert frozen is not None
        audit = audits.start(frozen.plan())
        questions, places = _draws(audit, frozen, ANSWERS)
        ids = loop.ids
        asked = loop.record.ask([{**q, "item": ids[q["position"]].as_py()} for q in questions])
        loop.record.answer(
            [
                {
                    "question": a.seq,
                    "item": a.item,
                    "source": "bench",
                    "answer": "label",
                    "label": frozen.label(place),
                }
                for a, place in zip(asked, places, strict=True)
            ]
        )


def _draws(audit: audits.Audit, frozen: Frozen, count: int) -> tuple[list[dict[str, object]], list[int]]:
    """Draws of equal probability, as a long audit would have made them, without solving each design."""
    first = audit.next()[0]
    places = np.random.default_rng(1).permutation(len(frozen.positions))[:count]
    questions = []
    for step, place in enumerate(places.tolist()):
        draw = Draw(
            step, place, "draw", first.probability, first.p, first.lam, first.nu, first.target, first.least
        )
        questions.append(
            {
                "purpose": "audit",
                "reason": "audit",
                "attempt": 1,
                "probability": draw.probability,
                "position": int(frozen.positions[place]),
                **{name: getattr(draw, name) for name in ("step", "p", "lam", "nu", "target", "least")},
            }
        )
    return questions, places.tolist()


def _apart(part: str) -> list[float]:
    """What a part prints, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", part], check=True, stdout=subprocess.PIPE, text=True
    )
    return [float(word) for word in done.stdout.split()[-8:]]


def _at_most(name: str, value: float, limit: float, unit: str) -> Figure:
    return Figure(name, value, unit, f"<= {limit:g}", value <= limit, command=COMMAND)


def figures() -> list[Figure]:
    round_, freeze, question, answer, peak = _apart("a_round")
    update, draw = _apart("an_update")
    status, command = _apart("a_status")[-2:]
    return [
        _at_most("one round, 1,000,000 items x 256, 500 answers", round_, 5, "s"),
        _at_most("peak memory of that project", peak, 4, "GB"),
        Figure("freeze of 1,000,000 items, once an audit", freeze, "s", command=COMMAND),
        _at_most("next audit question, 1,000,000 items", 1000 * question, 50, "ms"),
        Figure("answer written and counted, 1,000,000 items", 1000 * answer, "ms", command=COMMAND),
        _at_most("certifier: next draw, 1,000,000 items", 1000 * draw, 50, "ms"),
        _at_most("certifier: update by one answer", 1000 * update, 5, "ms"),
        _at_most("Project.status with 100,000 answers", status, 1, "s"),
        Figure("the command `goldleaf status`, start of Python included", command, "s", command=COMMAND),
        *importing.figures(),
        *encoding.rates(),
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with contextlib.redirect_stderr(io.StringIO()):
            globals()[sys.argv[1]]()
    else:
        publish("speed", figures())
