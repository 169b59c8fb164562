"""Fifty labeling functions on a million texts, as commands: seconds, memory of all processes, bytes on disk.

Half of the functions are keywords, regular expressions and lookups; half are plain Python. Then the same command again,
with one function changed, and with a thousand items more.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure

ITEMS, NEW = 1_000_000, 1_000
WORDS, VOCABULARY = 12, 3_000  # words a text, on average, drawn by Zipf's law
RULES = """\
import goldleaf

WORDS = {words!r}
LABELS = ("spam", "ham")


def plain(number, decide):
    @goldleaf.labeling_function(name=f"plain {{number}}")
    def rule(item):
        return LABELS[number % 2] if decide(item.content["text"], number) else None

    return rule


DECIDE = [
    lambda text, number: len(text.split()) > 8 + number % 9,
    lambda text, number: text.startswith(WORDS[number % 7]),
    lambda text, number: text.count("a") > 2 + number,
    lambda text, number: WORDS[number] in text.split(),
    lambda text, number: any(word.isupper() for word in text.split()),
]
rules = [
    *(goldleaf.keywords(LABELS[n % 2], WORDS[3 * n : 3 * n + 3], name=f"keywords {{n}}") for n in range(12)),
    *(goldleaf.regex(LABELS[n % 2], rf"\\b{{WORDS[n]}}\\b.*\\d{{{{2,}}}}", name=f"regex {{n}}") for n in range(10)),
    *(goldleaf.lookup("source", {{str(n): LABELS[n % 2]}}, name=f"lookup {{n}}") for n in range(3)),
    *(plain(n, DECIDE[n % 5]) for n in range(25)),
]
"""


def words() -> list[str]:
    """Pronounceable, all different, the frequent ones first."""
    rng = np.random.default_rng(1)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    made = ("".join(rng.choice(syllables, rng.integers(1, 5))) for _ in iter(int, 1))
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        found[next(made)] = None
    return list(found)


def write(path: Path, items: int, seed: int) -> None:
    """A CSV file of texts; one in twenty is not ASCII, some shout, some have numbers."""
    rng = np.random.default_rng(seed)
    called = np.array(words())
    share = 1 / np.arange(1, VOCABULARY + 1)
    with path.open("w") as file:
        file.write("id,text,source\n")
        for start in range(0, items, 50_000):
            size = min(50_000, items - start)
            lengths = rng.integers(4, 2 * WORDS - 3, size)
            drawn = iter(called[rng.choice(VOCABULARY, lengths.sum(), p=share / share.sum())].tolist())
            sort, number = rng.integers(20, size=size).tolist(), rng.integers(1000, size=size).tolist()
            for at, length in enumerate(lengths.tolist()):
                text = " ".join(next(drawn) for _ in range(length))
                more = {0: " café", 1: " NOW", 2: f" {number[at]}"}.get(sort[at], "")
                file.write(f"{seed}-{start + at},{text}{more},{number[at] % 9}\n")


def run(*command: object) -> tuple[float, float]:
    """Seconds of a command, and the most memory (MB) that it and its processes had, shared pages counted once."""
    begun = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, "-m", "goldleaf", *map(str, command)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    most = 0.0
    while running.poll() is None:
        most = max(
            most, sum(_memory(path) for path in Path("/proc").glob("[0-9]*") if _session(path) == running.pid)
        )
        time.sleep(0.1)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, running.args)
    return time.perf_counter() - begun, most


def _session(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[3])
    except OSError:  # it has ended
        return 0


def _memory(process: Path) -> float:
    try:
        found = re.search(r"^Pss:\s+(\d+)", (process / "smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) / 1e3 if found else 0.0


def figures(items: int = ITEMS) -> Iterator[Figure]:
    """Of all steps, in the order in which a user takes them."""
    size = f"{items:,} items, 50 functions"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, more, rules, project = (folder / one for one in ("items.csv", "more.csv", "rules.py", "p"))
        write(data, items, seed=2)
        write(more, NEW, seed=3)
        rules.write_text(RULES.format(words=words()[:80]))
        run("init", data, "--text", "text", "--key", "id", "--labels", "ham,spam", "-C", project)

        def step(what: str, *command: object) -> Iterator[Figure]:
            seconds, memory = run(*command, "-C", project)
            yield Figure(f"{size}: {what}", seconds, "s")
            yield Figure(f"{size}: {what}, peak memory of all processes", memory, "MB")

        vote = ("vote", "--functions", rules)
        yield from step("`goldleaf vote`", *vote)
        bytes_ = sum(file.stat().st_size for file in (project / "votes").iterdir())
        yield Figure(f"{size}: their votes on disk", bytes_ / 1e6, "MB")
        yield from step("`goldleaf sources`", "sources")
        yield from step("`goldleaf vote` again, nothing to do", *vote)
        rules.write_text(rules.read_text() + "rules[-1] = plain(24, DECIDE[1])\n")
        yield from step("`goldleaf vote`, one function changed", *vote)
        run("add", more, "-C", project)
        yield from step(f"`goldleaf vote`, {NEW:,} items more", *vote)


if __name__ == "__main__":
    for figure in figures(int(sys.argv[1])):
        print(f"{figure.name}: {figure.value:.4g} {figure.unit}", flush=True)
