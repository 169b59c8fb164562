"""`goldleaf init`: a file of items becomes a project."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NoReturn

import click

from goldleaf.cli import options
from goldleaf.cli.show import facts, next_step
from goldleaf.encode.names import choose
from goldleaf.errors import ConfigError, names
from goldleaf.items.open import open_reader
from goldleaf.project.base import Project
from goldleaf.schema import kind_of_slice
from goldleaf.task import Classify, Target


@click.command("init")
@click.argument("items", type=click.Path(path_type=Path))
@click.option("--text", help="The column that holds the text.")
@click.option(
    "--image", help="The column that holds an image: a path, or encoded bytes. A folder has `file`."
)
@click.option("--table", help="The columns of a table row, a,b,c; or * for all.")
@click.option("--labels", required=True, help="The labels: a,b,c; or a file with one label a line.")
@click.option("--key", help="A column that names a row for good; without it the content does.")
@click.option("--error", default=0.05, show_default=True, help="The share of wrong labels you can live with.")
@click.option("--confidence", default=0.95, show_default=True, help="How sure you want to be.")
@click.option(
    "--cant-tell",
    type=click.Choice(["error", "exclude"]),
    default="error",
    show_default=True,
    help="What an item is that a person cannot tell: an error, or left out of the data set.",
)
@click.option(
    "--per",
    help="Prove the error for every slice: class, or a column such as a source; the whole data set by default.",
)
@click.option(
    "--second-opinions",
    default=0,
    show_default=True,
    help="Rows, drawn at random, that a second person answers too; the certificate then bounds how far people differ.",
)
@click.option("--encoder", help="How items become vectors; the best one installed by default.")
@click.option("--vectors", help="Your own vectors: a column, or an .npy file in the order of the items.")
@click.option(
    "--ledger", default="ledger.db", show_default=True, help="A file in the project, or a postgresql:// URL."
)
@click.option("--seed", type=int, help="Of every random choice; random by default.")
@options.encoding
@options.skip_empty
@options.project
def command(
    items: Path,
    text: str | None,
    image: str | None,
    table: str | None,
    labels: str,
    key: str | None,
    error: float,
    confidence: float,
    cant_tell: Literal["error", "exclude"],
    per: str | None,
    second_opinions: int,
    encoder: str | None,
    vectors: str | None,
    ledger: str,
    seed: int | None,
    encoding: str,
    skip_empty: bool,
    folder: Path,
) -> None:
    """Make a project from ITEMS: a CSV, TSV, JSONL or Parquet file, or a folder of images."""
    if image is None and items.is_dir() and text is None and table is None:
        image = "file"
    if text is None and image is None and table is None:
        _ask_for_column(items, encoding)
    columns = "*" if table == "*" else _listed(table) if table else None
    task = Classify(_labels(labels), text=text, image=image, table=columns, key=key)
    with Project.create(
        folder,
        items=items,
        task=task,
        target=Target(error, confidence, cant_tell, per, second_opinions),
        encoder=encoder,
        vectors=vectors,
        ledger=ledger,
        seed=seed,
        encoding=encoding,
        skip_empty=skip_empty,
    ) as project:
        _say(project)


def _ask_for_column(items: Path, encoding: str) -> NoReturn:
    columns = open_reader(items, task=None, encoding=encoding).columns
    raise ConfigError(
        f"Which column holds the items? {items} has {names(columns)}.",
        do="Say --text COLUMN, --image COLUMN, or --table A,B (--table '*' for all columns).",
    )


def _say(project: Project) -> None:
    added, config = project.added, project.config
    assert added is not None
    skipped = f", {added.skipped:,} empty left out" if added.skipped else ""
    facts(
        {
            "found": f"{added.rows:,} rows, {project.store.items:,} distinct items "
            f"({project.store.rows - project.store.items:,} exact duplicates, labeled once){skipped}",
            "labels": f"{len(config.task.labels)}: {', '.join(config.task.labels[:8])}{' …' if len(config.task.labels) > 8 else ''}",
            "target": f"at most {100 * config.target.error:.4g} % wrong{_where(config.target.per)}, "
            f"with {100 * config.target.confidence:.4g} % confidence",
            "encoder": config.encoder["name"],
        }
    )
    choice = choose(config.task.modality)
    if choice.better and config.encoder["name"] == choice.name:
        click.echo(f"Better: {choice.better} Choose it before you label; it is pinned in goldleaf.toml.")
    ledger = config.ledger if "://" in config.ledger else project.folder / config.ledger
    click.echo(f"written: {project.folder / 'goldleaf.toml'}, {ledger}")
    click.echo(f"next: {next_step('plan', project.folder)}, then {next_step('label', project.folder)}")


def _where(per: str | None) -> str:
    return f" in every {kind_of_slice(per)}" if per else ""


def _labels(given: str) -> list[str]:
    path = Path(given)
    if "," not in given and path.is_file():
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return _listed(given)


def _listed(given: str) -> list[str]:
    return [part.strip() for part in given.split(",")]
