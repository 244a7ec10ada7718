"""Limits the size of each request's body in bytes, and the time in which it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_S, LINGER_BYTES = 2.0, 64 * 1024 * 1024


class Bounds(NamedTuple):
    """The bounds of one request's body."""

    size: int
    seconds: float


class BodyLimit:
    """ASGI middleware. bounds_of: path → the bounds. A larger body gets status 413, a slower one 408.

    If the answer comes before the end of the body, the connection is closed; otherwise the client would go on sending.
    Before closing, the middleware reads on (see `linger`), because a close with unread data would lose the answer.
    """

    def __init__(self, app: ASGIApp, bounds_of: Callable[[str], Bounds]) -> None:
        self._app = app
        self._bounds_of = bounds_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._bounds_of(scope["path"]), Headers(scope=scope))

        async def send_or_close(message: Message) -> None:
            if body.is_complete:
                await send(message)
            elif message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
                await send(message)
            else:
                await send({**message, "more_body": True})
                await body.linger()
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(scope, body.receive, send_or_close)


class _Body:
    """The body of one request."""

    def __init__(self, receive: Receive, bounds: Bounds, headers: Headers) -> None:
        self._receive = receive
        self._bounds = bounds
        length = headers.get("content-length", "")
        self._announced = int(length) if length.isdigit() else 0
        self._came = 0
        self._deadline = asyncio.get_running_loop().time() + bounds.seconds
        self.is_complete = not (self._announced or "transfer-encoding" in headers)

    async def receive(self) -> Message:
        """The next part of the body. Raises HTTPException."""
        if self.is_complete:
            return await self._receive()
        if self._announced > self._bounds.size:
            raise self._too_large()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(
                408, f"the request's body took more than {self._bounds.seconds:g} s; send it faster, or send less"
            ) from None
        self._came += len(message.get("body", b""))
        if self._came > self._bounds.size:
            raise self._too_large()
        self.is_complete = not message.get("more_body", False)
        return message

    async def linger(self) -> None:
        """Read and drop the rest of the body, up to LINGER_S or LINGER_BYTES, whichever is reached first."""
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while left > 0 and not self.is_complete:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self.is_complete = not message.get("more_body", False)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"the request's body has more than {self._bounds.size:,} bytes; send a smaller one")
