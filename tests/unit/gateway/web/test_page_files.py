"""The gateway serves every file that its page imports, also the files of the JavaScript client."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import httpx
from fastapi import FastAPI

from gateway.http_api.routes import add_http

IMPORT = re.compile(r"""(?:from|import) '(\.[^']+)'|new URL\('([^']+)', import\.meta\.url\)""")


async def test_every_module_that_the_page_imports_is_served() -> None:
    app = FastAPI()
    add_http(app, serves_metrics=True)
    seen: set[str] = set()
    waiting = {"/static/app.js"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        while waiting - seen:
            path = (waiting - seen).pop()
            answer = await http.get(path)
            assert answer.status_code == 200, path
            assert "javascript" in answer.headers["content-type"]
            assert answer.headers["cache-control"] == "no-cache"
            seen.add(path)
            waiting |= {urljoin(path, one or other) for one, other in IMPORT.findall(answer.text)}
    assert {"/static/aitalk/connection.js", "/static/aitalk/worklets/playback.js", "/static/view/report.js"} <= seen
