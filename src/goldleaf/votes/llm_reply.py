"""What an LLM answered: one of the labels, an abstention, or nothing that counts.

An answer is checked against the label set, whatever the server promised. What is no label is an invalid answer: it is
counted, and abstains.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_THINKING = re.compile(r"^.*</think>", re.DOTALL)
_OBJECT = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class Reply:
    """One answered call, as it is kept.

    Attributes:
        content: what was said; None where the server gave no text. refusal: it declined. cut: it ran out of tokens.
        tokens_in, tokens_out: as the server counts them; None where it does not.
        probability: the model's own of the label that it said; None where it gives none.
    """

    content: str | None
    refusal: bool = False
    cut: bool = False
    tokens_in: int | None = None
    tokens_out: int | None = None
    probability: float | None = None


@dataclass(frozen=True)
class Read:
    """An answer as a label: `label` is None for an abstention; `invalid` says why it is no answer."""

    label: str | None = None
    invalid: str | None = None


def parse(body: Any) -> Reply:
    """A reply out of the JSON of `POST /chat/completions`.

    Raises:
        ValueError: it has not the form of one.
    """
    try:
        choice = body["choices"][0]
        message = choice["message"]
        content, usage = message.get("content"), body.get("usage") or {}
        if content is not None and not isinstance(content, str):
            raise TypeError(f"content is {type(content).__name__}")
        tokens = (choice.get("logprobs") or {}).get("content") or []
        return Reply(
            content,
            bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter",
            choice.get("finish_reason") == "length",
            _count(usage.get("prompt_tokens")),
            _count(usage.get("completion_tokens")),
            _probability(content or "", tokens),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"no chat completion ({type(error).__name__}: {error})") from error


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def read(reply: Reply, labels: Sequence[str], abstention: str) -> Read:
    """The label that a reply names."""
    if reply.refusal:
        return Read(invalid="refused")
    text = _THINKING.sub("", reply.content or "").strip()
    if not text:
        return Read(invalid="empty")
    said, found = _said(text, [*labels, abstention])
    if not found:
        return Read(invalid="cut off" if reply.cut else "not JSON")
    if said == abstention or said is None:
        return Read()
    return Read(said) if said in labels else Read(invalid="no label")


def _said(text: str, allowed: Sequence[str]) -> tuple[Any, bool]:
    """What is under "label", and whether there is such a thing: the JSON, the only JSON within, or the bare word."""
    text = re.sub(r"^```(?:json)?\s*|\s*```$", "", text)
    candidates = [text] if text.startswith("{") else _OBJECT.findall(text)
    objects = [one for one in map(_loaded, candidates) if isinstance(one, dict) and "label" in one]
    said = {json.dumps(one["label"], sort_keys=True) for one in objects}
    if len(said) == 1:
        label = objects[0]["label"]
        return (label if isinstance(label, str) or label is None else json.dumps(label)), True
    bare = text.strip("\"'`. \n")
    return (bare, True) if not said and bare in allowed else (None, False)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _probability(content: str, tokens: Sequence[Any]) -> float | None:
    """The product of the probabilities of the tokens that spell the label's value."""
    spans = list(re.finditer(r'"label"\s*:\s*"((?:[^"\\]|\\.)*)"', content))
    if not tokens:
        return None
    start, end = spans[-1].span(1) if spans else (0, len(content))
    at, total, met = 0, 0.0, False
    for token in tokens:
        after = at + len(token["token"])
        if at < end and after > start:
            total, met = total + float(token["logprob"]), True
        at = after
    if not met or not math.isfinite(total):
        return None
    return min(1.0, math.exp(total))
