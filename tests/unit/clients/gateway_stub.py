"""A gateway for unit tests of the client: a real WebSocket server on loopback that follows a script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve


class Visit:
    """One connection, as the script sees it."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.path = socket.request.path if socket.request else ""
        self.token = socket.request.headers.get("Authorization", "") if socket.request else ""

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def connected(self, session_id: str = "one") -> None:
        await self.send("connected", session_id=session_id, resume_token=f"token of {session_id}")

    async def receive(self) -> Any:
        """The next frame: audio as bytes, a message decoded."""
        frame = await self.socket.recv()
        return frame if isinstance(frame, bytes) else json.loads(frame)

    def cut(self) -> None:
        """Break the connection without a close frame."""
        self.socket.transport.abort()


Script = Callable[[Visit], Awaitable[None]]


@asynccontextmanager
async def a_gateway(*scripts: Script) -> AsyncIterator[str]:
    """Run one script for each connection, in order; yields the gateway's address."""
    waiting = iter(scripts)

    async def handle(socket: ServerConnection) -> None:
        await next(waiting)(Visit(socket))

    async with serve(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
