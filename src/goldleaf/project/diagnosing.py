"""What a project says of its sources: how they agree with each other and with people, and what LLMs will cost."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldleaf.errors import ConfigError
from goldleaf.items.store import ItemStore
from goldleaf.project.sources import Home, prompt_of
from goldleaf.project.vote_record import Standing
from goldleaf.schema import VoteTable
from goldleaf.votes.diagnose import Diagnosis, cost_of_removing, diagnose, majority_error
from goldleaf.votes.llm import LLM
from goldleaf.votes.llm_cache import FILE, CallCache
from goldleaf.votes.llm_prompt import shown, size
from goldleaf.votes.suggest import Suggestion, suggest

LOOKED_AT = 200  # items, for the size of a prompt
BYTES_PER_TOKEN = 4.0  # of English; measured ones take its place as soon as there are any
TOKENS_OUT = 12.0  # {"label": "…"}


@dataclass(frozen=True)
class Sources:
    """All sources as they stand.

    Attributes:
        standing: by name. diagnosis: of each voice; a crowd has one a person.
        removed: by how much the share of wrong pluralities, over the answered items, grows without each voice.
        answers: items with a human label. drawn: those of them whose question was drawn at random.
    """

    standing: dict[str, Standing]
    diagnosis: Diagnosis
    removed: NDArray[np.float64]
    answers: int
    drawn: int


def sources(
    home: Home,
    table: VoteTable,
    labeled: Mapping[int, str],
    drawn_at_random: Collection[int],
    estimated: Any = None,
) -> Sources:
    """Diagnose every source.

    Args:
        labeled: people's answers by position. drawn_at_random: those of them that no choice led to.
        estimated: accuracies by a label model, one for each of `table.names`.
    """
    truth = np.full(home.store.items, -1, np.int64)
    index = {label: number for number, label in enumerate(home.labels)}
    for position, label in labeled.items():
        truth[position] = index[label]
    at_random = np.zeros(home.store.items, bool)
    at_random[list(drawn_at_random)] = True
    removed = cost_of_removing(_answered_only(table, truth), majority_error(truth))
    return Sources(
        home.record.standing(),
        diagnose(table, truth, at_random, estimated=estimated),
        removed,
        int((truth >= 0).sum()),
        int(at_random.sum()),
    )


def _answered_only(table: VoteTable, truth: NDArray[np.int64]) -> VoteTable:
    kept = truth[table.item] >= 0
    return VoteTable(
        table.item[kept], table.source[kept], table.label[kept], table.names, table.items, table.classes
    )


@dataclass(frozen=True)
class LlmPlan:
    """What an LLM has still to do. `measured`: tokens as earlier calls took them; else estimated from the texts."""

    name: str
    model: str
    calls: int
    tokens_in: float
    tokens_out: float
    money: float
    budget_left: float | None
    measured: bool


def llm_plans(specs: Sequence[Any], home: Home) -> tuple[LlmPlan, ...]:
    """Of every LLM among `specs`; no call is made."""
    return tuple(_plan(one, home) for one in specs if isinstance(one, LLM))


def _plan(spec: LLM, home: Home) -> LlmPlan:
    seen = home.record.seen(spec.name, spec.version(home.config.task), home.store.items)
    calls = max(int((~seen).sum()) - spec.examples, 0) * spec.samples
    paid = {"calls": 0.0, "tokens_in": 0.0, "tokens_out": 0.0, "cost": 0.0}
    if (home.record.folder / FILE).exists():
        with CallCache(home.record.folder) as cache:
            paid = cache.spent(spec.name)
    if paid["calls"]:
        into, out = paid["tokens_in"] / paid["calls"], paid["tokens_out"] / paid["calls"]
    else:
        into, out = _prompt_bytes(spec, home) / BYTES_PER_TOKEN, TOKENS_OUT
    left = None if spec.budget is None else max(spec.budget - paid["cost"], 0.0)
    money = spec.money(calls * into, calls * out)
    return LlmPlan(spec.name, spec.model, calls, calls * into, calls * out, money, left, bool(paid["calls"]))


def _prompt_bytes(spec: LLM, home: Home) -> float:
    """The mean over some items drawn at random; an image counts as `llm_prompt.size` does."""
    task, store = home.config.task, home.store
    prompt = prompt_of(spec, home)
    rng = np.random.default_rng(home.config.seed)
    some = np.sort(rng.choice(store.items, min(LOOKED_AT, store.items), replace=False))
    image = b"\x89PNG" if task.image is not None else None
    contents = store.take(some).to_pylist()
    return float(np.mean([size(prompt.messages(shown(task, content, image))) for content in contents]))


def suggestions(home: Home, labeled: dict[int, str], most: int) -> list[Suggestion]:
    """Keyword rules that the answers speak for.

    Raises:
        ConfigError: the items are no texts.
    """
    task, store = home.config.task, home.store
    if task.text is None:
        raise ConfigError(f"Keyword rules are for texts, but the items are {task.modality}s.")
    places = sorted(labeled)
    texts = [str(text) for text in store.take(places, [task.text]).column(0).to_pylist()]
    truth = [home.labels.index(labeled[place]) for place in places]
    return suggest(texts, truth, home.labels, _texts(store, task.text), most=most, seed=home.config.seed)


def _texts(store: ItemStore, column: str) -> Iterator[list[str]]:
    for batch in store.item_batches([column]):
        yield [str(text) for text in batch.column(0).to_pylist()]
