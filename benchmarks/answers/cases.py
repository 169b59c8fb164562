"""The cases of the benchmark: the sets of benchmarks.sets through goldleaf's encoder, computed once and kept.

Kept files are named after the source of the encoders, so that a changed encoder never meets old vectors.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import goldleaf as gl
from benchmarks.answers.case import Case, Floats, Ints
from benchmarks.figures import data_set
from benchmarks.sets import SETS, LabeledSet, llm_votes
from goldleaf.encode import features
from goldleaf.encode.neighbours import around, unit_rows

CACHE = Path(os.environ.get("GOLDLEAF_BENCH_CACHE", Path(tempfile.gettempdir()) / "goldleaf-bench"))


def encoded(
    name: str, load: Callable[[], LabeledSet | None], *, key: str = "", votes: bool = False
) -> Case | None:
    """The case of a set that goldleaf encodes.

    Args:
        name: of the case.
        load: reads the set; None where it is absent.
        key: what else the kept vectors depend on.
        votes: whether methods see the imported votes beside the vectors.
    """
    kept = CACHE / "answers" / f"{name}-{_encoders()}{key}.npz"
    if not kept.exists():
        data = load()
        if data is None:
            return None
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{os.getpid()}.npz")
        np.savez(unfinished, **_encode(data))
        unfinished.replace(kept)
    read = np.load(kept)
    return Case(
        name,
        read["vectors"],
        read["gold"],
        read["weights"],
        int(read["classes"]),
        str(read["kind"]),
        read["votes"] if votes else None,
        read["confidence"] if votes else None,
        read["around"],
    )


def _encode(data: LabeledSet) -> dict[str, NDArray[np.generic]]:
    """What a project makes of the set: an item's gold and vote are those of its first row."""
    with (
        tempfile.TemporaryDirectory() as folder,
        gl.Project.create(folder, items=data.items, task=data.task, seed=0) as project,
    ):
        item = np.concatenate(
            [batch.column("goldleaf_item").to_numpy() for batch in project.store.row_batches()]
        )
        _, first = np.unique(item, return_index=True)
        out: dict[str, NDArray[np.generic]] = {
            "vectors": np.array(project._features().own, np.float32),
            "around": np.array(project._features().around, np.float32),
            "gold": _numbers(data.gold, data.task.labels)[first],
            "weights": np.array(project.store.weights(), np.int64),
            "classes": np.array(len(data.task.labels)),
            "kind": np.array(data.task.modality),
        }
    if data.votes is not None:
        out["votes"] = _numbers(data.votes, data.task.labels)[first]
        out["confidence"] = np.array(data.confidence, np.float64)[first]
    return out


def _numbers(names: list[str], labels: tuple[str, ...]) -> Ints:
    number = {label: at for at, label in enumerate(labels)}
    return np.array([number[name] for name in names], np.int64)


def _encoders() -> str:
    """A name for the state of goldleaf's encoders."""
    sources = sorted(Path(features.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def from_vectors(name: str, raw: Floats, gold: Ints, classes: int) -> Case:
    """The case of given vectors, prepared as goldleaf does: centred on the pool, rows of unit norm."""
    raw, first, weights = np.unique(
        np.asarray(raw, np.float32), axis=0, return_index=True, return_counts=True
    )
    vectors = unit_rows(raw - raw.mean(axis=0, dtype=np.float64).astype(np.float32))
    return Case(
        name, vectors, gold[first], weights.astype(np.int64), classes, "vectors", around=around(vectors)
    )


def only_votes(name: str, data: LabeledSet) -> Case:
    """The case of a set whose items nobody can look into: every row is an item."""
    assert data.votes is not None
    return Case(
        name,
        None,
        _numbers(data.gold, data.task.labels),
        np.ones(len(data.gold), np.int64),
        len(data.task.labels),
        "votes",
        _numbers(data.votes, data.task.labels),
        np.array(data.confidence, np.float64),
    )


def _votes_of(name: str) -> Case | None:
    data = llm_votes(name)
    return data and only_votes(f"pac_{name}_votes", data)


def _labelme() -> Case | None:
    folder = data_set("crowd_labelme_features")
    if folder is None:
        return None
    data = np.load(folder / "features.npz")
    parts = ("train", "valid", "test")
    raw = np.concatenate([data[f"X_{part}"] for part in parts]).astype(np.float32)
    gold = np.concatenate([data[f"y_{part}"] for part in parts]).astype(np.int64)
    return from_vectors("crowd_labelme_features", raw, gold, int(gold.max()) + 1)


CASES: dict[str, Callable[[], Case | None]] = {
    **{name: partial(encoded, name, load) for name, load in SETS.items()},
    "crowd_labelme_features": _labelme,
    "pac_misinfo_text_votes": partial(encoded, "pac_misinfo_text_votes", SETS["pac_misinfo"], votes=True),
    "pac_stance_text_votes": partial(encoded, "pac_stance_text_votes", SETS["pac_stance"], votes=True),
    "pac_misinfo_votes": partial(_votes_of, "misinfo"),
    "pac_stance_votes": partial(_votes_of, "stance"),
    "pac_imagenetv2_votes": partial(_votes_of, "imagenetv2"),
    "pac_imagenet_votes": partial(_votes_of, "imagenet"),
}
"""The suite, in the order of its table."""
