"""Serves the gateway under a path that a proxy leaves in the requests, such as /talk."""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class RootPath:
    """ASGI middleware that removes the path, so that the application need not know it.

    Requests without the path are served, too, because health probes don't come through the proxy.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == self._prefix and scope["type"] == "http":  # the page's own addresses are relative to /talk/
            await RedirectResponse(self._prefix + "/")(scope, receive, send)
            return
        if path.startswith(self._prefix + "/"):
            raw = scope.get("raw_path") or path.encode()
            scope = {**scope, "path": path[len(self._prefix) :], "raw_path": raw[len(self._prefix) :]}
        await self._app(scope, receive, send)
