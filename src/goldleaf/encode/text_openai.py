"""`openai:NAME`: texts to vectors by any server that answers `POST /v1/embeddings`. The texts leave the machine."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from goldleaf.encode.base import Vectors, fingerprint, only_field, texts
from goldleaf.errors import EncodeError
from goldleaf.posting import Answer, GivenUp, Server

_PUBLIC = "https://api.openai.com/v1"


class OpenaiText:
    """Vectors as the server gives them.

    Args:
        fields: the one text column.
        model: the part of the name after `openai:`.
        base_url: up to and with `/v1`.
        api_key_env: the environment variable that holds the key; it need not be set for a server of your own.
        batch: texts a request.
        dimensions: asked of the server when given.
        timeout: seconds for one try.
        retries: how often a request is repeated after 429, 408, 5xx or a lost connection.
        wait: seconds before the first repetition, doubled each time; the server's `Retry-After` goes first.
    """

    name = "openai"

    def __init__(
        self,
        fields: tuple[str, ...],
        model: str,
        *,
        base_url: str = _PUBLIC,
        api_key_env: str = "OPENAI_API_KEY",
        batch: int = 64,
        dimensions: int | None = None,
        timeout: float = 60.0,
        retries: int = 6,
        wait: float = 1.0,
    ) -> None:
        self.field, self.model = only_field(fields, f"openai:{model}"), model
        self.url = base_url.rstrip("/") + "/embeddings"
        if not self.url.startswith(("http://", "https://")):
            raise EncodeError(f"`base_url` must start with http:// or https://, got {base_url!r}.")
        self.key = os.environ.get(api_key_env)
        if not self.key and base_url == _PUBLIC:
            raise EncodeError(
                f"`openai:{model}` needs a key, and the environment variable `{api_key_env}` is not set.",
                do=f"Set it (export {api_key_env}=…), or give the `base_url` of a server of your own.",
            )
        self.batch, self.dimensions = batch, dimensions
        self.timeout, self.retries, self.wait = timeout, retries, wait
        self.fingerprint = fingerprint(
            "openai", model=model, url=self.url, dimensions=dimensions, field=self.field
        )

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        # servers refuse the empty text, so a blank stands for it
        todo = [text if text.strip() else " " for text in texts(batch, self.field)]
        with Server(self.url, self.key, self.timeout, self.retries + 1, self.wait) as server:
            parts = [self._ask(server, todo[at : at + self.batch]) for at in range(0, len(todo), self.batch)]
        return np.concatenate(parts)

    def _ask(self, server: Server, some: list[str]) -> Vectors:
        body: dict[str, Any] = {"model": self.model, "input": some, "encoding_format": "float"}
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        try:
            return server.post(body, partial(self._vectors, len(some)))
        except GivenUp as error:
            raise EncodeError(
                f"{self.url} failed, the last time with {error}",
                do="What was encoded before is kept: run the same command again when the server answers.",
            ) from error

    def _vectors(self, count: int, answer: Answer) -> Vectors:
        answer.check_passing()
        if answer.status != 200:
            raise EncodeError(
                f"{self.url} refused the request with {answer}",
                do="Check `model`, `base_url` and the key.",
            )
        try:
            rows = sorted(json.loads(answer.text)["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise EncodeError(
                f"{self.url} did not answer with embeddings: {answer.text[:200]!r} ({error!r}).",
                do="Check `model` and `base_url`.",
            ) from error
        if vectors.ndim != 2 or len(vectors) != count:
            raise EncodeError(
                f"{self.url} answered {vectors.shape} numbers for {count} texts.",
                do="Check `model` and `base_url`.",
            )
        return vectors
