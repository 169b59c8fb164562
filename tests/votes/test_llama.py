"""The LLM path against a real server: llama-cpp-python's, with any small GGUF model.

    GOLDLEAF_GGUF=model.gguf GOLDLEAF_LLAMA_PYTHON=python-with-llama-cpp pytest tests/votes/test_llama.py

A model that knows nothing will do: the server's grammar makes every answer a label.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldleaf.votes.llm import LLM
from tests.helpers import world

MODEL = os.environ.get("GOLDLEAF_GGUF")
PYTHON = os.environ.get("GOLDLEAF_LLAMA_PYTHON", sys.executable)


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    if not MODEL:
        pytest.skip(
            "GOLDLEAF_GGUF names no model; pip install 'llama-cpp-python[server]', and give a path to any GGUF file"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [PYTHON, "-m", "llama_cpp.server", "--model", MODEL, "--port", str(port), "--n_ctx", "2048"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, "the server ended; is llama-cpp-python[server] installed?"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


def test_every_item_gets_an_outcome_and_the_tokens_are_counted(base_url: str, tmp_path: Path) -> None:
    spec = LLM(base_url, "local", name="llama", max_tokens=64, concurrency=2, timeout=120.0)
    with world(8).project(tmp_path / "p") as project:
        (voted,) = project.vote([spec])
        assert (voted.items, voted.errors, voted.calls) == (8, 0, 8)
        assert voted.tokens_in > 8 * 50 and voted.tokens_out > 0
        assert voted.votes + voted.abstained == 8
        (again,) = project.vote([spec])
        assert (again.items, again.calls) == (0, 0)
