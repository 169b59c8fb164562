"""Human answers to a certified error on real data, replayed: goldleaf and the published ways.

    python -m benchmarks.answers [--sets a,b] [--seeds 20] [--errors 0.05,0.1] [--methods all] [--jobs 2] [--resume]
    python -m benchmarks.answers --data FILE --text COL --gold COL --error 0.05 --seeds 20 --methods all
    python -m benchmarks.answers --config FILE.toml      # mine = {file = "x.csv", text = "review", gold = "label"}
    python -m benchmarks.answers --publish [--plot]      # what the long table holds, seeds uneven or not

The suite writes results/answers.json, the long table results/answers_runs.csv, and the tables of docs/benchmarks.md;
your own data writes answers_runs.csv into the current folder. Vectors are computed once a set and kept in
GOLDLEAF_BENCH_CACHE; GOLDLEAF_DATA names the folder of the suite's data.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process a core
os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.answers import plot, report, runs
from benchmarks.answers.cases import CASES
from benchmarks.answers.files import Source, case_of, check, from_toml
from benchmarks.answers.methods import ABLATION_SEEDS, ORACLE, ORACLE_SEEDS, chosen, is_ablation
from benchmarks.answers.regimes import REGIMES
from benchmarks.answers.summary import Cells, cells, errors_of
from benchmarks.figures import RESULTS, publish
from goldleaf.errors import ConfigError, GoldleafError, did_you_mean, names


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=report.COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--sets",
        help="names separated by commas, or regimes; all of the suite, or of --config, by default",
    )
    made.add_argument("--seeds", type=int, default=20, help="runs of each method")
    made.add_argument("--errors", "--error", default="0.05,0.1", help="targets, separated by commas")
    made.add_argument("--confidence", default="0.95")
    made.add_argument("--methods", default="all", help="all, or names separated by commas")
    made.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    made.add_argument("--resume", action="store_true", help="keep the runs of the long table")
    made.add_argument("--plot", action="store_true", help="also draw docs/images/answers.svg")
    made.add_argument(
        "--publish", action="store_true", help="run nothing: publish what the long table holds of --errors"
    )
    made.add_argument("--draft", action="store_true", help="print only: leave results and docs as they are")
    made.add_argument("--config", type=Path, help="a TOML file of your own sets")
    made.add_argument("--data", help="a CSV, JSONL or Parquet file of your own")
    made.add_argument("--gold", help="its column of true labels")
    made.add_argument("--text", help="its column of texts")
    made.add_argument("--image", help="its column of images")
    made.add_argument("--vectors", help="its column of vectors (lists)")
    made.add_argument("--table", action="store_true", help="use all its other columns")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; a refusal is two lines of text and status 1."""
    try:
        _run(parser().parse_args(arguments))
    except GoldleafError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    errors = [_share("errors", error) for error in options.errors.split(",")]
    if options.publish:
        held = runs.read(RESULTS / "answers_runs.csv").values()
        _conclude(cells(run for run in held if run.error in errors), kept=True)
        if options.plot:
            plot.publish(cells(held))
        return
    loaders = _loaders(options)
    own = bool(options.data or options.config)
    path = Path("answers_runs.csv") if own else RESULTS / "answers_runs.csv"
    every = list(chosen(options.methods))
    alpha = round(1 - _share("confidence", options.confidence), 10)
    wanted = _keys(loaders, every, errors, alpha, options.seeds)
    drawn = [] if own or options.draft else _keys_of_plot(options, loaders, every, alpha)
    if not (options.resume or options.draft):
        path.unlink(missing_ok=True)
    done = runs.read(path) if options.resume else {}
    todo = [key for key in dict.fromkeys([*wanted, *drawn]) if key not in done]
    for batch in runs.missing(loaders, todo, options.jobs):
        done |= {run.key: run for run in batch}
        if not options.draft:
            runs.append(path, batch)
        _say(batch)
    _conclude(cells(done[key] for key in wanted if key in done), kept=not (own or options.draft))
    if drawn:
        plot.publish(cells(done[key] for key in drawn if key in done))


def _loaders(options: argparse.Namespace) -> list[runs.Loader]:
    """The sets that were asked for, refused here and not in a process if a name or a column is wrong."""
    if options.data:
        if not options.gold:
            raise ConfigError("--data needs the column of true labels.", do="Name it: --gold COLUMN.")
        source = Source(
            options.data, options.gold, options.text, options.image, options.vectors, options.table
        )
        name = Path(options.data).stem
        return [runs.Loader(name, partial(case_of, name, check(source)))]
    own = from_toml(options.config) if options.config else {}
    known = {**CASES, **REGIMES, **own}
    picked = [name.strip() for name in options.sets.split(",")] if options.sets else list(own or CASES)
    picked = [one for name in picked for one in (REGIMES if name == "regimes" else (name,))]
    for name in picked:
        if name not in known:
            raise ConfigError(
                f"`--sets` names {name!r}; allowed: {names(known, 40)}.{did_you_mean(name, known)}",
                do="Give names separated by commas.",
            )
    return [runs.Loader(name, known[name]) for name in picked]


def _share(option: str, text: str) -> float:
    """A number strictly between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise ConfigError(
            f"`--{option}` must lie strictly between 0 and 1, got {text!r}.", do="Write 5 % as 0.05."
        )
    return value


def _keys(
    loaders: Sequence[runs.Loader], methods: Sequence[str], errors: Sequence[float], alpha: float, seeds: int
) -> list[runs.Key]:
    return [
        runs.Key(loader.name, method, error, alpha, seed)
        for seed in range(seeds)
        for loader in loaders
        for method in methods
        for error in errors
        if seed < {ORACLE: ORACLE_SEEDS}.get(method, ABLATION_SEEDS if is_ablation(method) else seeds)
    ]


def _keys_of_plot(
    options: argparse.Namespace, loaders: Sequence[runs.Loader], methods: Sequence[str], alpha: float
) -> list[runs.Key]:
    if not options.plot:
        return []
    some = [loader for loader in loaders if loader.name in plot.SETS]
    whole = [method for method in methods if not is_ablation(method)]
    return _keys(some, whole, plot.ERRORS, alpha, min(plot.SEEDS, options.seeds))


def _say(batch: Sequence[runs.Run]) -> None:
    if batch:
        seconds = sum(run.seconds for run in batch)
        print(f"{batch[0].set}, seed {batch[0].seed}: {len(batch)} runs in {seconds:.1f} s", flush=True)


def _conclude(table: Cells, *, kept: bool) -> None:
    """Print the tables; `kept`: publish them."""
    for error in errors_of(table):
        print(
            f"\nHuman answers in percent of the items: mean (90th percentile)\n{report.sets_table(table, error)}\n"
        )
    figures = report.headline(table)
    if kept:
        publish("answers", figures, report.details(table))
        report.into_docs(table)
        return
    for figure in figures:
        print(f"{figure.name}: {figure.value:.4g} {figure.unit} {figure.target}")


if __name__ == "__main__":
    sys.exit(main())
