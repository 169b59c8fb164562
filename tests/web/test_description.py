"""The API against its own description: schemathesis asks a real server whatever the description allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from goldleaf.web.app import build
from goldleaf.web.page import Page
from tests.helpers import world
from tests.web.server import Client, Server

ROOT = Path(__file__).parents[2]
EXAMPLES = 12  # of each operation
STREAMS = "/api/events"  # never ends


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The owner of a server of its own: the requests change a lot."""
    folder = tmp_path_factory.mktemp("described") / "shop"
    world(120, 2, noise=0.8).project(folder).close()
    with Server(folder) as server:
        yield server.client()


def described(client: Client) -> dict[str, Any]:
    body: dict[str, Any] = client.get("/api/openapi.json").json
    return body


def test_every_operation_says_what_it_is_for_and_how_it_is_refused(admin: Client) -> None:
    for path, methods in described(admin)["paths"].items():
        for method, one in methods.items():
            assert one["summary"] and one.get("description"), (method, path)
            assert {"401", "422", "503"} <= set(one["responses"]), (method, path)


def test_no_request_that_the_description_allows_breaks_the_server(admin: Client) -> None:
    schema = schemathesis.openapi.from_dict(described(admin))
    tried: set[str] = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == STREAMS:
            continue
        tried.add(f"{operation.method} {operation.path}")

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            reply = case.call(base_url=admin.base, headers={"Authorization": f"Bearer {admin.cookie}"})
            assert reply.status_code < 500 or not_yet(reply), (case.as_curl_command(), reply.text)
            if reply.status_code >= 400:
                assert set(reply.json()["error"]) == {"status", "code", "what", "do"}

        ask()
    assert len(tried) == sum(map(len, described(admin)["paths"].values())) - 1
    assert admin.get("/healthz").status == 200


def not_yet(reply: Any) -> bool:
    """The one refusal with 503 here: the items are still being laid out for searching."""
    return reply.status_code == 503 and json.loads(reply.text)["error"]["code"] == "not_ready"


def test_the_docs_list_every_request() -> None:
    """The table of docs/api.md is what the description says; on a difference, put the right one there."""
    found = build(cast(Page, None), None).openapi()
    lines = [
        request_line(method.upper(), path, one, found["components"]["schemas"])
        for path, methods in found["paths"].items()
        for method, one in methods.items()
    ]
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    written = [line for line in text.splitlines() if line.startswith("| `")]
    assert written == lines, "\n".join(["docs/api.md should say:", *lines])


def request_line(method: str, path: str, one: dict[str, Any], schemas: dict[str, Any]) -> str:
    """A row of the table: the request, what it takes (`?`: may be left out), what it does."""
    takes = [
        f"`{found['name']}`{'' if found['required'] else '?'}"
        for found in one.get("parameters", ())
        if found["in"] == "query"
    ]
    if "requestBody" in one:
        body = schemas[one["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]]
        takes += [f"`{name}`{'' if name in body.get('required', ()) else '?'}" for name in body["properties"]]
    what = " ".join(one["description"].split())
    return f"| `{method} {path}` | {' '.join(takes)} | {one['summary']}. {what} |"
