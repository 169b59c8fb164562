"""One export into one folder: all of it or nothing of it, and nobody else's files touched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from goldleaf.errors import ExportError, names
from goldleaf.exports.names import exporter

MARKER = ".goldleaf-export.json"  # which files here are goldleaf's: only those are ever replaced or removed
STAGING = ".goldleaf-tmp-"


def export(
    to: str,
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    folder: str | Path,
    *,
    labels: tuple[str, ...],
    card: str,
    image: str | None = None,
    image_folder: Path | None = None,
    extra: Mapping[str, bytes] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write the labeled data set in the format `to` into `folder`.

    The files are written beside their final place and renamed at the end, so an export that fails leaves
    an earlier one as it was. `batches` are streamed: memory does not grow with the data.

    Args:
        to: a name in `goldleaf.exports.names.EXPORTERS`.
        batches: the user's columns followed by the four of `label_fields`.
        extra: files to put beside the data, by name, e.g. {"certificate.json": ...}.
        overwrite: write into a folder that holds files goldleaf did not write there. Files of the same
            name are replaced; no other file is touched.

    Returns:
        The files written, in their final place.

    Raises:
        ExportError: the folder is somebody else's, a column does not fit, or writing failed.
    """
    writer = exporter(to)
    folder = Path(folder)
    _check_columns(schema)
    _check_folder(folder, to, overwrite)
    created = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=STAGING, dir=folder) as name:
            staging = Path(name)
            written = writer.write(
                batches, schema, staging, labels=labels, card=card, image=image, image_folder=image_folder
            )
            files = [path.relative_to(staging).as_posix() for path in written]
            for beside, data in (extra or {}).items():
                (staging / beside).write_bytes(data)
                files.append(beside)
            _publish(staging, folder, to, files, overwrite)
    except OSError as error:
        raise ExportError(
            f"Could not write to {str(folder)!r}: {error.strerror or error}.",
            do="Check the free space and the permissions, then export again.",
        ) from error
    finally:
        if created and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
    return [folder / file for file in files]


def _check_columns(schema: pa.Schema) -> None:
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise ExportError(
            f"The data has more than one column called {names(twice)}.",
            do="Rename the columns so that each name is used once.",
        )


def _check_folder(folder: Path, to: str, overwrite: bool) -> None:
    """Refuse early what `_publish` would refuse after all the work."""
    if folder.exists() and not folder.is_dir():
        raise ExportError(f"{str(folder)!r} is a file.", do="Name a folder to export into.")
    if overwrite or not folder.exists():
        return
    earlier, _ = _read_marker(folder)
    if earlier not in (None, to):
        raise ExportError(
            f"{str(folder)!r} holds an export to `{earlier}`, got `{to}`: a folder holds one export.",
            do="Choose another folder, or pass --overwrite to replace it.",
        )
    if earlier is None:
        found = [path.name for path in folder.iterdir() if not path.name.startswith(STAGING)]
        if found:
            raise _foreign(folder, found)


def _foreign(folder: Path, found: list[str]) -> ExportError:
    return ExportError(
        f"{str(folder)!r} holds files that goldleaf did not write: {names(sorted(found), 3)}.",
        do="Choose an empty folder, or pass --overwrite to write among them.",
    )


def _read_marker(folder: Path) -> tuple[str | None, list[str]]:
    """The format and the files of the export in `folder`; (None, []) when there is none."""
    path = folder / MARKER
    if not path.exists():
        return None, []
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        listed = [str(file) for file in body["files"]]
        if any(Path(file).is_absolute() or ".." in Path(file).parts for file in listed):
            raise ValueError("a file outside the folder")
        return str(body["format"]), listed
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(
            f"{str(path)!r} is damaged, so what goldleaf wrote there is unknown.", do="Choose another folder."
        ) from error


def _write_marker(folder: Path, to: str, files: list[str]) -> None:
    new = folder / (STAGING + "marker")
    new.write_text(json.dumps({"format": to, "files": files}, indent=1), encoding="utf-8")
    os.replace(new, folder / MARKER)


def _publish(staging: Path, folder: Path, to: str, files: list[str], overwrite: bool) -> None:
    """Rename the new files into place, then remove those of the earlier export that are not replaced."""
    _, earlier = _read_marker(folder)
    foreign = [file for file in files if file not in earlier and (folder / file).exists()]
    if foreign and not overwrite:
        raise _foreign(folder, foreign)
    _refuse_mixing(folder, {*earlier, *files})
    _write_marker(folder, to, sorted({*earlier, *files}))  # both, should we be killed half way
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        os.replace(staging / file, folder / file)
    for file in set(earlier) - set(files):
        _remove(folder, file)
    _write_marker(folder, to, sorted(files))


def _refuse_mixing(folder: Path, ours: set[str]) -> None:
    """A subfolder is read as a whole by the next tool: other rows in it would pass as goldleaf's."""
    for subfolder in {(folder / file).parent for file in ours} - {folder}:
        found = subfolder.iterdir() if subfolder.is_dir() else ()
        others = [path.name for path in found if path.relative_to(folder).as_posix() not in ours]
        if others:
            raise ExportError(
                f"{str(subfolder)!r} holds other data: {names(sorted(others), 3)}.",
                do="Choose another folder, or move those files away.",
            )


def _remove(folder: Path, file: str) -> None:
    """Remove an earlier export's file, and its subfolder when that is left empty."""
    path = folder / file
    path.unlink(missing_ok=True)
    if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()
