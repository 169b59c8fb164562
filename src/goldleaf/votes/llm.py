"""LLMs behind any OpenAI-compatible endpoint: vLLM, llama.cpp, Ollama, or hosted. The items leave the machine for it.

Calls run side by side, within a budget, and each answer is on disk before it counts (`llm_cache`). What the model says
of its certainty, by log-probabilities and by repeated samples, is kept as a feature and never trusted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goldleaf.errors import ConfigError, VotesError
from goldleaf.posting import GivenUp, Server
from goldleaf.task import Classify
from goldleaf.votes.base import ABSTAINED, SHOWN, Batch, Opinions, Problem, fingerprint
from goldleaf.votes.llm_budget import Budget
from goldleaf.votes.llm_cache import CallCache, key_of
from goldleaf.votes.llm_client import Client, Refused, ladder
from goldleaf.votes.llm_prompt import VERSION, Prompt, Shown, shown, size
from goldleaf.votes.llm_reply import Reply, read

KIND = "llm"
PORTION = 64  # outcomes handed on at a time
IN_A_ROW = 5  # calls that fail one after the other, after which the server counts as down


@dataclass(frozen=True)
class LLM:
    """A language model as a source of votes.

    Args:
        base_url: of the server, up to and with `/v1`. model: as the server calls it.
        api_key_env: the environment variable with the key; none for a server of your own.
        name: of the source; the model's by default.
        guidelines: for this source, after those of the task.
        examples: how many items with a person's training answers the prompt shows, evenly over the labels; they are
            chosen once, when the source first runs, and get no vote of it.
        samples: answers for each item; the most frequent is the vote, and how many agree is its confidence.
        temperature: 0 for one sample, 0.7 for more, by default. max_tokens: of an answer; 0 leaves it to the server.
        structured: ask for a JSON schema; logprobs: ask for log-probabilities. None: where the server takes it.
        concurrency: calls at a time. timeout: seconds for one try. tries: for one call. wait: seconds before the
            second try, doubled each time; the server's `Retry-After` goes first.
        price_in, price_out: money for a million tokens. budget: money at which it stops, all runs counted.
        extra: more settings for the body of a request, such as {"reasoning_effort": "low"}.
    """

    base_url: str
    model: str
    api_key_env: str | None = None
    name: str = ""
    guidelines: str | None = None
    examples: int = 0
    samples: int = 1
    temperature: float | None = None
    max_tokens: int = 256
    structured: bool | None = None
    logprobs: bool | None = None
    concurrency: int = 16
    timeout: float = 60.0
    tries: int = 6
    wait: float = 1.0
    price_in: float = 0.0
    price_out: float = 0.0
    budget: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    kind: str = field(default=KIND, init=False)

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")):
            raise ConfigError(f"`base_url` must start with http:// or https://, got {self.base_url!r}.")
        for name, least in (
            ("samples", 1),
            ("concurrency", 1),
            ("tries", 1),
            ("examples", 0),
            ("max_tokens", 0),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"`{name}` must be {least} or more, got {getattr(self, name)!r}.")
        if self.budget is not None and not (self.price_in or self.price_out):
            raise ConfigError(
                f"A budget of {self.budget:g} needs prices.",
                do="Give `price_in` and `price_out`, in money for a million tokens.",
            )
        if self.budget is not None and not self.max_tokens:
            raise ConfigError(
                "A budget needs `max_tokens`, or a call may cost anything.", do="Give e.g. 256."
            )
        if not self.name:
            object.__setattr__(self, "name", self.model)

    @property
    def settings(self) -> dict[str, Any]:
        """What bears on its answers; not how fast or at what price they come, nor from which machine."""
        return {
            "prompt": VERSION,
            "model": self.model,
            "guidelines": self.guidelines,
            "samples": self.samples,
            "examples": self.examples,
            **self.body,
        }

    @property
    def body(self) -> dict[str, Any]:
        """What every request says beside its messages."""
        heat = (0.0 if self.samples == 1 else 0.7) if self.temperature is None else self.temperature
        limit = {"max_tokens": self.max_tokens} if self.max_tokens else {}
        return {"model": self.model, "temperature": heat, **limit, **self.extra}

    def version(self, task: Classify) -> str:
        """Of its votes on a task, whatever the examples are."""
        facts = (task.labels, task.descriptions, task.guidelines)
        return fingerprint("llm.v1", task=facts, **{"settings": self.settings})

    def key(self) -> str | None:
        """The key of the server.

        Raises:
            ConfigError: the environment variable is not set.
        """
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env)
        if not key:
            raise ConfigError(
                f"The LLM `{self.name}` needs a key, and the environment variable `{self.api_key_env}` is not set.",
                do=f"Set it: export {self.api_key_env}=…",
            )
        return key

    def money(self, tokens_in: float, tokens_out: float) -> float:
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6


@dataclass(frozen=True)
class Outcome:
    """What came of one item: as many replies as samples, or why not. `unheard`: the server did not answer at all."""

    position: int
    item: str
    replies: tuple[Reply, ...] = ()
    error: str | None = None
    unheard: bool = False
    out_of_budget: bool = False


@dataclass
class LlmVotes:
    """An LLM as a source of votes on one task.

    Args:
        spec: the settings. prompt: what it is asked. cache: where its answers are kept.
        examples: positions of the items that the prompt shows, with their labels; they are not asked about.
    """

    spec: LLM
    prompt: Prompt
    cache: CallCache
    examples: tuple[tuple[int, str], ...] = ()
    kind: str = field(default=KIND, init=False)
    stopped: str | None = field(default=None, init=False)
    failed: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def given(self) -> frozenset[int]:
        return frozenset(position for position, _ in self.examples)

    @property
    def version(self) -> str:
        return self.spec.version(self.prompt.task)

    def vote(self, batches: Iterable[Batch]) -> Iterator[Opinions]:
        """See `Source`. Stops early, and says so in `stopped`, when the budget is used up.

        Raises:
            VotesError: the server refuses every call, or does not answer any more.
        """
        self.stopped = None
        outcomes: list[Outcome] = []
        try:
            for outcome in self._outcomes(self._asked(batches)):
                if not outcome.out_of_budget:
                    outcomes.append(outcome)
                if len(outcomes) == PORTION:
                    yield self._opinions(outcomes)
                    outcomes = []
        except VotesError:
            yield self._opinions(outcomes)  # they are paid
            raise
        yield self._opinions(outcomes)

    def request(self, item: Shown, sample: int) -> dict[str, Any]:
        """What decides an answer: the key of its call."""
        seed = {"seed": sample} if self.spec.samples > 1 else {}
        return {**self.spec.body, **seed, "messages": self.prompt.messages(item)}

    def most(self, item: Shown) -> float:
        """The most that one call about an item can cost."""
        return self.spec.money(size(self.prompt.messages(item)), self.spec.max_tokens)

    def _asked(self, batches: Iterable[Batch]) -> Iterator[tuple[int, str, Shown]]:
        for batch in batches:
            images = batch.images() if batch.images else [None] * len(batch.ids)
            rows = zip(batch.positions.tolist(), batch.ids, batch.content.to_pylist(), images, strict=True)
            for position, item, content, image in rows:
                if position not in self.given:
                    yield position, item, shown(self.prompt.task, content, image)

    # -- calls

    def _outcomes(self, asked: Iterator[tuple[int, str, Shown]]) -> Iterator[Outcome]:
        """In the order in which they are finished; one call alone until the server has accepted one."""
        spec = self.spec
        budget = Budget(spec.budget, self.cache.spent(spec.name)["cost"])
        url = spec.base_url.rstrip("/") + "/chat/completions"
        server = Server(url, spec.key(), spec.timeout, spec.tries, spec.wait, spec.concurrency)
        client = Client(server, ladder(spec.structured, spec.logprobs))
        bad = 0
        open_: set[Future[Outcome]] = set()
        try:
            with server, ThreadPoolExecutor(spec.concurrency) as pool:
                try:
                    more = True
                    while more or open_:
                        room = spec.concurrency if client.form else 1
                        while more and len(open_) < room and not self.stopped:
                            next_ = next(asked, None)
                            more = next_ is not None
                            if next_ is not None:
                                open_.add(pool.submit(self._one, client, budget, *next_))
                        if self.stopped and not open_:
                            return
                        done, open_ = wait(open_, return_when=FIRST_COMPLETED)
                        for outcome in [future.result() for future in done]:
                            bad = bad + 1 if outcome.error else 0 if outcome.replies else bad
                            if outcome.out_of_budget:
                                self.stopped = f"the budget of {spec.budget:g} is used up"
                            yield outcome
                            if bad >= IN_A_ROW or (outcome.unheard and not client.form):
                                raise _down(server.url, bad, outcome.error or "")
                finally:
                    server.stopping.set()  # those that wait for another try give up; those on their way are kept
        finally:
            self.failed = server.failed

    def _one(self, client: Client, budget: Budget, position: int, item: str, seen: Shown) -> Outcome:
        """All samples of an item, from the cache where they are in it."""
        replies = []
        for sample in range(self.spec.samples):
            request = self.request(seen, sample)
            key = key_of(request)
            reply = self.cache.get(key)
            if reply is None:
                most = self.most(seen)
                if not budget.hold(most):
                    return Outcome(position, item, out_of_budget=True)
                paid = 0.0
                try:
                    reply = client.ask(request, request.pop("messages"), self.prompt.schema())
                    paid = self._keep(key, reply, seen)
                except (GivenUp, Refused) as error:
                    return Outcome(position, item, error=str(error), unheard=isinstance(error, GivenUp))
                finally:
                    budget.settle(most, paid)
            replies.append(reply)
        return Outcome(position, item, tuple(replies))

    def _keep(self, key: bytes, reply: Reply, seen: Shown) -> float:
        """Write an answered call down; what it cost. Tokens that the server does not count are taken as bytes / 4."""
        counted = reply.tokens_in is not None and reply.tokens_out is not None
        into = reply.tokens_in if reply.tokens_in is not None else size(self.prompt.messages(seen)) // 4
        out = (
            reply.tokens_out if reply.tokens_out is not None else len((reply.content or "").encode()) // 4 + 1
        )
        cost = self.spec.money(into, out)
        self.cache.put(key, self.spec.name, reply, (into, out), counted, cost)
        return cost

    # -- votes

    def _opinions(self, outcomes: list[Outcome]) -> Opinions:
        index = {label: number for number, label in enumerate(self.prompt.task.labels)}
        there = [one for one in outcomes if one.replies]
        label = np.full(len(there), ABSTAINED, np.int32)
        confidence = np.full(len(there), np.nan, np.float32)
        notes: Counter[str] = Counter()
        invalid = 0
        for at, one in enumerate(there):
            said = [read(reply, self.prompt.task.labels, self.prompt.abstention) for reply in one.replies]
            wrong = [answer.invalid for answer in said if answer.invalid]
            notes.update(f"invalid: {what}" for what in wrong)
            invalid += len(wrong) == len(said)
            counts = Counter(answer.label for answer in said if not answer.invalid)
            if counts and (best := counts.most_common(1)[0][0]) is not None:
                label[at] = index[best]
                chosen = [
                    reply.probability
                    for reply, answer in zip(one.replies, said, strict=True)
                    if answer.label == best
                ]
                confidence[at] = _confidence(chosen, len(said))
        failed = [one for one in outcomes if one.error]
        return Opinions(
            np.array([one.position for one in there], np.int64),
            label,
            confidence,
            invalid=invalid,
            errors=len(failed),
            problems=tuple(Problem(one.item, one.error or "") for one in failed[:SHOWN]),
            notes=dict(notes),
        )


def _confidence(chosen: list[float | None], samples: int) -> float:
    """The mean over the samples of the probability of the chosen label, 1 where the server gives none; a sample that
    chose another counts 0. One sample without a probability says nothing."""
    if samples == 1:
        return float("nan") if chosen[0] is None else chosen[0]
    return sum(1.0 if one is None else one for one in chosen) / samples


def _down(url: str, bad: int, last: str) -> VotesError:
    return VotesError(
        f"{url} failed {bad} call{'s' if bad > 1 else ''} in a row, the last with {last}",
        do="Every answer so far is kept and paid once: run the same command again when the server answers.",
    )


def chosen_examples(labeled: Mapping[int, str], labels: Iterable[str], count: int) -> list[tuple[int, str]]:
    """`count` of the items with a person's label, evenly over the labels, in a fixed order (by hash of the place)."""
    import hashlib

    def drawn(position: int) -> bytes:
        return hashlib.sha256(str(position).encode()).digest()

    by_label = {
        label: sorted((at for at, said in labeled.items() if said == label), key=drawn) for label in labels
    }
    chosen: list[tuple[int, str]] = []
    while len(chosen) < count and any(by_label.values()):
        for label, waiting in by_label.items():
            if waiting and len(chosen) < count:
                chosen.append((waiting.pop(0), label))
    return chosen
