"""The application: routes around one desk, and how it starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from goldleaf import __version__
from goldleaf.web import faults
from goldleaf.web.page import Page
from goldleaf.web.routes import answers, certificates, events, item, pages, people, plane, sources, table
from goldleaf.web.shield import Shield

STATIC = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Files(StaticFiles):
    """Static files; their address names the version, so a browser may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if kind := TYPES.get(Path(path).suffix):
            response.headers["Content-Type"] = f"{kind}; charset=utf-8"
        return response


def build(page: Page, hosts: Collection[str] | None) -> FastAPI:
    """The application.

    Args:
        hosts: names it answers to; None: any.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        page.start()
        telling = asyncio.create_task(page.tell())
        yield
        page.close()
        telling.cancel()

    app = FastAPI(
        title="goldleaf",
        version=__version__,
        summary="Everything that the page does.",
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.page = page
    app.mount(f"/static/{__version__}", Files(directory=STATIC), name="static")
    for part in (answers, events, table, item, plane, people, certificates, sources, pages):
        app.include_router(part.router)
    faults.install(app)
    app.add_middleware(Shield, hosts=hosts)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Say in the description how one logs in."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        body = plain()
        body.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        body["security"] = [{"token": []}]
        return body

    app.openapi = described  # type: ignore[method-assign]
