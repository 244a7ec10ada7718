"""/docs exists only with DEBUG, and its page loads nothing from another host."""

from __future__ import annotations

import re

import httpx

from tests.support.gateway import TestGateway


async def test_the_docs_are_complete_without_the_internet() -> None:
    async with TestGateway().running(debug=True) as gateway, httpx.AsyncClient(base_url=gateway.http) as http:
        page = (await http.get("/docs")).text
        files = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(files) >= 2  # they are Swagger's script and style sheet
        for file in files:
            assert file.startswith("/static/docs/")
            assert (await http.get(file)).status_code == 200
        schema = (await http.get("/openapi.json")).json()
        assert {"/ready", "/learner", "/learner/progress", "/learner/export"} <= schema["paths"].keys()
        assert schema["info"]["title"] == "AI-Talk"
        assert (await http.get("/static/app.js")).status_code == 200


async def test_without_debug_there_are_none() -> None:
    async with TestGateway().running() as gateway, httpx.AsyncClient(base_url=gateway.http) as http:
        for path in ("/docs", "/openapi.json", "/redoc", "/static/docs/swagger-ui.css"):
            assert (await http.get(path)).status_code == 404
