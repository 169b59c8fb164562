"""One question to an OpenAI-compatible server, in the form that the server can answer.

With a JSON schema and log-probabilities, or without, whatever it accepts first. Answers that are no JSON are asked for
again, like all that may pass (`goldleaf.posting`). Any other refusal is final.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from goldleaf.errors import VotesError
from goldleaf.posting import Answer, Passing, Server
from goldleaf.votes.llm_prompt import Message
from goldleaf.votes.llm_reply import Reply, parse

ABOUT_THE_FORM = ("response_format", "logprobs", "json_schema")
FINAL = (401, 403, 404)  # the next call would be refused as well


class Refused(Exception):
    """The server will not answer this request; others it may."""


@dataclass(frozen=True)
class Form:
    """How an answer is asked for. `schema`: the type of `response_format` that carries the schema, or None."""

    schema: str | None
    logprobs: bool


def ladder(structured: bool | None, logprobs: bool | None) -> list[Form]:
    """The forms to try, the best first; None: whatever the server accepts."""
    kinds: dict[bool | None, list[str | None]] = {
        None: ["json_schema", "json_object", None],
        True: ["json_schema", "json_object"],
        False: [None],
    }
    scores = [True, False] if logprobs is None else [logprobs]
    return [Form(schema, score) for schema in kinds[structured] for score in scores]


@dataclass
class Client:
    """Questions to a server; may be used from several threads.

    Attributes:
        forms: to try until one is accepted; form: that one, of all later calls.
    """

    server: Server
    forms: list[Form]
    form: Form | None = field(default=None, init=False)

    def ask(self, body: dict[str, Any], messages: Sequence[Message], schema: dict[str, Any]) -> Reply:
        """The answer to one question.

        Raises:
            GivenUp: no answer in so many tries. Refused: the server will not answer this one.
            VotesError: it will not answer any.
        """
        refusal: Refused | None = None
        for form in [self.form] if self.form else self.forms:
            try:
                reply = self.server.post(_request(body, messages, schema, form), self._understood)
            except Refused as error:
                refusal = refusal or error
                continue
            self.form = form
            return reply
        assert refusal is not None
        raise refusal

    def _understood(self, answer: Answer) -> Reply:
        if answer.status >= 500 and any(word in answer.text for word in ABOUT_THE_FORM):
            raise Refused(str(answer))  # llama-cpp-python's way to say 400
        answer.check_passing()
        if answer.status in FINAL:
            raise VotesError(
                f"{self.server.url} refused the request with {answer}",
                do="Check `base_url`, `model`, and the key in the environment variable that `api_key_env` names.",
            )
        if answer.status != 200:
            raise Refused(str(answer))
        try:
            return parse(json.loads(answer.text))
        except ValueError as error:
            raise Passing(f"{str(error)[:200]}: {answer.text[:100]!r}") from error


def _request(
    body: dict[str, Any], messages: Sequence[Message], schema: dict[str, Any], form: Form
) -> dict[str, Any]:
    request = {**body, "messages": list(messages)}
    if form.schema == "json_object":  # llama.cpp's; others that know the type leave the schema to the prompt
        request["response_format"] = {"type": "json_object", "schema": schema}
    if form.schema == "json_schema":
        named = {"name": "answer", "strict": True, "schema": schema}
        request["response_format"] = {"type": "json_schema", "json_schema": named}
    if form.logprobs:
        request["logprobs"] = True
    return request
