"""What a project makes of the sources it is given: tables joined to its items, vectors looked up, prompts filled.

A source that needs nothing of the project (any `goldleaf.votes.base.Source`) is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.encode.base import Encoder
from goldleaf.encode.cache import VectorCache
from goldleaf.encode.names import build
from goldleaf.errors import ConfigError, VotesError
from goldleaf.items.base import Reader
from goldleaf.items.lookup import located, text_column
from goldleaf.items.open import open_reader
from goldleaf.items.store import ItemStore
from goldleaf.project.config import Config
from goldleaf.project.content import content_batches
from goldleaf.project.vote_record import VoteRecord
from goldleaf.votes.base import Opinions, Source, one_dictionary
from goldleaf.votes.function import LabelingFunction
from goldleaf.votes.llm import LLM, LlmVotes, chosen_examples
from goldleaf.votes.llm_cache import CallCache
from goldleaf.votes.llm_prompt import Prompt, shown
from goldleaf.votes.module import functions_in
from goldleaf.votes.snorkel import matrix
from goldleaf.votes.table import (
    Crowd,
    Matrix,
    Predictions,
    TableVotes,
    checked_confidence,
    last_of_each,
    likeliest,
    numbers,
)
from goldleaf.votes.zero_shot import ZeroShot, ZeroShotVotes, label_texts

_CENTRE = 4096  # items whose mean vector is the centre; the first ones, so that a larger pool changes nothing


@dataclass(frozen=True)
class Home:
    """What binding a source may need of its project."""

    folder: Path
    config: Config
    store: ItemStore
    record: VoteRecord
    labeled: Callable[[], dict[int, str]]  # item position → label, from the answers of training

    @property
    def labels(self) -> tuple[str, ...]:
        return self.config.task.labels


def bind(spec: Any, home: Home) -> Source | LabelingFunction:
    """The source that `spec` stands for in this project.

    Raises:
        ConfigError: it is no source, or does not fit the task. VotesError: its votes name unknown labels.
    """
    if isinstance(spec, Predictions):
        return TableVotes(spec.name, spec.kind, _predictions(spec, home))
    if isinstance(spec, Crowd):
        return TableVotes(spec.name, spec.kind, _crowd(spec, home))
    if isinstance(spec, Matrix):
        return TableVotes(spec.name, spec.kind, _matrix(spec, home.store, len(home.labels)))
    if isinstance(spec, ZeroShot):
        return _zero_shot(spec, home)
    if isinstance(spec, LLM):
        return _llm(spec, home)
    if isinstance(spec, Source):
        return spec
    if found := functions_in([spec]):
        return found[0]
    if callable(spec):
        return LabelingFunction(spec)
    raise ConfigError(
        f"No source of votes: {type(spec).__module__}.{type(spec).__qualname__}.",
        do="Give labeling functions, LLM, ZeroShot, Predictions, Crowd or Matrix, or a callable from an item to a label.",
    )


# -- tables


def _predictions(spec: Predictions, home: Home) -> Opinions:
    items, labels, confidences = [], [], []
    for positions, batch, where in _rows(spec.table, spec.columns, home):
        if spec.label is not None:
            label = numbers(text_column(batch, spec.label, where.reader), home.labels, where)
            confidence = np.full(len(label), np.nan, np.float32)
            if spec.confidence is not None:
                confidence = checked_confidence(_floats(batch, spec.confidence, where), where)
        if spec.probabilities:
            label_, confidence = _of_probabilities(spec.probabilities, batch, home.labels, where)
            label = label_ if spec.label is None else label
        known = positions >= 0
        items.append(positions[known])
        labels.append(label[known])
        confidences.append(confidence[known])
    some = spec.confidence is not None or bool(spec.probabilities)
    return last_of_each(
        np.concatenate(items), np.concatenate(labels), np.concatenate(confidences) if some else None, None
    )


def _of_probabilities(
    columns: Any, batch: pa.RecordBatch, labels: Sequence[str], where: _Where
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    order = numbers(list(columns), labels, lambda at: "`probabilities`")
    rows = np.column_stack(
        [checked_confidence(_floats(batch, one, where), where) for one in columns.values()]
    )
    best, confidence = likeliest(rows)
    return np.where(best < 0, best, order[best]).astype(np.int32), confidence


def _crowd(spec: Crowd, home: Home) -> Opinions:
    items, labels, voters = [], [], []
    for positions, batch, where in _rows(spec.table, spec.columns, home):
        label = numbers(text_column(batch, spec.label, where.reader), home.labels, where)
        who = text_column(batch, spec.annotator, where.reader).fill_null("").dictionary_encode()
        unnamed = who.dictionary.index("").as_py()
        if len(nameless := np.flatnonzero((who.indices.to_numpy() == unnamed) & (label >= 0))):
            raise VotesError(
                f"No `{spec.annotator}` in {where(int(nameless[0]))}.", do="Say in each row who voted."
            )
        known = (positions >= 0) & (label >= 0)
        items.append(positions[known])
        labels.append(label[known])
        voters.append(who.filter(pa.array(known)))
    return last_of_each(np.concatenate(items), np.concatenate(labels), None, one_dictionary(voters))


def _matrix(spec: Matrix, store: ItemStore, classes: int) -> Opinions:
    said = matrix(spec.votes, classes, spec.names)
    rows = len(np.asarray(spec.votes))
    if rows == store.items:
        return said
    if rows != store.rows:
        raise VotesError(
            f"The label matrix has {rows} rows; the data has {store.rows} rows and {store.items} distinct items.",
            do="Give a row for each row of the data in its order, or one for each distinct item.",
        )
    item = np.concatenate([batch.column("goldleaf_item").to_numpy() for batch in store.row_batches()])
    return last_of_each(item[said.item], said.label, None, said.voter)


@dataclass(frozen=True)
class _Where:
    """Words for the place of a row of a batch."""

    reader: Reader
    start: int

    def __call__(self, at: int) -> str:
        return self.reader.where(self.start + at)


def _rows(
    table: Any, columns: Sequence[str], home: Home
) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch, _Where]]:
    """The rows of a table of votes with the items they speak of, -1 for none."""
    if table is None:
        at, own = 0, _OwnItems()
        for batch in home.store.item_batches(columns):
            positions = np.arange(at, at + len(batch))
            yield positions, batch, _Where(own, at)
            at += len(batch)
        return
    reader = open_reader(table, task=None)
    row = 0
    for positions, batch in located(home.store, reader, home.config.task, columns):
        yield positions, batch, _Where(reader, row)
        row += len(positions)


class _OwnItems:
    """The project's items, as a reader for words only."""

    name = "the items"
    columns: tuple[str, ...] = ()
    rows = None
    root = None

    def batches(self, like: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        return iter(())

    def where(self, row: int) -> str:
        return f"item {row} of the project"


def _floats(batch: pa.RecordBatch, name: str, where: _Where) -> NDArray[np.float64]:
    column = batch.column(name)
    if pa.types.is_string(column.type):
        column = pa.array([text or None for text in column.to_pylist()], pa.string())
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pa.ArrowInvalid as error:
        raise VotesError(f"`{name}` of {where.reader.name} must hold numbers: {error}.") from None


# -- zero-shot


def _zero_shot(spec: ZeroShot, home: Home) -> ZeroShotVotes:
    config, store = home.config, home.store
    if config.task.modality != "text":
        raise ConfigError(
            f"Zero-shot votes compare texts, but the items are {config.task.modality}s.",
            do="Ask a vision model: goldleaf.LLM(…).",
        )
    made = (
        build(spec.encoder, fields=store.fields)
        if spec.encoder
        else config.build_encoder(store.fields, home.folder)
    )
    name = spec.encoder or config.encoder["name"]
    if not isinstance(made, Encoder) or name in ("npy.v1", "column.v1"):
        raise ConfigError(
            f"The encoder `{name}` cannot read the names of labels.",
            do='Name one that can: ZeroShot(encoder="text.static.v1"), or encoder = "text.static.v1" in goldleaf.toml.',
        )
    ids = [str(one) for one in store.ids().to_pylist()]
    vectors = VectorCache(home.folder / "vectors").vectors(
        made, ids, lambda start: content_batches(store, config.task, store.fields, start)
    )
    texts = label_texts(home.labels, dict(config.task.descriptions))
    of_labels = made.encode(pa.record_batch({store.fields[0]: texts}))
    centre = np.asarray(vectors[:_CENTRE], np.float32).mean(axis=0)
    return ZeroShotVotes(spec.name, vectors, of_labels, centre, made.fingerprint, spec.least)


# -- LLMs


def _llm(spec: LLM, home: Home) -> LlmVotes:
    examples = _examples(spec, home)
    prompt = _prompt(spec, home, examples)
    cache = CallCache(home.record.folder)
    return LlmVotes(spec, prompt, cache, tuple(examples))


def prompt_of(spec: LLM, home: Home) -> Prompt:
    """The prompt as far as it is known now: before the first run, and with too few answers, without examples."""
    begun = home.record.begun(spec.name, spec.version(home.config.task))
    chosen = chosen_examples(home.labeled(), home.labels, spec.examples)
    return _prompt(spec, home, chosen if begun is None else _examples(spec, home))


def _prompt(spec: LLM, home: Home, examples: Sequence[tuple[int, str]]) -> Prompt:
    task, places = home.config.task, [position for position, _ in examples]
    images: Sequence[bytes | None] = [None] * len(places)
    if task.image is not None and places:
        images = home.store.load_images(places)
    contents = home.store.take(places).to_pylist()
    seen = [shown(task, content, image) for content, image in zip(contents, images, strict=True)]
    pairs = tuple(zip(seen, (label for _, label in examples), strict=True))
    return Prompt(task, spec.guidelines, pairs, spec.version(task))


def _examples(spec: LLM, home: Home) -> list[tuple[int, str]]:
    """Those of the first run of this version, or chosen now: with other examples every paid call would be repeated."""
    begun = home.record.begun(spec.name, spec.version(home.config.task))
    if begun is not None:
        return [(int(position), str(label)) for position, label in begun["examples"]]
    if not spec.examples:
        return []
    chosen = chosen_examples(home.labeled(), home.labels, spec.examples)
    if len(chosen) < spec.examples:
        raise ConfigError(
            f"The LLM `{spec.name}` wants {spec.examples} examples; {len(chosen)} training answers are labels.",
            do="Answer first (goldleaf label), or set examples = 0.",
        )
    return chosen
