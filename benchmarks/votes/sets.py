"""The sets of the benchmark: votes, gold and, where the items are there, what goldleaf's encoder makes of them.

Items are distinct contents, as everywhere; the votes of an item are those of its first row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.answers.case import Case, Ints
from benchmarks.answers.cases import CASES
from benchmarks.figures import data_set
from goldleaf.encode.features import Views
from goldleaf.schema import VoteTable

ABSTAIN = -1  # in a file of the WRENCH format


@dataclass(frozen=True, eq=False)
class VotedSet:
    """Votes on items whose true labels are known.

    Args:
        name: of the set.
        votes: of all sources.
        gold: [items] class integers; -1 where nobody knows.
        case: the same items as the benchmark of answers sees them; None where there are only votes.
        positive: the class whose F1 is the set's usual measure; None where that is accuracy.
    """

    name: str
    votes: VoteTable
    gold: Ints
    case: Case | None = None
    positive: int | None = None

    @property
    def views(self) -> Views | None:
        if self.case is None or self.case.vectors is None or self.case.around is None:
            return None
        return Views(self.case.vectors, self.case.around)


def table_of(matrix: NDArray[np.integer], classes: int, names: list[str] | None = None) -> VoteTable:
    """The votes of a matrix [items, sources] in which -1 abstains."""
    item, source = np.nonzero(matrix != ABSTAIN)
    named = tuple(names) if names else tuple(f"lf{at}" for at in range(matrix.shape[1]))
    return VoteTable(item, source, matrix[item, source].astype(np.int64), named, len(matrix), classes)


def functions(name: str, positive: str | None = None) -> VotedSet | None:
    """A set of texts with labeling functions."""
    folder, case = data_set(name), CASES[name]()
    if folder is None or case is None:
        return None
    rows = pq.read_table(folder / "data.parquet", columns=["text", "weak_labels"])
    rows = rows.filter(pc.not_equal(pc.utf8_trim_whitespace(rows["text"]), ""))
    _, first = np.unique(np.array(rows["text"].to_pylist(), object), return_index=True)
    matrix = np.array(rows["weak_labels"].to_pylist(), np.int64)[np.sort(first)]
    # the classes of a case are in the order of their names, those of a vote in the order of the file
    names = json.loads((folder / "labels.json").read_text())
    named = list(names.values()) if isinstance(names, dict) else list(names)
    order = np.array([*(sorted(named).index(one) for one in named), ABSTAIN])
    if len(matrix) != case.items:
        raise ValueError(f"{name} has {len(matrix)} distinct texts, and its case {case.items} items.")
    return VotedSet(
        name,
        table_of(order[matrix], case.classes),
        case.gold,
        case,
        None if positive is None else sorted(named).index(positive),
    )


def crowd(name: str) -> VotedSet | None:
    """A set of which there are only the votes."""
    folder = data_set(name)
    if folder is None:
        return None
    votes, truth = pq.read_table(folder / "votes.parquet"), pq.read_table(folder / "gold.parquet")
    item, source, label = (votes[column].to_numpy() for column in ("item", "annotator", "label"))
    gold = np.full(int(max(item.max(), truth["item"].to_numpy().max())) + 1, -1, np.int64)
    gold[truth["item"].to_numpy()] = truth["gold"].to_numpy()
    return VotedSet(name, _people(item, source, label, gold), gold)


def sentiment() -> VotedSet | None:
    name = "crowd_sentiment_polarity"
    folder, case = data_set(name), CASES[name]()
    if folder is None or case is None:
        return None
    items, votes = pq.read_table(folder / "items.parquet"), pq.read_table(folder / "votes.parquet")
    place = _places(items["item"].to_numpy(), votes["item"].to_numpy())
    table = _people(place, votes["annotator"].to_numpy(), votes["label"].to_numpy(), case.gold)
    return VotedSet(name, table, case.gold, case)


def labelme() -> VotedSet | None:
    """Votes on the first thousand of its images; identical features are one item."""
    name = "crowd_labelme_features"
    folder, case = data_set(name), CASES[name]()
    if folder is None or case is None:
        return None
    data = np.load(folder / "features.npz")
    raw = np.concatenate([data[f"X_{part}"] for part in ("train", "valid", "test")]).astype(np.float32)
    _, item_of = np.unique(raw, axis=0, return_inverse=True)
    votes = pq.read_table(folder / "votes.parquet")
    item, source, label = (votes[column].to_numpy() for column in ("item", "annotator", "label"))
    return VotedSet(name, _people(item_of.ravel()[item], source, label, case.gold), case.gold, case)


def cifar() -> VotedSet | None:
    name = "cifar10n_train10k"
    folder, case = data_set(name), CASES[name]()
    if folder is None or case is None:
        return None
    rows = pq.read_table(folder / "data.parquet")
    names = json.loads((folder / "labels.json").read_text()) if (folder / "labels.json").exists() else None
    item = np.tile(np.arange(rows.num_rows), 3)
    source = np.concatenate([rows[f"annotator{at}"].to_numpy() for at in (1, 2, 3)])
    label = np.concatenate([rows[f"vote{at}"].to_numpy() for at in (1, 2, 3)]).astype(np.int64)
    if names is not None:
        named = [str(one) for one in (names.values() if isinstance(names, dict) else names)]
        label = np.array([sorted(named).index(one) for one in named])[label]
    return VotedSet(name, _people(item, source, label, case.gold), case.gold, case)


def llm(name: str) -> VotedSet | None:
    """The votes of one model, with what it says of its own confidence."""
    case = CASES[f"pac_{name}_text_votes"]()
    if case is None or case.votes is None:
        return None
    everything = np.arange(case.items)
    table = VoteTable(
        everything,
        np.zeros(case.items, np.int64),
        case.votes,
        ("model",),
        case.items,
        case.classes,
        case.confidence,
    )
    return VotedSet(f"pac_{name}", table, case.gold, case)


def _people(item: Ints, source: Ints, label: Ints, gold: Ints) -> VoteTable:
    who, number = np.unique(source, return_inverse=True)
    classes = int(max(label.max(), gold.max())) + 1
    names = tuple(f"person{one}" for one in who)
    return VoteTable(item.astype(np.int64), number.ravel(), label.astype(np.int64), names, len(gold), classes)


def _places(keys: Ints, wanted: Ints) -> Ints:
    order = np.argsort(keys)
    return order[np.searchsorted(keys[order], wanted)]


FUNCTIONS: dict[str, Callable[[], VotedSet | None]] = {
    "wrench_youtube": partial(functions, "wrench_youtube"),
    "wrench_sms": partial(functions, "wrench_sms", "spam"),
    "wrench_trec": partial(functions, "wrench_trec"),
    "wrench_chemprot": partial(functions, "wrench_chemprot"),
    "weak_agnews_24k": partial(functions, "weak_agnews_24k"),
}
CROWDS: dict[str, Callable[[], VotedSet | None]] = {
    "crowd_bluebird": partial(crowd, "crowd_bluebird"),
    "crowd_dog": partial(crowd, "crowd_dog"),
    "crowd_rte": partial(crowd, "crowd_rte"),
    "crowd_web": partial(crowd, "crowd_web"),
    "crowd_sentiment_polarity": sentiment,
    "crowd_labelme_features": labelme,
    "cifar10n_train10k": cifar,
}
MODELS: dict[str, Callable[[], VotedSet | None]] = {
    "pac_misinfo": partial(llm, "misinfo"),
    "pac_stance": partial(llm, "stance"),
}


def wrench(folder: Path) -> VotedSet:
    """Any folder of the WRENCH format: all its splits are one pool."""
    names = json.loads((folder / "label.json").read_text())
    parts = [folder / f"{part}.json" for part in ("train", "valid", "test")]
    rows = [row for part in parts if part.exists() for row in json.loads(part.read_text()).values()]
    matrix = np.array([row["weak_labels"] for row in rows], np.int64)
    gold = np.array([row.get("label", ABSTAIN) for row in rows], np.int64)
    return VotedSet(folder.name, table_of(matrix, len(names)), gold)
