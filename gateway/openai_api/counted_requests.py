"""Counts the requests by route and outcome."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import metrics
from gateway.openai_api.answers import BrokenOffError

logger = logging.getLogger(__name__)


class CountedRequests:
    """ASGI middleware. outcome: ok, refused (4xx), failed (5xx, or broken off), left (the client did not wait)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        outcome = "failed"
        try:
            await self._app(scope, receive, answer.send)
            outcome = answer.outcome
        except BrokenOffError as error:  # the answer is incomplete, so the server closes the connection
            logger.warning("an answer broke off: %s", error)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            metrics.OPENAI_REQUESTS.labels(route, outcome).inc()


class _Answer:
    """Watches the answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 0
        self._is_complete = False

    @property
    def outcome(self) -> str:
        """The label of the metric. Read it only after the app has returned."""
        if not self._is_complete or self._status == 499:
            return "left"
        if self._status >= 500:
            return "failed"
        return "refused" if self._status >= 400 else "ok"

    async def send(self, message: Message) -> None:
        """Pass the message on, and note the status."""
        await self._send(message)
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._is_complete = not message.get("more_body", False)
