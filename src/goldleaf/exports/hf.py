"""A folder that `datasets.load_dataset(folder)` opens: Parquet shards and a card that names the features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from goldleaf.errors import ExportError, names
from goldleaf.exports.base import CARD, GROUP_BYTES, LABEL_FIELDS, cannot_hold, regroup
from goldleaf.exports.hf_features import (
    IMAGE,
    IMAGE_TYPE,
    NoFeatureError,
    feature,
    front_matter,
    metadata,
    storage_type,
)
from goldleaf.exports.json_text import is_bytes, is_text

SHARD_ROWS = 100_000
SHARD_BYTES = 500 * 2**20
OPEN_AT_ONCE = 256  # rows whose images are read into memory together


@dataclass(frozen=True)
class HuggingFace:
    """`label` becomes the class integer, -1 where nobody could tell, beside `label_source`, `label_prob` and
    `label_human`.

    Images are put into the shards, so that the folder can be moved and opened elsewhere.
    """

    shard_rows: int = SHARD_ROWS
    shard_bytes: int = SHARD_BYTES

    def write(
        self,
        batches: Iterator[pa.RecordBatch],
        schema: pa.Schema,
        folder: Path,
        *,
        labels: tuple[str, ...],
        card: str,
        image: str | None = None,
        image_folder: Path | None = None,
    ) -> list[Path]:
        plan = _plan(schema, labels, image)
        root = image_folder or Path()
        converted = (
            _convert(piece, plan, labels, image, root) for batch in batches for piece in _pieces(batch, image)
        )
        shards = self._write_shards(converted, plan.schema, folder / "data")
        readme = folder / CARD
        readme.write_text(front_matter(plan.features) + "\n" + card, encoding="utf-8")
        return [*shards, readme]

    def _write_shards(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path) -> list[Path]:
        """Shards get their total in the name once it is known."""
        folder.mkdir()
        parts: list[Path] = []
        writer: pq.ParquetWriter | None = None
        rows = size = 0
        try:
            for table in regroup(batches, schema, rows=min(self.shard_rows, 16 * 1024), size=GROUP_BYTES):
                full = rows + table.num_rows > self.shard_rows or size + table.nbytes > self.shard_bytes
                if writer is None or (rows and full):
                    if writer is not None:
                        writer.close()
                    parts.append(folder / f"part-{len(parts):05d}.parquet")
                    writer = pq.ParquetWriter(parts[-1], schema, compression="zstd")
                    rows = size = 0
                writer.write_table(table)
                rows, size = rows + table.num_rows, size + table.nbytes
        finally:
            if writer is not None:
                writer.close()
        if not parts:
            parts.append(folder / "part-00000.parquet")
            pq.write_table(schema.empty_table(), parts[0])
        return [
            part.rename(folder / f"train-{number:05d}-of-{len(parts):05d}.parquet")
            for number, part in enumerate(parts)
        ]


@dataclass(frozen=True)
class _Plan:
    schema: pa.Schema
    features: dict[str, Any]


def _plan(schema: pa.Schema, labels: tuple[str, ...], image: str | None) -> _Plan:
    """The columns as Hugging Face has them: the user's, then the label integer and what is known of it."""
    own = list(schema)[: -len(LABEL_FIELDS)]
    fields: list[pa.Field[Any]] = []
    features: dict[str, Any] = {}
    for field in own:
        if field.name == image:
            if not (is_bytes(field.type) or is_text(field.type) or field.type == IMAGE_TYPE):
                raise cannot_hold(field, "an image feature", ("parquet", "jsonl"))
            fields.append(pa.field(field.name, IMAGE_TYPE))
            features[field.name] = IMAGE
            continue
        try:
            fields.append(pa.field(field.name, storage_type(field.type)))
            features[field.name] = feature(storage_type(field.type))
        except NoFeatureError as error:
            raise cannot_hold(field, "Hugging Face datasets", ("parquet", "jsonl")) from error
    label, prob, source, human = _names(schema.names[len(own)], {field.name for field in own})
    features[label] = {"names": list(labels), "_type": "ClassLabel"}
    for name, kind in ((source, pa.string()), (prob, pa.float64()), (human, pa.bool_())):
        features[name] = feature(kind)
    fields += [
        pa.field(label, pa.int64()),
        pa.field(source, pa.string()),
        pa.field(prob, pa.float64()),
        pa.field(human, pa.bool_()),
    ]
    return _Plan(pa.schema(fields, metadata=metadata(features)), features)


def _names(label: str, taken: set[str]) -> tuple[str, str, str, str]:
    """`label`, `label_prob`, `label_source`, `label_human`, all prefixed when one of them is taken."""
    while True:
        four = (label, f"{label}_prob", f"{label}_source", f"{label}_human")
        if taken.isdisjoint(four):
            return four
        label = f"goldleaf_{label}"


def _pieces(batch: pa.RecordBatch, image: str | None) -> Iterator[pa.RecordBatch]:
    if image is None:
        yield batch
        return
    for start in range(0, batch.num_rows, OPEN_AT_ONCE):
        yield batch.slice(start, OPEN_AT_ONCE)


def _convert(
    batch: pa.RecordBatch, plan: _Plan, labels: tuple[str, ...], image: str | None, root: Path
) -> pa.RecordBatch:
    *own, label, probability, source, human = batch.columns
    columns = [
        _images(column, field.name, root) if field.name == image else _stored(column, field)
        for column, field in zip(own, plan.schema, strict=False)
    ]
    integers = [class_integers(label, labels), source, probability, human]
    return pa.RecordBatch.from_arrays(columns + integers, schema=plan.schema)


def _stored(column: Any, field: pa.Field[Any]) -> Any:
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    try:
        return column if column.type == field.type else column.cast(field.type)
    except pa.ArrowNotImplementedError as error:
        raise cannot_hold(
            pa.field(field.name, column.type), "Hugging Face datasets", ("parquet", "jsonl")
        ) from error


def class_integers(label: Any, labels: tuple[str, ...]) -> Any:
    """The place of each label in `labels`; -1 where there is none.

    Raises:
        ExportError: a label that is not among `labels`.
    """
    found = pc.index_in(label, value_set=pa.array(labels, label.type))
    unknown = pc.and_(found.is_null(), label.is_valid())
    if pc.any(unknown).as_py():
        got = label.filter(unknown)[0].as_py()
        raise ExportError(f"The label {got!r} is not among the labels {names(labels)}.")
    return pc.fill_null(found.cast(pa.int64()), -1)


def _images(column: Any, name: str, root: Path) -> Any:
    """Images as {bytes, path}: read from disk where the column holds paths."""
    if column.type == IMAGE_TYPE:
        return column
    rows: list[dict[str, bytes | str | None] | None] = []
    for value in column.to_pylist():
        if value is None:
            rows.append(None)
        elif isinstance(value, bytes):
            rows.append({"bytes": value, "path": None})
        else:
            rows.append({"bytes": _read(root / value, name), "path": Path(value).name})
    return pa.array(rows, IMAGE_TYPE)


def _read(path: Path, column: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(
            f"Could not read the image {str(path)!r} named in column `{column}`: {error.strerror}.",
            do="Export from where the images are, or export to `parquet`, which keeps the paths.",
        ) from error
